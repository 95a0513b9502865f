"""The marks and words by which a judge takes a verdict back, or gives another without brackets."""

import re

from judge.asking import tongues
from judge.asking.phrases import VERDICT, any_of

_RETRACTS = any_of(
    r"""wait, actually, hold on, correction, scratch that, strike that, never ?mind, oops, sorry,
    apologies, my mistake, hmm+, no wait, no(?=[:.]), no(?=\x2c), rather(?=[:\x2c]), on reflection,
    (my )?revised,
    on (second|further|closer) (thou?ght|look|reading|inspection|reflection|consideration)s?,
    let me (re|double|check|verify|think|look|correct|change|revise)\w*,
    but (that|this|it) (ignores|overlooks|misses|forgets|is wrong),
    however(\x2c)? (after|on|upon) (double-?|re-?)?(check|read|consider|reflect|examin|verif)\w*,
    (that|this|it)( is| was|'s) (wrong|incorrect|a mistake|not (right|correct)),
    (please )?(disregard|ignore) (that|this|it|the (above|last|previous|first|earlier)|my|what i),
    (i )?changed my mind, make that, no(?=!), edit(?=:), typo"""
)
_I_RETRACT = any_of(
    r"""take (that|it) back, made an? (\w+ )?(mistake|error), was wrong, (now )?retract, meant,
    (have )?changed? my mind, (must|need to|should|have to) (correct|revise|reconsider|change),
    stand corrected, (hereby )?(withdraw|revoke|retract), mean, misread, mixed up,
    apologi[sz]e"""
)
TAKEN_BACK = re.compile(
    r"(?im)(?:\A[\s.\u2026,;\u2014\u2013-]*(?:but\s+)?|^|[.!?\u2026\u3002]\s+|\n\s*)\W{0,4}"
    rf"(?:(?:{_RETRACTS}|i\s+{_I_RETRACT}|{tongues.RETRACTS})\b|i['\u2019]m\s+sorry\b"
    rf"|{tongues.RETRACTS_CJK})"
)
"""What a judge says when it takes back what it said before."""

_NAME = r"(?:(?:the\s+|for\s+|in\s+favou?r\s+of\s+)?(?:answer\s+|assistant\s+|response\s+)?)"
_VALUE = r"(?-i:[ABC])\b(?!['\u2019\w])|(?:a\s+)?tie\b|-?\d+(?:\.\d+)?"
_BEST = any_of("better, best, the better, the best, the winner, superior, stronger, preferred")
OTHERWISE = re.compile(
    rf"(?im)(?:\b(?:final|my|overall|revised|corrected)\s+(?:\w+\s+)?{VERDICT}|\bverdict|\bdecision"
    r"|\bthe\s+winner)\s*(?:is|should\s+be|would\s+be|goes\s+to|:|=|\*)+[\s*_:`\"'(\[]*(?:\\boxed\{)?"
    rf"{_NAME}(?P<told>{_VALUE})|(?:^|[.!?]\s+)\W*"
    + any_of("so, therefore, thus, hence, overall, in conclusion, ultimately, finally, in the end")
    + r"\b[^.\n]{0,80}?\b(?P<ahead>(?-i:[AB]))(?:['\u2019]s\s+[\w ]{1,20})?\s+"
    rf"(?:wins|(?:is|was)\s+(?:\w+ly\s+)?{_BEST})"
    r"|\b(?:better|best|superior|stronger|preferred|correct)\s+(?:one|answer|response|verdict)"
    rf"\s*(?:is|was|:)\s*{_NAME}(?P<better>(?-i:[AB]))\b|^\W*"
    + any_of(
        """final, edit, updated?, correct(ed|ion), revised, verdict, decision, winner, result,
        rating, score, grade"""
    )
    + rf"\b[^.\n:]{{0,30}}(?::|[-\u2013]\s)\W*{_NAME}(?P<line>{_VALUE})\W*$"
    rf"|^\W*(?:so\s+)?{_NAME}(?P<wins>(?-i:[AB]))\s+(?:wins|is\s+{_BEST})\b[^\n]{{0,20}}$"
    rf"|\b(?P<plain>(?-i:[AB]))\s+(?:is|was)\s+(?:\w+ly\s+)?{_BEST}(?:\s+(?:one|answer|choice))?\W*$"
    r"|\bi(?:['\u2019]d)?\s+(?:\w+\s+)?(?:choose|pick|prefer|select|go\s+with|vote\s+for)\s+"
    rf"{_NAME}(?P<chosen>(?-i:[AB]))\b(?!['\u2019])"
    r"|\b(?P<right>(?-i:[AB]))\s+(?:is|was)\s+the\s+(?:correct|right)\s+one\b"
    rf"|^[\s*_`\"'>]*(?:\\boxed\{{|\[)(?P<alone>{_VALUE})[\]}}]{{1,2}}[\s*_`\"'.]*$"
    r"|(?:^|[.!?]\s+|\b(?:so|end|hence|thus|therefore),?\s+)\W*(?:it|this)(?:\s+is|['\u2019]s)\s+"
    r"(?P<even>a\s+tie)(?!\s+(?:in|on|for|at)\b)"
)
"""A verdict without its brackets."""

WRITTEN_ALONE = re.compile(
    r"""(?im)^[\s*_`"'\u201c>(]*(?:<\w+>\s*)?(?:should\s+be\s+)?(?P<bare>(?-i:[AB])|\d+(?:\.\d+)?)"""
    r"""(?:\s*</\w+>)?[\s*_`"'\u201d).]*$|"(?:verdict|winner|choice)"\s*:\s*"(?P<json>[ABC]|tie)\""""
)
"""The same, on a line of its own in any marks, or in JSON."""
CUT_OFF = re.compile(r"\[\[[^\[\]\n]{0,40}\]?\s*\Z")
"""Another verdict in brackets, cut off."""

_STRUCK = re.compile(r"~~[^~\n]{1,80}~~|<(del|strike)>.{1,200}?</\1>", re.DOTALL)


def is_struck_out(text: str, at: int, window: int) -> bool:
    """Whether a place is struck out, as Markdown and HTML do it, within `window` characters."""
    begin = max(0, at - window)
    struck = _STRUCK.finditer(text[begin : at + window])
    return any(match.start() < at - begin < match.end() for match in struck)
