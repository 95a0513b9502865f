"""Judging speed beside a bare client: python benchmarks/judging.py [--calls N] [--in-flight N ...]

An endpoint on this machine answers every call after 200 ms. The same calls go through a bare
`AsyncOpenAI` (aiohttp transport, one gather under a semaphore, nothing kept) and through ours (the
same transport, every answer committed to the journal before it is used), in turn, three times.
Reported: the median of each, ours as a share of the bare client, CPU seconds for 1,000 calls, and a
second pass over the same calls that the journal answers alone.
"""

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
from aiohttp import web

from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.serve import Live

LATENCY = 0.2
REPLY = '{"rationale": "A is right and B is not.", "verdict": "A"}'


async def answer(request: web.Request) -> web.Response:
    """One chat completion, LATENCY seconds after the question."""
    await request.read()
    await asyncio.sleep(LATENCY)
    message = {"role": "assistant", "content": REPLY}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520}
    kind = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
    return web.json_response({**kind, "choices": [choice], "usage": usage})


def endpoint(port: int) -> None:
    """The endpoint, in a process of its own."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, backlog=1024)


def bodies(calls: int) -> list[dict[str, Any]]:
    """Questions of a judge's usual size, all different."""
    text = "A reply that is to be compared with another one. " * 20
    return [
        {"messages": [{"role": "user", "content": f"{number} {text}"}], "temperature": 0.0}
        for number in range(calls)
    ]


async def bare(url: str, questions: list[dict[str, Any]], in_flight: int) -> None:
    """What a careful person writes by hand."""
    gate = asyncio.Semaphore(in_flight)
    http = openai.DefaultAioHttpClient()
    async with openai.AsyncOpenAI(base_url=url, api_key="x", http_client=http) as client:

        async def one(body: dict[str, Any]) -> None:
            async with gate:
                await client.chat.completions.create(model="m", **body)

        await asyncio.gather(*(one(body) for body in questions))


async def ours(url: str, questions: list[dict[str, Any]], in_flight: int, journal: Path) -> None:
    """The client of the judge stage, journal on."""
    config = EndpointConfig(base_url=url, model="m", max_in_flight=in_flight)
    with Journal(journal) as kept:
        async with asking("bench", config, Live(url, "m", "m", "x"), kept) as ask:
            await asyncio.gather(*(ask(body, "rubric") for body in questions))


def timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Wall and CPU seconds."""

    async def run() -> None:
        await work()

    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(run())
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(url: str, questions: list[dict[str, Any]], in_flight: int) -> None:
    """Three turns of each, alternating, and one pass over the journal."""
    taken: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(3):
            journal = Path(folder) / f"{turn}.sqlite"
            taken["bare"].append(timed(lambda: bare(url, questions, in_flight)))
            taken["ours"].append(timed(lambda: ours(url, questions, in_flight, journal)))  # noqa: B023
        again, _ = timed(lambda: ours(url, questions, in_flight, journal))
    count = len(questions)
    rate = {name: count / statistics.median(w for w, _ in runs) for name, runs in taken.items()}
    cpu = {
        name: 1000 * statistics.median(c for _, c in runs) / count for name, runs in taken.items()
    }
    print(
        f"{in_flight:4d} in flight: bare {rate['bare']:.0f} calls/s, ours {rate['ours']:.0f} "
        f"({rate['ours'] / rate['bare']:.2f} of bare; ideal {in_flight / LATENCY:.0f}); CPU s for "
        f"1,000: bare {cpu['bare']:.2f}, ours {cpu['ours']:.2f}; from the journal "
        f"{count / again:.0f} calls/s"
    )


def main() -> None:
    """Run the comparison at each concurrency."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[64, 256])
    given = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = multiprocessing.get_context("spawn").Process(target=endpoint, args=(port,))
    server.start()
    try:
        time.sleep(2)
        for in_flight in given.in_flight:
            compare(f"http://127.0.0.1:{port}/v1", bodies(given.calls), in_flight)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
