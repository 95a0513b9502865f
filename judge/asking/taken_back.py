"""The words after a verdict by which a judge takes it back, or gives another without brackets."""

import re

from judge.asking.phrases import VERDICT, any_of

_RETRACTS = any_of(
    r"""wait, actually, hold on, correction, scratch that, strike that, never ?mind, oops, sorry,
    apologies, hmm+, no(?=[:.]), no(?=\x2c), rather(?=[:\x2c]), on reflection, (my )?revised,
    on (second|further|closer) (thou?ght|look|reading|inspection|reflection|consideration)s?,
    let me (re|double|check|verify|think|look|correct|change|revise)\w*,
    that (is|was) (wrong|a mistake|not right)"""
)
_I_RETRACT = any_of(
    r"""take (that|it) back, made an? (\w+ )?(mistake|error), was wrong, (now )?retract, meant,
    (have )?changed? my mind, (must|need to|should|have to) (correct|revise|reconsider|change),
    stand corrected, misread, mixed up, apologi[sz]e"""
)
TAKEN_BACK = re.compile(
    r"(?im)(?:\A[\s.\u2026,;\u2014\u2013-]*(?:but\s+)?|^|[.!?\u2026\u3002]\s+|\n\s*)\W{0,4}"
    rf"(?:{_RETRACTS}|i\s+{_I_RETRACT})\b"
)
"""What a judge says when it takes back what it said before."""

_NAME = r"(?:(?:the\s+|for\s+|in\s+favou?r\s+of\s+)?(?:answer\s+|assistant\s+|response\s+)?)"
_VALUE = r"[ABC]\b(?!['\u2019\w])|tie\b|-?\d+(?:\.\d+)?"
_BEST = any_of("better, best, the better, the best, the winner, superior, stronger, preferred")
OTHERWISE = re.compile(
    rf"(?im)(?:\b(?:final|my|overall|revised|corrected)\s+(?:\w+\s+)?{VERDICT}|\bverdict|\bdecision"
    r"|\bthe\s+winner)\s*(?:is|should\s+be|would\s+be|goes\s+to|:|=|\*)+[\s*_:`\"'(\[]*(?:\\boxed\{)?"
    rf"{_NAME}(?P<told>{_VALUE})|(?:^|[.!?]\s+)\W*"
    + any_of("so, therefore, thus, hence, overall, in conclusion, ultimately, finally, in the end")
    + r"\b[^.\n]{0,80}?\b(?P<ahead>[AB])(?:['\u2019]s\s+[\w ]{1,20})?\s+(?:is|was)\s+(?:\w+ly\s+)?"
    rf"{_BEST}|^\W*"
    + any_of("final, edit, update, correct(ed|ion), revised, verdict, decision, winner, result")
    + rf"\b[^.\n:]{{0,30}}:\W*(?P<line>{_VALUE})\W*$|^\W*(?:so\s+)?{_NAME}(?P<wins>[AB])\s+"
    rf"(?:wins|is\s+{_BEST})\b[^\n]{{0,20}}$"
    rf"|^[\s*_`\"'>]*(?:\\boxed\{{|\[)(?P<alone>{_VALUE})[\]}}][\s*_`\"'.]*$"
)
"""A verdict without its brackets."""
