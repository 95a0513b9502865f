"""Texts without what hides them: markup between words, words cut at the ends of lines, letters that
look like others, or are written as numbers or as in an address."""

import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote_plus

from texts.normal import INVISIBLE, plain

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<!--.*?-->", re.DOTALL)
_CUT_WORD = re.compile("(?<=\\w)[-\u2010\u2011\u00ad\u00ac]+[ \t]*\r?\n[ \t>*#|/]*(?=\\w)")
_QUOTED_LINE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_UNBROKEN = re.compile(r"\S{16,}")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}|\+")
_WORD = re.compile(r"[A-Za-z]{3,}")
_NUMBERED = re.compile(
    r"(?<=[a-z])[013457@$]{1,3}(?=[a-z])|(?<![\w.,])[013457@$]{1,3}(?=[a-z])"
    r"|(?<=[a-z])[013457@$]{1,3}(?![\w@$])|(?<!\S)[14@](?!\S)"
)
_WITHIN = re.compile(r"(?<=[a-z])[013457@$]{1,3}(?=[a-z])|(?<![\w.,])[013457@$]{1,3}(?=[a-z]{2})")
"""Those that tell of hiding: at the end of a word a number is as likely one of many (x1, x2)."""
_LETTERS = str.maketrans("013457@$", "oieastas")
MIN_ENCODED = 4
"""Fewest encoded characters, and words that come of them."""
MIN_NUMBERED, MIN_NUMBERED_SHARE = 4, 0.25
"""Fewest letters written as numbers, and for how many words one, in a text that hides so."""

# Unicode's confusables (UTS 39) of the Latin letters in the scripts next to it, after NFKC and
# case folding: full-width and mathematical letters are Latin ones by then.
_CYRILLIC = (
    "\u0430a \u0432b \u0441c \u0501d \u0435e \u0433r \u04bbh \u0456i \u0457i \u0458j \u043ak "
    "\u04cfl \u043cm \u043dh \u043eo \u0440p \u051bq \u0455s \u0442t \u0443y \u0475v \u051dw "
    "\u0445x \u04af\u0079 \u0454e \u0451e \u0439u \u0438u \u043fn \u044cb \u0499s \u04d5\u00e6"
)
_GREEK = (
    "\u03b1a \u03b2b \u03f2c \u03b5e \u03b7n \u03b9i \u03bak \u03bcm \u03bdv \u03bfo \u03c1p "
    "\u03c3o \u03c2c \u03c4t \u03c5u \u03c7x \u03c9w \u03b6z \u03b3y \u03c60 \u03f3j"
)
_OTHERS = (
    "\u0131i \u0237j \u026ai \u0251a \u0261g \u0269i \u028bu \u0280r \u0299b \u029ch \u0274n "
    "\u029fl \u1d00a \u1d04c \u1d05d \u1d07e \u1d0aj \u1d0bk \u1d0dm \u1d0fo \u1d18p \u1d1bt "
    "\u1d1cu \u1d20v \u1d21w \u1d22z \u028fy \ua731s \u0570h \u0578n \u057du \u0585o \u0581g "
    "\u0566q \u10e7y \u0142l \u00f8o \u0111d \u0127h \u0167t \u0180b \u0199k \u01a5p \u0192f "
    "\u0253b \u0256d \u0257d \u0260g \u0268i \u0272n \u0273n \u0282s \u0288t \u0290z \ua730f"
)
_LATIN = {ord(pair[0]): pair[1] for pair in f"{_CYRILLIC} {_GREEK} {_OTHERS}".split()}


@lru_cache(maxsize=8)  # each prompt is looked at in several ways, one after the other
def undisguised(text: str) -> str:
    """The text as it is compared with held-out ones: `plain`, line by line."""
    if "<" in text:
        text = _TAG.sub("\n", text)
    if "&" in text:
        text = html.unescape(text)
    if "%" in text or "+" in text:
        text = _UNBROKEN.sub(_decoded, text)
    if "\n" in text:
        text = _QUOTED_LINE.sub("", _CUT_WORD.sub("", text))
    if text.isascii():
        lower = _in_letters(text.lower())
        lines = "\n".join(" ".join(line.split()) for line in lower.splitlines())
        return lines if lines.replace("\n", "").isprintable() else INVISIBLE.sub("", lines)
    return _in_letters(_in_latin("\n".join(plain(line) for line in text.splitlines())))


def _decoded(unbroken: re.Match[str]) -> str:
    """What was written as in an address, unless that gives no words (`a+b+c` is a sum)."""
    text = unbroken.group()
    if len(_ENCODED.findall(text)) < MIN_ENCODED:
        return text
    decoded = unquote_plus(re.sub("[?&=]", "\n", text))
    return decoded if len(_WORD.findall(decoded)) >= MIN_ENCODED else text


def _in_letters(text: str) -> str:
    """The text with its letters as such, where so many are written as numbers (h0w t0 gr0w)."""
    hidden = len(_WITHIN.findall(text))
    if hidden < MIN_NUMBERED or hidden < MIN_NUMBERED_SHARE * len(text.split()):
        return text
    return _NUMBERED.sub(lambda found: found.group().translate(_LETTERS), text)


def _in_latin(text: str) -> str:
    """The text without the marks above and below its letters, and with those of other alphabets
    that look Latin as Latin ones."""
    apart = unicodedata.normalize("NFD", text)
    bare = "".join(mark for mark in apart if not "\u0300" <= mark <= "\u036f")
    folded = unicodedata.normalize("NFC", bare)
    return folded.translate(_LATIN)
