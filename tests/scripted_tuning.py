"""OpenAI's files and fine-tuning jobs on this machine, as strict as the original, over a scripted
endpoint. No idempotency key is honoured: a second creation is a second job.
"""

import json
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scripted import Raw

LEAST = 10
KNOWN = {"model", "training_file", "method", "seed", "suffix", "metadata", "validation_file"}
HYPER = {
    "dpo": {"beta": float, "n_epochs": int, "batch_size": int, "learning_rate_multiplier": float},
    "supervised": {"n_epochs": int, "batch_size": int, "learning_rate_multiplier": float},
}


class Refused(Exception):
    """A 4xx answer."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
        self.raw = Raw(status, json.dumps({"error": error}))


class ScriptedTuning:
    """`jobs` and `files` as they are there. `polls` looks at a job are answered before it ends with
    the status `end`; `at(what)` is called at "upload", "uploaded", "created" and "poll", by the
    request's own thread, so that it can be held up; `lose` has replies that break off after that.
    """

    def __init__(self, models: list[str]) -> None:
        self.models = models
        self.files: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.polls, self.end, self.error = 2, "succeeded", None
        self.at: Callable[[str], None] = lambda what: None
        self.lose: set[str] = set()
        self.answers_status: dict[str, int] = {}
        self.requests: list[str] = []
        self.page = 100
        self.lists_late = 0
        """How many lists of jobs still leave the newest job out."""
        self._lock = threading.RLock()

    @property
    def billed(self) -> int:
        """Tokens of all jobs that trained."""
        return sum(job["trained_tokens"] or 0 for job in self.jobs.values())

    def __call__(self, method: str, path: str, data: bytes) -> Raw:
        parts = urlsplit(path)
        where, query = parts.path, {name: v[0] for name, v in parse_qs(parts.query).items()}
        self.requests.append(f"{method} {where}")
        if status := self.answers_status.get(self.requests[-1]):
            return Raw(status)
        try:
            what, reply = self._answer(method, where, query, data)
        except Refused as refused:
            return refused.raw
        if what:
            self.at(what)
            if what in self.lose:
                self.lose.discard(what)
                return Raw(200, "{", headers={"Content-Length": "4000"})
        return Raw(200, json.dumps(reply))

    def _answer(
        self, method: str, where: str, query: dict[str, str], data: bytes
    ) -> tuple[str, Any]:
        if (method, where) == ("POST", "/v1/files"):
            self.at("upload")
            return "uploaded", self._upload(data)
        if (method, where) == ("GET", "/v1/files"):
            wanted = query.get("purpose")
            found = [
                {name: value for name, value in file.items() if name != "content"}
                for file in self.files.values()
                if wanted in (None, file["purpose"])
            ]
            return "", self._paged(found, query)
        if (method, where) == ("POST", "/v1/fine_tuning/jobs"):
            return "created", self._create(json.loads(data))
        if (method, where) == ("GET", "/v1/fine_tuning/jobs"):
            newest_first = list(self.jobs.values())[::-1]
            if self.lists_late and newest_first:
                self.lists_late -= 1
                newest_first = newest_first[1:]
            return "", self._paged([self._shown(job) for job in newest_first], query)
        if match := re.fullmatch(r"/v1/fine_tuning/jobs/([\w-]+)(/events)?", where):
            job = self.jobs.get(match[1])
            if job is None:
                raise Refused(404, f"Could not find fine tune: {match[1]}")
            if match[2]:
                return "", self._paged(self._events(job), query)
            self._step(job)
            return "poll", self._shown(job)
        raise Refused(404, f"Invalid URL ({method} {where})")

    def _upload(self, data: bytes) -> dict[str, Any]:
        fields = dict(
            (match[1], (match[2], body))
            for part in data.split(b"\r\n--")
            if (head := part.partition(b"\r\n\r\n")) and head[1]
            for match in [
                re.search(r'form-data; name="(\w+)"(?:; filename="([^"]*)")?', head[0].decode())
            ]
            if match
            for body in [head[2]]
        )
        if unknown := fields.keys() - {"file", "purpose", "expires_after"}:
            raise Refused(400, f"Unrecognized request argument supplied: {min(unknown)}")
        if "purpose" not in fields:
            raise Refused(400, "'purpose' is a required property", "purpose")
        purpose = fields["purpose"][1].decode()
        if purpose not in ("fine-tune", "batch", "assistants"):
            raise Refused(400, f"'{purpose}' is not one of the purposes", "purpose")
        name, content = fields["file"]
        if not str(name).endswith(".jsonl"):
            raise Refused(400, "Expected file to have JSONL format", "file")
        with self._lock:
            file_id = f"file-{len(self.files)}"
            self.files[file_id] = {
                "id": file_id,
                "object": "file",
                "bytes": len(content),
                "created_at": len(self.files),
                "filename": name,
                "purpose": purpose,
                "status": "processed",
                "content": content.decode(),
            }
        return {k: v for k, v in self.files[file_id].items() if k != "content"}

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        if unknown := given.keys() - KNOWN:
            raise Refused(400, f"Unrecognized request argument supplied: {min(unknown)}")
        if given.get("model") not in self.models:
            raise Refused(
                400, f"model {given.get('model')} is not available for fine-tuning", "model"
            )
        if given.get("training_file") not in self.files:
            raise Refused(400, "invalid training_file: no such File object", "training_file")
        if self.files[given["training_file"]]["purpose"] != "fine-tune":
            raise Refused(400, "training_file must have the purpose fine-tune", "training_file")
        if len(given.get("suffix") or "") > 64:
            raise Refused(400, "suffix is too long", "suffix")
        for name, value in (given.get("metadata") or {}).items():
            if not isinstance(value, str) or len(name) > 64 or len(value) > 512:
                raise Refused(400, f"metadata {name} is no text of at most 512", "metadata")
        _check_method(given.get("method"))
        with self._lock:
            number = len(self.jobs)
            job = {
                "id": f"ftjob-{number}",
                "object": "fine_tuning.job",
                "created_at": number,
                "organization_id": "org",
                "status": "validating_files",
                "result_files": [],
                "hyperparameters": {},
                "fine_tuned_model": None,
                "finished_at": None,
                "trained_tokens": None,
                "error": None,
                "user_provided_suffix": given.get("suffix"),
                "polls": 0,
                "end": self.end,
                "says": self.error,
                **given,
            }
            self.jobs[job["id"]] = job
        return self._shown(job)

    def _step(self, job: dict[str, Any]) -> None:
        with self._lock:
            if job["fine_tuned_model"] or job["error"] or job["status"] == "cancelled":
                return
            fault = _file_fault(self.files[job["training_file"]]["content"], job["method"]["type"])
            if fault:
                error = {
                    "code": "invalid_training_file",
                    "message": fault,
                    "param": "training_file",
                }
                job |= {"status": "failed", "error": error}
                return
            job["polls"] += 1
            job["status"] = "running"
            if job["polls"] <= self.polls:
                return
            content = self.files[job["training_file"]]["content"]
            if job["end"] == "succeeded":
                name = f"ft:{job['model'].split(':')[1] if ':' in job['model'] else job['model']}"
                name += f":org:{job['suffix']}:{job['id']}"
                self.models.append(name)
                job |= {
                    "status": "succeeded",
                    "fine_tuned_model": name,
                    "trained_tokens": len(content) // 4,
                }
            else:
                job |= {"status": job["end"], "error": job["says"]}

    def _events(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Newest first, as OpenAI lists them."""
        steps = job["polls"]
        return [
            {
                "id": f"ftevent-{job['id']}-{step}",
                "object": "fine_tuning.job.event",
                "created_at": step,
                "level": "info",
                "message": f"Step {step}/{self.polls + 1}: training loss={1 / (step + 1):.2f}",
                "type": "metrics",
                "data": {"step": step, "train_loss": 1 / (step + 1), "total_steps": self.polls + 1},
            }
            for step in range(steps, 0, -1)
        ]

    def _paged(self, found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        if after := query.get("after"):
            ids = [one["id"] for one in found]
            found = found[ids.index(after) + 1 :]
        size = min(self.page, int(query.get("limit", self.page)))
        return {"object": "list", "data": found[:size], "has_more": len(found) > size}

    @staticmethod
    def _shown(job: dict[str, Any]) -> dict[str, Any]:
        return {
            name: v for name, v in job.items() if name not in ("polls", "end", "says", "suffix")
        }


def _check_method(method: Any) -> None:
    if not isinstance(method, dict) or method.get("type") not in HYPER:
        raise Refused(400, "method.type must be supervised, dpo or reinforcement", "method")
    kind = method["type"]
    if unknown := method.keys() - {"type", kind}:
        raise Refused(400, f"Unrecognized request argument supplied: method.{min(unknown)}")
    given = method.get(kind, {})
    if unknown := given.keys() - {"hyperparameters"}:
        raise Refused(400, f"Unrecognized request argument supplied: method.{kind}.{min(unknown)}")
    for name, value in given.get("hyperparameters", {}).items():
        if name not in HYPER[kind]:
            raise Refused(400, f"Unrecognized hyperparameter {name}", f"method.{kind}")
        number = isinstance(value, HYPER[kind][name] | int) and not isinstance(value, bool)
        if value != "auto" and not number:
            raise Refused(400, f"{name} must be a number or auto", f"method.{kind}")


def _file_fault(content: str, kind: str) -> str | None:
    """What the validation of a training file finds."""
    lines = content.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            return f"line {number} is no JSON"
        fault = _dpo_fault(row) if kind == "dpo" else _supervised_fault(row)
        if fault:
            return f"line {number}: {fault}"
    if len(lines) < LEAST:
        return f"file has {len(lines)} example(s), but must have at least {LEAST} examples"
    return None


def _dpo_fault(row: Any) -> str | None:
    if row.keys() != {"input", "preferred_output", "non_preferred_output"}:
        return f"has the keys {sorted(row)}"
    if row["input"].keys() - {"messages", "tools", "parallel_tool_calls"}:
        return f"input has the keys {sorted(row['input'])}"
    if not row["input"]["messages"] or row["input"]["messages"][-1]["role"] != "user":
        return "input does not end with the user"
    for side in ("preferred_output", "non_preferred_output"):
        if len(row[side]) != 1 or row[side][0].keys() != {"role", "content"}:
            return f"{side} is not one message"
        if row[side][0]["role"] != "assistant":
            return f"{side} is not the assistant's"
    return None


def _supervised_fault(row: Any) -> str | None:
    if row.keys() != {"messages"}:
        return f"has the keys {sorted(row)}"
    return None if row["messages"][-1]["role"] == "assistant" else "ends without the assistant"
