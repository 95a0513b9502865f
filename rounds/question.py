"""The question whether a round's new policy is better, put to people beside the judge: where it
stands, in figures and in words.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rounds.contests import Contest, contests_between
from rounds.deciding import Rule, Standing, standing
from rounds.drawn import Drawn, draw_order
from rounds.files import read_json
from rounds.folder import read_manifest, read_round_start
from rounds.people import Opinion
from rounds.prediction_powered import Estimate
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.tables import read_rows

NAME = "gate"
"""What labels of the gate are called where the config names none."""


class Question(NamedTuple):
    """The contests that decide, the order in which people are asked, and the rule."""

    contests: list[Contest]
    order: list[Drawn]
    rule: Rule

    def standing(self, said: Mapping[frozenset[str], Opinion]) -> Standing:
        """Where it stands with what people say (rounds.people.opinions)."""
        return standing(self.contests, self.order, said, self.rule)


def ask(contests: list[Contest], seed: int, gate: Mapping[str, Any]) -> Question:
    """The question of these contests; `seed` is the run's, `gate` the section of its config."""
    return Question(contests, draw_order(contests, seed), rule_of(gate))


def rule_of(gate: Mapping[str, Any]) -> Rule:
    """When a question is decided by the `gate` section of a config."""
    people, usual = gate.get("people") or {}, Rule()
    return Rule(
        gate.get("threshold", usual.threshold),
        gate.get("must_exceed", "low") == "low",
        gate.get("confidence", usual.confidence),
        people.get("min_n", usual.least),
        people.get("most", usual.most),
    )


def question_of(folder: Path, gate: Mapping[str, Any]) -> Question | None:
    """The question of a round, finished or under way; None where it has no held-out verdicts on a
    trained policy yet.
    """
    start, manifest = read_round_start(folder), read_manifest(folder)
    path = folder / "work" / "trained.json"
    trained = manifest["trained"] if manifest else read_json(path) if path.exists() else None
    verdicts = read_rows(folder, VERDICTS, ["gate"])
    if trained is None or not verdicts:
        return None
    contests = contests_between(
        read_rows(folder, PROMPTS, ["gate"]),
        read_rows(folder, CANDIDATES, ["gate"]),
        verdicts,
        trained["policy_id"],
        start["policy"]["policy_id"],
    )
    return ask(contests, start["seed"], gate)


def figures(question: Question, now: Standing) -> dict[str, Any]:
    """Judge alone, people alone, and both, each with interval and n, and what else there is to say
    of a standing: for metrics.json, a round that waits, and pages.
    """
    both = now.both and {
        **_rate(now.both, now.level, len(now.used)),
        "tuning": now.both.tuning,
    }
    return {
        "decision": now.decision,
        "level": now.level,
        "look": now.look,
        "looks": now.looks,
        "judge": _rate(now.judge, now.level, len(question.contests)),
        "people": now.people and _rate(now.people, now.level, len(now.used)),
        "both": both,
        "answered": now.answered,
        "missing": now.missing,
        "needed": now.needed,
        "skipped": now.skipped,
        "contradicted": now.contradicted,
        "by": dict(sorted(Counter(by for opinion in now.used for by in opinion.by).items())),
        "label_ids": [name for opinion in now.used for name in opinion.label_ids],
    }


def missing_text(now: Standing) -> str:
    """How many labels an undecided question waits for, and how many are likely to settle it."""
    labels = f"{now.missing} more label{'' if now.missing == 1 else 's'} by people"
    if now.both is None or now.needed == now.missing:
        return labels
    if now.needed is None:
        close = "for it is close, and even these may not settle it"
        return f"{labels}, up to {now.looks[-1]} in all, {close}"
    return f"{labels}, and about {now.needed} to settle it"


def _rate(estimate: Estimate, level: float, n: int) -> dict[str, Any]:
    low, high = estimate.interval(level)
    return {"value": estimate.value, "low": low, "high": high, "n": n}
