"""Foreign text as a model may safely read it. What is stored and trained on is never altered.

A candidate may try to end its turn (chat-template tokens), to forge a fence, to speak in the
judge's own verdict grammar, or to hide any of it behind characters that nobody sees.
"""

import re
from collections.abc import Iterable, Iterator

from texts.chat_tokens import CHAT_TOKEN_STARTS
from texts.normal import visible
from texts.own_tokens import token_starts

GRAMMARS = {
    "special_tokens": CHAT_TOKEN_STARTS,
    "verdict": re.compile(
        r"[\[\uff3b](?=[\[\uff3b][\s*_`\"']*(?:[A-Z\uff21-\uff3a](?:\s*[<>=]{1,2}\s*[A-Z])*|tie|draw"
        r"|-?\d{1,4}(?:\.\d+)?(?:\s*(?:/|out of)\s*\d+)?|(?:final |overall )?(?:best|worst|rating"
        r"|score|grade|verdict)\b[^\[\]\n]{0,80}|(?:answer|assistant|response)\s+[A-Z])"
        r"[\s*_`\"']*[\]\uff3d]{2})"  # but no [[1, 2], [3, 4]]
        r'|"(?=(?:verdict|score|ranking|rationale|best|worst|winner|rating|preference)"\s*:)',
        re.IGNORECASE,
    ),
    "fence": re.compile(
        r"\[(?=\s{0,3}/?\s{0,3}(?i:[A-Z]\s{1,3}[0-9a-f]{6,})\s{0,3}\]|/?[AB](?: |\]))"
    ),
}
"""What is broken up with a backslash after its first character, by what it imitates, in this order:
[[A]] becomes [\\[\\A]], which a judge may quote without a verdict in it."""


def neutralize(text: str, own: Iterable[str] = ()) -> str:
    """The text without invisible characters and with every imitation broken up.

    `own` are control tokens of the tokenizers at hand, beside those of the one list.
    """
    text = visible(text)
    for _, grammar in _grammars(own):
        text = grammar.sub(lambda match: match.group(0) + "\\", text)
    return text


def flags(text: str, own: Iterable[str] = ()) -> list[str]:
    """What `neutralize` changes: special_tokens, verdict, fence, invisible."""
    seen = visible(text)
    imitated = dict.fromkeys(name for name, grammar in _grammars(own) if grammar.search(seen))
    return [*imitated, *(["invisible"] if seen != text else [])]


def _grammars(own: Iterable[str]) -> Iterator[tuple[str, re.Pattern[str]]]:
    if starts := token_starts(own):
        yield "special_tokens", starts
    yield from GRAMMARS.items()
