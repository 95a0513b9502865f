"""A judge that says again what it said: its verdicts on a prompt, by the question they answered."""

from collections.abc import Collection, Iterable
from functools import partial

from endpoints.template import Template
from judge.asking.rows import QUESTIONS, Judge, Juror, Question
from judge.asking.rubric import Rubrics
from judge.config import PYTHON, JudgeConfig, is_endpoint
from rounds.functions import short_reference
from rounds.rows import Verdict

NO_RUBRICS = Rubrics(Template("", "", ""), Template("", "", ""), None)
"""Nothing is asked, so nothing is worded."""

TURNED = {"a": "b", "b": "a"}

Asked = tuple[str | None, ...]
"""What tells one question from another: kind, who is asked, the answers, and their order."""


class NotStored(Exception):
    """A question that nobody was asked: what depends on its answer is not known."""


class Memory:
    """What the judges `names` said on one prompt.

    `said` is what was said again, in the order of the questions, and `missing` what was asked and
    is not stored. Verdicts of the kinds, or by the judges, `without` count as never given.
    """

    def __init__(
        self, rows: Iterable[Verdict], names: Iterable[str], without: Collection[str] = ()
    ) -> None:
        self.said: list[Verdict] = []
        self.missing: list[tuple[str, Question]] = []
        self._rows: dict[Asked, Verdict] = {}
        heard = [name for name in names if name not in without]
        for row in rows:
            name = next((name for name in heard if is_by(name, row["judge_id"])), None)
            if name and not row["repeat"] and row["kind"] not in without:
                for one in (row, turned(row)):
                    self._rows.setdefault(_answered(name, one), one)

    def judge(self, config: JudgeConfig, names: list[str], tau: float, level: int = 0) -> Judge:
        """The judges `names`, who raise NotStored where they were not asked."""
        jury = [Juror(name, None, stored=partial(self._say, name, tau, level)) for name in names]
        writer = None
        if config.writer is not None and not level:
            writer = Juror(config.writer, None, stored=partial(self._say, config.writer, tau, 0))
        return Judge(config, NO_RUBRICS, b"", jury, tau, level, writer)

    def _say(self, name: str, tau: float, level: int, question: Question) -> Verdict:
        stored = self._rows.get(_asked(name, question))
        if stored is None:
            self.missing.append((name, question))
            raise NotStored
        row = stored | {"purpose": question.purpose, "level": level, "threshold": tau}
        self.said.append(row)
        return row


def is_by(name: str, judge_id: str) -> bool:
    """Whether a verdict's judge_id is that of the judge that a config names so."""
    if is_endpoint(name):
        return judge_id.startswith(f"{name}/")
    known = name
    if name.startswith(PYTHON):
        known = PYTHON + short_reference(name.removeprefix(PYTHON))
    return judge_id.rpartition("@")[0] == known


def turned(row: Verdict) -> Verdict:
    """The same answer to the same question where the two candidates change their names."""
    if row["kind"] != "pairwise":
        return row
    probability, criteria = row["probability"], row["criteria"]
    return row | {
        "candidate_a": row["candidate_b"],
        "candidate_b": row["candidate_a"],
        "shown_first": TURNED.get(row["shown_first"] or ""),
        "outcome": TURNED.get(row["outcome"], row["outcome"]),
        "probability": None if probability is None else 1 - probability,
        "criteria": criteria and [one | {"value": -one["value"]} for one in criteria],
    }


def _answered(name: str, row: Verdict) -> Asked:
    if row["shown"]:
        return (row["kind"], name, *row["shown"])
    return row["kind"], name, row["candidate_a"], row["candidate_b"], row["shown_first"]


def _asked(name: str, question: Question) -> Asked:
    if question.shown:
        return (question.kind, name, *(row["candidate_id"] for row in question.shown))
    if question.kind == QUESTIONS:
        return QUESTIONS, name, None, None, None
    b = question.b["candidate_id"] if question.b else None
    return question.kind, name, question.a["candidate_id"], b, question.shown_first
