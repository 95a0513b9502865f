"""Calls as the lines of a batch file, and the lines of its output as chat completions."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from endpoints.attempts import wire
from endpoints.reply import is_completion
from endpoints.said import message_of

MOST_LINES = 50_000
MOST_BYTES = 200_000_000


class BatchFile(NamedTuple):
    """A file to submit: its hash, the keys of its calls, its JSON lines."""

    digest: str
    keys: frozenset[str]
    content: bytes


def batch_files(
    model: str, calls: Iterable[tuple[str, dict[str, Any]]], attempt: int = 0
) -> Iterator[BatchFile]:
    """Calls, a request key and a body each, as as few files as the Batch API's limits allow.

    `attempt` counts the batches that failed: the same calls in a new one are another batch.
    """
    lines: dict[str, bytes] = {}
    size = 0
    for key, body in calls:
        call = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions"}
        line = json.dumps({**call, "body": wire(model, body)[0]}).encode() + b"\n"
        if lines and (len(lines) == MOST_LINES or size + len(line) > MOST_BYTES):
            yield _file(lines, attempt)
            lines, size = {}, 0
        lines[key] = line
        size += len(line)
    if lines:
        yield _file(lines, attempt)


def completions(output: str) -> dict[str, dict[str, Any]]:
    """The chat completions of an output file by request key; failed lines are left out."""
    answers = {}
    for line in filter(
        None, output.removeprefix("\ufeff").split("\n")
    ):  # a line may hold what splitlines() splits at
        reply = json.loads(line)
        response = reply.get("response") or {}
        if response.get("status_code") == 200 and is_completion(response.get("body")):
            answers[reply["custom_id"]] = response["body"]
    return answers


def bodies_of(content: str) -> dict[str, dict[str, Any]]:
    """What a batch file asks, by request key."""
    calls = (json.loads(line) for line in filter(None, content.split("\n")))
    return {call["custom_id"]: call["body"] for call in calls}


def failed_lines(output: str) -> Counter[str]:
    """What the failed lines of an output or error file say, and how many say so."""
    said: Counter[str] = Counter()
    for line in filter(None, output.removeprefix("\ufeff").split("\n")):
        try:
            reply = json.loads(line)
            response, error = reply.get("response") or {}, reply.get("error") or {}
            status, body = response.get("status_code"), response.get("body")
        except (ValueError, AttributeError):
            continue
        if error or status != 200:
            code = error.get("code") or status
            said[": ".join(filter(None, [str(code), message_of(error) or message_of(body)]))] += 1
    return said


def _file(lines: dict[str, bytes], attempt: int) -> BatchFile:
    content = b"".join(lines.values())
    mark = hashlib.sha256(content + (str(attempt).encode() if attempt else b""))
    return BatchFile(mark.hexdigest(), frozenset(lines), content)
