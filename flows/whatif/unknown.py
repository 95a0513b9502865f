"""What two derived rounds have that the other has not, and what of it is not known."""

from flows.whatif.result import Moved, Unknown
from flows.whatif.sides import KEPT, NOT_KNOWN, Fates
from judge.relabel import Open

NOT_COMPARED = "not_compared"
"""Of a comparison that is no row on one side: others were compared, or it was not reached."""


def as_far_as_known(fates: Fates, left: dict[str, Open]) -> Fates:
    """What became of comparisons; of those that calls not made decide, that this is not known."""
    return {
        name: fate
        if fate.prompt_id not in left or fate.compared in left[fate.prompt_id].known
        else fate._replace(became=NOT_KNOWN)
        for name, fate in fates.items()
    }


def moved(
    before: Fates, after: Fates, left: dict[str, Open]
) -> tuple[list[Moved], list[Moved], list[str]]:
    """Pairs gained, pairs lost, and the ids of pairs that may stay or go by calls not made."""
    gained = [
        _moved(name, fate.prompt_id, before, after)
        for name, fate in after.items()
        if fate.became == KEPT and _became(name, before) != KEPT
    ]
    gone = [name for name, fate in before.items() if fate.became == KEPT != _became(name, after)]
    unsure = [
        name
        for name in gone
        if _became(name, after) == NOT_KNOWN
        or (name not in after and before[name].prompt_id in left)
    ]
    sure = set(gone) - set(unsure)
    lost = [_moved(name, before[name].prompt_id, before, after) for name in gone if name in sure]
    return gained, lost, unsure


def unknown(left: dict[str, Open], pairs: list[str]) -> Unknown:
    """What was left open, in numbers."""
    return {
        "prompts": len(left),
        "calls_at_least": sum(prompt.least_calls for prompt in left.values()),
        "calls_at_most": sum(prompt.most_calls for prompt in left.values()),
        "pairs": pairs,
    }


def _became(name: str, fates: Fates) -> str:
    return fates[name].became if name in fates else NOT_COMPARED


def _moved(name: str, prompt_id: str, before: Fates, after: Fates) -> Moved:
    return {
        "pair_id": name,
        "prompt_id": prompt_id,
        "before": _became(name, before),
        "after": _became(name, after),
    }
