"""Judging speed and what faults do to it: python benchmarks/throughput.py

    [--calls N] [--faulty-calls N] [--turns N] [--in-flight N ...]

The endpoint of slow_endpoint.py is asked by aiohttp alone, by a bare `AsyncOpenAI` (aiohttp
transport, one gather under a semaphore, nothing kept) and by ours (every answer committed to the
journal before it is used), in turn; reported are medians. Then both meet its faults; an answer
that the endpoint never gave in full is invented, a question without an answer is lost.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import openai
from slow_endpoint import LATENCY, slow_endpoint

from endpoints.client import asking
from endpoints.concurrency import PROMPTS_AT_ONCE, run_concurrently
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.reply import Reply
from endpoints.serve import LiveEndpoint

RECORDED = """\
 recorded figures, measured earlier on another day, 2 cores (calls/s at 64 and 256 in flight, CPU s
 for 1,000): AsyncOpenAI with its default transport 260 and 480, 1.6; TRL's old OpenAIPairwiseJudge
 296 at 64 threads, 1.1; distilabel 1.5.3 97 (at 50) and 150, 4.5; curator 157 and 190, 4.8. An
 endpoint with 429 above 64 in flight, 256 asked, of 2,000 calls: the default client lost 164, the
 aiohttp transport 347."""

Texts = dict[str, str | None]
Client = Callable[[str, list[str], int, float], Awaitable[Texts]]


def body(question: str) -> dict[str, Any]:
    """The arguments of a call."""
    return {"messages": [{"role": "user", "content": question}], "temperature": 0.0}


async def bare(url: str, questions: list[str], in_flight: int, timeout: float) -> Texts:
    """What a careful person writes by hand: the client's own retries, failures caught."""
    gate, http = asyncio.Semaphore(in_flight), openai.DefaultAioHttpClient()
    async with openai.AsyncOpenAI(
        base_url=url, api_key="x", timeout=timeout, http_client=http
    ) as client:

        async def one(question: str) -> str | None:
            async with gate:
                try:
                    reply = await client.chat.completions.create(model="m", **body(question))
                    return reply.choices[0].message.content
                except (openai.OpenAIError, ValueError):
                    return None

        return dict(zip(questions, await asyncio.gather(*map(one, questions)), strict=True))


async def aiohttp_alone(url: str, questions: list[str], in_flight: int, timeout: float) -> Texts:
    """The least that Python can do: a POST, and the text out of its JSON."""
    gate = asyncio.Semaphore(in_flight)
    connector = aiohttp.TCPConnector(limit=in_flight)
    limits = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(connector=connector, timeout=limits) as session:

        async def one(question: str) -> str | None:
            asked = {"model": "m", **body(question)}
            async with gate, session.post(f"{url}/chat/completions", json=asked) as reply:
                said = json.loads(await reply.read())
                return str(said["choices"][0]["message"]["content"])

        return dict(zip(questions, await asyncio.gather(*map(one, questions)), strict=True))


def ours(journal: Path, tally: Counter[str] | None = None) -> Client:
    """The client of the judge stage, with a journal at this path."""

    async def run(url: str, questions: list[str], in_flight: int, timeout: float) -> Texts:
        config = EndpointConfig(base_url=url, model="m", max_in_flight=in_flight, timeout=timeout)
        live = LiveEndpoint(url, "m", "m", "x")
        found: dict[str, Reply] = {}
        with Journal(journal) as kept:
            async with asking("bench", config, live, kept, tally=tally) as ask:
                await run_concurrently(
                    questions,
                    lambda question: ask(body(question), "rubric"),
                    PROMPTS_AT_ONCE,
                    found.__setitem__,
                )
        return {
            question: None if found[question].failure else found[question].text
            for question in questions
        }

    return run


def timed(
    client: Client, url: str, questions: list[str], in_flight: int, timeout: float = 60.0
) -> tuple[float, float, Texts]:
    """Wall and CPU seconds, and the answers."""

    async def run() -> Texts:
        return await client(url, questions, in_flight, timeout)

    wall, cpu = time.perf_counter(), time.process_time()
    texts = asyncio.run(run())
    return time.perf_counter() - wall, time.process_time() - cpu, texts


def speed(url: str, questions: list[str], in_flight: int, turns: int, folder: Path) -> None:
    """All three in turn, then a pass that the journal alone answers."""
    taken: dict[str, list[tuple[float, float]]] = {"aiohttp": [], "bare": [], "ours": []}
    for turn in range(turns):
        journal = folder / f"{in_flight}-{turn}.sqlite"
        clients = {"aiohttp": aiohttp_alone, "bare": bare, "ours": ours(journal)}
        for name, client in clients.items():
            wall, used, texts = timed(client, f"{url}/v1", questions, in_flight)
            taken[name].append((wall, used))
            assert None not in texts.values(), f"{name}: an answer is lost where nothing fails"
    again, _, kept = timed(ours(journal), f"{url}/v1", questions, in_flight)
    assert kept == texts, "the journal says something else than the endpoint"
    count = len(questions)
    rate = {name: count / statistics.median(w for w, _ in runs) for name, runs in taken.items()}
    cpu = {
        name: statistics.median(c for _, c in runs) * 1e3 / count for name, runs in taken.items()
    }
    ideal = in_flight / LATENCY
    each = "; ".join(
        f"{name} {rate[name]:.0f} calls/s ({rate[name] / ideal:.2f} of the ideal), "
        f"{cpu[name]:.2f} CPU s"
        for name in taken
    )
    print(
        f"{in_flight:4d} in flight, ideal {ideal:.0f} calls/s, CPU s for 1,000: {each}; from the "
        f"journal {count / again:.0f} calls/s"
    )


def faults(url: str, path: str, questions: list[str], in_flight: int, folder: Path) -> None:
    """What both make of an endpoint's faults."""
    tally: Counter[str] = Counter()
    clients = {"bare": bare, "ours": ours(folder / f"{path}.sqlite", tally)}
    for name, client in clients.items():
        posed = [f"{path} {name} {question}" for question in questions]
        wall, _, texts = timed(client, f"{url}/{path}/v1", posed, in_flight, 2.0)
        with urllib.request.urlopen(f"{url}/said") as reply:
            said = json.load(reply)
        lost = sum(text is None for text in texts.values())
        invented = sum(text not in [None, *said.get(asked, [])] for asked, text in texts.items())
        print(
            f"{path:>7}, {in_flight} in flight, {name}: lost {lost}, invented {invented} of "
            f"{len(posed)}; {len(posed) / wall:.0f} calls/s {dict(tally) or ''}"
        )


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--calls", type=int, default=10_000)  # of a few waves the ends would weigh
    parser.add_argument("--faulty-calls", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[64, 256])
    given = parser.parse_args()
    text = "A reply that is to be compared with another one. " * 20
    questions = [f"{number} {text}" for number in range(given.calls)]
    with tempfile.TemporaryDirectory() as name, slow_endpoint() as url:
        for in_flight in given.in_flight:
            speed(url, questions, in_flight, given.turns, Path(name))
        print(RECORDED)
        for path, in_flight in (("faulty", 64), ("narrow", 256)):
            faults(url, path, questions[: given.faulty_calls], in_flight, Path(name))


if __name__ == "__main__":
    main()
