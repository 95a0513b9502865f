"""What the gate measures of contests: the judge's win rates, and what the user's metrics say."""

from collections.abc import Callable
from functools import partial
from typing import Any

from gate.by_tag import by_tag
from gate.config import GateConfig
from gate.metrics import Metric
from gate.win_rate import (
    WinRate,
    early_rate,
    length_controlled,
    length_controlled_rate,
    win_rate,
)
from rounds.contests import LOSS, WIN, Contest, which_tie
from rounds.early import Early, Stop
from rounds.rows import HELD_OUT

OPPONENTS = ("previous", "initial")
"""Whom the trained policy is compared with: the policy in place, and the run's first."""

Contests = dict[tuple[str, str], list[Contest]]
"""By split (gate, test) and opponent."""


def win_rates(
    contests: Contests, asked: Contests, config: GateConfig, stop: Stop | None
) -> dict[str, Any]:
    """The judge's win rates: the one that decides, and those of each split.

    `asked` are the contests that were asked about; of a gate that may stop early, in that order.
    """
    confidence = config.confidence
    deciding = asked["gate", "previous"]
    outcomes = [contest.outcome for contest in deciding]
    rate = _rate(confidence, "gate", stop)
    decision = rate(outcomes, abstain_loses=True)._asdict()
    if config.length_controlled:
        longer_by = [_longer_by(contest) for contest in deciding]
        decision["length_controlled"] = length_controlled_rate(
            outcomes, longer_by, confidence, abstain_loses=True
        )
    measured: dict[str, Any] = {"decision": decision}
    for split in HELD_OUT:
        rate = _rate(confidence, split, stop)
        measured[split] = {
            f"{kind}_vs_{name}": value
            for name in OPPONENTS
            for kind, value in _rates(
                asked[split, name], confidence, rate, stop is not None and split == "gate"
            ).items()
        }
        tagged = [(contest.prompt["tags"], contest.outcome) for contest in asked[split, "previous"]]
        measured[split]["by_tag_vs_previous"] = by_tag(tagged, rate)
    if stop is not None:
        measured["early"] = _saved(contests, asked, config.early(0), stop)
    return measured


def _rate(confidence: float, split: str, stop: Stop | None) -> Callable[..., WinRate]:
    """How a split's win rates are taken: those of a gate that may stop early by what holds then."""
    if stop is None or split != "gate":
        return partial(win_rate, confidence=confidence)
    return partial(early_rate, confidence=confidence, horizon=stop.horizon)


def _saved(contests: Contests, asked: Contests, rule: Early | None, stop: Stop) -> dict[str, Any]:
    """Where the gate stopped, and the judge's comparisons that it did without."""
    assert rule is not None, "what stops early has a rule"
    ids = {name for opponent in OPPONENTS for name in _compared(asked["gate", opponent])}
    could = {name for opponent in OPPONENTS for name in _compared(contests["gate", opponent])}
    return {
        **stop._asdict(),
        "prompts": len(contests["gate", "previous"]),
        "comparisons": len(ids),
        "comparisons_saved": len(could - ids),
        "share_saved": len(could - ids) / len(could) if could else 0.0,
        "error_rate": rule.error_rate,
    }


def _compared(contests: list[Contest]) -> set[tuple[str, str]]:
    """The contests that a judge has to be asked about."""
    return {
        contest.ids
        for contest in contests
        if contest.new["text_hash"] != contest.other["text_hash"]
    }


def _longer_by(contest: Contest) -> int:
    return len(contest.new["text"]) - len(contest.other["text"])


def _rates(
    contests: list[Contest], confidence: float, rate: Callable[..., WinRate], early: bool
) -> dict[str, Any]:
    """The rates of a split against one opponent. Of a gate that may stop `early` the rate at equal
    length has no interval: the likelihood's holds for a number of prompts fixed beforehand.
    """
    outcomes = [contest.outcome for contest in contests]
    longer_by = [_longer_by(contest) for contest in contests]
    controlled = None if early else length_controlled_rate(outcomes, longer_by, confidence)
    return {
        "win_rate": rate(outcomes)._asdict(),
        "length_controlled_win_rate": length_controlled(outcomes, longer_by),
        "length_controlled_interval": controlled and [controlled["low"], controlled["high"]],
        "mean_length_difference": sum(longer_by) / len(longer_by) if longer_by else None,
    }


def by_metric(contests: Contests, metric: Metric, confidence: float) -> dict[str, Any]:
    """What a metric says: win rates on the test split and, for the alarm, on the gate split; its
    mean over the test answers of the trained policy and of the first one, and over the gate answers
    of the trained policy and of the one in place."""

    values = {
        key: [
            (
                metric(contest.prompt["messages"], contest.new["text"]),
                metric(contest.prompt["messages"], contest.other["text"]),
            )
            for contest in some
        ]
        for key, some in contests.items()
    }
    rates: dict[str, Any] = {}
    for prefix, split in (("", "test"), ("gate_", "gate")):
        for name in OPPONENTS:
            outcomes = [
                WIN
                if new > other
                else LOSS
                if new < other
                else which_tie(contest.new, contest.other)
                for contest, (new, other) in zip(
                    contests[split, name], values[split, name], strict=True
                )
            ]
            rates[f"{prefix}win_rate_vs_{name}"] = win_rate(outcomes, confidence)._asdict()
    on_test, on_gate = values["test", "initial"], values["gate", "previous"]
    return rates | {
        "mean": _mean([new for new, _ in on_test]),
        "mean_initial": _mean([first for _, first in on_test]),
        "gate_mean": _mean([new for new, _ in on_gate]),
        "gate_mean_previous": _mean([previous for _, previous in on_gate]),
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
