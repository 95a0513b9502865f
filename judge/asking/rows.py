"""Who judges, what is asked, and the verdict row that a call leaves."""

from collections.abc import Callable
from typing import NamedTuple

from endpoints.hostile import flags
from endpoints.reply import Ask, Reply
from endpoints.template import Template
from judge.asking.reply import Reading
from judge.asking.rubric import Rubrics
from judge.config import JudgeConfig
from rounds.ids import digest, text_hash
from rounds.tables import Row


class Juror(NamedTuple):
    """Someone who judges: an endpoint that is asked, or a rule that needs no asking.

    `rule` takes (prompt, a, b or None) and returns an outcome or a score, or None for no verdict.
    """

    judge_id: str
    ask: Ask | None
    rule: Callable[[Row, Row, Row | None], str | float | None] | None = None


class Judge(NamedTuple):
    """Everything a call needs: who answers, by which rubrics, how sure one has to be."""

    config: JudgeConfig
    rubrics: Rubrics
    secret: bytes
    jury: list[Juror]
    tau: float = 0.5
    level: int = 0


class Question(NamedTuple):
    """One call: about which candidates, in which order, what for."""

    kind: str
    prompt: Row
    a: Row
    b: Row | None
    shown_first: str | None
    purpose: str
    repeat: int = 0
    shown: list[Row] | None = None


def ruled_row(judge: Judge, voice: Juror, question: Question) -> Row:
    """The row of a voice that is not asked: no call, no tokens."""
    row = verdict_row(judge, voice, question, None, Reply("", "", None), Reading(None, None, None))
    assert voice.rule is not None, "a voice asks or has a rule"
    value = voice.rule(question.prompt, question.a, question.b)
    if value is None:
        return row | {"reason": "not_judged"}
    if isinstance(value, str):
        return row | {"outcome": value}
    return row | {"outcome": "scored", "score": value}


def verdict_row(
    judge: Judge,
    voice: Juror,
    question: Question,
    rubric: Template | None,
    answer: Reply,
    reading: Reading,
) -> Row:
    """The row as it stands without a verdict: an abstention."""
    shown = [row["candidate_id"] for row in question.shown] if question.shown else None
    ids = shown or [question.a["candidate_id"], question.b and question.b["candidate_id"]]
    hashed = text_hash(rubric.text) if rubric else None
    named = [voice.judge_id, hashed, question.kind, *ids, question.shown_first, question.repeat]
    return {
        "verdict_id": digest("verdict", *named),
        "prompt_id": question.prompt["prompt_id"],
        "split": question.prompt["split"],
        "kind": question.kind,
        "candidate_a": None if shown else ids[0],
        "candidate_b": None if shown else ids[1],
        "shown_first": question.shown_first,
        "outcome": "abstain",
        "reason": reading.reason,
        "score": None,
        "probability": None,
        "rationale": reading.rationale,
        "raw_text": answer.text or answer.detail,
        "judge_id": voice.judge_id,
        "rubric_hash": hashed,
        "request_key": answer.key,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "cost": answer.cost,
        "purpose": question.purpose,
        "level": judge.level,
        "threshold": judge.tau,
        "criteria": None,
        "shown": shown,
        "ranking": None,
        "repeat": question.repeat,
        "flags": _flags(question),
    }


def _flags(question: Question) -> list[str]:
    """What was escaped, and where: prompt, a, b, or the place in a list."""
    texts = {"prompt": "\n".join(turn["content"] for turn in question.prompt["messages"])}
    if question.shown:
        texts |= {str(place): row["text"] for place, row in enumerate(question.shown)}
    else:
        texts |= {"a": question.a["text"]} | ({"b": question.b["text"]} if question.b else {})
    return [f"{where}:{flag}" for where, text in texts.items() for flag in flags(text)]
