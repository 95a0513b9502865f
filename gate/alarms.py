"""Signs that the judge is being pleased instead of the task being done better."""

from typing import Any


def goodhart(metrics: dict[str, Any], named: list[str]) -> list[str]:
    """One sentence for each named metric that does not follow where the judge's win rate went up.

    `metrics` are the gate's: the judge's win rates by split, the named metrics' beside them. The
    judge's is up where the interval against the policy in place lies above one half.
    """
    judged = metrics["gate"]["win_rate_vs_previous"]
    if judged["low"] is None or judged["low"] <= 0.5:
        return []
    alarms = []
    for name in named:
        found = metrics[name]["gate_win_rate_vs_previous"]
        if found["value"] is not None and found["value"] <= 0.5:
            alarms.append(
                f"the judge prefers the new policy (win rate {judged['value']:.3f} "
                f"[{judged['low']:.3f}, {judged['high']:.3f}]) and {name} does not "
                f"({found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}], n {found['n']})"
            )
    return alarms
