"""The judge asked ahead: about what is sampled already, beside the sampling that goes on."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

from flows.config import Config
from flows.session import Session
from flows.trial import trial_due
from judge.ahead import ask_held_out_ahead, ask_labels_ahead
from judge.config import JudgeConfig, is_endpoint
from judge.early import Against
from rounds.errors import UserError, WorkFailed
from rounds.stages import Progress
from sampler.finished import Finished

LOOK_EVERY = 2.0
"""Seconds between two looks whether the trial of the training has passed."""

Asks = Callable[[Finished, Callable[[], None]], Coroutine[Any, Any, None]]
"""Asks about what a sampling has finished until it is cancelled, and says so after each prompt."""


class Abandoned(Exception):
    """Nobody waits any more for the server that is starting."""


class Ahead:
    """A thread that asks from the beginning of a sampling to its end; the stage asks the rest.

    What ends it early ends nothing else: the stage meets the same by itself.
    """

    def __init__(
        self, run: Session, judge: JudgeConfig, asks: Asks, held: Callable[[], bool]
    ) -> None:
        self._run, self._asks, self._held = run, asks, held
        self._served = [name for name in endpoints_of(judge) if run.config.endpoints[name].serve]
        self._over, self._abandoned = Event(), False
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._prompts = 0

    def begin(self, finished: Finished) -> None:
        """The sampling has begun."""
        # in a context of its own: the sampling waits for no server that starts beside it
        work = Context().run, (self._work, finished)
        self._thread = Thread(None, work[0], "asking ahead", work[1], daemon=True)
        self._thread.start()

    def end(self, abandoned: bool) -> None:
        """Make no further calls, and wait for those that are open: they are paid for."""
        self._abandoned = abandoned
        first = not self._over.is_set()
        self._over.set()
        # a second cancel would end the wait for the open calls, and they would be asked again
        if first and self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread is not None:
            self._thread.join()
        if (failure := self._failure) is not None:
            known = isinstance(failure, UserError | WorkFailed)
            said = str(failure) if known else f"{type(failure).__name__}: {failure}"
            self._run.display.warn(f"asking ahead has ended, the judge's stage asks on: {said}")

    def beside(self, shown: Progress) -> Progress:
        """A progress of the sampling that says as well how far the judge is."""

        def report(done: int, total: int, note: str = "") -> None:
            judged = f"{self._prompts:,} judged ahead" if self._prompts else ""
            shown(done, total, ", ".join(filter(None, (note, judged))))

        return report

    def _work(self, finished: Finished) -> None:
        try:
            while self._held():
                if self._over.wait(LOOK_EVERY):
                    return
            for name in self._served:
                self._run.endpoints.live(name, self._starting)
            asyncio.run(self._ask(finished))
        except (Abandoned, asyncio.CancelledError):
            pass
        except Exception as error:
            self._failure = error

    async def _ask(self, finished: Finished) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if not self._over.is_set():
            await self._asks(finished, self._count)

    def _count(self) -> None:
        self._prompts += 1

    def _starting(self, done: int, total: int, note: str = "") -> None:
        if self._abandoned:
            raise Abandoned


@contextmanager
def labels_ahead(run: Session, folder: Path) -> Iterator[Ahead | None]:
    """What asks for the labels of a round while the block samples it; None where nothing does."""
    config, judge = run.config, run.config.judge
    sampling = [name for _, name in config.sampler.endpoints()]
    held = partial(trial_due, config, folder)  # no label is paid for before that has passed

    async def asks(finished: Finished, done: Callable[[], None]) -> None:
        await ask_labels_ahead(folder, judge, run.endpoints, finished.new, done)

    with _beside(run, judge, sampling, asks, held) as ahead:
        yield ahead


@contextmanager
def held_out_ahead(
    run: Session, folder: Path, trained: str, in_place: str
) -> Iterator[Ahead | None]:
    """The same for the comparisons of the gate, while the block samples the policy `trained`."""
    judge, early = run.config.held_out_judge, run.config.gate.early(run.config.seed)
    against = Against(early, in_place) if early else None

    async def asks(finished: Finished, done: Callable[[], None]) -> None:
        of_round = folder, judge, run.endpoints, trained
        await ask_held_out_ahead(*of_round, finished.new, done, against)

    with _beside(run, judge, [], asks, lambda: False) as ahead:
        yield ahead


@contextmanager
def _beside(
    run: Session, judge: JudgeConfig, sampling: list[str], asks: Asks, held: Callable[[], bool]
) -> Iterator[Ahead | None]:
    policy = run.config.policy.endpoint
    here = run.gpu_stages is None and not run.borrowed
    if not (here and is_asked_ahead(run.config, judge, [*sampling, *([policy] if policy else [])])):
        yield None
        return
    ahead = Ahead(run, judge, asks, held)
    try:
        yield ahead
        ahead.end(abandoned=False)
    except BaseException:
        ahead.end(abandoned=True)
        raise


def is_asked_ahead(config: Config, judge: JudgeConfig, sampling: list[str]) -> bool:
    """Whether a judge is asked beside a sampling that asks the endpoints `sampling`: as its `ahead`
    says, and else where the two share neither this machine nor an endpoint's limits.
    """
    if judge.ahead is not None:
        return judge.ahead
    if judge.batch or not all(map(is_endpoint, judge.jury)):
        return False
    taken = {address for name in sampling for address in config.endpoints[name].addresses}
    asked = [config.endpoints[name].addresses for name in endpoints_of(judge)]
    return all(one and taken.isdisjoint(one) for one in asked)


def endpoints_of(judge: JudgeConfig) -> list[str]:
    """The endpoints that a judge asks about a prompt, appeals aside."""
    writer = [judge.writer] if judge.writer else []
    return list(dict.fromkeys(filter(is_endpoint, [*judge.jury, *writer])))
