"""What a round takes beside its stages: python benchmarks/overhead.py [--prompts 300]

The same round by the command: without Prefect, with a Prefect server that is there, and with one of
the run's own. It has no training, and an endpoint that answers each call after 200 ms; 300 prompts
are about 70 seconds of stages. Said of each: the seconds to the first stage (with those of its
imports and checks, whose share falls as rounds grow), those of the stages as metrics.json has them,
and those in between and after, also as a share of the stages.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from slow_endpoint import slow_endpoint

from endpoints.children import PYTHON, child
from endpoints.servers import free_port, wait_until_healthy
from rounds.files import read_json
from rounds.progress import PROGRESS

IN_FLIGHT = 4


class Taken(NamedTuple):
    """Seconds: from the command to its first stage, in stages, and beside both."""

    before: float
    stages: float
    beside: float


def write_config(folder: Path, url: str, prompts: int) -> Path:
    """A round of two answers a prompt, which are compared in both orders."""
    rows = [f'{{"prompt": "Question {number}, please?"}}\n' for number in range(prompts + 8)]
    (folder / "prompts.jsonl").write_text("".join(rows))
    served = {"base_url": url, "model": "m", "max_in_flight": IN_FLIGHT}
    tree = {
        "name": "overhead",
        "policy": {"endpoint": "slow"},
        "prompts": {
            "train": str(folder / "prompts.jsonl"),
            **{"gate": 4, "test": 4, "per_round": prompts},
        },
        "endpoints": {"slow": served},
        "sampler": {"n": 2, "max_cut_off": None},
        "judge": {
            **{"endpoint": "slow", "strategy": "random_pair"},
            "health": {"sample": 0, "bounds": {}},
        },
        "trainer": None,
    }
    path = folder / "overhead.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def timed(config: Path, runs_dir: Path, env: dict[str, str], *arguments: str) -> Taken:
    """One round by the command."""
    run_dir = runs_dir / "overhead"
    command = [*PYTHON, "-m", "prefloop", "run", str(config), "--runs-dir", str(runs_dir)]
    command += arguments
    log = runs_dir.with_suffix(".log")
    began, first = time.monotonic(), None
    with log.open("w") as said, subprocess.Popen(command, env=env, stdout=said, stderr=said) as run:
        while run.poll() is None:
            if first is None and (run_dir / "rounds" / "0001" / "work" / PROGRESS).exists():
                first = time.monotonic() - began
            time.sleep(0.01)
    whole = time.monotonic() - began
    if run.returncode or first is None:
        raise SystemExit(f"the command ended with {run.returncode}:\n{log.read_text()[-3000:]}")
    stages = sum(read_json(run_dir / "rounds" / "0001" / "metrics.json")["seconds"].values())
    return Taken(first, stages, whole - first - stages)


@contextmanager
def prefect_server(env: dict[str, str]) -> Iterator[str]:
    """The address of a server that is there."""
    port = free_port()
    url, log = f"http://127.0.0.1:{port}/api", Path(env["PREFECT_HOME"]).with_suffix(".log")
    command = [*PYTHON, "-m", "prefect", "server", "start", "--port", str(port)]
    with child(command, log, env) as process:
        wait_until_healthy(process, f"{url}/health", log, "Prefect's server", 120)
        yield url


def main() -> None:
    """Run the round three times, and say what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as scratch, slow_endpoint() as url:
        folder = Path(scratch)
        kept = {name: value for name, value in os.environ.items() if "PREFECT_" not in name}
        env = {**kept, "PREFECT_HOME": str(folder / "prefect")}
        config = write_config(folder, f"{url}/v1", given.prompts)
        taken = {
            "without Prefect": timed(config, folder / "plain", env, "--without-prefect-server")
        }
        with prefect_server(env) as api:  # which makes the database that the next one finds
            told = {**env, "PREFECT_API_URL": api}
            taken["a server that is there"] = timed(config, folder / "there", told)
        taken["a server of its own"] = timed(config, folder / "own", env)
    print(f"{'':24}{'to the first stage':>20}{'stages':>10}{'beside':>10}{'of the stages':>15}")
    for name, (before, stages, beside) in taken.items():
        print(f"{name:24}{before:18.1f} s{stages:8.1f} s{beside:8.1f} s{beside / stages:15.1%}")


if __name__ == "__main__":
    main()
