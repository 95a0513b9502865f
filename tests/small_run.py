"""A small config of the starter, and running it as a user does: the command in a process.

The folder holds files of the user's that are called as prefloop's packages are: none of them may be
taken for one.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from rounds.settings import locate

GOLD_PAIRS = 12
ROOT = Path(__file__).resolve().parent.parent

NAMES = (
    *("flows", "judge", "pairs", "trainer", "gate", "viewer", "endpoints", "preferences", "texts"),
    *("rounds", "starter", "prompts", "examples"),
)


def write_namesakes(folder: Path) -> None:
    """Files and a package of the user's with the names of ours: taken for ours, each raises.

    judge.py has a `score` for gate.metrics and for python: judges, longer answers being better.
    """
    for name in NAMES:
        (folder / f"{name}.py").write_text(TAKEN + (SCORE if name == "judge" else ""))
    (folder / "sampler").mkdir(exist_ok=True)
    (folder / "sampler" / "__init__.py").write_text(TAKEN)


TAKEN = """\
if __name__.partition(".")[0] in (
    "flows sampler judge pairs trainer gate viewer endpoints preferences texts rounds starter "
    "prompts examples"
).split():
    raise RuntimeError(f"the user's {__name__} was taken for prefloop's")
"""
SCORE = """
def score(_, answer):
    return float(len(answer))
"""


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
    tree["gate"].setdefault("metrics", {})["length"] = "judge.py:score"
    write_namesakes(folder)
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def environment(home: Path, mark: str = "none", own_server: bool = True) -> dict[str, str]:
    """A process environment with a Prefect home of its own and a mark to find its children by.

    Without `own_server` Prefect's server is the one that the slow tests share, if there is one.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    shared = None if own_server else os.environ.get("PREFLOOP_TEST_PREFECT")
    api = {"PREFECT_API_URL": shared} if shared else {}
    api["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"  # 20 s pass on a busy machine
    return {**kept, **api, "PREFECT_HOME": str(home), "PREFLOOP_TEST": mark, "COLUMNS": "150"}


def command(*arguments: str) -> list[str]:
    """`prefloop ...` in this environment."""
    return [sys.executable, "-P", "-m", "prefloop", *arguments]


def run(
    folder: Path, *arguments: str, status: int = 0, own_server: bool = True, **env: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end; another exit status than `status` shows what it printed."""
    own = environment(folder / "prefect", own_server=own_server)
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=own | {"PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def typed(folder: Path, *arguments: str) -> Result:
    """The command in this process, for what needs none of its own."""
    from flows.cli import app

    with contextlib.chdir(folder):
        done = CliRunner(env={"COLUMNS": "150"}).invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done


@contextlib.contextmanager
def once(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that all processes of a test run share, and whether it is still to be filled.

    Only one of them is in the block at a time.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new = not (folder / "filled").exists()
        folder.mkdir(exist_ok=True)
        yield folder, new
        (folder / "filled").touch()


def two_rounds(factory: pytest.TempPathFactory) -> Path:
    """A folder in which two rounds of the small config have run, once for all who ask.

    They have run where nothing can be written at home, with a temporary folder of a long name.
    """
    with once(factory, "two-rounds") as (folder, new):
        if new:
            config = str(write_config(folder))
            long = folder / ("long " * 24)
            long.mkdir()
            odd = {"TMPDIR": str(long), "HOME": "/proc/nowhere"}
            done = run(folder, "run", config, "--rounds", "2", **odd)
            (folder / "stdout.txt").write_text(done.stdout)
            (folder / "stderr.txt").write_text(done.stderr)
    return folder


def kill_when(
    folder: Path, config: Path, reached: object, mark: str, own_server: bool = True
) -> None:
    """Start a run, SIGKILL its process once `reached()` is true, and see that all of it is gone."""
    log = (folder / f"{mark}.log").open("w")
    process = subprocess.Popen(
        command("run", str(config)),
        cwd=folder,
        env=environment(folder / "prefect", mark, own_server) | {"PYTHONPATH": str(ROOT)},
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
