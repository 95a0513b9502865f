"""Trainings in forked processes that end by SIGKILL where a test wants: importing TRL is paid once.

As a script it is a launcher of real children: `killing.py KILL SCRIPT ARGUMENTS...`
"""

import json
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def die(*given: Any, **named: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(kill: dict[str, Any]) -> None:
    """Die at a point of a training: {"after": step}, a checkpoint that is whole; {"in": step}, one
    that has no trainer_state.json yet; {"saving": true}, {"measuring": true}, {"ending": true};
    with {"rank": 1}, in this process of several only. {"hold": step} waits there for ever.
    """
    if kill.get("rank") not in (None, int(os.environ.get("RANK", "0"))):
        return
    import transformers.trainer
    from transformers.trainer_callback import TrainerState

    import trainer.measures
    import trainer.save

    original = transformers.trainer.Trainer._save_checkpoint

    def save_checkpoint(self: Any, *given: Any) -> None:
        if self.state.global_step == kill.get("in"):
            TrainerState.save_to_json = die
        original(self, *given)
        if self.state.global_step == kill.get("after"):
            die()
        while self.state.global_step == kill.get("hold"):
            time.sleep(1)

    transformers.trainer.Trainer._save_checkpoint = save_checkpoint
    if kill.get("saving"):
        trainer.save.replace_folder = die
    if kill.get("measuring"):
        trainer.measures.kl_figures = die


def forked(kill: dict[str, Any] | None) -> Callable[..., None]:
    """In the place of children.run_child: the module's main in a fork of this process."""

    def run(module: str, job: Path, log: Path, *given: Any) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                log.parent.mkdir(parents=True, exist_ok=True)
                output = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
                os.dup2(output, 1), os.dup2(output, 2)
                os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"  # no threads in a fork
                if kill is not None:
                    arm(kill)
                __import__(module, fromlist=["main"]).main(job)
                status = 0
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        if status:
            raise ChildProcessError(f"status {status}\n{log.read_text()[-3000:]}")

    return run


if __name__ == "__main__":
    sys.argv.pop(0)
    arm(json.loads(sys.argv.pop(0)))
    runpy.run_path(sys.argv[0], run_name="__main__")
