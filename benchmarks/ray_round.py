"""Starter rounds on a Ray cluster, and here: python benchmarks/ray_round.py --into FOLDER

    [--where here,ray] [--seeds 3] [--rounds 1] [--prompts 192] [--test N] [--nodes 2]

`here` samples in one vLLM and trains in two processes of accelerate; `ray` does both on a cluster
of so many nodes, all on this machine, in two workers. Printed: for each seed whether the pairs of
the first round are the same, the seconds of sampling and training of both, and the gold win rate of
the policies in place against the first, which has to lie within what seeds differ by. FOLDER keeps
the runs: what was killed goes on there.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "tests")]

from ray_cluster import ray_cluster  # noqa: E402
from recipes import judge_server, run_left, runs_of, starter_with, win_rates  # noqa: E402

from rounds.files import read_json  # noqa: E402
from rounds.folder import finished_rounds  # noqa: E402
from rounds.rows import PAIRS  # noqa: E402
from rounds.tables import iter_rows  # noqa: E402

PROCESSES = 2
ARGS = {"per_device_train_batch_size": 16 // PROCESSES, "use_cpu": True}
"""Each process has its part of the starter's batch."""


def config_of(where: str, seed: int, given: argparse.Namespace, url: str, at: str) -> Any:
    """The starter's config, here or on the cluster at an address."""
    launched: dict[str, Any] = {"accelerate": {"multi_gpu": True, "num_processes": PROCESSES}}
    changes: dict[str, Any] = {"trainer": {"args": ARGS, **launched}}
    if where == "ray":
        workers = {"address": at, "workers": PROCESSES, "resources": {"CPU": 1}}
        changes = {
            "trainer": {"args": ARGS, "ray": workers},
            "sampler": {"engine": {"ray": workers}},
        }
    return starter_with(changes, given, url) | {"name": f"{where}-{seed}", "seed": seed}


def folders_of(where: str, seed: int, given: argparse.Namespace) -> list[Path]:
    """The finished rounds of a run."""
    return finished_rounds(Path(given.into) / "runs" / f"{where}-{seed}")


def pairs_of(folder: Path) -> list[tuple[str, str, str]]:
    """What a round's pairs are: who was chosen, who rejected, and the prompt."""
    names = ("prompt_id", "chosen_id", "rejected_id")
    return sorted((row[names[0]], row[names[1]], row[names[2]]) for row in iter_rows(folder, PAIRS))


def print_table(places: list[str], given: argparse.Namespace) -> None:
    """The pairs and seconds of each seed, then the win rates."""
    for seed in range(given.seeds):
        firsts = [folders_of(where, seed, given)[0] for where in places]
        pairs = [pairs_of(folder) for folder in firsts]
        equal = "equal" if all(one == pairs[0] for one in pairs) else "DIFFER"
        took = "; ".join(
            f"{where}: sampling {_seconds(folder, 'sample'):.0f} s, "
            f"training {_seconds(folder, 'train'):.0f} s"
            for where, folder in zip(places, firsts, strict=True)
        )
        print(f"seed {seed}: {len(pairs[0])} pairs, {equal}; {took}")
    for where in places:
        runs = runs_of(where, given)
        last = [rounds[-1] for rounds in runs]
        rate, each = win_rates(last)
        print(f"{where:8}gold win rate vs first {rate}   {each}")


def _seconds(folder: Path, stage: str) -> float:
    return float(read_json(folder / "metrics.json")["seconds"][stage])


@contextmanager
def cluster(nodes: int) -> Iterator[str]:
    """The address of a cluster of so many nodes on this machine; empty for none."""
    if not nodes:
        yield ""
        return
    with ray_cluster(*[{"num_cpus": 1}] * nodes) as started:
        yield started.address


def main() -> None:
    """Run what is left to run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", required=True, help="a folder for the runs, which stay there")
    parser.add_argument("--where", default="here,ray")
    counts = (("seeds", 3), ("rounds", 1), ("prompts", 192), ("test", 0), ("nodes", PROCESSES))
    for name, value in counts:
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    places = given.where.split(",")
    if unknown := [name for name in places if name not in ("here", "ray")]:
        parser.error(f"{unknown[0]} is neither here nor ray")
    into = Path(given.into)
    into.mkdir(parents=True, exist_ok=True)
    runs = {f"{where}-{seed}": given.rounds for where in places for seed in range(given.seeds)}
    with judge_server(into, runs) as url:
        for where in places:  # never both on the cores at once
            with cluster(given.nodes * (where == "ray")) as at:
                for seed in range(given.seeds):
                    run_left(config_of(where, seed, given, url, at), given.rounds, into, [])
    print_table(places, given)


if __name__ == "__main__":
    main()
