"""Texts as they are compared: spelling, case, white space and hidden characters do not count."""

import re
import unicodedata

from rounds.rows import Messages

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]"
)

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1f]")
"""What ends a line or parts words as a line end does, among the characters that nobody sees."""

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u1049\u104c-\u109f\u1780-\u17d3\u17d7-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Characters of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Japanese and
Chinese. Each is a word of its own; the marks that end a Burmese or a Khmer sentence are none."""

_UNSPACED = re.compile(f"[{UNSPACED}]")

WORDS = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")
"""A word, in a text that is `plain`."""


def visible(text: str) -> str:
    """A text without invisible characters; those that part words (a form feed, a carriage return)
    are line ends.
    """
    return INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))


def plain(text: str) -> str:
    """A text for comparison, much as NFKC_Casefold (Unicode, UAX 31), with white space folded."""
    seen = INVISIBLE.sub("", " ".join(text.split()))
    if not seen.isascii():
        folded = unicodedata.normalize("NFKC", seen).casefold()
        seen = unicodedata.normalize("NFKC", folded)
    return " ".join(seen.casefold().split())


def words(text: str) -> list[str]:
    """The words of a text as it is compared."""
    return WORDS.findall(plain(text))


def is_unspaced(character: str) -> bool:
    """Whether a character is a word of its own: its script puts no spaces between words."""
    return _UNSPACED.fullmatch(character) is not None


def prompt_text(messages: Messages) -> str:
    """What a prompt says apart from its system turns, which many prompts share."""
    return "\n".join(turn["content"] for turn in messages if turn["role"] != "system")
