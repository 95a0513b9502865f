"""The gate stage: verdicts on held-out answers to win rates and a decision."""

from pathlib import Path
from typing import Any, NamedTuple

from gate.alarms import goodhart
from gate.collapse import answers_beside, collapse_alarm
from gate.config import GateConfig
from gate.measures import OPPONENTS, Contests, by_metric, win_rates
from gate.metrics import load_metric
from gate.people import ask_people, people_said, said_key
from gate.questions import questions_answered
from gate.rules import Rule, other_rules, unanswered_rule, win_rate_rule
from gate.suites import all_figures, load_score
from rounds.contests import contests_between
from rounds.early import Early, Stop, in_order, stopped, worth
from rounds.folder import read_round_start
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, SUITES, VERDICTS, Candidate
from rounds.stages import run_stage, stage_key
from rounds.tables import iter_rows, read_rows, rows_hash

UNCHANGED = "training left the weights as they were"


class Taken(NamedTuple):
    """Figures that are taken as they were measured, and not measured again."""

    custom: dict[str, Any]
    suites: dict[str, Any]


def decide(
    folder: Path,
    config: GateConfig,
    trained: str,
    current: str,
    initial: str,
    kl: float | None = None,
    taken: Taken | None = None,
) -> dict[str, Any]:
    """Judge the policy `trained` by its held-out verdicts and the answers to suites; the arguments
    are policy ids. `kl` is how far it is from its reference, in nats a token, where that is known.

    Returns {"promoted": bool, "reasons": [...], "metrics": {...}}; the reasons are the win rate's
    and those of every other rule that refuses. With `taken`, no function of the user's is called.
    Raises UserError for a metric or a score of the user's that is not there, fails or gives no
    number, and Waiting where people are to decide with the judge and have labelled too little.
    """
    candidates = read_rows(folder, CANDIDATES, HELD_OUT)
    verdicts = read_rows(folder, VERDICTS, HELD_OUT)
    answers = read_rows(folder, SUITES) if config.suites and taken is None else []
    custom = config.metrics if taken is None else {}
    metrics = {name: load_metric(name, reference) for name, reference in custom.items()}
    suites = config.suites if taken is None else {}
    scores = {name: load_score(name, suite) for name, suite in suites.items()}
    sources = [metric.function.source for metric in metrics.values()]
    sources += [source for _, source in scores.values()]
    said = people_said(folder, config.people, candidates) if config.people else {}
    key = stage_key(
        rows_hash("candidates", candidates),
        rows_hash("verdicts", verdicts),
        config.decides_by(),
        [trained, current, initial],
        *([sources] if sources else []),
        *([said_key(said)] if config.people else []),
        *([rows_hash("suites", answers)] if answers else []),
        *([kl] if config.kl_at_most is not None else []),
    )

    def run() -> dict[str, Any]:
        contests: Contests = {
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
        early = config.early(read_round_start(folder)["seed"])
        asked, stop = asked_about(contests, early)
        measured = win_rates(contests, asked, config, stop)
        policies = {"new": trained, "previous": current, "initial": initial}
        for split in HELD_OUT:
            of_split = [row for row in candidates if row["split"] == split]
            if found := questions_answered(of_split, verdicts, policies, config.confidence):
                measured[split]["questions"] = found
        measured["custom"] = (
            {name: by_metric(contests, one, config.confidence) for name, one in metrics.items()}
            if taken is None
            else taken.custom
        )
        against_first = [each for split in HELD_OUT for each in contests[split, "initial"]]
        measured["answers"] = answers_beside(against_first)
        measured["alarms"] = goodhart(measured, metrics) + collapse_alarm(measured["answers"])
        if config.suites and trained != current:
            by_name = {name: score for name, (score, _) in scores.items()}
            measured["suites"] = (
                all_figures(config.suites, by_name, answers, trained, current, config.confidence)
                if taken is None
                else taken.suites
            )
        if trained == current:
            return {"promoted": False, "reasons": [UNCHANGED], "metrics": measured}
        first = win_rate_rule(config, measured)
        if config.people and contests["gate", "previous"]:
            promoted, reason, measured["people"] = ask_people(
                folder, config, contests["gate", "previous"], said
            )
            first = Rule("people", promoted, reason)
        left = _left_unanswered(folder, candidates, trained, current)
        rules = [first, *unanswered_rule(config, asked["gate", "previous"], left)]
        rules += other_rules(config, measured, kl)
        if len(rules) > 1:
            measured["rules"] = [rule._asdict() for rule in rules]
        return {
            "promoted": all(rule.holds for rule in rules),
            "reasons": [first.reason, *(rule.reason for rule in rules[1:] if not rule.holds)],
            "metrics": measured,
        }

    return run_stage(folder, "gate", key, run)


def _left_unanswered(folder: Path, candidates: list[Candidate], trained: str, current: str) -> int:
    """The gate prompts that the policy in place has answered, and that were set aside in this
    round because the trained policy has not.
    """
    answered = {(row["prompt_id"], row["policy_id"]) for row in candidates}
    return sum(
        row["set_aside"] is not None
        and (row["prompt_id"], current) in answered
        and (row["prompt_id"], trained) not in answered
        for row in iter_rows(folder, PROMPTS, ["gate"], ["prompt_id", "set_aside"])
    )


def asked_about(contests: Contests, early: Early | None) -> tuple[Contests, Stop | None]:
    """The contests that were asked about, and where a gate that may stop early has stopped.

    The gate split's are then in the order in which they were asked; a prompt that came after the
    stop is none that the judge abstained on.
    """
    if early is None:
        return contests, None
    deciding = {one.prompt["prompt_id"]: one for one in contests["gate", "previous"]}
    order = in_order(deciding, early.seed)
    values = [worth(deciding[name].outcome) for name in order]
    stop = stopped(values, early, len(order))
    assert stop is not None, "with all values there is an end"
    first = order[: stop.asked]

    def only(some: list[Any]) -> list[Any]:
        of = {one.prompt["prompt_id"]: one for one in some}
        return [of[name] for name in first if name in of]

    return {key: only(some) if key[0] == "gate" else some for key, some in contests.items()}, stop
