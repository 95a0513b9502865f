"""The two sides of a pair: whole, different, and as far apart as the screen says."""

import re

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, DropReason
from preferences.conversational import preference_fault
from texts.normal import INVISIBLE, plain
from texts.own_tokens import find_token

UNIT = re.compile(r"[-+]?\w+|[^\w\s.,;:!?'\"\u2018\u2019\u201c\u201d*_`~#()\[\]-]")
"""What can make a difference: words, numbers with their sign, and symbols (a + b is not a / b);
punctuation and markdown cannot."""


def cut_off(pair: CandidatePair) -> DropReason | None:
    """A side that ended at max_tokens: the chat template would close it as if it had ended."""
    ends = (pair.chosen["finish_reason"], pair.rejected["finish_reason"])
    return DropReason("cut_off") if "length" in ends else None


def empty(pair: CandidatePair) -> DropReason | None:
    """A side without a visible character."""
    visible = [INVISIBLE.sub("", text).strip() for text in pair.texts]
    return None if all(visible) else DropReason("empty")


def identical(pair: CandidatePair) -> DropReason | None:
    """Two sides that differ in case and white space at most."""
    chosen, rejected = pair.texts
    return DropReason("identical") if plain(chosen) == plain(rejected) else None


def near_identical(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """Two sides that are almost the same text, or differ in punctuation and markdown only.

    In a short text a changed word makes the similarity low: it may be all that matters.
    """
    if config.max_similarity is None:
        return None
    similarity = _jaccard(*pair.texts, config.ngram)
    if similarity < config.max_similarity:
        return None
    return DropReason("near_identical", f"Jaccard {similarity:.3f} of chosen and rejected")


def margin(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """A comparison that contradicts the screen, or a screen that hardly told the two apart."""
    difference = pair.row["margin"]
    if difference is None or difference >= config.min_margin:
        return None
    # below 0 two views of the same judge disagree
    return DropReason("screen_disagrees" if difference < 0 else "small_margin")


def both_bad(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """A winner that the screen found bad all the same."""
    score = pair.row["score_chosen"]
    if config.min_score is None or score is None or score >= config.min_score:
        return None
    return DropReason("both_bad", f"score of chosen {score:g}")


def chat_tokens(pair: CandidatePair, own: tuple[str, ...]) -> DropReason | None:
    """Special tokens of a chat template in a text: trained on, they would end or open turns.

    `own` are those of the run's tokenizers, beside the one list.
    """
    token = find_token("\n".join(pair.texts), own)
    return DropReason("chat_tokens", token) if token else None


def malformed(pair: CandidatePair) -> DropReason | None:
    """What TRL would train on although it is wrong."""
    wrong = preference_fault(pair.row)
    return DropReason("malformed", wrong) if wrong else None


def length_ratio(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """One side many times as long as the other."""
    short, long = sorted(len(text.strip()) for text in pair.texts)
    if config.max_length_ratio is None or long <= config.max_length_ratio * short:
        return None
    return DropReason("length_ratio", f"{long} to {short} characters")


def length_gap(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """One side longer than the other by too many tokens, as those who wrote them counted."""
    if config.max_length_gap is None:
        return None
    chosen, rejected = pair.chosen["n_tokens"], pair.rejected["n_tokens"]
    if chosen is None or rejected is None or abs(chosen - rejected) <= config.max_length_gap:
        return None
    return DropReason("length_gap", f"{chosen} to {rejected} tokens")


def _jaccard(first: str, second: str, ngram: int) -> float:
    sets = [_ngrams(UNIT.findall(text.casefold()), ngram) for text in (first, second)]
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if union else 0.0


def _ngrams(units: list[str], ngram: int) -> set[tuple[str, ...]]:
    if not units:
        return set()
    return {tuple(units[at : at + ngram]) for at in range(max(1, len(units) - ngram + 1))}
