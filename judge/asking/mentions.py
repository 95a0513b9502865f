"""The bracketed verdicts that stand in a judge's reply, and whose words each of them is."""

import re
from enum import IntEnum
from typing import NamedTuple

from judge.asking import tongues
from judge.asking.cues import (
    ANNOUNCED,
    ATTRIBUTED,
    BARE,
    DENIED,
    DISOWNED,
    DRAFT,
    ENGLISH,
    FINAL,
    HELD,
    INTRODUCED,
    NAMED_ALONE,
    PARTIAL_AFTER,
    PARTIAL_BEFORE,
    POINTS_ON,
    SIDE,
    UNREAL,
)
from judge.asking.taken_back import is_struck_out

WINDOW = 500
"""Characters before and after a mention that are looked at."""

_BRACKETED = re.compile(r"[\[\uff3b]{2}([^\[\]\n\uff3b\uff3d]{0,120})[\]\uff3d]{2}")
_WITHIN = r"|\n(?![ \t\r]*(?:\n|```|>))"  # a quotation ends with its paragraph
_QUOTED = re.compile(
    r"(?P<fence>(?P<mark>```+|~~~+).*?(?:(?P=mark)[`~]*|\Z))"
    r'|(?P<triple>"""|\'\'\').*?(?P=triple)'
    r"|(?P<tag><(?P<name>(?:answer|assistant|response|candidate)[_ -]?[ab12])>.*?</(?P=name)>)"
    r"|(?P<shown>\[(?P<nonce>[A-Z] [0-9a-f]{6,})\].*?\[/(?P=nonce)\])"
    r"|(?P<block>(?m:^[ \t]*>[^\n]*(?:\n[ \t]*>[^\n]*)*))"
    r"|``[^\n]*?``|`[^`\n]+`"
    rf'|(?<!\d)"(?:[^"\n]{_WITHIN})*"|[\u201c\u201e](?:[^\u201c\u201d\n]{_WITHIN})*[\u201d\u201c]'
    rf"|\u00ab(?:[^\u00ab\u00bb\n]{_WITHIN})*\u00bb"
    r"|\u300c[^\u300c\u300d\n]*\u300d|\u300e[^\u300e\u300f\n]*\u300f"
    rf"|(?<!\w)['\u2018](?=\S)(?:[^'\u2018\u2019\n]|(?<=\w)['\u2019](?=\w){_WITHIN})*['\u2019](?!\w)",
    re.DOTALL | re.IGNORECASE,
)
_HIDDEN = "\ufffc"
"""What stands for a character in quotation marks where only the judge's own words are looked at."""
_SENTENCE = re.compile(
    r"(?<=[.!?\u2026\u3002\uff01\uff1f])[\"'*_)\]\u201d]*\s+|\s*\n\s*"
    "|(?<=[\u3002\uff01\uff1f])(?=[^\\s\"'\u201d\u300d\u300f])"
)
_DANGLES = re.compile(
    r"(?i)(?:[:,;\u2014\u2013-]|\b(?:is|are|be|that|with|as|to|the|says?|said|wrote|writes|verdict|words?"
    r"|line|and)|\be\.g\.|\bi\.e\.)[\s*_]*$"
)
"""How a line ends that goes on in the next."""
_TURN = re.compile(
    r"(?i)[;\u2014]|\b(?:so|therefore|thus|hence|(?<!anything )but|however|consequently|yet"
    r"|nevertheless)\b"
    r"|,\s+(?=(?:making|which\s+makes|while|whereas|and\s+so|my|i)\b)"
    rf"{tongues.TURN}"
)
"""Where a sentence turns to what the judge makes of it."""
_GIVEN = re.compile(r"(?i)^\W*(?:since|because|as|given|although|though|while|even)\b[^,]*,")


class Stance(IntEnum):
    """What a mention is: not the judge's verdict; one; one that it says it ends with."""

    ASIDE = 0
    OWN = 1
    FINAL = 2


class Mention(NamedTuple):
    """A verdict in brackets: its place, its word, and the quotation that it stands in."""

    start: int
    end: int
    word: str
    word_start: int
    quotation: tuple[int, int] | None


class Reading(NamedTuple):
    """A reply (without thinking) taken apart: `masked` is the text with quotations hidden."""

    text: str
    masked: str
    mentions: list[Mention]


def take_apart(text: str) -> Reading:
    """Find the mentions of a reply and the quotations in it.

    A block quote or code that is the whole reply is no quotation, but how the judge wrote it.
    """
    spans = [match.span() for match in _QUOTED.finditer(text) if not _is_all(match)]
    masked, done = [], 0
    for start, end in spans:
        masked += [_BRACKETED.sub(_hide, text[done:start]), _hide_all(text[start:end])]
        done = end
    found = [
        Mention(match.start(), match.end(), match.group(1), match.start(1), None)
        for match in _BRACKETED.finditer(text)
    ]
    mentions, remaining = [], iter([*spans, (len(text), len(text))])
    span = next(remaining)
    for mention in found:
        while span[1] <= mention.start:
            span = next(remaining, (len(text), len(text) + 1))
        inside = span[0] <= mention.start and mention.end <= span[1]
        mentions.append(mention._replace(quotation=span if inside else None))
    return Reading(text, "".join([*masked, _BRACKETED.sub(_hide, text[done:])]), mentions)


