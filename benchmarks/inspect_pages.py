"""The pages over a round of a million candidates: python benchmarks/inspect_pages.py FILE

FILE holds AlpacaEval prompts with the answers of models (JSONL, may be gzipped). Written is a round
of 250,000 prompts with four of those answers each, every text made its own by a number at its end,
with their scores, both orders of a comparison each, nine pairs in ten kept; then `prefloop inspect`
is started on it and asked, as a browser asks, for its first view, filters, sorts, single prompts
and searches. Printed: milliseconds of each, the first and the median of five, and the server's peak
memory. `--prompts` takes another size, `--at` a folder to keep.
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from recorded_rows import recorded_rows

from rounds.files import write_json, write_text
from rounds.ids import digest, text_hash
from rounds.rows import (
    CANDIDATES,
    DROPPED,
    PAIRS,
    PROMPTS,
    VERDICTS,
    Candidate,
    DroppedPair,
    Pair,
    Prompt,
    Verdict,
    written_candidate,
)
from rounds.tables import table_path, table_writer

ANSWERS = 4
REASONS = ("no_margin", "flip", "tie", "near_duplicate", "below_threshold")
TURNS = 5


def prompt_row(place: int, recorded: dict[str, Any]) -> Prompt:
    """A prompt of the file, made its own."""
    return {
        "prompt_id": digest("prompt", place),
        "messages": [{"role": "user", "content": f"{recorded['prompt']} ({place})"}],
        "source": f"alpaca.jsonl:{place}",
        "split": "train",
        "set_aside": None,
        "reference": None,
        "guidelines": None,
        "tags": [("code", "chat", "maths")[place % 3]],
    }


def candidate_rows(place: int, prompt: Prompt, recorded: dict[str, Any]) -> list[Candidate]:
    """Four answers of the file, made the prompt's own."""
    rows = []
    for index, answer in enumerate(recorded["candidates"][:ANSWERS]):
        text = f"{answer['text']} ({place})"
        name = digest(prompt["prompt_id"], index)
        row = written_candidate(name, prompt["prompt_id"], "train", index, text, "p0")
        row["text_hash"], row["n_tokens"] = text_hash(text), len(text) // 4
        row["logprob"], row["seed"], row["source"] = -1.0 * len(text), place, "current"
        rows.append(row)
    return rows


def verdict_rows(
    prompt: Prompt, rows: list[Candidate], scores: list[float], reason: str | None
) -> Iterator[Verdict]:
    """A score for each candidate, and the best against the worst in both orders."""
    order = sorted(range(len(rows)), key=lambda index: -scores[index])
    best, worst = (rows[place]["candidate_id"] for place in (order[0], order[-1]))

    def verdict(
        kind: str, a: str, b: str | None, first: str | None, score: float | None
    ) -> Verdict:
        outcome = "scored" if b is None else "b" if reason == "flip" and first == "b" else "a"
        return {
            "verdict_id": digest(kind, a, b, first),
            "prompt_id": prompt["prompt_id"],
            "split": "train",
            "kind": kind,
            "candidate_a": a,
            "candidate_b": b,
            "shown_first": first,
            "outcome": outcome,
            "reason": None,
            "score": score,
            "probability": None if b is None else 0.9,
            "rationale": "The first is more helpful, and says why.",
            "raw_text": '{"rationale": "The first is more helpful, and says why.", "verdict": "A"}',
            "judge_id": "judge/model",
            "rubric_hash": "r0",
            "request_key": digest("call", kind, a, b, first),
            "prompt_tokens": 800,
            "completion_tokens": 40,
            "cost": 0.0002,
            "purpose": "screen" if b is None else "confirm",
            "level": 0,
            "threshold": 0.7,
            "criteria": None,
            "shown": None,
            "ranking": None,
            "repeat": 0,
            "flags": [],
            "cached_tokens": 0,
            "estimated": False,
        }

    for row, score in zip(rows, scores, strict=True):
        yield verdict("pointwise", row["candidate_id"], None, None, score)
    for first in ("a", "b"):
        yield verdict("pairwise", best, worst, first, None)


