"""Recorded judgments through the whole judge stage: python benchmarks/judgebench.py FILE

FILE holds 350 JudgeBench pairs with an objective label and o1-mini's raw judgments of both orders
(JSONL, may be gzipped: question, response_A, response_B, label, judgments). An OpenAI-compatible
endpoint on this machine replays them word for word; the judge stage asks it, reads the replies and
settles both orders, and what it accepts is compared with the labels.
"""

import argparse
import json
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from recorded_rows import recorded_rows

from endpoints.config import EndpointConfig
from endpoints.hostile import neutralize
from endpoints.open import Endpoints
from judge.config import JudgeConfig
from judge.stage import judge_candidates
from rounds.folder import round_dir, write_round_start
from rounds.ids import digest
from rounds.rows import (
    CANDIDATES,
    PROMPTS,
    VERDICTS,
    Candidate,
    Prompt,
    Verdict,
    written_candidate,
)
from rounds.tables import read_rows, write_rows
from rounds.verdicts import comparisons, settle

Pair = dict[str, Any]


def rows_of(pairs: list[Pair]) -> tuple[list[Prompt], list[Candidate]]:
    """Prompts and candidates as a sampler would leave them; index 0 is response_A."""
    prompts: list[Prompt] = []
    candidates: list[Candidate] = []
    for number, pair in enumerate(pairs):
        name = digest("judgebench", pair["pair_id"])
        messages = [{"role": "user", "content": pair["question"]}]
        prompts.append(
            {
                "prompt_id": name,
                "messages": messages,
                "source": str(number),
                "split": "train",
                "set_aside": None,
                "reference": None,
                "guidelines": None,
                "tags": None,
            }
        )
        for index, side in enumerate("AB"):
            text, candidate_id = pair[f"response_{side}"], digest(name, side)
            candidates.append(
                written_candidate(candidate_id, name, "train", index, text, "recorded")
            )
    return prompts, candidates


@contextmanager
def replay(pairs: list[Pair]) -> Iterator[str]:
    """The endpoint; yields its address. It finds a judgment by the answer it is shown first."""
    recorded = {}
    for pair in pairs:
        for judgment in pair["judgments"]:
            first = neutralize(pair[f"response_{judgment['first']}"])
            recorded[neutralize(pair["question"]), first] = judgment["text"]

    def text_for(user: str) -> str:
        question = user.split("The user's message:\n", 1)[1]
        found = [
            text
            for (asked, first), text in recorded.items()
            if question.startswith(asked + "\n\nAnswer A:\n") and f"]\n{first}\n[/A " in question
        ]
        assert len(found) == 1, f"{len(found)} recorded judgments fit one question"
        return found[0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = text_for(body["messages"][-1]["content"])
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            kind = {"id": "r", "object": "chat.completion", "created": 0, "model": "o1-mini"}
            data = json.dumps({**kind, "choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def figures(pairs: list[Pair], verdicts: list[Verdict]) -> dict[str, float | int]:
    """Single-order accuracy, yield, and accuracy of what was accepted."""
    prompts, _ = rows_of(pairs)
    right = {
        prompt["prompt_id"]: "a" if pair["label"] == "A>B" else "b"
        for prompt, pair in zip(prompts, pairs, strict=True)
    }
    settled = {
        rows[0]["prompt_id"]: settle(rows).outcome for rows in comparisons(verdicts).values()
    }
    accepted = {name: outcome for name, outcome in settled.items() if outcome in ("a", "b")}
    correct = sum(outcome == right[name] for name, outcome in accepted.items())
    single = sum(row["outcome"] == right[row["prompt_id"]] for row in verdicts)
    return {
        "judgments": len(verdicts),
        "right per single order, %": round(100 * single / len(verdicts), 1),
        "abstentions": sum(row["outcome"] == "abstain" for row in verdicts),
        "yield, %": round(100 * len(accepted) / len(pairs), 1),
        "right on accepted pairs, %": round(100 * correct / max(1, len(accepted)), 1),
    }


def main() -> None:
    """Replay the file and print what the stage makes of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("file", type=Path)
    pairs: list[Pair] = recorded_rows(parser.parse_args().file)
    config = JudgeConfig(endpoint="recorded", strategy="pairwise", channel="text")
    with tempfile.TemporaryDirectory() as scratch, replay(pairs) as address:
        folder = round_dir(Path(scratch) / "runs" / "judgebench", 1)
        write_round_start(folder, {"policy": None, "initial": None, "seed": 0})
        prompts, candidates = rows_of(pairs)
        write_rows(folder, PROMPTS, prompts)
        write_rows(folder, CANDIDATES, candidates)
        recorded = EndpointConfig(base_url=address, model="o1-mini")
        with Endpoints({"recorded": recorded}, folder / "logs") as endpoints:
            judge_candidates(folder, config, endpoints)
        verdicts = read_rows(folder, VERDICTS)
    for name, value in figures(pairs, verdicts).items():
        print(f"{name:32} {value}")
    reasons = Counter(row["reason"] for row in verdicts if row["reason"])
    print(f"{'reasons':32} {dict(reasons)}")


if __name__ == "__main__":
    main()
