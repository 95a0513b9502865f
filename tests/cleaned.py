"""A pair as the cleaners see it, and why it would be dropped."""

from typing import Any

from builders import candidate_row, prompt_row

from pairs.build import comparison_rows
from pairs.cleaners import cleaners, first_reason
from pairs.config import PairsConfig
from pairs.contamination import Contamination
from pairs.pair import CandidatePair, DropReason
from rounds.rows import Prompt
from texts.leaks import LeakFinder

P = prompt_row("How do I keep basil alive on a kitchen window?")


BASIL = "Water it from below every other day, and pinch the tips so that it grows bushy."


OTHER = "Give it six hours of sun, let the soil dry a little, and cut off the flowers."


LONG = (
    "Basil likes warmth and light. Put the pot on the sunniest sill you have, at least a hand"
    " away from cold glass, and turn it every few days. Water it from below when the top of "
    "the soil is dry, then pour away what is left in the saucer after half an hour. Pinch out"
    " the tips above a pair of leaves once a week, even if you do not need any, because each "
    "cut makes two new stems. Cut off flowers as soon as they show. A weak liquid feed every "
    "three weeks is enough. If the lower leaves turn yellow you water too much; if they hang "
    "and are crisp, too little. In winter a small lamp for ten hours a day keeps the plant "
    "going until the days are long enough again."
)


def pair(
    chosen: str, rejected: str = OTHER, prompt: Prompt = P, scores: tuple[float, float] = (9, 3)
) -> CandidatePair:
    """A decided pair of these two answers."""
    a, b = candidate_row(prompt, chosen), candidate_row(prompt, rejected, 1)
    [(row, _)] = comparison_rows(1, prompt, {}, [])
    row |= {
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "score_chosen": scores[0],
        "margin": scores[0] - scores[1],
    }
    return CandidatePair(row, a, b)


def why(
    chosen: str,
    rejected: str = OTHER,
    held_out: list[Prompt] | None = None,
    train: list[Prompt] | None = None,
    prompt: Prompt = P,
    scores: tuple[float, float] = (9, 3),
    **config: Any,
) -> DropReason | None:
    """Why the pair is dropped."""
    checked = PairsConfig(**config)
    held = LeakFinder(held_out or [], checked.leak_limits)
    checks = cleaners(checked, Contamination(held, train or [prompt]))
    return first_reason(pair(chosen, rejected, prompt, scores), checks)


def reason(*sides: str, **given: Any) -> str | None:
    found = why(*sides, **given)
    return found.reason if found else None
