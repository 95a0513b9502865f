"""Several child processes at once; the first that fails ends them all."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from endpoints.children import check_ended, child, last_word, module_command


def run_together(
    module: str, jobs: list[tuple[Path, Path]], on_line: Callable[[int, str], None]
) -> None:
    """Run a module for each (job file, log), giving the lines of its stdout to `on_line`
    with the number of the job.

    Raises as endpoints.children.run_child does, for the first that fails; the others are ended.
    """
    lines: SimpleQueue[tuple[int, str | None]] = SimpleQueue()

    def read(number: int, stdout: Iterable[bytes]) -> None:
        for raw in stdout:
            lines.put((number, raw.decode(errors="replace").rstrip("\n")))
        lines.put((number, None))

    with ExitStack() as stack:
        running = []
        for number, (job, log) in enumerate(jobs):
            process = stack.enter_context(child(module_command(module, job), log, read=True))
            assert process.stdout is not None
            Thread(target=read, args=(number, process.stdout), daemon=True).start()
            running.append(process)
        last = [""] * len(jobs)
        running_jobs = len(jobs)
        while running_jobs:
            number, line = lines.get()
            if line is not None:
                last[number] = last_word(last[number], line)
                on_line(number, line)
                continue
            running_jobs -= 1
            check_ended(module, jobs[number][1], running[number].wait(), last[number])
