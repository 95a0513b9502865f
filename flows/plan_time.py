"""How long the next round will take, from what the last one took."""

from collections import Counter
from typing import Any

from rounds.report import STAGES, stage_name
from rounds.status import TRAINING_STAGES

BY_PROMPTS = {"prompts", "sample", "judge", "pairs", "train"}
"""Stages whose work grows with the round's train prompts."""
BY_OPPONENTS = {"sample_held_out", "judge_held_out"}
"""Stages whose work grows with the policies that the new one is compared with."""


def opponents_in(round_number: int) -> int:
    """With how many policies the new one is compared: from round 2 on also the one in place."""
    return min(round_number, 2)


def estimate_seconds(
    last: dict[str, Any], prompts: int, trains: bool, variants: int = 1
) -> dict[str, float]:
    """Seconds of each stage of the round after the one with the metrics `last`, in their order;
    under `startup` the waiting for servers and models. `variants` are trained in it.
    """
    before, number = last["counts"]["prompts"], last["round"]
    seconds: Counter[str] = Counter()
    for name, spent in last["seconds"].items():
        stage = stage_name(name)
        if stage in BY_PROMPTS:
            spent *= prompts / max(before, 1)
            if stage == "train":
                sweep = (last.get("train") or {}).get("sweep") or {"variants": [{}]}
                spent *= variants / len(sweep["variants"])
        elif stage in BY_OPPONENTS:
            spent *= opponents_in(number + 1) / opponents_in(number)
        seconds[stage] += spent
    skipped = () if trains else TRAINING_STAGES
    estimate = {
        name: round(seconds[name], 1) for name in STAGES if name in seconds and name not in skipped
    }
    return {**estimate, "startup": round(sum(last.get("startup_seconds", {}).values()), 1)}


def time_text(seconds: dict[str, float] | None) -> str:
    """The estimate in words; None where nothing is known yet."""
    if seconds is None:
        return "unknown until a round has measured it"
    parts = ", ".join(f"{name} {spent:.0f}" for name, spent in seconds.items() if spent >= 0.5)
    return f"about {sum(seconds.values()):,.0f} s, by the last round" + (parts and f": {parts}")
