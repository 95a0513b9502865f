"""One call to the judge to one verdict row."""

from typing import Any, NamedTuple

from endpoints.client import Answer, Ask
from judge.config import JudgeConfig
from judge.rubric import Loaded, Messages, pairwise_messages, pointwise_messages
from judge.verdict import (
    Reading,
    pairwise_schema,
    pointwise_schema,
    read_pairwise,
    read_pointwise,
)
from rounds.ids import digest, text_hash
from rounds.tables import Row


class Judge(NamedTuple):
    """Everything a call needs: how to ask, who answers, by which rubrics."""

    ask: Ask
    config: JudgeConfig
    rubrics: Loaded
    judge_id: str
    secret: bytes


async def score(judge: Judge, prompt: Row, candidate: Row) -> Row:
    """Ask how good one candidate is; a row of kind pointwise."""
    rubric, scale = judge.rubrics.pointwise, judge.config.scale
    messages = pointwise_messages(rubric, judge.secret, prompt["messages"], candidate["text"])
    answer = await _ask(judge, messages, pointwise_schema(scale), rubric.text)
    reading = _reading(answer, lambda text: read_pointwise(text, scale))
    outcome = "abstain" if reading.reason else "scored"
    row = _row(judge, prompt, "pointwise", candidate, None, None, rubric.text, answer, reading)
    return {**row, "outcome": outcome, "score": _number(reading.value)}


async def compare(judge: Judge, prompt: Row, a: Row, b: Row, shown_first: str) -> Row:
    """Ask which of two candidates is better, in one order; a row of kind pairwise."""
    rubric = judge.rubrics.pairwise
    first, second = (a, b) if shown_first == "a" else (b, a)
    messages = pairwise_messages(
        rubric, judge.secret, prompt["messages"], first["text"], second["text"]
    )
    answer = await _ask(judge, messages, pairwise_schema(), rubric.text)
    reading = _reading(answer, read_pairwise)
    names = {"A": "a", "B": "b"} if shown_first == "a" else {"A": "b", "B": "a"}
    outcome = "abstain" if reading.reason else names.get(str(reading.value), "tie")
    row = _row(judge, prompt, "pairwise", a, b, shown_first, rubric.text, answer, reading)
    return {**row, "outcome": outcome, "score": None}


async def _ask(judge: Judge, messages: Messages, schema: dict[str, Any], rubric: str) -> Answer:
    body = {"messages": messages, "response_format": schema, **judge.config.sampling}
    return await judge.ask(body, text_hash(rubric))


def _reading(answer: Answer, read: Any) -> Reading:
    if answer.failure is not None:
        return Reading(None, None, answer.failure)
    reading: Reading = read(answer.text)
    return reading


def _row(
    judge: Judge,
    prompt: Row,
    kind: str,
    a: Row,
    b: Row | None,
    shown_first: str | None,
    rubric: str,
    answer: Answer,
    reading: Reading,
) -> Row:
    ids = [a["candidate_id"], b["candidate_id"] if b else None]
    return {
        "verdict_id": digest("verdict", judge.judge_id, text_hash(rubric), kind, *ids, shown_first),
        "prompt_id": prompt["prompt_id"],
        "split": prompt["split"],
        "kind": kind,
        "candidate_a": ids[0],
        "candidate_b": ids[1],
        "shown_first": shown_first,
        "reason": reading.reason,
        "probability": None,
        "rationale": reading.rationale,
        "raw_text": answer.text or answer.detail,
        "judge_id": judge.judge_id,
        "rubric_hash": text_hash(rubric),
        "request_key": answer.key,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "cost": answer.cost,
    }


def _number(value: str | int | None) -> float | None:
    return float(value) if isinstance(value, int) else None
