"""A training that ends in a fault of the machine: one reason, and nothing taken over."""

from pathlib import Path

import pytest

import trainer.stage
from endpoints.children import ChildKilled
from endpoints.log_end import begin
from rounds.stages import silent
from rounds.stopped import noting_stops, read_stop
from trainer.config import TrainerConfig
from trainer.memory import out_of_memory
from trainer.ranks import dead_rank
from trainer.stage import run_training

REPORT = """\
Traceback (most recent call last):
RuntimeError: [gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234
W1129 torch/distributed/elastic/multiprocessing/api.py:908] Sending process 41 SIGTERM
E1129 torch/distributed/elastic/multiprocessing/api.py:882] failed (exitcode: {code}) local_rank: 1
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
run_module.py FAILED
------------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-29_22:00:00
  host      : here
  rank      : 0 (local_rank: 0)
  exitcode  : {other} (pid: 41)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-29_22:00:00
  host      : here
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 42)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 42
============================================================
"""


def log_of(tmp_path: Path, code: int, other: int) -> Path:
    log = tmp_path / "trainer.log"
    before = begin(log, "an earlier child") + REPORT.format(code=-6, other=1)
    log.write_text(before + begin(log, "train") + REPORT.format(code=code, other=other))
    return log


def test_the_process_that_was_killed_is_named(tmp_path: Path):
    for other in (1, -15):
        log = log_of(tmp_path, -9, other)
        fault = dead_rank(log, 2)
        assert isinstance(fault, ChildKilled)
        assert str(fault) == (
            "the training's process 1 of 2 was ended by SIGKILL (the machine may be short of "
            "memory), and the others with it; the pairs are kept and nothing was taken over "
            f"({log})"
        )
        assert str(dead_rank(log, 1)).startswith("the training's process 1 was ended by SIGKILL")


def test_a_process_that_ended_by_itself_is_said_by_its_own_error(tmp_path: Path):
    assert dead_rank(log_of(tmp_path, 1, -15), 2) is None
    log = tmp_path / "plain.log"
    log.write_text(begin(log, "train") + "ValueError: no\n")
    assert dead_rank(log, 2) is None


def test_a_training_that_fails_ends_with_what_it_said(tmp_path: Path, monkeypatch):
    """Its own cause it is not: who looks for what lies behind an error would look for ever."""
    folder = tmp_path / "run" / "rounds" / "0001"
    folder.mkdir(parents=True)
    log = log_of(tmp_path, 1, -15)

    def failed(*_: object) -> None:
        raise ChildKilled("the training was ended by SIGKILL")

    monkeypatch.setattr(trainer.stage, "run_child", failed)
    with pytest.raises(ChildKilled, match="SIGKILL") as caught, noting_stops(folder, "train"):
        run_training(folder / "job.json", log, TrainerConfig(), silent)
    assert caught.value.__cause__ is None
    stop = read_stop(folder)
    assert stop is not None and "SIGKILL" in stop["reason"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate"
        ),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        ValueError("Unable to allocate 7.45 GiB for an array with shape (1000000000,)"),
        MemoryError(),
    ],
)
def test_memory_that_ran_out_is_said_with_what_helps(error: Exception):
    told = out_of_memory(error)
    assert told is not None
    said = str(told)
    assert said.startswith("the training ran out of memory: ") and "\n" not in said
    assert (str(error).split() or ["MemoryError"])[0] in said
    assert "the pairs are kept and nothing was taken over" in said
    assert "per_device_train_batch_size" in said and "gradient_accumulation_steps" in said


def test_another_error_is_no_memory():
    for text in ("the size of tensor a (3) must match", "memory_efficient_attention is unknown"):
        assert out_of_memory(RuntimeError(text)) is None


@pytest.mark.slow
def test_torch_says_so_on_a_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The child's own end: an allocation that no machine grants."""
    import torch

    import trainer.train_child
    from rounds.errors import UserError
    from rounds.files import write_json

    def train(*given: object) -> None:
        torch.empty(1 << 50)

    monkeypatch.setattr(trainer.train_child, "train_policy", train)
    row = {"extra": False, "prompt_id": "p"}
    write_json(tmp_path / "job.json", {"taught": [row], "held_out_pairs": 0})
    with pytest.raises(UserError, match="the training ran out of memory: .*llocat.* a smaller"):
        trainer.train_child.main(tmp_path / "job.json")
