"""Candidates from models served elsewhere: any OpenAI-compatible endpoint, journalled."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

from endpoints.client import asking
from endpoints.each import each
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import Ask, EndpointLost, Reply
from rounds.folder import run_of
from rounds.stages import Progress
from rounds.usage import NEVER_SENT
from sampler.answers import AnsweredPrompt, Drawn, answer_prompt
from sampler.chunks import Chunks, Spooled
from sampler.requests import PromptRequest, PromptRequests
from sampler.revise import Messages
from sampler.writers import Writer

USAGE = ("calls", "prompt_tokens", "completion_tokens", "cost")


def sample_from_endpoints(
    folder: Path,
    work: Path,
    asked: PromptRequests,
    sources: list[Writer],
    size: int,
    endpoints: Endpoints,
    progress: Progress,
) -> dict[str, float]:
    """Have every source at an endpoint answer, in chunks under `work`/endpoints; what it took.

    Each candidate is a call of its own (its seed is in the request), so that each is paid once:
    the chunks are made anew from the journal after a kill. Token ids and log-probabilities are not
    known. What they revise of other sources is in the chunks of `work`.
    """
    served = {one.name: one for one in sources if one.policy and one.policy.served}
    usage: Counter[str] = Counter(dict.fromkeys(USAGE, 0))
    if served:
        shutil.rmtree(work / "endpoints", ignore_errors=True)
        (work / "endpoints").mkdir()
        chunks = Chunks(work / "endpoints", count(), size, list(served))
        asyncio.run(_ask_all(folder, work, asked, sources, chunks, endpoints, usage, progress))
        chunks.flush()
    return dict(usage)


async def _ask_all(
    folder: Path,
    work: Path,
    asked: PromptRequests,
    sources: list[Writer],
    chunks: Chunks,
    endpoints: Endpoints,
    usage: Counter[str],
    progress: Progress,
) -> None:
    by_name = {source.name: source for source in sources}
    names = {str(one.policy.served) for one in sources if one.policy and one.policy.served}
    total = sum(1 for _ in _of_endpoints(asked, by_name, Spooled()))
    at_once = sum(endpoints.config(name).max_in_flight for name in names)
    asks: dict[str, Ask] = {}
    finished = count(1)

    async def draw(
        source: Writer, messages: Messages, seed: int, first: int, n: int
    ) -> list[Drawn | str]:
        assert source.policy is not None, "a source at an endpoint has a policy"
        ask = asks[str(source.policy.served)]
        bodies = [
            {"messages": messages, "seed": (seed + index) % 2**31, **source.sampling}
            for index in range(first, first + n)
        ]
        # endpoints that ignore the seed must still be asked n times, not once
        answers = await asyncio.gather(
            *(ask(body, "", index) for index, body in enumerate(bodies, start=first))
        )
        usage.update(_took(answers))
        return [_drawn(one) for one in answers]

    def done(_: PromptRequest, answered: AnsweredPrompt) -> None:
        chunks.add(answered)
        progress(next(finished), total)

    try:
        async with AsyncExitStack() as stack:
            journal = stack.enter_context(Journal(run_of(folder) / "journal.sqlite"))
            for name in sorted(names):
                line = asking(
                    name,
                    endpoints.config(name),
                    endpoints.live(name),
                    journal,
                    usable=("truncated",),
                )
                asks[name] = await stack.enter_async_context(line)
            prompts = _of_endpoints(asked, by_name, Spooled(work))
            await each(prompts, lambda one: answer_prompt(one, by_name, draw), at_once, done)
    except EndpointLost:
        for name in names:
            endpoints.close(name)
        raise


def _of_endpoints(
    asked: PromptRequests, sources: dict[str, Writer], spooled: Spooled
) -> Iterator[PromptRequest]:
    """What is asked of sources at endpoints, with what they revise of the others."""
    served = {name for name, one in sources.items() if one.policy and one.policy.served}
    elsewhere = {sources[name].revises for name in served} - served - {None}
    for one in asked():
        requests = [request for request in one.requests if request.source in served]
        if requests:
            there = [*one.known, *(spooled.rows(one.prompt_id) if elsewhere else [])]
            known = [row for row in there if row["source"] in elsewhere]
            yield one._replace(requests=requests, known=known)


def _took(answers: list[Reply]) -> dict[str, float]:
    sent = [answer for answer in answers if answer.failure not in NEVER_SENT]
    return {
        "calls": len(sent),
        **{name: sum(getattr(answer, name) for answer in sent) for name in USAGE[1:]},
    }


def _drawn(answer: Reply) -> Drawn | str:
    if answer.failure in (None, "truncated"):
        return Drawn(answer.text, answer.finish_reason, answer.completion_tokens)
    return f"{answer.failure} {answer.detail}".strip()
