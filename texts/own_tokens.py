"""Control tokens of the tokenizers at hand, beside the one list of `chat_tokens`.

A tokenizer adds more than control tokens: runs of spaces, digits, HTML tags, words. Only what
cannot be ordinary text is taken: special tokens with the look of markup, and others in brackets
with a bar or an underscore in them.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from texts.chat_tokens import CHAT_TOKENS

_SPECIAL = re.compile(
    "(?=\\S*\\w)(?:[<\\[({|\uff5c\u25c1\\]]\\S{2,}|\\S{2,}[>\\])}|\uff5c\u25b7\\[])"
)
_OTHER = re.compile(r"<(?=[^<>]*[_|])[^\s<>]{3,}>|\[(?=[^\[\]]*[_|])[^\s\[\]]{3,}\]")
_THOUGHT = re.compile("[<\\[\u25c1]/?(?:\\w+:)?think(?:ing)?[>\\]\u25b7]", re.IGNORECASE)
"""What an answer of a model that thinks aloud may hold."""

WORD_START = "\u2581"
"""What SentencePiece writes for a space before a word."""


def control_tokens(added: Mapping[str, bool]) -> list[str]:
    """Those of a tokenizer's added tokens (special or not) that are control tokens and that
    `CHAT_TOKENS` does not know, sorted.
    """
    found = set()
    for text, special in added.items():
        token = text.strip(WORD_START)
        looks = _SPECIAL.fullmatch(token) if special else _OTHER.fullmatch(token)
        if looks and not _THOUGHT.fullmatch(token) and not CHAT_TOKENS.search(token):
            found.add(token)
    return sorted(found)


def find_token(text: str, own: Iterable[str]) -> str | None:
    """The first control token in a text: of the one list, or one of `own`."""
    token = CHAT_TOKENS.search(text)
    if token is None and (pattern := _whole(tuple(own))):
        token = pattern.search(text)
    return token.group() if token else None


def token_starts(own: Iterable[str]) -> re.Pattern[str] | None:
    """The first characters of the tokens `own`, as `CHAT_TOKEN_STARTS` has those of the list."""
    return _starts(tuple(own))


@lru_cache(maxsize=8)
def _whole(own: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(own, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if own else None


@lru_cache(maxsize=8)
def _starts(own: tuple[str, ...]) -> re.Pattern[str] | None:
    starts = (f"{re.escape(token[0])}(?={re.escape(token[1:])})" for token in own)
    return re.compile("|".join(starts)) if own else None
