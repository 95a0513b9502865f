"""The gate: verdicts on held-out answers to a decision, with reasons."""

from pathlib import Path
from typing import Any

from gate.alarms import goodhart
from gate.by_tag import by_tag
from gate.config import GateConfig
from gate.metrics import Metric, load_metric
from gate.people import ask_people, people_said, said_key
from gate.questions import questions_answered
from gate.win_rate import length_controlled, win_rate
from rounds.contests import LOSS, WIN, Contest, contests_between, which_tie
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, VERDICTS
from rounds.stages import run_stage, stage_key
from rounds.tables import read_rows, rows_hash

OPPONENTS = ("previous", "initial")
"""Whom the trained policy is compared with: the policy in place, and the run's first."""


Contests = dict[tuple[str, str], list[Contest]]
"""By split (gate, test) and opponent."""


def decide(
    folder: Path, config: GateConfig, trained: str, current: str, initial: str
) -> dict[str, Any]:
    """Judge the policy `trained` by its held-out verdicts; the arguments are policy ids.

    Returns {"promoted": bool, "reasons": [...], "metrics": {...}}. Raises UserError for a metric of
    the user's that is not there, fails or gives no number, and Waiting where people are to decide
    with the judge and have labelled too little.
    """
    candidates = read_rows(folder, CANDIDATES, HELD_OUT)
    verdicts = read_rows(folder, VERDICTS, HELD_OUT)
    metrics = {name: load_metric(name, reference) for name, reference in config.metrics.items()}
    sources = [metric.function.source for metric in metrics.values()]
    said = people_said(folder, config.people, candidates) if config.people else {}
    key = stage_key(
        rows_hash("candidates", candidates),
        rows_hash("verdicts", verdicts),
        config.model_dump(exclude=None if config.people else {"people"}),
        [trained, current, initial],
        *([sources] if sources else []),
        *([said_key(said)] if config.people else []),
    )

    def run() -> dict[str, Any]:
        contests = {
            (split, name): contests_between(
                read_rows(folder, PROMPTS, [split]),
                [row for row in candidates if row["split"] == split],
                [row for row in verdicts if row["split"] == split],
                trained,
                other,
            )
            for split in HELD_OUT
            for name, other in zip(OPPONENTS, (current, initial), strict=True)
        }
        measured = _measured(contests, metrics, config.confidence)
        policies = {"new": trained, "previous": current, "initial": initial}
        for split in HELD_OUT:
            answers = [row for row in candidates if row["split"] == split]
            if found := questions_answered(answers, verdicts, policies, config.confidence):
                measured[split]["questions"] = found
        promoted, reasons = promote(config, measured["decision"], trained == current)
        if config.people and trained != current and contests["gate", "previous"]:
            promoted, reason, measured["people"] = ask_people(
                folder, config, contests["gate", "previous"], said
            )
            reasons = [reason]
        return {"promoted": promoted, "reasons": reasons, "metrics": measured}

    return run_stage(folder, "gate", key, run)


def promote(config: GateConfig, rate: dict[str, Any], unchanged: bool) -> tuple[bool, list[str]]:
    """The decision and its reasons, from the win rate with abstentions counted as losses."""
    if unchanged:
        return False, ["training left the weights as they were"]
    measured = rate[config.must_exceed]
    if measured is None:
        return False, ["no gate prompt was decided"]
    which = "lower end of its interval" if config.must_exceed == "low" else "win rate"
    passed = measured > config.threshold
    relation = "exceeds" if passed else "does not exceed"
    reason = (
        f"win rate {rate['value']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] on {rate['n']} gate "
        f"prompts ({rate['wins']} won, {rate['ties']} tied, {rate['losses']} lost, "
        f"{rate['abstained']} abstained and counted as lost): the {which} {relation} "
        f"{config.threshold}"
    )
    return passed, [reason]


def _measured(contests: Contests, metrics: dict[str, Metric], confidence: float) -> dict[str, Any]:
    """The win rates by the judge: the one that decides, and those of each split; under `custom`
    what the user's metrics say."""
    decision = [contest.outcome for contest in contests["gate", "previous"]]
    measured: dict[str, Any] = {
        "decision": win_rate(decision, confidence, abstain_loses=True)._asdict()
    }
    for split in HELD_OUT:
        measured[split] = {
            f"{kind}_vs_{name}": value
            for name in OPPONENTS
            for kind, value in _rates(contests[split, name], confidence).items()
        }
        tagged = [
            (contest.prompt["tags"], contest.outcome) for contest in contests[split, "previous"]
        ]
        measured[split]["by_tag_vs_previous"] = by_tag(tagged, confidence)
    measured["custom"] = {
        name: _by_metric(contests, metric, confidence) for name, metric in metrics.items()
    }
    measured["alarms"] = goodhart(measured, metrics)
    return measured


def _rates(contests: list[Contest], confidence: float) -> dict[str, Any]:
    outcomes = [contest.outcome for contest in contests]
    longer_by = [len(contest.new["text"]) - len(contest.other["text"]) for contest in contests]
    return {
        "win_rate": win_rate(outcomes, confidence)._asdict(),
        "length_controlled_win_rate": length_controlled(outcomes, longer_by),
        "mean_length_difference": sum(longer_by) / len(longer_by) if longer_by else None,
    }


def _by_metric(contests: Contests, metric: Metric, confidence: float) -> dict[str, Any]:
    """What a metric says: win rates on the test split and, for the alarm, on the gate split; its
    mean over the test answers of the trained policy and of the first one."""

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
    on_test = values["test", "initial"]
    return rates | {
        "mean": sum(new for new, _ in on_test) / len(on_test) if on_test else None,
        "mean_initial": sum(first for _, first in on_test) / len(on_test) if on_test else None,
    }
