"""Signs that the judge is being pleased instead of the task being done better."""

from collections.abc import Iterable
from typing import Any


def goodhart(metrics: dict[str, Any], named: Iterable[str]) -> list[str]:
    """One sentence for each named metric that does not follow where the judge's win rate went up.

    `metrics` are the gate's: the judge's win rates by split, the named metrics' under `custom`. The
    judge's is up where the interval against the policy in place lies above one half.
    """
    judged = metrics["gate"]["win_rate_vs_previous"]
    if judged["low"] is None or judged["low"] <= 0.5:
        return []
    alarms = []
    for name in named:
        rate = metrics["custom"][name]["gate_win_rate_vs_previous"]
        if rate["value"] is not None and rate["value"] <= 0.5:
            alarms.append(
                f"on the gate prompts the judge prefers the new policy (win rate {_text(judged)}) "
                f"and {name} does not ({_text(rate)}, n {rate['n']})"
            )
    return alarms


def _text(rate: dict[str, Any]) -> str:
    return f"{rate['value']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}]"
