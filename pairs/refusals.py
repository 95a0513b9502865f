"""Answers that refuse: they decline what was asked and give nothing of it.

An apology, a reason, a lecture, an offer of something else and advice where to look are nothing of
it. An answer that declines and then gives a part, a guess or an example is none; nor is one that
does not know, or that asks for what it needs.
"""

import re

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, DropReason
from pairs.refusing_abroad import DECLINES_ABROAD, GOES_ON_ABROAD, OFFERS_ABROAD
from pairs.refusing_words import (
    CONTRAST,
    DECLINES,
    EMPTY,
    HELPS,
    LACKS,
    OFFERS,
    OPENLY,
    OPINION,
    SALUTATION,
)

MAX_CHARACTERS, MAX_CLAUSE = 4000, 400
"""Characters of a text that can refuse, and of a clause that are read."""
MAX_BEFORE = 300
"""Characters before it declines: what comes later is a remark on an answer."""
MAX_ABROAD = 600
"""Characters of a refusal in another language than English, half of it in Chinese script: there is
no list of what says nothing in these."""
MAX_GIVEN, MAX_GIVEN_BLUNT = 0.75, 0.5
"""Share of the text in clauses that neither decline nor say nothing, after an apology or the word
of an assistant about itself, and without these."""

MARKS = re.compile(r"^(?:[\s*>#_-]|</?\w+>)+|\*\*|__")
QUOTED = re.compile(r"\"[^\"\n]{1,300}\"|\u201c[^\u201d\n]{1,300}\u201d")
LIST = re.compile(r"\n\s*(?:[-*\u2022+]|\(?\d+[.):])\s|```|\n\s*\|")
MENU = re.compile(
    r"\bi (?:can|could|would be happy to|'d be happy to) (?:help|assist)[^.!?\n]{0,60}:"
    r"\s*(?:\n\s*[-*\u2022\d][^\n]{0,160})+"
)
"""A list of what it offers instead."""
CLAUSES = re.compile(
    r"[.!?:;]+(?=\s|$)|\n+|, (?=(?:but|however|although|though|yet|so) )"
    r"| (?=but (?:i|the|it|here|you)\b)"
)


def refusals(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """Sides that refuse: both, the chosen, or any, as the config says."""
    chosen, rejected = (refuses(text) for text in pair.texts)
    drop = {None: False, "both": chosen and rejected, "chosen": chosen, "any": chosen or rejected}
    if not drop[config.refusals]:
        return None
    sides = "both" if chosen and rejected else "chosen" if chosen else "rejected"
    return DropReason("refusal", sides)


def refuses(text: str) -> bool:
    """Whether an answer refuses."""
    text = MARKS.sub("", text).replace("\u2019", "'").strip().lower()
    if len(text) > MAX_CHARACTERS or SALUTATION.match(text) or LIST.search(MENU.sub("", text)):
        return False
    return _refuses_in_english(text) or _refuses_abroad(text)


def _refuses_in_english(text: str) -> bool:
    parts = (" ".join(part.split()) for part in CLAUSES.split(QUOTED.sub("it", text)))
    clauses = [part[:MAX_CLAUSE] for part in parts if part]
    declined, lacks, offered, given, before = False, False, False, 0, 0
    for clause in clauses:
        if DECLINES.search(clause):
            declined = True
            offered = offered or OPINION.search(clause) is not None
            continue
        if not declined:
            before += len(clause)
            if before > MAX_BEFORE:
                return False
        if LACKS.search(clause):
            lacks = True
            continue
        empty = EMPTY.match(clause)
        offered = offered or OFFERS.match(clause) is not None
        if (declined or lacks) and (HELPS.match(clause) or (CONTRAST.match(clause) and not empty)):
            return False
        given += 0 if empty else len(clause)
    most = MAX_GIVEN_BLUNT if offered or not OPENLY.search(text, 0, 200) else MAX_GIVEN
    return declined and given <= most * sum(map(len, clauses))


def _refuses_abroad(text: str) -> bool:
    text = QUOTED.sub("", text)
    dense = sum(letter > "\u2e80" for letter in text) > len(text) / 2
    if len(text) > (MAX_ABROAD / 2 if dense else MAX_ABROAD):
        return False
    found = DECLINES_ABROAD.search(text, 0, MAX_BEFORE)
    if found is None:
        return False
    goes_on = GOES_ON_ABROAD.search(text, found.end())
    return goes_on is None or OFFERS_ABROAD.search(goes_on["after"][:60]) is not None
