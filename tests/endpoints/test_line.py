"""A call goes over the wire as the openai client would send it."""

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import openai
import pytest
from scripted import completion

from endpoints.line import Line

FIELDS = {"model": "m", "messages": [{"role": "user", "content": "é"}]}


class Seen:
    """What the last request said; `status` and `body` are what is answered."""

    def __init__(self) -> None:
        self.path, self.headers, self.body = "", {}, b""
        self.status, self.answer, self.url = 200, json.dumps(completion("yes")).encode(), ""


@contextmanager
def server() -> Iterator[Seen]:
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.path = self.path
            seen.headers = {name.lower(): value for name, value in self.headers.items()}
            seen.body = self.rfile.read(int(self.headers["Content-Length"]))
            data = gzip.compress(seen.answer)
            self.send_response(seen.status)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    at = HTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"127.0.0.1:{at.server_port}"
    threading.Thread(target=at.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield seen
    finally:
        at.shutdown()
        at.server_close()


def send(url: str, options: dict[str, Any], **given: Any) -> str:
    async def run() -> str:
        http = openai.DefaultAioHttpClient()
        async with openai.AsyncOpenAI(
            base_url=url, api_key="key", http_client=http, **given
        ) as client:
            return await Line(client, http).complete(FIELDS, {"timeout": 5.0, **options})

    return asyncio.run(run())


def by_the_client(url: str, options: dict[str, Any], **given: Any) -> None:
    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="key", **given) as client:
            await client.post("/chat/completions", cast_to=str, body=FIELDS, options=options)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("login", "given", "options"),
    [
        ("", {}, {}),
        ("me:secret@", {}, {}),
        ("", {"default_headers": {"X-Team": "a", "authorization": "Token t"}}, {}),
        ("", {}, {"headers": {"X-Call": "b"}, "params": {"api-version": "1"}}),
    ],
    ids=["plain", "login", "headers", "of one call"],
)
def test_a_call_is_what_the_openai_client_sends(login, given, options):
    with server() as seen:
        url = f"http://{login}{seen.url}/deep/v1"
        by_the_client(url, options, **given)
        path, headers, body = seen.path, seen.headers, seen.body
        assert json.loads(send(url, options, **given))["object"] == "chat.completion"
    assert (seen.path, seen.body) == (path, body)
    differs = ("accept-encoding", "connection", "x-stainless")
    for name, value in headers.items():
        if not name.startswith(differs):
            assert seen.headers[name] == value, name


def test_an_error_is_the_clients_own():
    with server() as seen:
        seen.status = 429
        seen.answer = b'{"error": {"message": "later", "code": "busy"}}'
        with pytest.raises(openai.RateLimitError, match="later") as raised:
            send(f"http://{seen.url}/v1", {})
    assert raised.value.code == "busy"
    assert raised.value.response.headers["retry-after"] == "7"


def test_a_proxy_of_the_environment_is_gone_through(monkeypatch):
    with server() as seen:
        monkeypatch.setenv("HTTP_PROXY", f"http://{seen.url}")
        monkeypatch.setenv("NO_PROXY", "localhost")
        send("http://judge.example/v1", {})
    assert seen.path == "http://judge.example/v1/chat/completions"
