"""The gate: verdicts on held-out answers to a decision, with reasons."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gate.alarms import goodhart
from gate.by_tag import by_tag
from gate.config import GateConfig
from gate.metrics import load_metric
from gate.win_rate import ABSTAIN, LOSS, TIE, WIN, WinRate, length_controlled, win_rate
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.stages import run_stage, stage_key
from rounds.tables import Row, read_rows, rows_hash
from rounds.verdicts import comparisons, settle

SPLITS = ("gate", "test")


class Contest(NamedTuple):
    """One held-out prompt answered by the trained policy and by another."""

    prompt: Row
    new: Row
    other: Row
    outcome: str


def decide(
    folder: Path, config: GateConfig, trained: str, current: str, initial: str
) -> dict[str, Any]:
    """Judge the policy `trained` by its held-out verdicts; the arguments are policy ids.

    Returns {"promoted": bool, "reasons": [...], "metrics": {...}}.
    """
    candidates = read_rows(folder, CANDIDATES, SPLITS)
    verdicts = read_rows(folder, VERDICTS, SPLITS)
    ids = [trained, current, initial]
    key = stage_key(
        rows_hash("candidates", candidates),
        rows_hash("verdicts", verdicts),
        config.model_dump(),
        ids,
    )

    def run() -> dict[str, Any]:
        metrics = _metrics(folder, config, candidates, verdicts, trained, current, initial)
        promoted, reasons = promote(config, metrics["decision"], trained == current)
        return {"promoted": promoted, "reasons": reasons, "metrics": metrics}

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
        f"prompts, abstentions counted as losses: the {which} {relation} {config.threshold}"
    )
    return passed, [reason]


def _metrics(
    folder: Path,
    config: GateConfig,
    candidates: list[Row],
    verdicts: list[Row],
    trained: str,
    current: str,
    initial: str,
) -> dict[str, Any]:
    prompts = {row["prompt_id"]: row for row in read_rows(folder, PROMPTS, SPLITS)}
    versus = {"previous": current, "initial": initial}
    contests = {
        (split, name): _contests(prompts, candidates, verdicts, split, trained, other)
        for split in SPLITS
        for name, other in versus.items()
    }
    decision = [contest.outcome for contest in contests["gate", "previous"]]
    metrics: dict[str, Any] = {
        "decision": win_rate(decision, config.confidence, abstain_loses=True)._asdict()
    }
    for split in SPLITS:
        metrics[split] = {
            f"{kind}_vs_{name}": value
            for name in versus
            for kind, value in _rates(contests[split, name], config.confidence).items()
        }
        tagged = [(one.prompt["tags"], one.outcome) for one in contests[split, "previous"]]
        metrics[split]["by_tag_vs_previous"] = by_tag(tagged, config.confidence)
    for name, reference in config.metrics.items():
        metric = load_metric(name, reference)
        metrics[name] = {
            f"win_rate_vs_{other}": _by_metric(contests["test", other], metric, config.confidence)
            for other in versus
        } | {
            f"gate_win_rate_vs_{other}": _by_metric(
                contests["gate", other], metric, config.confidence
            )
            for other in versus
        }
        metrics[name]["mean"] = _mean(contests["test", "initial"], metric, "new")
        metrics[name]["mean_initial"] = _mean(contests["test", "initial"], metric, "other")
    metrics["alarms"] = goodhart(metrics, list(config.metrics))
    return metrics


def _contests(
    prompts: dict[str, Row],
    candidates: list[Row],
    verdicts: list[Row],
    split: str,
    trained: str,
    other: str,
) -> list[Contest]:
    answers = {
        (row["prompt_id"], row["policy_id"]): row for row in candidates if row["split"] == split
    }
    compared = comparisons([row for row in verdicts if row["split"] == split])
    found = []
    for name, prompt in prompts.items():
        new, old = answers.get((name, trained)), answers.get((name, other))
        if prompt["split"] == split and new and old:
            rows = compared.get((new["candidate_id"], old["candidate_id"]), [])
            found.append(Contest(prompt, new, old, _outcome(new, old, rows)))
    return found


def _outcome(new: Row, old: Row, rows: list[Row]) -> str:
    if new["text_hash"] == old["text_hash"]:
        return TIE
    if not rows:
        return ABSTAIN
    return {"a": WIN, "b": LOSS, "tie": TIE}.get(settle(rows).outcome, ABSTAIN)


def _rates(contests: list[Contest], confidence: float) -> dict[str, Any]:
    outcomes = [contest.outcome for contest in contests]
    longer_by = [len(contest.new["text"]) - len(contest.other["text"]) for contest in contests]
    return {
        "win_rate": win_rate(outcomes, confidence)._asdict(),
        "length_controlled_win_rate": length_controlled(outcomes, longer_by),
        "mean_length_difference": sum(longer_by) / len(longer_by) if longer_by else None,
    }


def _by_metric(
    contests: list[Contest], metric: Callable[..., float], confidence: float
) -> dict[str, Any]:
    outcomes = []
    for contest in contests:
        messages = contest.prompt["messages"]
        new = metric(messages, contest.new["text"])
        other = metric(messages, contest.other["text"])
        outcomes.append(WIN if new > other else LOSS if new < other else TIE)
    rate: WinRate = win_rate(outcomes, confidence)
    return rate._asdict()


def _mean(contests: list[Contest], metric: Callable[..., float], side: str) -> float | None:
    values = [
        metric(contest.prompt["messages"], getattr(contest, side)["text"]) for contest in contests
    ]
    return sum(values) / len(values) if values else None