def stance(reading: Reading, mention: Mention) -> Stance:
    """Whose verdict a mention is, from the sentence around it."""
    start, end = mention.quotation or (mention.start, mention.end)
    before, previous = _sentences_before(reading.masked, start)
    after = reading.masked[end : end + WINDOW]
    clause = _TURN.split(before)[-1]
    inside = reading.text[start : mention.start]
    if DRAFT.search(clause) or DENIED.search(clause) or DISOWNED.match(after):
        return Stance.ASIDE
    text, at = reading.text, mention.start
    if UNREAL.search(before) or _is_named(text, at) or is_struck_out(text, at, WINDOW):
        return Stance.ASIDE
    if mention.quotation is None:
        return _stance_of_plain(reading.masked, mention, before, clause)
    if DENIED.search(inside) or DISOWNED.match(reading.text[mention.end : end]):
        return Stance.ASIDE
    return _stance_of_quoted(reading.text[start:end], mention.word, before, previous)


def partial(reading: Reading, mention: Mention) -> bool:
    """Whether a mention is about one aspect: `Style: [[B]]`, `[[A]] for style`."""
    before, _ = _sentences_before(reading.masked, mention.start)
    after = reading.masked[mention.end : mention.end + WINDOW]
    return bool(PARTIAL_BEFORE.search(before) or PARTIAL_AFTER.match(after))


def announced(reading: Reading, mention: Mention) -> bool:
    """Whether words of judging lead up to a mention."""
    start = mention.quotation[0] if mention.quotation else mention.start
    return bool(ANNOUNCED.search(_sentences_before(reading.masked, start)[0]))


def _is_named(text: str, start: int) -> bool:
    """Whether a name has these brackets, as in code: x[[A]]."""
    name = re.search(r"[A-Za-z0-9][A-Za-z0-9_]*\Z", text[max(0, start - 40) : start])
    return name is not None and not ANNOUNCED.search(name[0])


def _stance_of_plain(masked: str, mention: Mention, before: str, clause: str) -> Stance:
    if _GIVEN.match(clause):
        clause = clause.partition(",")[2]
    if ATTRIBUTED.search(clause) or HELD.search(clause):
        return Stance.ASIDE
    if NAMED_ALONE.match(before) or _introduced(before) or _follows_introduction(masked, mention):
        return Stance.ASIDE
    if FINAL.search(before):
        return Stance.FINAL
    return Stance.OWN if ANNOUNCED.search(before) or _may_lead(before) else Stance.ASIDE


def _may_lead(before: str) -> bool:
    """Whether words that announce no verdict may lead to one: with a colon or a dash, in another
    tongue, or none at all."""
    return before.rstrip(" \t\r\n*_").endswith(
        (":", "\u2014", "\u2013", "-")
    ) or not ENGLISH.search(before)


def _stance_of_quoted(quotation: str, word: str, before: str, previous: str) -> Stance:
    """In quotation marks it is the judge's own where its words say so, or nothing says otherwise
    and nothing else stands in them."""
    clause = _TURN.split(before)[-1]
    if INTRODUCED.search(clause) or NAMED_ALONE.match(before):
        return Stance.ASIDE
    sides, announcing = list(SIDE.finditer(before)), list(ANNOUNCED.finditer(before))
    if announcing and (not sides or announcing[-1].end() >= sides[-1].end()):
        return Stance.FINAL if FINAL.search(before) else Stance.OWN
    code = re.match(r"[`~]{3,}[a-z]*\n", quotation)
    unclosed = quotation[:3] in ("```", "~~~") and quotation.rstrip()[-3:] not in ("```", "~~~")
    alone = not BARE.sub("", quotation[code.end() if code else 0 :].replace(word, ""))
    said_before = POINTS_ON.search(previous) and INTRODUCED.search(previous)
    shown = quotation.startswith(("<", "["))
    if sides or unclosed or not alone or said_before or shown or not _may_lead(before):
        return Stance.ASIDE
    return Stance.OWN


def _introduced(before: str) -> bool:
    """Whether what stands before a colon says that somebody else's words follow."""
    heads = before.split(":")[:-1]
    return any(INTRODUCED.search(_TURN.split(head)[-1]) for head in heads)


def _follows_introduction(masked: str, mention: Mention) -> bool:
    """Whether an earlier line of the mention's paragraph says that somebody else's words follow."""
    paragraph = re.split(r"\n[ \t\r]*\n", masked[max(0, mention.start - WINDOW) : mention.start])[
        -1
    ]
    lines = [line for line in paragraph.split("\n")[:-1] if line.rstrip(" \t\r*_").endswith(":")]
    return any(INTRODUCED.search(line) or NAMED_ALONE.match(line) for line in lines)


def _sentences_before(masked: str, at: int) -> tuple[str, str]:
    """The sentence up to a place, and the one before it where that is empty."""
    pieces = _SENTENCE.split(masked[max(0, at - WINDOW) : at])
    sentence = pieces.pop()
    while pieces and _DANGLES.search(pieces[-1]):
        sentence = f"{pieces.pop()} {sentence}"
    if any(letter.isalpha() for letter in sentence):
        return sentence, ""
    return "", pieces[-1] if pieces else ""


def _hide(match: re.Match[str]) -> str:
    return _hide_all(match[0])


def _hide_all(text: str) -> str:
    return re.sub(r"[^\n]", _HIDDEN, text)


def _is_all(match: re.Match[str]) -> bool:
    """Whether code or a block quote is the whole reply."""
    closed = match["fence"] and match["fence"].rstrip().endswith(match["mark"])
    if not match["block"] and not closed:
        return False
    return not match.string[: match.start()].strip() and not match.string[match.end() :].strip()
