"""The two sides of a pair: whole, different, and as far apart as the screen says."""

import re

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, Why
from preferences.conversational import fault
from texts.chat_tokens import CHAT_TOKENS
from texts.normal import INVISIBLE, plain

UNIT = re.compile(r"[-+]?\w+|[^\w\s.,;:!?'\"\u2018\u2019\u201c\u201d*_`~#()\[\]-]")
"""What can make a difference: words, numbers with their sign, and symbols (a + b is not a / b);
punctuation and markdown cannot."""


def cut_off(pair: CandidatePair) -> Why | None:
    """A side that ended at max_tokens: the chat template would close it as if it had ended."""
    ends = (pair.chosen["finish_reason"], pair.rejected["finish_reason"])
    return Why("cut_off") if "length" in ends else None


def empty(pair: CandidatePair) -> Why | None:
    """A side without a visible character."""
    written = [INVISIBLE.sub("", side).strip() for side in pair.sides]
    return None if all(written) else Why("empty")


def identical(pair: CandidatePair) -> Why | None:
    """Two sides that differ in case and white space at most."""
    chosen, rejected = pair.sides
    return Why("identical") if plain(chosen) == plain(rejected) else None


def near_identical(pair: CandidatePair, config: PairsConfig) -> Why | None:
    """Two sides that are almost the same text, or differ in punctuation and markdown only.

    In a short text a changed word makes the similarity low: it may be all that matters.
    """
    if config.max_similarity is None:
        return None
    similarity = _jaccard(*pair.sides, config.ngram)
    if similarity < config.max_similarity:
        return None
    return Why("near_identical", f"Jaccard {similarity:.3f} of chosen and rejected")


def margin(pair: CandidatePair, config: PairsConfig) -> Why | None:
    """A comparison that contradicts the screen, or a screen that hardly told the two apart."""
    difference = pair.row["margin"]
    if difference is None or difference >= config.min_margin:
        return None
    # below 0 two views of the same judge disagree
    return Why("screen_disagrees" if difference < 0 else "small_margin")


def both_bad(pair: CandidatePair, config: PairsConfig) -> Why | None:
    """A winner that the screen found bad all the same."""
    score = pair.row["score_chosen"]
    if config.min_score is None or score is None or score >= config.min_score:
        return None
    return Why("both_bad", f"score of chosen {score:g}")


def chat_tokens(pair: CandidatePair) -> Why | None:
    """Special tokens of a chat template in a text: trained on, they would end or open turns."""
    found = CHAT_TOKENS.search("\n".join(pair.sides))
    return Why("chat_tokens", found.group()) if found else None


def malformed(pair: CandidatePair) -> Why | None:
    """What TRL would train on although it is wrong."""
    wrong = fault(pair.row)
    return Why("malformed", wrong) if wrong else None


def length_ratio(pair: CandidatePair, config: PairsConfig) -> Why | None:
    """One side many times as long as the other."""
    short, long = sorted(len(side.strip()) for side in pair.sides)
    if config.max_length_ratio is None or long <= config.max_length_ratio * short:
        return None
    return Why("length_ratio", f"{long} to {short} characters")


def _jaccard(first: str, second: str, ngram: int) -> float:
    sets = [_ngrams(UNIT.findall(text.casefold()), ngram) for text in (first, second)]
    together = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(together) if together else 0.0


def _ngrams(units: list[str], ngram: int) -> set[tuple[str, ...]]:
    if not units:
        return set()
    return {tuple(units[at : at + ngram]) for at in range(max(1, len(units) - ngram + 1))}
