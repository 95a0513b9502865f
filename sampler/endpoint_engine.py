"""Candidates from models served elsewhere: any OpenAI-compatible endpoint, journalled."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

from endpoints.client import asking
from endpoints.concurrency import run_concurrently
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import Ask, EndpointLost, Reply
from rounds.folder import run_of
from rounds.rows import Messages
from rounds.stages import Progress
from rounds.usage import AMOUNTS, NEVER_SENT
from rounds.weights import served_model
from sampler.answers import AnsweredPrompt, Completion, answer_prompt
from sampler.chunks import ChunkReader, ChunkWriter
from sampler.requests import PromptRequest, PromptRequests
from sampler.writers import Writer

USAGE = ("calls", *AMOUNTS)


def sample_from_endpoints(
    folder: Path,
    work: Path,
    requests: PromptRequests,
    writers: list[Writer],
    chunk_size: int,
    endpoints: Endpoints,
    progress: Progress,
) -> dict[str, float]:
    """Have every writer at an endpoint answer, in chunks under `work`/endpoints; what it took.

    Each candidate is a call of its own (its seed is in the request), so that each is paid once:
    the chunks are made anew from the journal after a kill. Token ids and log-probabilities are not
    known. What they revise of other writers is in the chunks of `work`.
    """
    served = [writer.name for writer in writers if writer.policy and writer.policy.served]
    usage: Counter[str] = Counter(dict.fromkeys(USAGE, 0))
    if served:
        shutil.rmtree(work / "endpoints", ignore_errors=True)
        (work / "endpoints").mkdir()
        chunks = ChunkWriter(work / "endpoints", count(), chunk_size, served)
        answering = _answer_all(folder, work, requests, writers, chunks, endpoints, usage, progress)
        asyncio.run(answering)
        chunks.flush()
    return dict(usage)


async def _answer_all(
    folder: Path,
    work: Path,
    requests: PromptRequests,
    writers: list[Writer],
    chunks: ChunkWriter,
    endpoints: Endpoints,
    usage: Counter[str],
    progress: Progress,
) -> None:
    by_name = {writer.name: writer for writer in writers}
    names = {str(one.policy.served) for one in writers if one.policy and one.policy.served}
    total = sum(1 for _ in _endpoint_requests(requests, by_name, ChunkReader()))
    at_once = sum(endpoints.config(name).in_flight for name in names)
    policies = [one.policy for one in writers if one.policy and one.policy.served]
    models = {(str(policy.served), served_model(policy)) for policy in policies}
    asks: dict[tuple[str, str | None], Ask] = {}
    finished = count(1)

    async def draw(
        writer: Writer, messages: Messages, seed: int, first_index: int, n: int
    ) -> list[Completion | str]:
        assert writer.policy is not None, "a writer at an endpoint has a policy"
        ask = asks[str(writer.policy.served), served_model(writer.policy)]
        bodies = [
            {"messages": messages, "seed": (seed + index) % 2**31, **writer.sampling}
            for index in range(first_index, first_index + n)
        ]
        near = str(seed)  # a prompt has one
        # endpoints that ignore the seed must still be asked n times, not once
        replies = await asyncio.gather(
            *(ask(body, "", index, near) for index, body in enumerate(bodies, start=first_index))
        )
        usage.update(_usage_of(replies))
        return [_completion(reply) for reply in replies]

    def done(_: PromptRequest, answered: AnsweredPrompt) -> None:
        chunks.add(answered)
        progress(next(finished), total)

    try:
        async with AsyncExitStack() as stack:
            journal = stack.enter_context(Journal(run_of(folder) / "journal.sqlite"))
            for name, model in sorted(models, key=str):
                live = endpoints.live(name)
                if model is not None:  # fine-tuned there: asked as the endpoint's own model is
                    live = live._replace(model=model, model_id=model)
                line = asking(
                    name,
                    endpoints.config(name),
                    live,
                    journal,
                    usable=("truncated",),
                )
                asks[name, model] = await stack.enter_async_context(line)
            await run_concurrently(
                _endpoint_requests(requests, by_name, ChunkReader(work)),
                lambda request: answer_prompt(request, by_name, draw),
                at_once,
                done,
            )
    except EndpointLost:
        for name in names:
            endpoints.close(name)
        raise


def _endpoint_requests(
    requests: PromptRequests, writers: dict[str, Writer], chunks: ChunkReader
) -> Iterator[PromptRequest]:
    """What is requested of writers at endpoints, with what they revise of the others."""
    served = {name for name, one in writers.items() if one.policy and one.policy.served}
    revised = {writers[name].revises for name in served} - served - {None}
    for request in requests():
        writer_requests = [one for one in request.writer_requests if one.writer in served]
        if writer_requests:
            sampled = chunks.candidates(request.prompt_id) if revised else []
            existing = [row for row in [*request.existing, *sampled] if row["source"] in revised]
            yield request._replace(writer_requests=writer_requests, existing=existing)


def _usage_of(replies: list[Reply]) -> dict[str, float]:
    sent = [reply for reply in replies if reply.failure not in NEVER_SENT]
    return {
        "calls": len(sent),
        **{name: sum(getattr(reply, name) for reply in sent) for name in USAGE[1:]},
    }


def _completion(reply: Reply) -> Completion | str:
    if reply.failure in (None, "truncated"):
        finish = "length" if reply.failure else reply.finish_reason
        n_tokens = None if reply.estimated else reply.completion_tokens
        return Completion(reply.text, finish, n_tokens)
    return f"{reply.failure} {reply.detail}".strip()
