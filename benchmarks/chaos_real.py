"""Kills of the command itself, over rounds of the starter made small, with vLLM and TRL."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from scripted_rounds import strays, tables_of

from rounds.settings import locate
from rounds.weights import weights_hash

ROOT = Path(__file__).resolve().parent.parent
MARK = "PREFLOOP_CHAOS"
LONGEST = 900
"""Seconds that a life may take."""
LORA = ["--set", "trainer.lora={r: 4, target_modules: all-linear}"]


def real_kills(folder: Path, kills: int, chance: random.Random) -> str:
    """Two rounds, the second with LoRA, killed at random moments: what was found, in a sentence."""
    config, done, runs = _write_config(folder), 0, 0
    calm = folder / "calm"
    seconds = [_life(config, calm, number, None)[1] for number in (1, 2)]
    while done < kills:
        runs_dir, runs = folder / f"killed-{runs}", runs + 1
        for number in (1, 2):
            status = -signal.SIGKILL
            while status == -signal.SIGKILL:
                after = chance.uniform(1, seconds[number - 1]) if done < kills else None
                status, lived = _life(config, runs_dir, number, after)
                done += status == -signal.SIGKILL  # some end before their kill comes
                print(f"{done} kills so far: round {number}, {lived:.0f} s", flush=True)
        _check(runs_dir / "small", calm / "small")
        print(f"{done} kills so far, {runs} runs of two rounds: equal", flush=True)
    return f"{done} kills of the command in {runs} runs of two rounds with vLLM and TRL; all equal"


def _life(config: Path, runs_dir: Path, number: int, after: float | None) -> tuple[int, float]:
    """Run the command for round `number`, killed `after` seconds; its status and its seconds."""
    if (runs_dir / "small" / "rounds" / f"{number:04d}" / "manifest.json").exists():
        return 0, 0.0
    lora = LORA if number == 2 else []
    command = [sys.executable, "-P", "-m", "prefloop", "run", str(config)]
    mark, began = f"{os.getpid()}-{time.monotonic_ns()}", time.monotonic()
    with (config.parent / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [*command, "--runs-dir", str(runs_dir), *lora],
            env={**os.environ, MARK: mark, "PYTHONPATH": str(ROOT)},
            cwd=config.parent,
            stdout=said,
            stderr=said,
        )
        try:
            status = process.wait(after or LONGEST)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            status = process.wait()
            if after is None:
                raise SystemExit(f"a round took more than {LONGEST} s") from None
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"a life ended with {status}: {Path(said.name).read_text()[-3000:]}")
    deadline = time.monotonic() + 30
    while left := _marked(mark):
        if time.monotonic() > deadline:
            raise SystemExit(f"left behind: {left}")
        time.sleep(0.1)
    return status, time.monotonic() - began


def _marked(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def _check(run_dir: Path, calm: Path) -> None:
    found, wanted = tables_of(run_dir), tables_of(calm)
    other = [name for name in wanted if found.get(name) != wanted[name]]
    for number in ("0001", "0002"):
        policies = [one / "rounds" / number / "policy" for one in (run_dir, calm)]
        if weights_hash(policies[0]) != weights_hash(policies[1]):
            other.append(f"{number}/policy")
    if other or (left := strays(run_dir)):
        raise SystemExit(f"other {other}, strays {left if not other else '?'}")


def _write_config(folder: Path) -> Path:
    """The starter with 12 train prompts a round and 8 gate and test prompts."""
    starter = (ROOT / "examples" / "starter.yaml").read_text()
    tree: dict[str, Any] = yaml.safe_load(starter)
    for split, count in (("train", 40), ("gate", 8), ("test", 8)):
        lines = locate(f"prefloop:prompts/starter/{split}.jsonl").read_text().splitlines()[:count]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        tree["prompts"][split] = str(folder / f"{split}.jsonl")
    gold = locate("prefloop:prompts/starter/gold.jsonl").read_text().splitlines()[:12]
    (folder / "gold.jsonl").write_text("\n".join(gold) + "\n")
    tree["judge"]["gold"] = {"path": str(folder / "gold.jsonl")}
    tree |= {"name": "small"}
    tree["prompts"]["per_round"] = 12
    tree["sampler"]["chunk"] = 4
    tree["trainer"]["args"] |= {"num_train_epochs": 3, "save_steps": 3}
    tree["gate"] |= {"must_exceed": "value", "threshold": 0.0}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(tree))))
    return path
