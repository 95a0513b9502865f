"""Answers that refuse: they open by saying that they will not or cannot, and stop soon after."""

import re

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, DropReason

MAX_CHARACTERS = 600
"""Characters of a refusal; one that goes on for longer, or with a list, mostly helps after all."""

LEAD = (
    r"(?:(?:hello|hi|hey|no|oh|well|however|unfortunately|regrettably|thank you|thanks|sorry"
    r"|my apologies"
    r"|i(?:'m| am) (?:\w+ )?(?:sorry|afraid)|i (?:\w+ )?apologi[sz]e|i (?:understand|appreciate)"
    r"|(?:as|i'm|i am)(?: just| only)? an? (?:[\w-]+ ){0,4}(?:ai|model|assistant|chatbot)"
    r"|the (?:context|passage|text|question))\b[^.!?\n]{0,120}?[\s.,!;:]+)"
)
CANNOT = (
    r"i(?: (?:simply|really|just))?(?: can't| cannot| can not| couldn't| won't| will not"
    r"| should not| shouldn't|(?: am|'m) (?:unable|not able|not (?:going|allowed|programmed)) to"
    r"| must (?:respectfully )?decline to)"
)
DEED = (
    r"(?:assist|help (?:you|with|create|write)|(?:be able to )?provide|fulfil|comply|complete"
    r"|answer|generat|creat|writ|engage|support|discuss|share|offer|promote|produce|access|browse"
    r"|respond|participate|do (?:that|this)|recommend (?:how|ways|or|specific)|mock|endorse"
    r"|pretend|take sides|give (?:you|any|legal|medical|advice|instructions)"
    r"|make (?:up|fun|any|a|subjective) |carry out|process|condone)"
)
UNCOMFORTABLE = r"i(?: do not| don't) feel comfortable|i(?: am|'m) not comfortable"
WITHOUT = (
    r"i(?: do not| don't)(?: actually)? have (?:access"
    r"|the (?:ability(?! to \W?(?:think|feel))|capability|rights))"
)
DECLINE = (
    r"i must (?:respectfully )?(?:decline|refuse)|i (?:respectfully )?(?:decline|refuse) to"
    r"|(?:that|this) is not something i (?:can|will|am able to) (?:help|assist|do)"
)

ENGLISH = rf"(?:{LEAD}){{0,2}}(?:{CANNOT} (?:\w+ly )?{DEED}|{UNCOMFORTABLE}|{WITHOUT}|{DECLINE})"
OTHERS = (
    r"(?:es )?tut mir (?:sehr )?leid, (?:aber )?(?:ich|das|dabei)[^.!?\n]{0,40} (?:kann|darf)"
    r"|(?:je suis )?d\u00e9sol\u00e9e?, (?:mais )?je ne (?:peux|suis) pas"
    r"|lo siento, (?:pero )?no puedo|(?:lo lamento|disculpa), (?:pero )?no puedo"
    r"|(?:mi dispiace|spiacente), (?:ma )?non posso|(?:me )?desculpe, (?:mas )?n\u00e3o posso"
    r"|(?:\u5f88)?(?:\u62b1\u6b49|\u5bf9\u4e0d\u8d77)[\uff0c,](?:\u4f46)?(?:\u6211|\u4f5c\u4e3a)"
    r"[^\u3002\n]{0,20}(?:\u65e0\u6cd5|\u4e0d\u80fd)"
)
"""German, French, Spanish, Italian, Portuguese and Chinese, in the words that models use most."""

REFUSES = re.compile(rf"(?:{ENGLISH}|{OTHERS})", re.IGNORECASE)
MARKS = re.compile(r"^(?:[\s*>#_-]|</?\w+>)+")
LIST = re.compile(r"\n\s*(?:[-*\u2022]|\d+[.)])\s")


def refusals(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """Sides that refuse: both, the chosen, or any, as the config says."""
    chosen, rejected = (refuses(text) for text in pair.texts)
    drop = {None: False, "both": chosen and rejected, "chosen": chosen, "any": chosen or rejected}
    if not drop[config.refusals]:
        return None
    sides = "both" if chosen and rejected else "chosen" if chosen else "rejected"
    return DropReason("refusal", sides)


def refuses(text: str) -> bool:
    """Whether an answer refuses, in English or in the words of OTHERS.

    An answer that says what it cannot do and then goes on to help is none, nor is one that does
    not know.
    """
    text = MARKS.sub("", text).replace("\u2019", "'").rstrip()
    return len(text) <= MAX_CHARACTERS and not LIST.search(text) and REFUSES.match(text) is not None