def pair_row(
    prompt: Prompt, rows: list[Candidate], scores: list[float], verdicts: list[Verdict]
) -> Pair:
    """Best and worst as a pair."""
    order = sorted(range(len(rows)), key=lambda index: -scores[index])
    best, worst = rows[order[0]], rows[order[-1]]
    return {
        "pair_id": digest("pair", prompt["prompt_id"]),
        "prompt_id": prompt["prompt_id"],
        "round": 1,
        "prompt": prompt["messages"],
        "chosen": [{"role": "assistant", "content": best["text"]}],
        "rejected": [{"role": "assistant", "content": worst["text"]}],
        "chosen_id": best["candidate_id"],
        "rejected_id": worst["candidate_id"],
        "candidate_ids": [best["candidate_id"], worst["candidate_id"]],
        "score_chosen": max(scores),
        "score_rejected": min(scores),
        "margin": max(scores) - min(scores),
        "policy_id": "p0",
        "judge_id": "judge/model",
        "verdict_ids": [row["verdict_id"] for row in verdicts],
        "probability": 0.9,
        "chosen_source": "current",
        "rejected_source": "current",
    }


def write_run(run_dir: Path, recorded: list[dict[str, Any]], prompts: int) -> None:
    """A run with one round that has its pairs and is not finished."""
    folder = run_dir / "rounds" / "0001"
    chance = random.Random(0)
    write_text(run_dir / "run.yaml", "name: big\nseed: 0\njudge: {gold: null}\ntrainer: null\n")
    for name, facts in (("prompts", {"train": prompts}), ("pairs", {"kept": prompts})):
        write_json(folder / "work" / f"{name}.json", {"key": "k", "seconds": 1.0, "facts": facts})
    names = (PROMPTS, CANDIDATES, VERDICTS, PAIRS, DROPPED)
    with ExitStack() as stack:
        tables = {
            str(name): stack.enter_context(table_writer(table_path(folder, name), name))
            for name in names
        }
        for place in range(prompts):
            of = recorded[place % len(recorded)]
            prompt = prompt_row(place, of)
            rows = candidate_rows(place, prompt, of)
            scores = [round(chance.uniform(1, 10), 1) for _ in rows]
            reason = chance.choice(REASONS) if chance.random() < 0.1 else None
            verdicts = list(verdict_rows(prompt, rows, scores, reason))
            pair = pair_row(prompt, rows, scores, verdicts)
            lost: list[DroppedPair] = [{**pair, "reason": reason, "detail": None}] if reason else []
            tables["prompts"].write_rows([prompt])
            tables["candidates"].write_rows(rows)
            tables["verdicts"].write_rows(verdicts)
            tables["pairs"].write_rows([] if reason else [pair])
            tables["dropped"].write_rows(lost)


def addresses(prompt_of: str) -> dict[str, str]:
    """What is asked, by name."""
    pairs = "round/1/pairs"
    return {
        "first view": "",
        "the round": "round/1",
        "plots of the round": "round/1/plots",
        "pairs": pairs,
        "filter: dropped as a flip": f"{pairs}?outcome=dropped&reason=flip",
        "filter: tag and margin": f"{pairs}?tag=code&margin_from=3&margin_to=4",
        "sort by margin": f"{pairs}?sort=-margin",
        "sort by length, page 400": f"{pairs}?sort=length&page=400",
        "one pair": f"round/1/pair/{prompt_of}?sort=-margin",
        "search: photosynthesis": f"{pairs}?text=photosynthesis",
        "search: nowhere": f"{pairs}?text=no+such+words+anywhere",
    }


def measure(run_dir: Path, pair_id: str) -> None:
    """Ask the pages of a run and print how long each took."""
    started = time.monotonic()
    command = ["-m", "prefloop", "inspect", str(run_dir), "--no-browser"]
    server = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        print(f"server up in {time.monotonic() - started:.1f} s")
        for name, path in addresses(pair_id).items():
            seconds = []
            for _ in range(TURNS):
                before = time.monotonic()
                with urlopen(address + path) as answer:
                    answer.read()
                seconds.append(time.monotonic() - before)
            first, middle = 1000 * seconds[0], 1000 * statistics.median(seconds)
            print(f"{name:26} first {first:6.0f} ms, median {middle:6.0f} ms")
        status = Path(f"/proc/{server.pid}/status").read_text()
        peak = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert peak
        print(f"peak memory of the server {int(peak[1]) / 1024:.0f} MiB")
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Write the round and ask its pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("file", type=Path)
    parser.add_argument("--prompts", type=int, default=250_000)
    parser.add_argument("--at", type=Path, help="a folder to keep the run in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run_dir = (given.at or Path(scratch)) / "runs" / "big"
        if not run_dir.exists():
            write_run(run_dir, recorded_rows(given.file), given.prompts)
        print(f"{given.prompts:,} prompts, {ANSWERS * given.prompts:,} candidates")
        middle = digest("pair", digest("prompt", given.prompts // 2))
        measure(run_dir, middle)


if __name__ == "__main__":
    main()
