"""Summaries by the questions that they answer: written once an article, answered from each alone.

A summary's score is two points for every question that is answered right from it, and up to one
for brevity: 1 - words / words of the longest. So what answers more is always ahead, by one point at
least, and among equals what is shorter.
"""

import asyncio
from typing import Any

from endpoints.dialect import with_schema
from endpoints.hostile import neutralize
from endpoints.template import fence, fill, nonce
from judge.asking.channel import Request, ask
from judge.asking.reply import Choice, Menu, ParsedReply
from judge.asking.rows import ANSWERS, QUESTIONS, Judge, Question, unasked, verdict_row
from judge.asking.rubric import conversation
from judge.asking.written import (
    Written,
    enough,
    read_written,
    which_hold,
    with_options,
    writing_form,
)
from rounds.ids import text_hash
from rounds.rows import Candidate, Criterion, Prompt, Verdict, written_candidate
from texts.normal import words

NOT_STATED = "not stated"
"""What is said of a question that the summary does not answer: never right."""

POINTS = 2.0
"""Of a question answered right: more than brevity can ever give."""


async def by_questions(judge: Judge, prompt: Prompt, summaries: list[Candidate]) -> list[Verdict]:
    """The row of the questions and, where enough of them hold, one of each summary's answers.

    All of purpose screen. Without questions there is the first row alone, an abstention.
    """
    row, asked = await _write(judge, prompt)
    if not asked:
        return [row]
    longest = max(len(words(summary["text"])) for summary in summaries)
    calls = [_answer(judge, prompt, summary, asked, longest) for summary in summaries]
    return [row, *await asyncio.gather(*calls)]


def writing_body(judge: Judge, prompt: Prompt) -> dict[str, Any]:
    """The chat-completion arguments of the call for questions about a prompt's article."""
    template = judge.rubrics.write
    assert template is not None, "the strategy questions has its templates"
    asked, article = judge.config.asked, conversation(prompt["messages"], template.own)
    messages = fill(template, {"prompt": article, "n": str(asked.n)})
    form = writing_form(asked.n)
    if "response_format" in asked.sampling:  # null: the question alone says what is wanted
        messages = with_schema(messages, form["json_schema"]["schema"])
        return {"messages": messages, **asked.arguments}
    return {"messages": messages, "response_format": form, **asked.arguments}


def answer_request(judge: Judge, summary: str, asked: list[Written]) -> Request:
    """The call for the answers: the summary and the questions, and nothing of the article."""
    template = judge.rubrics.answer
    assert template is not None, "the strategy questions has its templates"
    shown = "\n\n".join(
        neutralize(
            "\n".join(
                [
                    f"question_{number}: {_on_a_line(one.question)}",
                    *(f"  {letter}: {_on_a_line(text)}" for letter, text in one.options.items()),
                    f"  {NOT_STATED}",
                ]
            ),
            template.own,
        )
        for number, one in enumerate(asked, 1)
    )
    key = nonce(judge.secret, ANSWERS, shown, summary)
    fenced = fence("A", summary, key, template.own)
    menus: dict[str, Menu] = {
        f"question_{number}": Choice({word: word for word in (*one.options, NOT_STATED)})
        for number, one in enumerate(asked, 1)
    }
    return Request(fill(template, {"questions": shown, "answer": fenced}), template, menus)


async def _write(judge: Judge, prompt: Prompt) -> tuple[Verdict, list[Written]]:
    """The row of a prompt's questions, and those that hold; none where the row abstains.

    `criteria` says of each whether it holds. The endpoint sees the same call in every round, which
    the journal answers after the first.
    """
    writer, n = judge.writer, judge.config.asked.n
    assert writer is not None, "the strategy questions has a writer"
    nothing = written_candidate(
        prompt["prompt_id"], prompt["prompt_id"], prompt["split"], 0, "", QUESTIONS
    )
    question = Question(QUESTIONS, prompt, nothing, None, None, "screen")
    row = unasked(judge, writer, question)
    if row is None:
        template = judge.rubrics.write
        assert template is not None and writer.ask is not None, "an endpoint writes them"
        reply = await writer.ask(writing_body(judge, prompt), text_hash(template.text))
        parsed = ParsedReply(None, None, reply.failure)
        row = verdict_row(judge, writer, question, template, reply, parsed)
        row |= {"candidate_a": None}
        row = _paid_once(judge, row)
    if row["outcome"] == "abstain" and row["reason"]:
        return row, []
    drafts = read_written(row["raw_text"], n)
    if isinstance(drafts, str):
        return row | {"outcome": "abstain", "reason": drafts}, []
    held = which_hold(drafts, prompt["messages"])
    criteria: list[Criterion] = [
        {"name": f"question {number}", "value": float(holds)}
        for number, holds in enumerate(held, 1)
    ]
    row |= {"criteria": criteria}
    if not enough(held):
        return row | {"outcome": "abstain", "reason": "questions_do_not_hold"}, []
    return row | {"outcome": "written"}, with_options(drafts, held, prompt["prompt_id"])


async def _answer(
    judge: Judge, prompt: Prompt, summary: Candidate, asked: list[Written], longest: int
) -> Verdict:
    """The row of a summary's answers: its score, and of each question whether it is right."""
    juror, question = judge.jury[0], Question(ANSWERS, prompt, summary, None, None, "screen")
    if (row := unasked(judge, juror, question)) is not None:
        return row
    request = answer_request(judge, summary["text"], asked)
    reply = await ask(judge, juror, request, 0)
    row = verdict_row(judge, juror, question, request.rubric, reply.reply, reply.parsed)
    row = _paid_once(judge, row)  # a policy's held-out answers stand in the rounds after it as well
    if reply.parsed.values is None:
        return row
    said = reply.parsed.values
    criteria: list[Criterion] = [
        {"name": f"question {number}", "value": float(said[f"question_{number}"] == one.right)}
        for number, one in enumerate(asked, 1)
    ]
    right = sum(one["value"] for one in criteria)
    brevity = 1 - len(words(summary["text"])) / max(longest, 1)
    return row | {
        "outcome": "scored",
        "score": POINTS * right + brevity,
        "criteria": criteria,
    }


def _paid_once(judge: Judge, row: Verdict) -> Verdict:
    """A row without what its call took, where an earlier round has paid for that."""
    if row["request_key"] not in judge.paid_before:
        return row
    row |= {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0, "cached_tokens": 0}
    return row | {"estimated": False}


def _on_a_line(text: str) -> str:
    return " ".join(text.split())
