"""A round on 8 hosts x 8 GPUs on paper, the driver's part measured: python benchmarks/on_paper.py

Measures here, in rows a second of one core, what a sampling driver does: it takes rows as they
come from workers (a pickle a chunk), writes them as chunks, and merges the chunks into the table;
and how many bytes each is. The rest is reckoned from the figures below, each of which can be given:
for 1,000,000 prompts x 8 candidates the bytes that are moved, the seconds of each stage, and what
limits it. `--prompts` are those that are measured with. What came of it: docs/scaling.md.
"""

import argparse
import pickle
import tempfile
import time
from collections import Counter
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from million_given import POLICY, answered

from rounds.ids import digest
from rounds.rows import CANDIDATES
from rounds.tables import write_rows
from rounds.weights import Policy
from sampler.chunks import ChunkReader, ChunkWriter
from sampler.config import SamplerConfig
from sampler.merge import counted, merged
from sampler.requests import PromptRequest, WriterRequest
from sampler.writers import writer_in_place

ANSWERS = 8
CHUNK = 500
GIVEN = {
    "hosts": (8, "hosts"),
    "gpus": (8, "GPUs a host"),
    "round-prompts": (1_000_000, "prompts of the round"),
    "tokens": (300, "tokens of an answer; assumed"),
    "parameters": (8e9, "of policy and judge, 2 bytes each; assumed"),
    "write-rate": (5_000, "tokens a GPU writes a second, many at once; assumed, measure yours"),
    "read-rate": (25_000, "prompt tokens a GPU of the judge reads a second; assumed"),
    "shared": (0.5, "of a question's tokens that the prefix cache has; assumed"),
    "calls": (1154, "calls a second of one judging client; benchmarks/throughput.py"),
    "calls-a-prompt": (10, "of screen_confirm: a score an answer, the pair in both orders"),
    "yield": (0.6, "pairs a prompt; assumed"),
    "network": (3.1e9, "bytes a second of a host: 25 Gbit/s; assumed"),
    "storage": (2e9, "bytes a second of the shared storage; assumed"),
    "flops": (989e12, "of a GPU in bfloat16: NVIDIA's data sheet of the H100 SXM, dense"),
    "utilization": (0.4, "of these in training; assumed"),
    "batch": (1024, "pairs a step; assumed"),
}


class Measured(NamedTuple):
    """Rows a CPU second of each thing that the driver does, and bytes a row of each form."""

    rates: dict[str, float]
    sizes: dict[str, float]


def measure(number: int, work: Path) -> Measured:
    """Do what the driver does with the answers to so many prompts."""
    every = [WriterRequest("current", ANSWERS, 0)]
    asked = [PromptRequest(digest(one), "train", [], 4096, every, []) for one in range(number)]
    given = answered(asked, writer_in_place(SamplerConfig(), Policy(**POLICY)))
    sent = [
        pickle.dumps(chunk, protocol=5) for chunk in iter(lambda: list(islice(given, CHUNK)), [])
    ]
    total, seconds = number * ANSWERS, dict[str, float]()
    writer = ChunkWriter(work, count(), CHUNK, ["current"])
    started = time.process_time()
    taken = [pickle.loads(one) for one in sent]
    seconds["take"] = time.process_time() - started
    started = time.process_time()
    for chunk in taken:
        for one in chunk:
            writer.add(one)
    if number % CHUNK:
        writer.flush()
    seconds["write"] = time.process_time() - started
    del taken
    started = time.process_time()
    counts = Counter[str]()
    chunks = ChunkReader(work)
    write_rows(work, CANDIDATES, counted(merged(lambda: iter(asked), chunks), counts))
    seconds["merge"] = time.process_time() - started
    assert counts["candidates"] == total, "a row was lost"
    sizes = {
        "sent": sum(map(len, sent)) / total,
        "chunks": sum(path.stat().st_size for path in work.glob("chunk-*")) / total,
        "table": (work / "candidates.parquet").stat().st_size / total,
    }
    return Measured({what: total / spent for what, spent in seconds.items()}, sizes)


def reckon(given: dict[str, float], here: Measured) -> dict[str, dict[str, float]]:
    """Bytes by kind, and the seconds that each limit alone would take, by stage."""
    hosts, gpus = given["hosts"], given["hosts"] * given["gpus"]
    rows, weights = given["round-prompts"] * ANSWERS, 2 * given["parameters"]
    calls, pairs = given["round-prompts"] * given["calls-a-prompt"], given["round-prompts"]
    pairs *= given["yield"]
    asked, steps = calls * 2 * given["tokens"], pairs / given["batch"]
    moved = {
        "weights to the hosts, of policy and judge": 2 * weights * hosts,
        "rows to the driver": rows * here.sizes["sent"],
        "chunks, written and read again": 2 * rows * here.sizes["chunks"],
        "the table, written": rows * here.sizes["table"],
        "questions to the judge (4 bytes a token)": 4 * asked,
        "weights and gradients of FSDP over all hosts, in training": 3 * weights * steps * hosts,
    }
    files = moved["chunks, written and read again"] + moved["the table, written"]
    driver = sum(rows / rate for rate in (here.rates["take"], here.rates["write"]))
    flops = 8 * given["parameters"] * pairs * 2 * (2 * given["tokens"])  # 6 the policy, 2 reference
    return {
        "bytes": moved,
        "sample": {
            "GPUs": rows * given["tokens"] / (gpus * given["write-rate"]),
            "the driver, taking rows and writing chunks": driver,
            "the driver's network": moved["rows to the driver"] / given["network"],
            "loading weights from storage": weights * hosts / given["storage"],
        },
        "merge": {
            "the driver": rows / here.rates["merge"],
            "storage": files / given["storage"],
        },
        "judge": {
            "the client's calls": calls / given["calls"],
            "GPUs": asked * (1 - given["shared"]) / (gpus * given["read-rate"]),
        },
        "train": {
            "GPUs": flops / (gpus * given["flops"] * given["utilization"]),
            "network": 3 * weights * steps / given["network"],
        },
    }


def main() -> None:
    """Measure, reckon and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=4_000, help="measured with")
    for name, (value, meaning) in GIVEN.items():
        parser.add_argument(f"--{name}", type=float, default=value, help=meaning)
    asked = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as work:
        here = measure(asked["prompts"], Path(work))
    given = {name: asked[name.replace("-", "_")] for name in GIVEN}
    rates = ", ".join(f"{what} {rate:,.0f}" for what, rate in here.rates.items())
    print(f"measured here: rows a CPU second {rates}")
    for name, value in given.items():
        print(f"given: {name} {value:,g} ({GIVEN[name][1]})")
    stages = reckon(given, here)
    for what, size in stages.pop("bytes").items():
        print(f"moved: {size / 1e9:,.0f} GB {what}")
    longest = dict[str, float]()
    for stage, limits in stages.items():
        first = max(limits, key=lambda what: limits[what])
        longest[f"{stage}: {first}"] = limits[first]
        parts = ", ".join(f"{what} {seconds:,.0f} s" for what, seconds in limits.items())
        print(f"{stage}: {limits[first]:,.0f} s, limited by {first} ({parts})")
    print(f"first limit of the round: {max(longest, key=lambda what: longest[what])}")


if __name__ == "__main__":
    main()
