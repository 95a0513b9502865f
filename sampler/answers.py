"""One prompt answered by every source that is asked about it, whatever engine draws."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from rounds.ids import text_hash
from rounds.tables import Row
from sampler.requests import PromptRequest, SourceRequest, candidate_id
from sampler.revise import Messages, ask_critique, ask_revision, principle_for
from sampler.writers import Writer

CRITIQUES = 2048
"""Candidates draw from the lower half of a prompt's seeds, critiques from the upper."""


class Drawn(NamedTuple):
    """What a model wrote; token ids and log-probability (nats, summed) where they are known."""

    text: str
    finish_reason: str
    n_tokens: int | None
    token_ids: list[int] | None = None
    logprob: float | None = None


Draw = Callable[[Writer, Messages, int, int, int], Awaitable[list[Drawn | str]]]
"""draw(source, messages, seed, first, n): n texts that draw from seed + first, seed + first + 1 and
so on, each a str where there is none, saying why."""


class AnsweredPrompt(NamedTuple):
    """The candidates that were written for a prompt, and why there is none if so."""

    prompt_id: str
    rows: list[Row]
    reason: str | None


async def answer_prompt(
    asked: PromptRequest, sources: Mapping[str, Writer], draw: Draw
) -> AnsweredPrompt:
    """Everything that the sources write about a prompt; `known` rows can be revised as well.

    An answer whose critique or revision does not come about has no revision.
    """
    plain = [one for one in asked.requests if not sources[one.source].revises]
    drawn = await asyncio.gather(
        *(draw(sources[one.source], asked.messages, asked.seed, one.first, one.n) for one in plain)
    )
    written: dict[str, list[Row]] = {}
    for row in asked.known:
        written.setdefault(row["source"], []).append(row)
    reasons: list[str] = []
    for request, texts in zip(plain, drawn, strict=True):
        source = sources[request.source]
        written[source.name] = [
            _row(asked, source, request.first + place, text)
            for place, text in enumerate(texts)
            if isinstance(text, Drawn)
        ]
        reasons += [text for text in texts if isinstance(text, str)]
    for request in asked.requests:
        source = sources[request.source]
        if source.revises:
            answers = written.get(source.revises, [])
            found = await asyncio.gather(
                *(_revised(asked, request, source, sources, row, draw) for row in answers)
            )
            written[source.name] = [row for row in found if row is not None]
    names = {one.source for one in asked.requests}
    rows = [row for name, of_source in written.items() if name in names for row in of_source]
    return AnsweredPrompt(asked.prompt_id, rows, None if rows else reasons[-1] if reasons else None)


async def _revised(
    asked: PromptRequest,
    request: SourceRequest,
    source: Writer,
    sources: Mapping[str, Writer],
    row: Row,
    draw: Draw,
) -> Row | None:
    """The revision of an answer, which is kept whatever it is: cut off, empty or the same again."""
    assert source.recipe is not None and source.revises is not None, "a reviser has its texts"
    index = request.first + row["index"] - sources[source.revises].first
    principle = principle_for(source.recipe, row["candidate_id"])
    question = ask_critique(asked.messages, row["text"], source.recipe, principle)
    (critique,) = await draw(source, question, asked.seed, CRITIQUES + index, 1)
    if isinstance(critique, str):
        return None
    again = ask_revision(question, critique.text, source.recipe, principle)
    (text,) = await draw(source, again, asked.seed, index, 1)
    if isinstance(text, str):
        return None
    # sampled under another prompt: the tokens are the text's own, their log-probability is not
    # that of the answer
    revised = _row(asked, source, index, text._replace(logprob=None))
    return {**revised, "revised_from": row["candidate_id"], "critique": critique.text}


def _row(asked: PromptRequest, source: Writer, index: int, drawn: Drawn) -> Row:
    assert source.policy is not None, "a reference is not sampled"
    own = source.own_tokens
    return {
        "candidate_id": candidate_id(asked, source, index),
        "prompt_id": asked.prompt_id,
        "split": asked.split,
        "policy_id": source.policy.policy_id,
        "index": index,
        "text": drawn.text,
        "text_hash": text_hash(drawn.text),
        "token_ids": drawn.token_ids if own else None,
        "n_tokens": drawn.n_tokens,
        "logprob": drawn.logprob if own else None,
        "finish_reason": drawn.finish_reason,
        "seed": asked.seed,
        "source": source.name,
        "revised_from": None,
        "critique": None,
    }
