"""A Batch API on this machine, over a scripted endpoint."""

import json
from collections.abc import Callable
from typing import Any

from scripted import Raw


class ScriptedBatches:
    """/v1/files and /v1/batches. `answer` makes an output line's response; None leaves it out."""

    def __init__(self, answer: Callable[[int, dict[str, Any]], Any]) -> None:
        self.answer = answer
        self.files: dict[str, str] = {}
        self.batches: list[dict[str, Any]] = []
        self.polls_to_the_end, self.end, self.lose_the_reply = 0, "completed", False
        self.refuse: Raw | None = None
        self.errors: list[dict[str, Any]] = []
        self.error_lines: list[dict[str, Any]] = []

    def __call__(self, method: str, path: str, data: bytes) -> Raw:
        if self.refuse is not None:
            return self.refuse
        if (method, path) == ("POST", "/v1/files"):
            content = data.decode().split("\r\n\r\n")[-1].rsplit("\r\n--", 1)[0]
            if content == "batch":  # the purpose came last
                content = data.decode().split("\r\n\r\n")[1].split("\r\n--")[0]
            name = f"file-{len(self.files)}"
            self.files[name] = content
            return json_reply({"id": name, "object": "file", "purpose": "batch"})
        if (method, path) == ("POST", "/v1/batches"):
            given = json.loads(data)
            assert given["completion_window"] == "24h"
            self.batches.append(
                {"id": f"batch-{len(self.batches)}", "status": "in_progress"} | given
            )
            return Raw(500) if self.lose_the_reply else json_reply(self.batches[-1])
        if path.startswith("/v1/batches?"):
            return json_reply({"object": "list", "data": self.batches, "has_more": False})
        if path.startswith("/v1/batches/"):
            return json_reply(self.polled(next(b for b in self.batches if path.endswith(b["id"]))))
        return Raw(200, self.files[path.split("/")[3]])

    def polled(self, batch: dict[str, Any]) -> dict[str, Any]:
        self.polls_to_the_end -= 1
        if self.polls_to_the_end < 0 and batch["status"] == "in_progress":
            lines = []
            for number, line in enumerate(self.files[batch["input_file_id"]].splitlines()):
                call = json.loads(line)
                response = self.answer(number, call["body"])
                if response is not None:
                    lines.append(json.dumps({"custom_id": call["custom_id"]} | response))
            self.files[f"out-{batch['id']}"] = "\n".join(reversed(lines))  # in no order
            batch |= {"status": self.end, "output_file_id": f"out-{batch['id']}"}
            batch |= {"errors": {"object": "list", "data": self.errors}}
            if self.error_lines:
                self.files[f"err-{batch['id']}"] = "\n".join(map(json.dumps, self.error_lines))
                batch |= {"error_file_id": f"err-{batch['id']}"}
        return batch

    def batch_sizes(self) -> list[int]:
        """How many calls each submitted batch held."""
        return [len(self.files[b["input_file_id"]].splitlines()) for b in self.batches]


def json_reply(reply: dict[str, Any]) -> Raw:
    return Raw(200, json.dumps(reply))
