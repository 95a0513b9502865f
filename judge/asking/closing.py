"""The verdict that a judge's free text closes with."""

import re
import unicodedata

from judge.asking.json_object import answers_in
from judge.asking.mentions import Mention, Reading, Stance, announced, partial, stance, take_apart
from judge.asking.reply import Choice, Menu, ParsedReply, Value, value_of_word
from judge.asking.taken_back import CUT_OFF, OTHERWISE, TAKEN_BACK, WRITTEN_ALONE
from judge.asking.thinking import after_thinking

MOST_OTHERS = 20
"""Mentions of other verdicts in the closing part that are looked at one by one."""

QUOTED_LENGTH = 40
"""Characters (without spaces) up to a verdict that nobody writes twice by chance."""

_BLANK = re.compile(r"\n[ \t\r>]*\n")
_LABEL = re.compile(
    r"(?i)(?:(?:final|overall)\s+)?(?:verdict|rating|score|grade)\s*[:=]\s*"
    r"|(?:assistant|answer|response)\s+"
)
_OF_SCALE = re.compile(
    r"(?i)[*_`\"')\]}$]*\s*(?:(?:/|out\s+of|von|sur|de|\u0438\u0437)\s*[*_]*(\d+)|%|per\s*cent)",
    re.ASCII,
)
_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*)(?:\.\d+)?)(?:\s*(?:/|out of)\s*(\d+))?", re.ASCII)


def read_closing(text: str, field: str, menu: Menu, shown: str = "") -> ParsedReply:
    """Read the verdict that free text closes with: [[A]], [[A>B]], [[7]].

    It is the last verdict in the reply, whatever marks it stands in, if it is the judge's own: not
    a draft, a possibility, a denial, or the words of an answer (quoted, or found in `shown`, what
    the judge was shown). Where it is not, or is off the menu or taken back, there is none: never an
    earlier one. The closing part is the last verdict's paragraph; another verdict of the judge in
    it makes two, unless the last is called the final one and the other is not called a verdict.
    """
    start = after_thinking(text)
    reading = take_apart(text[start:])
    if not reading.mentions:
        return ParsedReply(None, reading.text.strip() or None, "no_verdict")
    last = reading.mentions[-1]
    rationale = _before_its_line(reading, last)
    own = stance(reading, last)
    if own is Stance.ASIDE or _stands_in(shown, reading, last):
        return ParsedReply(None, reading.text.strip(), "no_verdict")
    value = _value(menu, last.word)
    if value is None or _on_another_scale(menu, reading.text[last.end :]):
        return ParsedReply(None, rationale, "off_menu")
    others = {_value(menu, mention.word) for mention in _others(reading, menu, value)}
    if None in others:
        return ParsedReply(None, rationale, "off_menu")
    if (
        others
        or TAKEN_BACK.search(reading.masked[last.end :])
        or CUT_OFF.search(reading.text, last.end)
        or _says_otherwise(reading, menu, value)
    ):
        return ParsedReply(None, rationale, "two_verdicts")
    return ParsedReply({field: value}, rationale, None, {field: start + last.word_start})


def _others(reading: Reading, menu: Menu, value: Value) -> list[Mention]:
    """The judge's own mentions of other verdicts that the last one does not overrule."""
    last = reading.mentions[-1]
    begins = max((match.end() for match in _BLANK.finditer(reading.text, 0, last.start)), default=0)
    in_part = [mention.start >= begins for mention in reading.mentions]
    others = [
        (mention, inside)
        for mention, inside in zip(reading.mentions[:-1], in_part, strict=False)
        if _value(menu, mention.word) != value
    ]
    closing = [mention for mention, inside in others if inside]
    if len(closing) > MOST_OTHERS:
        return closing
    final = stance(reading, last) is Stance.FINAL
    contrary = [
        mention
        for mention in closing
        if stance(reading, mention) is not Stance.ASIDE
        and not (final and _earlier_sentence(reading, mention) and not announced(reading, mention))
    ]
    if not final and partial(reading, last):
        earlier = [mention for mention, _ in others[-MOST_OTHERS:]]
        contrary += [one for one in earlier if stance(reading, one) is not Stance.ASIDE]
    return contrary


def _on_another_scale(menu: Menu, after: str) -> bool:
    """Whether a number is said to be of another scale: [[4]]/5, [[80]]%."""
    highest = [value for value in getattr(menu, "words", {}).values() if isinstance(value, int)]
    of = _OF_SCALE.match(after)
    if of is None or not highest:
        return False
    return of[1] is None or int(of[1]) != max(highest)


def _earlier_sentence(reading: Reading, mention: Mention) -> bool:
    between = reading.masked[mention.end : reading.mentions[-1].start]
    return re.search(r"[.!?\u2026\u3002]\W*\s|\n", between) is not None


def _says_otherwise(reading: Reading, menu: Menu, value: Value) -> bool:
    """Whether what follows the last mention names another verdict without brackets."""
    end = reading.mentions[-1].end
    told = [*OTHERWISE.finditer(reading.masked, end), *WRITTEN_ALONE.finditer(reading.text, end)]
    for match in told:
        word = next(word for word in match.groups() if word)
        if _value(menu, re.sub(r"(?i)^a\s+", "", word)) not in (None, value):
            return True
    return False


def _value(menu: Menu, word: str) -> Value | None:
    """What a word in brackets means: as offered, in any case, or a fraction on the scale."""
    word = re.sub("[\u200b-\u200f\u2060\ufeff]", "", unicodedata.normalize("NFKC", word))
    word = word.strip(" \t*_\"'`\u201c\u201d.")
    if not isinstance(menu, Choice):
        return value_of_word(menu, word)
    word = _LABEL.sub("", word, count=1).strip()
    numbers = [value for value in menu.words.values() if isinstance(value, int)]
    if numbers and (match := _NUMBER.fullmatch(word)):
        value, of = float(match[1]), match[2]
        if not min(numbers) <= value <= max(numbers) or (of and int(of) != max(numbers)):
            return None
        return int(value) if value.is_integer() else value
    offered = {name.casefold(): value for name, value in menu.words.items()}
    return offered.get(re.sub(r"\s*([<>=]+)\s*", r"\1", word).casefold())


def _stands_in(shown: str, reading: Reading, mention: Mention) -> bool:
    """Whether the words up to a mention are those of an answer that the judge was shown."""
    answers = _dense(" ".join(answers_in(shown)))
    if not answers:
        return False
    before = reading.text[: mention.end]
    line = before[before.rfind("\n") + 1 :]
    tail = _dense(before[-10 * QUOTED_LENGTH :])[-QUOTED_LENGTH:]
    of_its_own = sum(map(str.isalpha, line[: line.rfind("[[")]))
    return (len(tail) == QUOTED_LENGTH and tail in answers) or (
        of_its_own > QUOTED_LENGTH // 2 and _dense(line) in answers
    )


def _dense(text: str) -> str:
    """Without spaces, marks of emphasis and the escapes of `neutralize`."""
    return re.sub(r"[\s\\*_`>\"']", "", text).casefold()


def _before_its_line(reading: Reading, mention: Mention) -> str | None:
    line = reading.text.rfind("\n", 0, mention.start) + 1
    return reading.text[:line].strip() or None
