"""A round of a million candidate rows in bounded memory: python benchmarks/million_rows.py

Writes a round of 12,500 and one of 125,000 prompts with 8 answers of about 150 words and their
tokens each, and takes them through the stages that come after sampling, each in a process of its
own: the judge (a function as the judge, screen_confirm), its health, the pairs with their cleaning,
and the end of the round. Prints rows a second and the peak memory of each. What may grow with the
rows: ids of prompts and pairs, lengths and scores; and in the pairs stage the index of the round's
pairs. A judge that is called takes 250 bytes more for each call, in its health and at the end.
`--rows` takes other sizes, `--parts` only some stages, `--at` a folder to keep.

Peak memory measured for 100,000 and 1,000,000 rows, 120 MiB of it the imports of all stages, which
each then had: judge 307 and 394 MiB, health 306 and 376, pairs 455 and 1,016 (all 125,000 kept),
finish 185 and 196.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any
from zlib import crc32

from rounds.files import write_text
from rounds.folder import write_round_start
from rounds.ids import digest, prompt_id, text_hash
from rounds.rows import CANDIDATES, PROMPTS, Candidate, Prompt
from rounds.stages import run_stage
from rounds.tables import write_rows

ANSWERS = 8
WORDS = 150
POLICY = {"model": "m", "adapter": None, "policy_id": "p0", "served": None}
JUDGE: dict[str, Any] = {"endpoint": "python:million_rows:worth"}
ROUND = "runs/million/rounds/0001"

Work = Callable[[Path, int], object]
"""A stage in the round's folder, which has so many train prompts."""


def worth(prompt: Prompt, answer: str) -> float:
    """The judge: what it likes has no reason, but it always likes the same."""
    return 1 + 9 * crc32(answer.encode()) / 2**32


def phrase(rng: random.Random, words: list[str], count: int) -> str:
    """English of some kind: stretches of one to five words from anywhere."""
    said: list[str] = []
    while len(said) < count:
        start = rng.randrange(len(words))
        said += words[start : start + rng.randint(1, 5)]
    return " ".join(said[:count])


def prompts(count: int, words: list[str]) -> Iterator[Prompt]:
    """Train prompts, and 200 each to gate and test."""
    rng = random.Random(1)
    for place in range(-400, count):
        messages = [{"role": "user", "content": f"{phrase(rng, words, 12)} ({place})"}]
        yield {
            "prompt_id": prompt_id(messages),
            "messages": messages,
            "source": f"made:{place}",
            "split": "gate" if place < -200 else "test" if place < 0 else "train",
            **dict.fromkeys(("set_aside", "reference", "guidelines", "tags")),
        }


def candidates(asked: Iterator[Prompt], words: list[str]) -> Iterator[Candidate]:
    """The answers to the train prompts."""
    rng = random.Random(2)
    tokens = [rng.randrange(150_000) for _ in range(100_000)]
    for prompt in asked:
        for index in range(ANSWERS if prompt["split"] == "train" else 0):
            text = phrase(rng, words, WORDS)
            start = rng.randrange(len(tokens) - 2 * WORDS)
            yield {
                "candidate_id": digest(prompt["prompt_id"], "p0", index),
                "prompt_id": prompt["prompt_id"],
                "split": "train",
                "policy_id": "p0",
                "index": index,
                "text": text,
                "text_hash": text_hash(text),
                "token_ids": tokens[start : start + WORDS * 4 // 3],
                "n_tokens": WORDS * 4 // 3,
                "logprob": -1.5 * WORDS,
                "finish_reason": "stop",
                "seed": 4096,
                "source": "current",
                "revised_from": None,
                "prompt_token_ids": None,
                "critique": None,
            }


def write() -> Work:
    """The tables as the sampler leaves them."""
    return write_tables


def write_tables(folder: Path, count: int) -> None:
    """Prompts and candidates, and the stamps of their stages."""
    words = " ".join(topics.values()).split()
    write_round_start(folder, {"policy": POLICY, "initial": POLICY, "seed": 0})
    write_rows(folder, PROMPTS, prompts(count, words))
    write_rows(folder, CANDIDATES, candidates(prompts(count, words), words))
    run_stage(folder, "prompts", "k", lambda: {"train": count, "left": 0})
    run_stage(folder, "sample", "k", lambda: {"tokens": count * ANSWERS * WORDS * 4 // 3})


def judge() -> Work:
    """Select and confirm."""
    from endpoints.open import Endpoints
    from judge.config import JudgeConfig
    from judge.stage import judge_candidates

    config = JudgeConfig(**JUDGE)
    return lambda folder, _: judge_candidates(folder, config, Endpoints({}, folder / "logs"))


def health() -> Work:
    """Measure the judge."""
    from endpoints.open import Endpoints
    from judge.config import JudgeConfig
    from judge.health.examine import judge_health

    config = JudgeConfig(**JUDGE)
    return lambda folder, _: judge_health(folder, config, Endpoints({}, folder / "logs"))


def pairs() -> Work:
    """Clean."""
    from pairs.config import PairsConfig
    from pairs.stage import build_pairs

    def work(folder: Path, _: int) -> None:
        found = build_pairs(folder, PairsConfig())
        print(f"    kept {found['kept']:,}, dropped {found['dropped']}")

    return work


def finish() -> Work:
    """metrics.json and the manifest."""
    from rounds.finish import finish_round

    def work(folder: Path, _: int) -> None:
        write_text(folder.parent.parent / "run.yaml", "name: million\n")
        decision = {"promoted": False, "reasons": ["no trainer"]}
        finish_round(folder, "name: million\n", None, decision)

    return work


PARTS: dict[str, Callable[[], Work]] = {
    "write": write,
    "judge": judge,
    "health": health,
    "pairs": pairs,
    "finish": finish,
}
"""Each imports its stage, and returns it."""


def run(part: str, folder: Path, rows: int) -> None:
    """One stage in this process, measured."""
    work = PARTS[part]()
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    work(folder, rows // ANSWERS)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{part:8} {rows:>10,} rows  {seconds:7.1f} s  {rows / seconds:>9,.0f} rows/s  "
        f"(CPU {cpu:6.1f} s)  peak {after.ru_maxrss / 1024:6,.0f} MiB, "
        f"{(after.ru_maxrss - before.ru_maxrss) / 1024:6,.0f} over its imports",
        flush=True,
    )


def main() -> None:
    """Every part at every size, one child process each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--at", type=Path)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        run(given.here, given.at, *given.rows)
        return
    with tempfile.TemporaryDirectory() as scratch:
        for rows in given.rows:
            folder = (given.at or Path(scratch)) / f"{rows}" / ROUND
            for part in given.parts:
                child = ["--here", part, "--at", str(folder), "--rows", str(rows)]
                subprocess.run([sys.executable, __file__, *child], check=True)


if __name__ == "__main__":
    main()
