"""Three judge servers behind one endpoint: python benchmarks/many_servers.py [--calls N]

The servers are processes of their own that take LATENCY seconds for an answer and write down each
that they gave in full. One of the three is killed (SIGKILL) after half of the calls, and one takes
ten times as long. Beside it, in the same run, the calls go to one healthy server alone: what the
healthy ones give is its rate times the seconds in which each of them was up. A call without an
answer is lost; one that was answered in full more than once is paid twice.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from throughput import body

from endpoints.client import asking
from endpoints.concurrency import PROMPTS_AT_ONCE, run_concurrently
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.reply import Reply
from endpoints.serve import LiveEndpoint

LATENCY = 0.1
SLOWER = 10
IN_FLIGHT = 16
CALLS_A_PROMPT = 8


def completion(question: str) -> bytes:
    """An answer to a question."""
    message = {"role": "assistant", "content": f"yes to {question}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def answer_at(port: int, log: Path, latency: float) -> None:
    """Be a server, until it is ended."""
    written = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def chat(request: web.Request) -> web.StreamResponse:
        question = (await request.json())["messages"][0]["content"]
        await asyncio.sleep(latency)
        data = completion(question)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(data)
        await response.prepare(request)
        await response.write(data)
        await response.write_eof()
        os.write(written, f"{question}\n".encode())
        return response

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "m", "max_model_len": 4096, "root": "/m"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, backlog=1024)


class Server(NamedTuple):
    """A server that is up: its address, its process, and where it writes what it answered."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def answered(self) -> list[str]:
        """The questions that it answered in full."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@contextmanager
def server(log: Path, latency: float = LATENCY) -> Iterator[Server]:
    """A server, while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = [__file__, "--serve", str(port), str(log), str(latency)]
    process = subprocess.Popen([sys.executable, *given])
    try:
        for _ in range(200):
            time.sleep(0.1)
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models").close()
                break
            except OSError:
                continue
        yield Server(f"http://127.0.0.1:{port}/v1", process, log)
    finally:
        process.kill()
        process.wait()


def ask_all(
    urls: list[str], questions: list[str], journal: Path, on_answer: Callable[[int], None]
) -> dict[str, Reply]:
    """Ask as the judge stage does; `on_answer` gets the number of answers so far."""
    config = EndpointConfig(base_url=urls, model="m", max_in_flight=IN_FLIGHT, max_retries=0)
    live = LiveEndpoint(urls[0], "m", "m", "x", others=tuple(urls[1:]))
    found: dict[str, Reply] = {}

    def done(numbered: tuple[int, str], reply: Reply) -> None:
        found[numbered[1]] = reply
        on_answer(len(found))

    async def run() -> None:
        with Journal(journal) as kept:
            async with asking("bench", config, live, kept) as ask:
                await run_concurrently(
                    enumerate(questions),
                    lambda one: ask(body(one[1]), "rubric", 0, str(one[0] // CALLS_A_PROMPT)),
                    PROMPTS_AT_ONCE,
                    done,
                )

    asyncio.run(run())
    return found


def alone(folder: Path, questions: list[str]) -> float:
    """Calls a second of one healthy server."""
    with server(folder / "alone.log") as one:
        began = time.perf_counter()
        ask_all([one.url], questions, folder / "alone.sqlite", lambda _: None)
        return len(questions) / (time.perf_counter() - began)


def together(folder: Path, questions: list[str], rate: float) -> None:
    """The three, of which one is killed; `rate` is that of one healthy server."""
    with ExitStack() as stack:
        logs = [folder / f"{name}.log" for name in ("healthy", "killed", "slow")]
        healthy, killed, slow = (
            stack.enter_context(server(log, LATENCY * (SLOWER if log.stem == "slow" else 1)))
            for log in logs
        )
        ended = [0.0]

        def kill(answers: int) -> None:
            if answers >= len(questions) // 2 and not ended[0]:
                killed.process.kill()
                ended[0] = time.perf_counter()

        urls = [one.url for one in (killed, slow, healthy)]
        began = time.perf_counter()
        found = ask_all(urls, questions, folder / "together.sqlite", kill)
        over = time.perf_counter()
        taken = Counter({one.log.stem: len(one.answered()) for one in (healthy, killed, slow)})
        given = Counter(question for one in (healthy, killed, slow) for question in one.answered())
    with Journal(folder / "together.sqlite") as kept:
        (rows,) = kept.db.execute("SELECT count(*) FROM answers").fetchone()
    lost = sum(reply.failure is not None for reply in found.values())
    twice = sum(given.values()) - len(given)
    capacity = rate * (2 * (ended[0] - began) + over - ended[0])
    print(
        f"{len(questions)} calls, {dict(taken)}: lost {lost}, paid twice {twice}, {rows} rows in "
        f"the journal; {len(questions) / (over - began):.0f} calls/s, "
        f"{len(questions) / capacity:.2f} of what the healthy ones give ({rate:.0f} each)"
    )


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--serve", nargs=3, metavar=("PORT", "LOG", "LATENCY"))
    given = parser.parse_args()
    if given.serve:
        answer_at(int(given.serve[0]), Path(given.serve[1]), float(given.serve[2]))
        return
    text = "A reply that is to be compared with another one. " * 20
    questions = [f"{number} {text}" for number in range(given.calls)]
    with tempfile.TemporaryDirectory() as name:
        rate = alone(Path(name), questions[: given.calls // 3])
        together(Path(name), questions, rate)


if __name__ == "__main__":
    main()
