"""Children never outlive their parent, however it dies, and nothing in the current folder is taken
for a module of theirs. Real processes throughout."""

import json
import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import pytest
from leases import claimed_elsewhere

from endpoints.children import (
    ENVIRONMENT,
    PYTHON,
    ChildFailed,
    ChildKilled,
    check_ended,
    child,
    run_child,
)
from endpoints.log_end import reason_in, tail
from endpoints.supervise import descendants
from rounds.errors import UserError

pytestmark = pytest.mark.long

PARENT = """
import sys, time
from pathlib import Path
from endpoints.children import child
with child([sys.executable, "-c", sys.argv[1], sys.argv[2]], Path(sys.argv[2]) / "log"):
    time.sleep(60)
"""
FAMILY = """
import os, subprocess, sys, time
from pathlib import Path
there = Path(sys.argv[1])
far = ("import os, signal, sys, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN);"
       "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)")
subprocess.Popen([sys.executable, "-c", far, str(there / "far.new")])
while not (there / "far.new").exists() or not (there / "far.new").read_text():
    time.sleep(0.01)
(there / "near").write_text(str(os.getpid()))
os.rename(there / "far.new", there / "far")
time.sleep(0 if len(sys.argv) > 2 else 60)
"""


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def family(folder: Path) -> list[int]:
    """The child, and the grandchild that left its session and ignores SIGTERM."""
    assert wait_for((folder / "far").exists, 30)  # two interpreters start
    return [int((folder / name).read_text()) for name in ("near", "far")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_takes_child_and_grandchild_with_it(tmp_path: Path, how: int):
    command = [sys.executable, "-c", PARENT, FAMILY, str(tmp_path)]
    with subprocess.Popen(command) as parent:
        pids = family(tmp_path)
        assert all(map(runs, pids))
        parent.send_signal(how)
    assert wait_for(lambda: not any(map(runs, pids))), "they outlived their parent"


OWNER = f"""
from pathlib import Path
from rounds.lock import run_lock
with run_lock(Path(__import__("sys").argv[3])):
    exec({PARENT!r})
"""


def test_a_parent_that_is_stopped_loses_them_with_its_lease(tmp_path: Path, run_dir: Path):
    command = [sys.executable, "-c", OWNER, FAMILY, str(tmp_path), str(run_dir)]
    with subprocess.Popen(command) as parent:
        try:
            pids = family(tmp_path)
            parent.send_signal(signal.SIGSTOP)
            time.sleep(2)
            assert all(map(runs, pids)), "nobody has taken the run over yet"
            claimed_elsewhere(run_dir, 60)
            assert wait_for(lambda: not any(map(runs, pids))), "they outlived their lease"
            parent.send_signal(signal.SIGCONT)
            parent.send_signal(signal.SIGINT)
        finally:
            parent.kill()


def test_leaving_the_block_ends_child_and_grandchild(tmp_path: Path):
    with child([sys.executable, "-c", FAMILY, str(tmp_path)], tmp_path / "log"):
        pids = family(tmp_path)
        assert all(map(runs, pids))
    assert not any(map(runs, pids))


def test_an_error_in_the_block_ends_them_too(tmp_path: Path):
    command = [sys.executable, "-c", FAMILY, str(tmp_path)]
    with pytest.raises(ZeroDivisionError), child(command, tmp_path / "log"):
        pids = family(tmp_path)
        raise ZeroDivisionError
    assert not any(map(runs, pids))


def test_a_child_that_is_killed_says_by_what_and_is_worth_another_try(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("half a line\n")
    with pytest.raises(ChildKilled, match=r"(?s)m was ended by SIGKILL \(.*memory\).*half a line"):
        check_ended("m", log, 128 + signal.SIGKILL, "")
    with pytest.raises(ChildKilled, match="m was ended by SIGTERM; "):
        check_ended("m", log, 128 + signal.SIGTERM, "")
    for status in (1, 255):
        with pytest.raises(ChildFailed, match=f"m ended with status {status}; ") as failed:
            check_ended("m", log, status, "")
        assert not isinstance(failed.value, ChildKilled)
    check_ended("m", log, 0, "")


@pytest.mark.parametrize(("code", "status"), [("exit(0)", 0), ("exit(7)", 7)])
def test_the_exit_status_of_the_child_is_passed_on(tmp_path: Path, code: str, status: int):
    with child([sys.executable, "-c", code], tmp_path / "log") as process:
        assert process.wait(timeout=10) == status


def test_a_child_that_was_killed_says_by_which_signal(tmp_path: Path):
    code = "import os; os.kill(os.getpid(), 9)"
    with child([sys.executable, "-c", code], tmp_path / "log") as process:
        assert process.wait(timeout=10) == 128 + 9


def module(tmp_path: Path, code: str, monkeypatch) -> Path:
    """A module `job_child` that a child can run; its log."""
    (tmp_path / "job_child.py").write_text(f"import sys\n{code}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "logs" / "log"


def test_every_line_of_a_child_arrives(tmp_path: Path, monkeypatch):
    log = module(tmp_path, "print('job', sys.argv[1]); print('two')", monkeypatch)
    lines: list[str] = []
    run_child("job_child", Path("job.json"), log, lines.append)
    assert lines == ["job job.json", "two"]


def test_status_2_with_a_message_is_the_users_error(tmp_path: Path, monkeypatch):
    log = module(
        tmp_path, "print('a'); print('error: beta must be positive'); exit(2)", monkeypatch
    )
    with pytest.raises(UserError, match=r"^beta must be positive$"):
        run_child("job_child", Path("j"), log, lambda line: None)


@pytest.mark.parametrize("end", ["exit(2)", "print('error: x'); exit(1)", "raise KeyError('x')"])
def test_any_other_failure_shows_the_end_of_the_log(tmp_path: Path, monkeypatch, end: str):
    log = module(tmp_path, f"print('why', file=sys.stderr, flush=True); {end}", monkeypatch)
    says = r"job_child ended with status [12].*ends with:\n(why|Traceback)"
    with pytest.raises(ChildFailed, match=says):
        run_child("job_child", Path("j"), log, lambda line: None)


def test_a_reader_that_fails_ends_the_child(tmp_path: Path, monkeypatch):
    log = module(
        tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)", monkeypatch
    )
    pids: list[int] = []

    def read(line: str) -> None:
        pids.append(int(line))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_child("job_child", Path("j"), log, read)
    assert not runs(pids[0])


def test_a_child_has_a_session_of_its_own_so_that_ctrl_c_reaches_only_the_parent(tmp_path: Path):
    with child(["sleep", "60"], tmp_path / "log") as process:
        assert os.getsid(process.pid) != os.getsid(0)


def test_no_file_of_a_child_stays_open(tmp_path: Path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with child(["true"], tmp_path / "log") as process:
            process.wait()
    del process
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path):
    (tmp_path / "log").write_text("".join(f"{i}\n" for i in range(99)))
    assert tail(tmp_path / "log").splitlines()[-2:] == ["97", "98"]


def test_a_message_of_several_lines_is_still_the_users_error(tmp_path: Path, monkeypatch):
    code = (
        "from endpoints.child_main import child_main\n"
        "from rounds.errors import UserError\n"
        "def main(path): raise UserError('beta\\n  must be positive')\n"
        "child_main(main)"
    )
    log = module(tmp_path, code, monkeypatch)
    with pytest.raises(UserError, match=r"^beta   must be positive$"):
        run_child("job_child", Path("j"), log, lambda line: None)


RANK = """
import os
from endpoints.child_main import child_main, report_progress
from rounds.errors import UserError

def main(path):
    if os.environ["RANK"] == "0":
        raise UserError("trainer.args: no")
    report_progress(1, 2)

child_main(main)
"""
LAUNCHER = """
import os, subprocess, sys

for rank in "01":
    subprocess.run([sys.executable, "-P", *sys.argv[1:]], env={**os.environ, "RANK": rank})
sys.exit(1)
"""


def test_the_error_of_one_process_of_a_launch_is_told_whatever_others_say_after_it(
    tmp_path: Path, monkeypatch
):
    log = module(tmp_path, RANK, monkeypatch)
    (tmp_path / "launcher.py").write_text(LAUNCHER)
    with pytest.raises(UserError, match=r"^trainer\.args: no$"):
        run_child(
            "job_child",
            Path("j"),
            log,
            lambda line: None,
            (*PYTHON, str(tmp_path / "launcher.py")),
        )


def test_a_line_is_one_write_so_that_processes_with_one_stdout_do_not_mix_theirs():
    read_end, write_end = os.pipe2(os.O_DIRECT)  # a read returns what one write wrote
    code = "from endpoints.child_main import report_progress\nreport_progress(1, 2, 'three')"
    subprocess.run(
        [*PYTHON, "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}"],
        stdout=write_end,
        env={**os.environ, **ENVIRONMENT},
        check=True,
    )
    os.close(write_end)
    writes = list(iter(lambda: os.read(read_end, 4096), b""))
    os.close(read_end)
    assert writes == [b"progress 1 2 three\n"]


def test_a_process_whose_name_is_no_text_is_found(tmp_path: Path):
    name = tmp_path / os.fsdecode(b"\xff\xfe")
    name.symlink_to("/bin/sleep")
    with subprocess.Popen([name, "60"]) as process:
        assert wait_for(lambda: b"\xff" in Path(f"/proc/{process.pid}/stat").read_bytes())
        assert process.pid in descendants(os.getpid())
        process.kill()


PACKAGES = ("endpoints", "judge", "rounds", "sampler", "texts", "trainer")
IMPORTS = f"""
import asyncio, json, os
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

def facts():
    files = [import_module(name).__file__ for name in {PACKAGES}]
    python = os.environ.get("PYTHONPATH")
    return {{"files": files, "path": sys.path, "library": os.path.dirname(os.__file__),
            "PYTHONPATH": python}}

if __name__ == "__main__":
    print(json.dumps(facts()))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        print(json.dumps(pool.submit(facts).result()))
"""
"""Prints what it and a process that it spawns find where."""

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hostile_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, full of modules that must not be imported."""
    folder = tmp_path / "hostile"
    (folder / "sampler").mkdir(parents=True)
    names = ("trainer", "judge", "rounds", "endpoints", "texts", "json", "asyncio", "subprocess")
    for name in (*(f"{name}.py" for name in names), "sampler/__init__.py"):
        (folder / name).write_text(f"raise ImportError('{name} of the current folder')\n")
    monkeypatch.chdir(folder)
    return folder


def found_by(log: Path, launcher: tuple[str, ...] = PYTHON) -> list[dict[str, Any]]:
    """The facts of a child and of the process that it spawned."""
    lines: list[str] = []
    run_child("job_child", Path("job.json"), log, lines.append, launcher)
    return [json.loads(line) for line in lines]


def ours() -> list[str]:
    return [str(ROOT / name / "__init__.py") for name in PACKAGES]


def test_a_module_in_the_current_folder_harms_no_child(tmp_path, hostile_folder, monkeypatch):
    parent, spawned = found_by(module(tmp_path, IMPORTS, monkeypatch))
    assert parent["files"] == spawned["files"] == ours()
    for facts in (parent, spawned):
        assert str(hostile_folder) not in facts["path"] and "" not in facts["path"]


def test_our_packages_come_after_the_standard_library_and_before_others(tmp_path, monkeypatch):
    for facts in found_by(module(tmp_path, IMPORTS, monkeypatch)):
        path = facts["path"]
        others = next(entry for entry in path if entry.endswith(("site-packages", "dist-packages")))
        assert path.index(facts["library"]) < path.index(str(ROOT)) < path.index(others)
        assert facts["PYTHONPATH"] == str(tmp_path), "not the user's own"


def test_a_child_finds_our_packages_where_prefloop_is_not_installed(
    tmp_path, hostile_folder, monkeypatch
):
    venv.create(tmp_path / "bare", symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    log = module(tmp_path, IMPORTS, monkeypatch)
    parent, spawned = found_by(log, (python, "-P"))
    assert parent["files"] == spawned["files"] == ours()


@pytest.mark.slow
def test_what_accelerate_launches_finds_the_same(tmp_path, hostile_folder, monkeypatch):
    launcher = (*PYTHON, "-m", "accelerate.commands.launch", "--num_processes", "1", "--cpu")
    parent, spawned = found_by(module(tmp_path, IMPORTS, monkeypatch), launcher)
    assert parent["files"] == spawned["files"] == ours()


def test_a_users_error_gets_through_a_launcher_with_a_status_of_its_own(tmp_path, monkeypatch):
    log = module(tmp_path, "print('error: beta must be positive'); exit(2)", monkeypatch)
    code = (
        "import subprocess, sys; sys.exit(bool(subprocess.call([sys.executable, *sys.argv[1:]])))"
    )
    with pytest.raises(UserError, match=r"^beta must be positive$"):
        run_child("job_child", Path("j"), log, lambda line: None, (*PYTHON, "-c", code))


def test_the_error_that_a_log_ends_with_is_found_among_what_follows_it(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("KeyError: 'old'\n(pid=7) ERROR ValueError: rank 64 is above 16.\nINFO: ended\n")
    assert reason_in(log) == "ValueError: rank 64 is above 16."
    log.write_text("Killed\nNoError here\n")
    assert reason_in(log) is None


BIND = """
import os, socket, sys, tempfile
folder = tempfile.gettempdir()
socket.socket(socket.AF_UNIX).bind(os.path.join(folder, "0" * 36))
open(os.path.join(folder, "file"), "w").write(folder)
"""


def test_sockets_have_room_in_a_temporary_folder_of_a_long_name(tmp_path: Path, monkeypatch):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with child([sys.executable, "-c", BIND], tmp_path / "log") as process:
        assert process.wait() == 0, tail(tmp_path / "log")
    assert (long / ("0" * 36)).exists(), "it lies where the user wants it"
    link = Path((long / "file").read_text())
    assert not link.parent.exists(), "the link goes with the child"
    monkeypatch.setattr("endpoints.children.SHORT_FOLDERS", ("/nowhere",))
    with pytest.raises(UserError, match=r"^TMPDIR: .* is too long for the sockets in it"):
        with child([sys.executable, "-c", BIND], tmp_path / "log"):
            pass
