"""Who judges, what is asked, and the verdict row that a question leaves."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from endpoints.hostile import flags
from endpoints.reply import Ask, Reply
from endpoints.template import Template
from judge.asking.reply import ParsedReply
from judge.asking.rubric import Rubrics
from judge.config import JudgeConfig
from rounds.ids import digest, text_hash
from rounds.rows import Candidate, Prompt, Verdict

QUESTIONS, ANSWERS = "questions", "answers"
"""The kinds of rows of questions that were written, and of those answered from a summary."""

Rule = Callable[[Prompt, Candidate, Candidate | None], str | float | None]
"""From a prompt and two candidates to an outcome, from one candidate (b is None) to a score; None
is no verdict."""


class Juror(NamedTuple):
    """Someone who judges: an endpoint that is asked, a rule that needs no asking, or what was said
    before (`judge.stored`)."""

    judge_id: str
    ask: Ask | None
    rule: Rule | None = None
    stored: "Stored | None" = None


class Judge(NamedTuple):
    """Everything a call needs: who answers, by which rubrics, how sure one has to be."""

    config: JudgeConfig
    rubrics: Rubrics
    secret: bytes
    jury: list[Juror]
    tau: float = 0.5
    level: int = 0
    writer: Juror | None = None
    """Who writes the questions of the strategy of that name."""
    paid_before: frozenset[str] = frozenset()
    """Keys of calls that an earlier round has paid for."""


class Question(NamedTuple):
    """One call: about which candidates, in which order, what for."""

    kind: str
    prompt: Prompt
    a: Candidate
    b: Candidate | None
    shown_first: str | None
    purpose: str
    repeat: int = 0
    shown: list[Candidate] | None = None


Stored = Callable[[Question], Verdict]
"""The row that a question left before."""


def unasked(judge: Judge, juror: Juror, question: Question) -> Verdict | None:
    """The row of a juror that is not asked; None where it is to be."""
    if juror.stored is not None:
        return juror.stored(question)
    return rule_row(judge, juror, question) if juror.rule is not None else None


def rule_row(judge: Judge, juror: Juror, question: Question) -> Verdict:
    """The row of a juror that is not asked: no call, no tokens."""
    assert juror.rule is not None, "a juror asks or has a rule"
    no_reply, nothing_read = Reply("", "", None), ParsedReply(None, None, None)
    row = verdict_row(judge, juror, question, None, no_reply, nothing_read)
    value = juror.rule(question.prompt, question.a, question.b)
    if value is None:
        return row | {"reason": "not_judged"}
    if isinstance(value, str):
        return row | {"outcome": value}
    return row | {"outcome": "scored", "score": value}


def verdict_row(
    judge: Judge,
    juror: Juror,
    question: Question,
    rubric: Template | None,
    reply: Reply,
    parsed: ParsedReply,
) -> Verdict:
    """The row as it stands without a verdict: an abstention."""
    shown = [row["candidate_id"] for row in question.shown] if question.shown else None
    a, b = question.a["candidate_id"], question.b["candidate_id"] if question.b else None
    ids: Sequence[str | None] = shown or [a, b]
    rubric_hash = text_hash(rubric.text) if rubric else None
    call = [juror.judge_id, rubric_hash, question.kind, *ids, question.shown_first, question.repeat]
    return {
        "verdict_id": digest("verdict", *call),
        "prompt_id": question.prompt["prompt_id"],
        "split": question.prompt["split"],
        "kind": question.kind,
        "candidate_a": None if shown else a,
        "candidate_b": None if shown else b,
        "shown_first": question.shown_first,
        "outcome": "abstain",
        "reason": parsed.reason,
        "score": None,
        "probability": None,
        "rationale": parsed.rationale,
        "raw_text": reply.text or reply.detail,
        "judge_id": juror.judge_id,
        "rubric_hash": rubric_hash,
        "request_key": reply.key,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "cost": reply.cost,
        "purpose": question.purpose,
        "level": judge.level,
        "threshold": judge.tau,
        "criteria": None,
        "shown": shown,
        "ranking": None,
        "repeat": question.repeat,
        "flags": _flags(question, rubric.own if rubric else ()),
        "cached_tokens": reply.cached_tokens,
        "estimated": reply.estimated,
    }


def _flags(question: Question, own: tuple[str, ...]) -> list[str]:
    """What was escaped, and where: prompt, a, b, or the place in a list."""
    texts = {"prompt": "\n".join(turn["content"] for turn in question.prompt["messages"])}
    if question.kind == ANSWERS:  # the article is not shown
        texts = {}
    if question.shown:
        texts |= {str(place): row["text"] for place, row in enumerate(question.shown)}
    else:
        texts |= {"a": question.a["text"]} | ({"b": question.b["text"]} if question.b else {})
    return [f"{where}:{flag}" for where, text in texts.items() for flag in flags(text, own)]
