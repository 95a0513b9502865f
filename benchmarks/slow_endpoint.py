"""An endpoint on this machine, in a process of its own, that takes 200 ms for every answer.

Under /v1 it does nothing else. Under /faulty/v1 it fails now and then: 2 % of the calls get 429
(half of them with a Retry-After), 1 % get 500, 1 % are cut off, 0.5 % never answered. Under
/narrow/v1 it answers 429 when more than 64 calls are open; under /limited/v1 when more than LIMIT
a second are asked for, to every second one with a Retry-After. GET /said: all it ever answered in
full, by question. GET /counts: how many answers and 429s there were under /limited/v1.
"""

import asyncio
import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

LATENCY = 0.2
NARROW = 64
LIMIT = 90
"""Calls a second: 70 % of what 64 places at LATENCY could send are refused."""

SAID: dict[str, list[str]] = {}
CHANCE = random.Random(0)
COUNTS = {"answered": 0, "refused": 0}
open_now = 0
tokens, filled = float(LIMIT) / 4, time.monotonic()


def reply(question: str) -> bytes:
    """A chat completion that says something else to each question, and something else each time."""
    said = json.dumps({"rationale": f"No. {CHANCE.random()}", "verdict": CHANCE.choice("AB")})
    SAID.setdefault(question, []).append(said)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": said},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520}
    kind = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
    return json.dumps({**kind, "choices": [choice], "usage": usage}).encode()


def error(status: int, headers: dict[str, str] | None = None) -> web.Response:
    """An error with a message."""
    return web.json_response({"error": {"message": "later"}}, status=status, headers=headers)


async def plain(request: web.Request) -> web.StreamResponse:
    """One answer, LATENCY seconds after the question."""
    body = await request.json()
    if not body["messages"]:  # how prefloop finds out whether somebody is there
        return error(400)
    await asyncio.sleep(LATENCY)
    return web.Response(body=reply(body["messages"][0]["content"]), content_type="application/json")


async def faulty(request: web.Request) -> web.StreamResponse:
    """An answer in most cases."""
    chance = CHANCE.random()
    if chance < 0.02:
        return error(429, {"Retry-After": "1"} if chance < 0.01 else None)
    if chance < 0.03:
        return error(500)
    if chance < 0.04:
        half = b'{"id": "x", "object": "chat.completion", "choices": [{"index": 0, "mess'
        if chance < 0.035:  # whole as far as HTTP knows
            return web.Response(body=half, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Length": "900"})
        await response.prepare(request)
        await response.write(half)
        assert request.transport is not None
        request.transport.close()
        return response
    if chance < 0.045:
        await asyncio.sleep(3600)
    return await plain(request)


async def narrow(request: web.Request) -> web.StreamResponse:
    """An answer, unless more than NARROW calls are open."""
    global open_now
    open_now += 1
    try:
        return error(429) if open_now > NARROW else await plain(request)
    finally:
        open_now -= 1


async def limited(request: web.Request) -> web.StreamResponse:
    """An answer, unless a bucket that LIMIT tokens a second flow into is empty."""
    global tokens, filled
    now = time.monotonic()
    tokens, filled = min(LIMIT / 4, tokens + (now - filled) * LIMIT), now
    if tokens < 1:
        COUNTS["refused"] += 1
        told = COUNTS["refused"] % 2
        return error(429, {"Retry-After-Ms": f"{1000 / LIMIT:.0f}"} if told else None)
    tokens -= 1
    COUNTS["answered"] += 1
    return await plain(request)


async def counts(request: web.Request) -> web.Response:
    """What was answered and refused under /limited since this was asked last."""
    counted = dict(COUNTS)
    COUNTS.update(answered=0, refused=0)
    return web.json_response(counted)


async def said(request: web.Request) -> web.Response:
    """What was answered."""
    return web.json_response(SAID)


PATHS = {"": plain, "/faulty": faulty, "/narrow": narrow, "/limited": limited}


def _serve(port: int) -> None:
    app = web.Application()
    for path, handler in PATHS.items():
        app.router.add_post(f"{path}/v1/chat/completions", handler)
    app.router.add_get("/said", said)
    app.router.add_get("/counts", counts)
    web.run_app(
        app, host="127.0.0.1", port=port, print=None, access_log=None, backlog=1024,
        shutdown_timeout=0.1, handler_cancellation=True,
    )  # fmt: skip


@contextmanager
def slow_endpoint() -> Iterator[str]:
    """Its address, while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, __file__, str(port)])
    try:
        for _ in range(100):
            time.sleep(0.1)
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/said")
                break
            except OSError:
                continue
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
