"""Candidates from a policy served elsewhere: any OpenAI-compatible endpoint, journalled."""

import asyncio
from pathlib import Path

from endpoints.client import Answer, EndpointLost, asking, each
from endpoints.journal import Journal
from endpoints.open import Endpoints
from rounds.folder import run_of
from rounds.ids import text_hash
from rounds.progress import Progress
from rounds.tables import Row
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.requests import Request, candidate_id


def sample_from_endpoint(
    folder: Path,
    requests: list[Request],
    policy: Policy,
    config: SamplerConfig,
    endpoints: Endpoints,
    progress: Progress,
) -> tuple[list[Row], dict[str, str]]:
    """Candidate rows in the order of the requests, and the prompts that got no answer at all.

    Each candidate is a call of its own (its seed is in the request), so that each is paid once.
    Token ids and log-probabilities are not known.
    """
    calls = [(request, index) for request in requests for index in range(request.n)]
    answers = asyncio.run(_ask_all(folder, calls, policy, config, endpoints, progress))
    rows, failures = [], {}
    for (request, index), answer in zip(calls, answers, strict=True):
        if answer.failure in (None, "truncated"):
            rows.append(_row(request, index, policy, config, answer))
        else:
            failures[request.prompt_id] = f"{answer.failure} {answer.detail}".strip()
    answered = {row["prompt_id"] for row in rows}
    return rows, {name: why for name, why in failures.items() if name not in answered}


async def _ask_all(
    folder: Path,
    calls: list[tuple[Request, int]],
    policy: Policy,
    config: SamplerConfig,
    endpoints: Endpoints,
    progress: Progress,
) -> list[Answer]:
    name = str(policy.served)
    endpoint, live = endpoints.config(name), endpoints.live(name)
    answers: dict[int, Answer] = {}

    def done(item: tuple[int, tuple[Request, int]], answer: Answer) -> None:
        answers[item[0]] = answer
        progress(len(answers), len(calls))

    try:
        with Journal(run_of(folder) / "journal.sqlite") as journal:
            async with asking(name, endpoint, live, journal, usable=("truncated",)) as ask:

                async def work(item: tuple[int, tuple[Request, int]]) -> Answer:
                    request, index = item[1]
                    seed = (request.seed + index) % 2**31
                    body = {"messages": request.messages, "seed": seed, **config.sampling}
                    # endpoints that ignore the seed must still be asked n times, not once
                    return await ask(body, "", index)

                await each(enumerate(calls), work, endpoint.max_in_flight, done)
    except EndpointLost:
        endpoints.close(name)
        raise
    return [answers[index] for index in range(len(calls))]


def _row(
    request: Request, index: int, policy: Policy, config: SamplerConfig, answer: Answer
) -> Row:
    return {
        "candidate_id": candidate_id(request, policy, config.sampling, index),
        "prompt_id": request.prompt_id,
        "split": request.split,
        "policy_id": policy.policy_id,
        "index": index,
        "text": answer.text,
        "text_hash": text_hash(answer.text),
        "token_ids": None,
        "n_tokens": answer.completion_tokens,
        "logprob": None,
        "finish_reason": answer.finish_reason,
        "seed": request.seed,
        "source": "current",
        "revised_from": None,
    }
