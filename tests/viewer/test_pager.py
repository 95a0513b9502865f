"""What `prefloop show` puts on a terminal, through a pager of any kind or without one."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from builders import finished
from small_run import ROOT, command

from viewer.pager import Pager, find_pager

TERMINAL = {"TERM": "xterm"}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all of PATH, with nothing in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_less_gets_colours_where_the_user_told_it_nothing(bare: Path):
    program(bare, "less")
    program(bare, "more")
    assert find_pager(TERMINAL) == Pager("less", "FRX", True)


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"LESS": "-i -R"}, True),
        ({"LESS": "FXr"}, True),
        ({"LESS": "--quit-if-one-screen --RAW-CONTROL-CHARS"}, True),
        ({"LESS": ""}, False),
        ({"LESS": "FX"}, False),
        ({"LESS": "-iPRead --tabs=4"}, False),
        ({"LESS": "FX", "PAGER": "less -R"}, True),
        ({"PAGER": "LESSCHARSET=utf-8 less"}, True),
        ({"PAGER": "more"}, False),
    ],
)
def test_colours_reach_only_a_pager_that_shows_them(bare: Path, environment, colours: bool):
    program(bare, "less")
    program(bare, "more")
    found = find_pager(TERMINAL | environment)
    assert found is not None and found.colours is colours
    assert found.less == environment.get("LESS", "FRX")


def test_another_program_under_the_name_of_less_gets_plain_text(bare: Path):
    (bare / "less").symlink_to(program(bare, "busybox"))
    assert find_pager(TERMINAL) == Pager("less", "FRX", False)


@pytest.mark.parametrize("pager", ["", "cat", "nowhere", "'less"])
def test_where_there_is_no_pager_the_terminal_gets_the_text(bare: Path, pager: str):
    program(bare, "less")
    program(bare, "cat")
    assert find_pager(TERMINAL | {"PAGER": pager}) is None


def test_nothing_is_paged_where_nothing_is_installed_or_the_terminal_is_dumb(bare: Path):
    assert find_pager(TERMINAL) is None
    program(bare, "less")
    assert find_pager({"TERM": "dumb"}) is None and find_pager({}) is None


def on_a_terminal(folder: Path, keys: bytes, **environment: str) -> str:
    """All that `prefloop show` puts on a terminal; `keys` are typed after a second of silence."""
    ours, theirs = pty.openpty()
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        command("show", str(folder), "1"),
        cwd=ROOT,
        env=inherited | TERMINAL | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 1)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
        elif shown:
            os.write(ours, keys)
    assert process.wait(timeout=10) == 0
    os.close(ours)
    return shown.decode()


BOLD = "\x1b[1mpair "
CODE = "ESC"
"""What less writes for an escape character that it does not let through."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("environment", "styled"),
    [
        ({}, True),
        ({"LESS": "-X"}, False),
        ({"PAGER": "more"}, False),
        ({"PAGER": "cat"}, True),
        ({"PAGER": "nowhere"}, True),
    ],
)
def test_no_pager_shows_raw_escape_codes(run_dir: Path, environment, styled: bool):
    finished(run_dir)
    if environment.get("PAGER", "less") in ("less", "more"):
        assert shutil.which(environment.get("PAGER", "less")), "the test needs a pager"
    shown = on_a_terminal(run_dir, b"q", **environment)
    assert "chosen" in shown and "good" in shown
    assert (BOLD in shown) is styled
    assert CODE not in shown and "^[" not in shown
