"""Rounds whose policy and judge are scripted, in processes that may die at any moment.

A round is run by the stages' own functions, without Prefect, in a fork of a process that has
imported everything: a life takes a second. The endpoint is a process of its own and notes every
request. As a script it is that endpoint: python benchmarks/scripted_rounds.py LOG SECONDS
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from flows.config import Config, dump_config
from flows.load import load_config
from flows.round import begin
from flows.session import session
from flows.tasks import (
    deal_prompts,
    examine_judge,
    judge_them,
    make_pairs,
    measure_judge,
    sample_candidates,
)
from rounds.errors import UserError
from rounds.finish import finish_round
from rounds.folder import finished_rounds, round_folders
from rounds.schema import OPTIONAL, TABLES, deterministic
from rounds.tables import read_rows

NAME = "chaos"
NO_TRAINING = {"promoted": False, "reasons": ["nothing is trained"]}
KILLED, REFUSED, FAILED = -signal.SIGKILL, 2, 1
"""How a life ends that is not well: by a kill, with a UserError, with anything else."""

FENCED = re.compile(r"\[([AB] \w{8})\]\n(.*?)\n\[/\1\]", re.DOTALL)


def answer(body: dict[str, Any]) -> str:
    """A policy whose seed decides what its answer is worth, a judge that sees it."""
    asked = body["messages"][-1]["content"]
    shown = [text for _, text in FENCED.findall(asked)]
    if not shown:
        return f"quality {1 + body['seed'] % 9} for {asked}"
    worth = [int(found[1]) if (found := re.match(r"quality (\d)", text)) else 1 for text in shown]
    if body["response_format"]["json_schema"]["name"] == "score":
        return json.dumps({"rationale": "read it", "score": worth[0]})
    verdict = "A" if worth[0] > worth[-1] else "B" if worth[-1] > worth[0] else "tie"
    return json.dumps({"rationale": "read both", "verdict": verdict})


def asked_by(body: dict[str, Any]) -> str:
    """What makes two requests one: words and seed."""
    return json.dumps([body["messages"], body.get("seed"), body.get("response_format")])


@contextmanager
def endpoint(folder: Path, latency: float = 0.0) -> Iterator[tuple[str, Path]]:
    """The address of an endpoint that takes so many seconds for an answer, and the file of all that
    it was asked.
    """
    log = folder / "asked.jsonl"
    log.touch()
    os.environ["SSL_CERT_DIR"] = str(folder)  # every client would read the certificates: 25 ms
    os.environ.pop("SSL_CERT_FILE", None)
    command = [sys.executable, "-P", __file__, str(log), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1", log
        finally:
            process.terminate()


def write_config(folder: Path, url: str, prompts: int = 12) -> Config:
    """Rounds of 6 prompts with two answers each, four gold pairs; no training."""
    lines = [json.dumps({"prompt": f"Question {number}, please?"}) for number in range(prompts)]
    (folder / "prompts.jsonl").write_text("\n".join(lines))
    gold = [
        {"prompt": f"Gold {n}?", "a": f"quality {a} gold", "b": f"quality {b} gold", "label": label}
        for n, (a, b, label) in enumerate([(9, 2, "a"), (1, 7, "b"), (8, 3, "a"), (2, 6, "b")])
    ]
    (folder / "gold.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in gold))
    served = {"base_url": url, "model": "m", "max_retries": 0, "max_in_flight": 4}
    tree = {
        "name": NAME,
        "policy": {"endpoint": "policy"},
        "prompts": {"train": str(folder / "prompts.jsonl"), "gate": 1, "test": 1, "per_round": 5},
        "endpoints": {"policy": served, "judge": served},
        "sampler": {"n": 3, "chunk": 2},
        "judge": {
            "endpoint": "judge",
            "scale": [1, 10],
            "gold": {"path": str(folder / "gold.jsonl"), "min_n": 1},
        },
        "trainer": None,
    }
    (folder / "chaos.yaml").write_text(yaml.safe_dump(tree))
    return load_config(str(folder / "chaos.yaml"))


def run_rounds(config: Config, runs_dir: Path, rounds: int) -> None:
    """Have so many rounds finished, in this process."""
    with session(config, runs_dir) as run:
        while len(finished_rounds(run.run_dir)) < rounds:
            folder = begin(run)
            deal_prompts.fn(folder)
            sample_candidates.fn(folder)
            gold = measure_judge.fn(folder)
            judge_them.fn(folder, gold["tau"])
            examine_judge.fn(folder, gold["tau"])
            make_pairs.fn(folder)
            finish_round(
                folder, dump_config(config), None, {"promoted": False, "reasons": ["none"]}
            )


def fork(work: Callable[[], object], said: Path) -> int:
    """Start a life: the process id of a fork that does `work`; what it says goes to a file."""
    if (child := os.fork()) == 0:
        status = FAILED
        try:
            output = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(output, 1), os.dup2(output, 2)
            work()
            status = 0
        except UserError as error:
            os.write(2, f"error: {error}".encode())
            status = REFUSED
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    """How a life ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tables_of(run_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """The deterministic columns of every table of every round."""
    return {
        f"{folder.name}/{table}": [
            {name: row[name] for name in deterministic(table)} for row in read_rows(folder, table)
        ]
        for folder in round_folders(run_dir)
        for table in (*TABLES, *OPTIONAL)
    }


def asked_so_far(log: Path) -> Counter[str]:
    """What the endpoint was asked, but for the question whether it is there."""
    bodies = [json.loads(line) for line in log.read_text().splitlines()]
    return Counter(asked_by(body) for body in bodies if body["messages"])


def journalled(run_dir: Path) -> Counter[str]:
    """The requests whose replies a run has written down."""
    path = run_dir / "journal.sqlite"
    if not path.exists():
        return Counter()
    try:
        with closing(sqlite3.connect(path)) as db:
            both = "SELECT request FROM answers UNION ALL SELECT request FROM failed"
            return Counter(asked_by(json.loads(body)) for (body,) in db.execute(both))
    except sqlite3.OperationalError:  # a kill came before it had its tables
        return Counter()


def strays(run_dir: Path) -> list[str]:
    """Files of a run that are none of its own."""
    shapes = (".*.tmp", "*.attempts", "rounds/*/work", "work", "rounds/*/.*")
    return sorted({str(path) for shape in shapes for path in run_dir.glob(f"**/{shape}")})


class Handler(BaseHTTPRequestHandler):
    """Answers as scripted, and notes what it was asked before it does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """The models."""
        self._send(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self) -> None:
        """One answer."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Path(sys.argv[1]).open("a") as log:
            log.write(json.dumps(body) + "\n")
        if not body["messages"]:
            self._send(400, {"error": {"message": "no messages"}})
            return
        time.sleep(float(sys.argv[2]))
        message = {"role": "assistant", "content": answer(body)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
        kind = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        self._send(200, {**kind, "choices": [choice], "usage": usage})

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


class Server(ThreadingHTTPServer):
    """One that does not speak of clients that die."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that dies is what this is about."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
