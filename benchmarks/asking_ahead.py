"""A round whose judge is asked while the policy samples: python benchmarks/asking_ahead.py

Policy and judge are endpoints on this machine that take --latency seconds for an answer and as many
calls at once as let both take equally long, by themselves. The round is run with judge.ahead off
and on, and once more on, killed in the middle of the sampling and continued. What must hold: the
same tables in their deterministic columns, the same number of calls, and after the kill no request
is sent again whose reply was written down.
"""

import argparse
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from scripted_rounds import (
    NAME,
    asked_so_far,
    ended,
    endpoint,
    fork,
    journalled,
    run_rounds,
    strays,
    tables_of,
)

from flows.config import Config
from flows.load import load_config
from flows.session import session
from rounds.files import read_json
from rounds.folder import round_dir

ANSWERS = 2
"""Candidates of a prompt: two calls of the policy; two scores and two comparisons, of the judge."""
JUDGED = 4
"""Calls of the judge about them."""
CHUNK = 4


def config_at(
    folder: Path, urls: dict[str, str], prompts: int, at_once: int, ahead: bool
) -> Config:
    """One round of so many prompts; what the judge is asked takes as long as what the policy is."""
    lines = [json.dumps({"prompt": f"Question {number}, please?"}) for number in range(prompts + 2)]
    (folder / "prompts.jsonl").write_text("\n".join(lines))
    served = {"model": "m", "max_retries": 0}
    tree: dict[str, Any] = {
        "name": NAME,
        "policy": {"endpoint": "policy"},
        "prompts": {
            "train": str(folder / "prompts.jsonl"),
            "gate": 1,
            "test": 1,
            "per_round": prompts,
        },
        "endpoints": {
            "policy": {**served, "base_url": urls["policy"], "max_in_flight": at_once},
            "judge": {
                **served,
                "base_url": urls["judge"],
                "max_in_flight": at_once * JUDGED // ANSWERS,
            },
        },
        "sampler": {"n": ANSWERS, "chunk": CHUNK},
        "judge": {"endpoint": "judge", "ahead": ahead, "health": {"sample": 0}},
        "trainer": None,
    }
    path = folder / "ahead.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_config(str(path))


def main() -> None:
    """Run the rounds and say how long they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--at-once", type=int, default=8, help="calls of the policy at once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("policy", "judge"):
            (folder / part).mkdir()
        with (
            endpoint(folder / "policy", given.latency) as (policy, policy_log),
            endpoint(folder / "judge", given.latency) as (judge, judge_log),
        ):
            logs = (policy_log, judge_log)
            urls = {"policy": policy, "judge": judge}

            def config(ahead: bool) -> Config:
                return config_at(folder, urls, given.prompts, given.at_once, ahead)

            runs = [measured(config(ahead), folder / f"runs-{ahead}", logs) for ahead in (0, 1)]
            show(*runs)
            killed = killed_and_continued(config(True), folder / "runs-killed", logs, given.latency)
        check(folder, runs, killed)


class Measured(dict[str, Any]):
    """What a round took: "seconds" in all, "sample" and "judge" of these, "calls", and "sent", each
    request with how often it was."""


def asked(logs: tuple[Path, Path]) -> Counter[str]:
    """What the endpoints were asked so far in rounds."""
    return asked_so_far(logs[0]) + asked_so_far(logs[1])


def in_rounds(sent: Counter[str]) -> Counter[str]:
    """Without the questions that try an endpoint out before a round."""
    return Counter({body: n for body, n in sent.items() if "Question " in body})


def measured(config: Config, runs_dir: Path, logs: tuple[Path, Path]) -> Measured:
    """Run a round to its end."""
    before = asked(logs)
    with session(config, runs_dir):  # looking at the config and its files is no part of a round
        started = time.monotonic()
        run_rounds(config, runs_dir, 1)
        seconds = time.monotonic() - started
    metrics = read_json(round_dir(runs_dir / NAME, 1) / "metrics.json")
    sent = in_rounds(asked(logs) - before)
    stages = {name: metrics["seconds"][name] for name in ("sample", "judge")}
    return Measured(seconds=seconds, sent=sent, calls=sent.total(), **stages)


def killed_and_continued(
    config: Config, runs_dir: Path, logs: tuple[Path, Path], latency: float
) -> Measured:
    """Kill a round once the judge was asked ahead about some prompts, and run it to its end."""
    start = asked(logs)

    def live() -> None:
        run_rounds(config, runs_dir, 1)

    child = fork(live, runs_dir.with_name("killed.said"))
    wait_for(lambda: _judged(runs_dir) >= 2 * CHUNK * JUDGED, child)
    os.kill(child, signal.SIGKILL)
    ended(child)
    time.sleep(2 * latency)  # what was open is noted by the endpoint
    sampled = not (round_dir(runs_dir / NAME, 1) / "candidates.parquet").exists()
    kept, first = journalled(runs_dir / NAME), asked(logs)
    rest = measured(config, runs_dir, logs)
    again = sum((rest["sent"] & kept).values())
    sent = in_rounds(asked(logs) - start)
    open_then = in_rounds(first - start) - kept
    return Measured(
        again=again, in_the_middle=sampled, calls=sent.total(), open=open_then.total(), sent=sent
    )


def _judged(runs_dir: Path) -> int:
    return sum("json_schema" in body for body in in_rounds(journalled(runs_dir / NAME)))


def wait_for(there: Callable[[], bool], child: int) -> None:
    """Wait until something is there, while the child lives."""
    while not there():
        if os.waitpid(child, os.WNOHANG)[0]:
            raise SystemExit("the round ended before it was killed")
        time.sleep(0.05)


def show(off: Measured, on: Measured) -> None:
    """Print what the two rounds took."""
    longer = max(off["sample"], off["judge"])
    print(f"sampling alone {off['sample']:.1f} s, judging alone {off['judge']:.1f} s")
    for name, run in (("off", off), ("on", on)):
        print(
            f"ahead {name}: {run['seconds']:.1f} s, {run['seconds'] / longer:.2f} times the longer "
            f"(sample {run['sample']:.1f} s, judge {run['judge']:.1f} s), {run['calls']} calls"
        )


def check(folder: Path, runs: list[Measured], killed: Measured) -> None:
    """Print what must hold; raise SystemExit where it does not."""
    wanted = tables_of(folder / "runs-0" / NAME)
    same = [tables_of(folder / f"runs-{name}" / NAME) == wanted for name in ("1", "killed")]
    off, on = runs
    stray = strays(folder / "runs-1" / NAME) + strays(folder / "runs-killed" / NAME)
    print(
        f"same tables: {same[0]}, killed in the middle of the sampling "
        f"({killed['in_the_middle']}) and continued: {same[1]}"
    )
    print(
        f"calls: {off['calls']} off, {on['calls']} on, {killed['calls']} with the kill, of which "
        f"{killed['open']} were open when it came; {killed['again']} sent again that were answered"
    )
    good = all(same) and off["sent"] == on["sent"] and not killed["again"] and not stray
    if not good or killed["calls"] != off["calls"] + killed["open"]:
        raise SystemExit(f"not what must hold; strays: {stray}")


if __name__ == "__main__":
    main()
