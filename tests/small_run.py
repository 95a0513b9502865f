"""A small config of the starter, and running it as a user does: the command in a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from rounds.settings import locate

GOLD_PAIRS = 12
ROOT = Path(__file__).resolve().parent.parent


def write_config(folder: Path, **changes: object) -> Path:
    """The starter, small enough for a test: 24 train, 16 gate and 16 test prompts a round."""
    tree = yaml.safe_load((ROOT / "examples/starter.yaml").read_text())
    for split, count in (("train", 60), ("gate", 16), ("test", 16)):
        lines = locate(f"prefloop:prompts/starter/{split}.jsonl").read_text().splitlines()[:count]
        if split == "train":  # a prompt twice, and one that the model cannot take
            # so many times that its hash deals it to round 1
            lines = [lines[0], json.dumps({"prompt": "It is broken. " * 220}), *lines]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        tree["prompts"][split] = str(folder / f"{split}.jsonl")
    gold = locate("prefloop:prompts/starter/gold.jsonl").read_text().splitlines()[:GOLD_PAIRS]
    (folder / "gold.jsonl").write_text("\n".join(gold) + "\n")
    tree["judge"]["gold"] = {"path": str(folder / "gold.jsonl")}
    tree["name"] = "small"
    tree["prompts"]["per_round"] = 24
    tree["sampler"]["chunk"] = 8
    tree["endpoints"]["desk"]["serve"]["args"]["enable_log_requests"] = True
    tree["endpoints"]["desk"]["serve"]["env"]["VLLM_LOGGING_LEVEL"] = "DEBUG"  # logs the prompts
    tree["trainer"]["args"] |= {"num_train_epochs": 6, "save_steps": 3}
    tree["trainer"]["held_out_pairs"] = 0.1
    tree["gate"] |= {"must_exceed": "value", "threshold": 0.0}  # so that round 2 starts from it
    tree |= changes
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def environment(home: Path, mark: str = "none") -> dict[str, str]:
    """A process environment with a Prefect home of its own and a mark to find its children by."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**kept, "PREFECT_HOME": str(home), "PREFLOOP_TEST": mark, "COLUMNS": "150"}


def command(*arguments: str) -> list[str]:
    """`prefloop ...` in this environment."""
    return [sys.executable, "-m", "flows.cli", *arguments]


def run(folder: Path, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end; another exit status than `status` shows what it printed."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder / "prefect") | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def kill_when(folder: Path, config: Path, reached: object, mark: str) -> None:
    """Start a run, SIGKILL its process once `reached()` is true, and see that all of it is gone."""
    log = (folder / f"{mark}.log").open("w")
    process = subprocess.Popen(
        command("run", str(config)),
        cwd=folder,
        env=environment(folder / "prefect", mark) | {"PYTHONPATH": str(ROOT)},
        stdout=log,
        stderr=log,
    )
    deadline = time.monotonic() + 300
    while not reached():  # type: ignore[operator]
        assert process.poll() is None, Path(log.name).read_text()[-3000:]
        assert time.monotonic() < deadline, f"{mark} was never reached"
        time.sleep(0.05)
    assert len(marked(mark)) > 1, "the run had no children to leave behind"
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while left := marked(mark):
        assert time.monotonic() < deadline, f"still there after the kill: {left}"
        time.sleep(0.1)


def marked(mark: str) -> list[str]:
    """Command lines of the living processes whose environment carries the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"PREFLOOP_TEST={mark}\0".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def read_json_lines(text: str) -> list[dict[str, object]]:
    """One object a line."""
    return [json.loads(line) for line in text.splitlines()]
