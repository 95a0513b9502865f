"""One prompt answered by every writer that is asked about it, whatever engine draws."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from rounds.ids import text_hash
from rounds.rows import Candidate, Messages
from sampler.config import MAX_CANDIDATES
from sampler.requests import PromptRequest, WriterRequest, candidate_id, reading_id
from sampler.revise import critique_messages, principle_for, revision_messages
from sampler.writers import Writer


class Completion(NamedTuple):
    """What a model wrote; token ids and log-probability (nats, summed) where they are known."""

    text: str
    finish_reason: str
    n_tokens: int | None
    token_ids: list[int] | None = None
    logprob: float | None = None
    prompt_token_ids: list[int] | None = None


Draw = Callable[[Writer, Messages, int, int, int], Awaitable[list[Completion | str]]]
"""draw(writer, messages, seed, first_index, n): n texts that draw from seed + first_index,
seed + first_index + 1 and so on, each a str where there is none, saying why. Of a writer that
reads, the last of the messages is the text, and comes back with its tokens and log-probability."""


class AnsweredPrompt(NamedTuple):
    """The candidates that were written for a prompt, and for each that was not its writer and why
    not.
    """

    prompt_id: str
    candidates: list[Candidate]
    failures: list[tuple[str, str]]


async def answer_prompt(
    request: PromptRequest, writers: Mapping[str, Writer], draw: Draw
) -> AnsweredPrompt:
    """Everything that the writers write about a prompt; `existing` candidates can be revised too.

    An answer whose critique or revision does not come about has no revision, for the same reason.
    """
    by_writer: dict[str, list[Candidate]] = {}
    for row in request.existing:
        by_writer.setdefault(row["source"], []).append(row)
    failures: list[tuple[str, str]] = []
    answering = [one for one in request.writer_requests if not writers[one.writer].revises]
    completions = await asyncio.gather(
        *(
            draw(writers[one.writer], request.messages, request.seed, one.first_index, one.n)
            for one in answering
        )
    )
    for wanted, drawn in zip(answering, completions, strict=True):
        by_writer[wanted.writer] = [
            _candidate(request, writers[wanted.writer], index, completion)
            for index, completion in enumerate(drawn, start=wanted.first_index)
            if isinstance(completion, Completion)
        ]
        failures += [(wanted.writer, reason) for reason in drawn if isinstance(reason, str)]
    for wanted in request.writer_requests:
        original = writers[wanted.writer].revises
        if writers[wanted.writer].reads:
            read = await asyncio.gather(
                *(
                    _read(request, writers[wanted.writer], row, draw)
                    for row in by_writer.get(str(original), [])
                )
            )
            by_writer[wanted.writer] = [row for row in read if not isinstance(row, str)]
            failures += [(wanted.writer, reason) for reason in read if isinstance(reason, str)]
        elif original is not None:
            revisions = await asyncio.gather(
                *(
                    _revision(request, wanted, writers, row, draw)
                    for row in by_writer.get(original, [])
                )
            )
            by_writer[wanted.writer] = [row for row in revisions if not isinstance(row, str)]
            failures += [(wanted.writer, reason) for reason in revisions if isinstance(reason, str)]
    names = {wanted.writer for wanted in request.writer_requests}
    rows = [row for name, written in by_writer.items() if name in names for row in written]
    return AnsweredPrompt(request.prompt_id, rows, failures)


async def _revision(
    request: PromptRequest,
    wanted: WriterRequest,
    writers: Mapping[str, Writer],
    answer: Candidate,
    draw: Draw,
) -> Candidate | str:
    """The revision of an answer, which is kept whatever it is: cut off, empty or the same again; or
    why there is none.

    Its critique draws from the upper half of the prompt's seeds.
    """
    writer = writers[wanted.writer]
    constitution, original = writer.constitution, writer.revises
    assert constitution is not None and original is not None, "a reviser has its texts"
    index = wanted.first_index + answer["index"] - writers[original].first_index
    principle = principle_for(constitution, answer["candidate_id"])
    question = critique_messages(request.messages, answer["text"], constitution, principle)
    (critique,) = await draw(writer, question, request.seed, MAX_CANDIDATES + index, 1)
    if isinstance(critique, str):
        return f"no critique: {critique}"
    conversation = revision_messages(question, critique.text, constitution, principle)
    (revised,) = await draw(writer, conversation, request.seed, index, 1)
    if isinstance(revised, str):
        return revised
    # sampled under another prompt: the tokens are the text's own, their log-probability and the
    # prompt are not those of the answer
    row = _candidate(request, writer, index, revised._replace(logprob=None, prompt_token_ids=None))
    return {**row, "revised_from": answer["candidate_id"], "critique": critique.text}


async def _read(
    request: PromptRequest, writer: Writer, given: Candidate, draw: Draw
) -> Candidate | str:
    """A text that is given, with its tokens and how likely they are; or why that is not known."""
    assert writer.policy is not None, "a reference does not read"
    conversation = [*request.messages, {"role": "assistant", "content": given["text"]}]
    (read,) = await draw(writer, conversation, request.seed, given["index"], 1)
    if isinstance(read, str):
        return read
    row = _candidate(request, writer, given["index"], read)
    name = reading_id(request.prompt_id, writer.policy.policy_id, given["text_hash"])
    return {**row, "candidate_id": name}


def _candidate(
    request: PromptRequest, writer: Writer, index: int, completion: Completion
) -> Candidate:
    assert writer.policy is not None, "a reference is not sampled"
    own = writer.own_tokens
    return {
        "candidate_id": candidate_id(request, writer, index),
        "prompt_id": request.prompt_id,
        "split": request.split,
        "policy_id": writer.policy.policy_id,
        "index": index,
        "text": completion.text,
        "text_hash": text_hash(completion.text),
        "token_ids": completion.token_ids if own else None,
        "n_tokens": completion.n_tokens,
        "logprob": completion.logprob if own else None,
        "finish_reason": completion.finish_reason,
        "seed": request.seed,
        "source": writer.name,
        "revised_from": None,
        "critique": None,
        "prompt_token_ids": completion.prompt_token_ids if own else None,
    }
