"""How long the next round will take: by the last one that was measured, else guessed in part."""

from collections import Counter
from typing import Any

from rounds.report import STAGES, stage_name
from rounds.status import TRAINING_STAGES

BY_PROMPTS = {"prompts", "pairs", "train"}
"""Stages whose work grows with the round's train prompts."""
BY_CANDIDATES = {"sample", "judge"}
"""Those whose work grows with the candidates, or the calls for them."""
BY_OPPONENTS = {"sample_held_out", "judge_held_out"}
"""Stages whose work grows with the policies that the new one is compared with."""

GUESSED = {"prompts": 2_000.0, "pairs": 700.0}
"""Prompts a second, by `benchmarks/million_rows.py` on a core of a server of 2024."""
SECONDS_A_CALL = 1.0
"""Of a call of the judge, before a round has measured it."""
CALLS_A_SECOND = 700.0
"""What one process asks at most (`benchmarks/throughput.py`)."""


def opponents_of(facts: dict[str, Any] | None) -> int:
    """With how many policies the new one is compared: with the run's first, and with the one in
    place where that is another. `facts` has both, by name; None before the first round.
    """
    if facts is None:
        return 1
    return len({facts[name]["policy_id"] for name in ("policy", "initial")})


def estimate_seconds(
    last: dict[str, Any],
    prompts: int,
    trains: bool,
    variants: int = 1,
    candidates: int | None = None,
    answers: int = 0,
    opponents: float = 1.0,
) -> dict[str, float]:
    """Seconds of each stage of the round after the one with the metrics `last`, in their order;
    under `startup` the waiting for servers and models. `variants` are trained in it, and so many
    `answers` to regression suites take what candidates of the last round took. `opponents` is how
    many times as many policies the new one is compared with.
    """
    counts = last["counts"]
    by_prompts = by_candidates = prompts / max(counts["prompts"], 1)
    if candidates is not None and counts.get("candidates"):
        by_candidates = candidates / counts["candidates"]
    seconds: Counter[str] = Counter()
    for name, spent in last["seconds"].items():
        stage = stage_name(name)
        if stage in BY_CANDIDATES:
            spent *= by_candidates
        elif stage in BY_PROMPTS:
            spent *= by_prompts
            if stage == "train":
                sweep = (last.get("train") or {}).get("sweep") or {"variants": [{}]}
                spent *= variants / len(sweep["variants"])
        elif stage in BY_OPPONENTS:
            spent *= opponents
        elif stage == "sample_suites":
            continue
        seconds[stage] += spent
    if answers and counts.get("candidates"):
        one = last["seconds"].get("sample", 0.0) / counts["candidates"]
        seconds["sample_suites"] = one * answers
    skipped = () if trains else TRAINING_STAGES
    estimate = {
        name: round(seconds[name], 1) for name in STAGES if name in seconds and name not in skipped
    }
    return {**estimate, "startup": round(sum(last.get("startup_seconds", {}).values()), 1)}


def guess_seconds(source: int, prompts: int, calls: int, at_once: int) -> dict[str, float]:
    """Seconds of what can be guessed before a round was measured: dealing of `source` prompts, so
    many calls of judges with `at_once` in flight, and the pairs."""
    rate = min(max(at_once, 1) / SECONDS_A_CALL, CALLS_A_SECOND)
    return {
        "prompts": round(source / GUESSED["prompts"], 1),
        "judge": round(calls / rate, 1),
        "pairs": round(prompts / GUESSED["pairs"], 1),
    }


def time_text(seconds: dict[str, float] | None, guessed: dict[str, float]) -> str:
    """The estimate in words; `guessed` where nothing is measured yet, which is None."""
    if seconds is None:
        told = f"{sum(guessed.values()):,.0f} s{_parts(guessed)}"
        return (
            "unknown until a round has measured it; beside sampling, training and start-up guessed "
            f"at {told}, at {SECONDS_A_CALL:g} s a call"
        )
    return f"about {sum(seconds.values()):,.0f} s, by the last round{_parts(seconds)}"


def _parts(seconds: dict[str, float]) -> str:
    parts = ", ".join(f"{name} {spent:.0f}" for name, spent in seconds.items() if spent >= 0.5)
    return parts and f": {parts}"
