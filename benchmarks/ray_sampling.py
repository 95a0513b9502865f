"""Tokens per second of sampling on Ray: two nodes against one, and one against a plain child.

    python benchmarks/ray_sampling.py [--prompts 800] [--times 3]

The starter's policy is sampled by turns three ways: by one child process of this machine, by one
worker on a Ray cluster, and by two workers on two of its nodes. The child and each node have one
core each, which everything they start inherits. Counted are prompts from when every vLLM is loaded
to the end, in tokens a second, and the seconds of the whole, start-up included. The drivers and the
cluster's head have whichever core is free, so that a machine with more than two cores, and with
nothing else to do, tells most. The candidates of all three must be equal.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "tests")]

from builders import begun, prompt_row  # noqa: E402
from ray_cluster import RayCluster, ray_cluster  # noqa: E402

from endpoints.open import Endpoints  # noqa: E402
from rounds.folder import write_round_start  # noqa: E402
from rounds.settings import locate  # noqa: E402
from rounds.tables import read_rows  # noqa: E402
from rounds.weights import local_policy  # noqa: E402
from sampler.config import SamplerConfig  # noqa: E402
from sampler.stage import sample  # noqa: E402

WAYS = {"one child": 0, "one node": 1, "two nodes": 2}
"""How many workers of a cluster each way has."""


def main() -> None:
    """Draw by turns and print the medians."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--prompts", type=int, default=800)
    arguments.add_argument("--times", type=int, default=3)
    arguments.add_argument("--max-num-seqs", type=int, default=32)
    given = arguments.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("this machine has one core, and two are needed")
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    whole: dict[str, list[float]] = {way: [] for way in WAYS}
    with ray_cluster({"num_cpus": 0}) as cluster, tempfile.TemporaryDirectory() as scratch:
        for core in cores[:2]:
            with only(core):
                cluster.add_node()
        for turn in range(given.times):
            texts = {}
            for way, workers in WAYS.items():
                folder = begin(Path(scratch) / str(turn) / way.replace(" ", "-"), given.prompts)
                config = sampler_config(cluster, workers, given.max_num_seqs)
                with only(*(cores if workers else cores[:1])):
                    rate, seconds, texts[way] = timed(folder, config, workers)
                rates[way].append(rate)
                whole[way].append(seconds)
                print(f"{way}: {rate:,.0f} tokens a second, {seconds:.1f} s in all", flush=True)
            same = all(drawn == texts["one child"] for drawn in texts.values())
            print("  texts are equal" if same else "  TEXTS DIFFER", flush=True)
    for one, other in (("two nodes", "one node"), ("one node", "one child")):
        ratios = sorted(a / b for a, b in zip(rates[one], rates[other], strict=True))
        print(
            f"{one} / {other}: {statistics.median(ratios):.2f} of its tokens a second "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}), {statistics.median(whole[one]):.1f} s in all "
            f"against {statistics.median(whole[other]):.1f} s"
        )


def timed(folder: Path, config: SamplerConfig, workers: int) -> tuple[float, float, list[str]]:
    """Tokens a second once all is loaded, seconds of the whole, and the texts."""
    began, loaded = time.monotonic(), (0.0, 0)
    every = f"{workers} of {workers} workers"

    def progress(done: int, total: int, note: str = "") -> None:
        nonlocal loaded
        if total and not loaded[0] and (not workers or every in note):
            loaded = time.monotonic(), done

    policy = local_policy(locate("prefloop:starter/policy"))
    facts = sample(folder, config, policy, 0, Endpoints({}, Path("logs")), progress=progress)
    ended = time.monotonic()
    rows = read_rows(folder, "candidates")
    prompts = len({row["prompt_id"] for row in rows})
    tokens = facts["tokens"] * (1 - loaded[1] / prompts)
    return tokens / (ended - loaded[0]), ended - began, [row["text"] for row in rows]


def sampler_config(cluster: RayCluster, workers: int, max_num_seqs: int) -> SamplerConfig:
    """The starter's, each vLLM on one thread."""
    tree: dict[str, Any] = yaml.safe_load((ROOT / "examples/starter.yaml").read_text())["sampler"]
    tree["vllm"] |= {"max_num_seqs": max_num_seqs}
    tree["env"] = tree.get("env", {}) | {"OMP_NUM_THREADS": "1"}
    if workers:
        ray = {"address": cluster.address, "workers": workers, "resources": {"CPU": 1}}
        tree["engine"] = {"ray": ray}
    return SamplerConfig.model_validate(tree)


def begin(run_dir: Path, prompts: int) -> Path:
    """A round with so many of the starter's train prompts."""
    lines = locate("prefloop:prompts/starter/train.jsonl").read_text().splitlines()[:prompts]
    folder = begun(run_dir, prompts=[prompt_row(json.loads(line)["prompt"]) for line in lines])
    facts = local_policy(locate("prefloop:starter/policy"))._asdict()
    write_round_start(folder, {"policy": facts, "initial": facts, "seed": 0})
    return folder


@contextmanager
def only(*cores: int) -> Iterator[None]:
    """What is started in the block runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    main()
