"""An OpenAI-compatible endpoint on this machine whose answers come from a Python function."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Raw(NamedTuple):
    """An HTTP answer as it is: for errors and for garbage.

    `headers` replace the usual ones, or take them away with None; a Content-Length that is too
    high is an answer that breaks off.
    """

    status: int
    body: str = '{"error": {"message": "as scripted"}}'
    content_type: str = "application/json"
    headers: dict[str, str | None] = {}


def completion(
    text: str | None, finish_reason: str | None = "stop", refusal: str | None = None
) -> dict[str, Any]:
    """A chat completion with one choice."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return {
        "id": "scripted",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
    }


Script = Callable[[dict[str, Any]], str | dict[str, Any] | Raw]
Other = Callable[[str, str, bytes], Raw]
"""Answers method, path and body of what is neither a chat nor the list of models."""


class Scripted:
    """What the endpoint was asked, and how many requests were open at once."""

    def __init__(self, script: Script, models: list[str] | Raw, delay: float) -> None:
        self.script, self.models, self.delay = script, models, delay
        self.requests: list[dict[str, Any]] = []
        self.open_now = self.most_open = 0
        self.lock = threading.Lock()
        self.base_url = ""
        self.keys: set[str | None] = set()
        self.other: Other | None = None

    def answer(self, body: dict[str, Any]) -> str | dict[str, Any] | Raw:
        with self.lock:
            self.requests.append(body)
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
        try:
            time.sleep(self.delay)
            return self.script(body)
        except Exception as error:  # else the client would only see a connection that breaks
            return Raw(400, json.dumps({"error": {"message": f"the script failed: {error!r}"}}))
        finally:
            with self.lock:
                self.open_now -= 1


@contextmanager
def scripted(
    script: Script, models: list[str] | Raw | None = None, delay: float = 0.0
) -> Iterator[Scripted]:
    """The endpoint, listening on a free port until the block ends."""
    endpoint = Scripted(script, models or ["m"], delay)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if endpoint.other and self.path != "/v1/models":
                return self.send(endpoint.other("GET", self.path, b""))
            if isinstance(endpoint.models, Raw):
                return self.send(endpoint.models)
            data = [{"id": name, "object": "model"} for name in endpoint.models]
            self.send(Raw(200, json.dumps({"object": "list", "data": data})))

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            endpoint.keys.add(self.headers["Authorization"])
            if endpoint.other and self.path != "/v1/chat/completions":
                return self.send(endpoint.other("POST", self.path, data))
            body = json.loads(data)
            reply = endpoint.answer(body)
            if isinstance(reply, str):
                reply = completion(reply)
            self.send(reply if isinstance(reply, Raw) else Raw(200, json.dumps(reply)))

        def send(self, raw: Raw) -> None:
            data = raw.body.encode()
            self.send_response(raw.status)
            usual = {"Content-Length": str(len(data)), "Retry-After-Ms": "1"}
            for name, value in {"Content-Type": raw.content_type, **usual, **raw.headers}.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            self.close_connection |= "Content-Length" in raw.headers
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has given up
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # many connect at once; a full queue costs them a second

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is nothing to print."""

    server = Server(("127.0.0.1", 0), Handler)
    endpoint.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shown(body: dict[str, Any]) -> list[str]:
    """The fenced answers in a judge's question, in the order shown."""
    user = body["messages"][-1]["content"]
    return [text for _, text in re.findall(r"\[([AB] \w{8})\]\n(.*?)\n\[/\1\]", user, re.DOTALL)]


def quality(text: str) -> int:
    """What the honest judge sees in "quality 7 ..."; any other text is worth nothing."""
    found = re.match(r"quality (\d+)", text)
    return int(found[1]) if found else 0


def asks_for_a_score(body: dict[str, Any]) -> bool:
    return bool(body["response_format"]["json_schema"]["name"] == "score")


def honest_judge(body: dict[str, Any]) -> str:
    """Scores by the quality that the text names, 1 if it names none, and prefers the higher one."""
    answers = [quality(text) for text in shown(body)]
    if asks_for_a_score(body):
        return json.dumps({"rationale": "read it", "score": answers[0] or 1})
    first, second = answers
    verdict = "A" if first > second else "B" if second > first else "tie"
    return json.dumps({"rationale": "read both", "verdict": verdict})


def varied_policy(body: dict[str, Any]) -> str | Raw:
    """A policy at an endpoint: an answer whose quality its seed decides."""
    if not body["messages"]:
        return Raw(400)
    return f"quality {1 + body['seed'] % 9} for {body['messages'][0]['content']}"
