"""The end of a child's log shows the cause: not progress bars, not what came before this child."""

from pathlib import Path

import pytest

from endpoints.children import ChildFailed, ChildKilled, check_ended
from endpoints.log_end import begin, reason_in, says_disk_full, tail
from rounds.disk import DiskFull

BARS = "\n".join(f"Loading: {n}%|####      | {n}/100 [00:01<00:02, 9.{n}it/s]" for n in range(90))
VLLM = """\
(EngineCore pid=7) ERROR 11-29 core.py:9] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-29 core.py:9]   File "core.py", line 9, in __init__
(EngineCore pid=7) ERROR 11-29 core.py:9] ValueError: max_model_len is larger than 512
Traceback (most recent call last):
  File "api_server.py", line 30, in main
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def written(path: Path, *children: str) -> Path:
    log = path / "child.log"
    log.write_text("".join(begin(log, "run it") + text + "\n" for text in children))
    return log


@pytest.mark.parametrize(
    "text",
    [VLLM + BARS, BARS + "\n" + VLLM, VLLM + BARS.replace("\n", "\r") + "\n" + "\n" * 40],
    ids=["bars after", "bars before", "bars on one line"],
)
def test_the_cause_is_shown_and_no_bar(tmp_path: Path, text: str):
    log = written(tmp_path, text)
    assert "ValueError: max_model_len is larger than 512" in tail(log)
    assert "%|" not in tail(log)
    assert reason_in(log) == "ValueError: max_model_len is larger than 512"


def test_what_an_earlier_child_met_is_not_the_cause(tmp_path: Path):
    log = written(tmp_path, VLLM, "Segmentation fault\n")
    assert tail(log) == "Segmentation fault" and reason_in(log) is None


def test_a_log_without_a_cause_shows_its_last_lines(tmp_path: Path):
    log = written(tmp_path, "\n".join(f"line {n}" for n in range(40)) + "\n" + BARS)
    assert tail(log).splitlines() == [f"line {n}" for n in range(25, 40)]


def test_one_that_was_killed_shows_how_far_it_was(tmp_path: Path):
    log = written(tmp_path, "ImportError: no optional thing\n" * 2 + "step 1\nstep 2\n")
    with pytest.raises(ChildKilled, match="step 2$"):
        check_ended("trainer", log, 137, "")


@pytest.mark.parametrize(
    "said",
    [
        "OSError: [Errno 28] No space left on device: 'x'",
        "safetensors_rust.SafetensorError: I/O error: No space left on device (os error 28)",
        "RuntimeError: [enforce fail at inline_container.cc:664] . PytorchStreamWriter failed "
        "writing file data/0: file write failed",
        "sqlite3.OperationalError: database or disk is full",
        "OSError: [Errno 122] Disk quota exceeded",
    ],
)
def test_a_full_disk_is_named_whatever_the_library_says(tmp_path: Path, said: str):
    log = written(tmp_path, f"Traceback (most recent call last):\n{said}\n")
    assert says_disk_full(log)
    with pytest.raises(DiskFull, match="disk full: .*trainer could not write"):
        check_ended("trainer", log, 1, "")
    other = written(tmp_path, said, "ValueError: of another kind")
    with pytest.raises(ChildFailed):
        check_ended("trainer", other, 1, "")
