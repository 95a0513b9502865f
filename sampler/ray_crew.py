"""Actors that draw chunks, seen from their driver: who is up, who has which chunk, what is left."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError, RayTaskError

from endpoints.child_main import report_progress
from endpoints.ray_config import RayConfig
from endpoints.ray_driver import actor_options, living_nodes, node_name, room_text
from rounds.errors import UserError
from rounds.weights import weights_hash
from sampler.answers import AnsweredPrompt
from sampler.chunks import ChunkWriter
from sampler.ray_chunks import Chunk, chunks_of, requests_of, with_absolute_paths
from sampler.ray_weights import Files, put_files
from sampler.ray_worker import SamplingWorker, tokens_of

FALLS = 3
"""Deaths of one worker with no chunk finished by any in between, after which there is no point."""
LOSSES = 5
"""Deaths of workers that held the same chunk, after which the chunk is taken for the cause."""
NOBODY_SECONDS = 900.0
"""For how long there may be no worker at all, as where all the nodes that can hold one are gone."""
LOOKS = 0.5
"""Seconds between two looks at who is up, and how far they are."""


@dataclass(eq=False)
class Worker:
    """An actor, through all its lives."""

    number: int
    actor: Any
    up: bool = False
    node: str = ""
    at_once: int = 0
    """Sequences that its engine runs at once; 0 before it has loaded."""
    falls: int = 0
    greet_at: float | None = 0.0
    life: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Prompts and tokens that it has of its chunks, by their names."""


class Crew:
    """The workers of a job, and what they are to draw."""

    def __init__(self, job: dict[str, Any], work: Path, config: RayConfig) -> None:
        self._job, self._work, self._config = with_absolute_paths(job), work, config
        self._prompts = self._put_prompts()
        self._requests = work / job["requests"]
        self._left = chunks_of(self._requests, job, config.workers)
        self._size = max(chunk.prompts for chunk in self._left)
        self._open = len(self._left)
        self._pending: dict[Any, tuple[Worker, int, Chunk | Callable[[Worker, Any], None]]] = {}
        self._hashes: dict[str, str] = {}
        self._files: dict[str, Files] = {}
        self._done, self._tokens, self._shown = 0, 0, 0
        self._began, self._looked_at, self._somebody_at = 0.0, 0.0, time.monotonic()
        crew = min(config.workers, len(self._left))
        self._workers = [Worker(number, self._actor()) for number in range(crew)]

    def run(self) -> None:
        """Until every chunk is written."""
        while self._open:
            self._greet()
            self._hand_out()
            ready, _ = ray.wait(list(self._pending), timeout=LOOKS) if self._pending else ([], [])
            for reply in ready:
                self._settle(reply)
            if time.monotonic() - self._looked_at >= LOOKS:
                self._look()

    def _actor(self) -> Any:
        # no retries of Ray's own: a chunk of a node that is lost goes to a worker that has loaded,
        # and does not wait for its own to come back
        options = {"max_restarts": -1, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        remote = ray.remote(SamplingWorker).options(
            **options, **actor_options(self._config.resources)
        )
        return remote.remote(self._job)

    def _ask(self, worker: Worker, reply: Any, then: Callable[[Worker, Any], None]) -> None:
        self._pending[reply] = worker, worker.life, then

    def _settle(self, reply: Any) -> None:
        """Do what was meant to follow a reply, or what has to where its actor is dead."""
        worker, life, then = self._pending.pop(reply)
        chunk = then if isinstance(then, Chunk) else None
        try:
            result = ray.get(reply)
        except RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise UserError(str(error.cause)) from error
            raise
        except RayError as error:
            self._lost(worker, life, chunk, error)
        else:
            if chunk is not None and result is None:
                self._lost(worker, life, chunk, RuntimeError("it was started anew"))
            elif chunk is not None:
                self._has_answered(worker, result, chunk)
            elif life == worker.life and not isinstance(then, Chunk):
                then(worker, result)

    def _greet(self) -> None:
        for worker in self._workers:
            if worker.greet_at is not None and time.monotonic() >= worker.greet_at:
                worker.greet_at = None
                self._ask(worker, worker.actor.hello.remote(), self._is_up)

    def _is_up(self, worker: Worker, at: tuple[str, int]) -> None:
        worker.up, worker.node = True, at[0]
        # Ray begins each line of a worker with its process alone
        say(f"worker {worker.number} is process {at[1]} on {self._place(worker)}")
        self._ask(worker, worker.actor.missing.remote(self._hashes), self._has_not)

    def _has_not(self, worker: Worker, folders: list[str]) -> None:
        """Bring the weights that are not on a worker's node, and have it load."""
        for folder in folders:
            if folder not in self._files:
                self._hashes[folder] = weights_hash(Path(folder))
                self._files[folder] = put_files(Path(folder), ray.put)
            say(f"{folder} is not on {self._place(worker)}, and is sent there")
        files = {self._hashes[folder]: self._files[folder] for folder in folders}
        self._ask(worker, worker.actor.take.remote(files), self._has_weights)

    def _has_weights(self, worker: Worker, _: None) -> None:
        looks = self._prompts if worker.number == 0 else None
        ready = worker.actor.load.remote(self._hashes, looks)
        self._ask(worker, ready, self._has_loaded)

    def _has_loaded(self, worker: Worker, at_once: int) -> None:
        worker.at_once = at_once
        if worker.number == 0:
            self._prompts = None  # they have been looked at
        self._began = self._began or time.monotonic()
        if all(worker.at_once for worker in self._workers):
            self._files.clear()  # a node that comes later has them put there again
        self._look()

    def _hand_out(self) -> None:
        """Chunks to those who have loaded, the idlest first: twice what runs at once, so that no
        engine's queue is empty before the end, and near it to each a fair share.
        """
        share = max(1, ceil(self._open / len(self._workers)))
        while self._left:
            free = [
                worker
                for worker in self._workers
                if worker.at_once
                and len(worker.chunks) < min(share, max(2, ceil(2 * worker.at_once / self._size)))
            ]
            if not free:
                return
            worker, chunk = min(free, key=lambda one: len(one.chunks)), heappop(self._left)
            worker.chunks.append(chunk)
            lines = requests_of(self._requests, chunk)
            reply = worker.actor.answer.remote(chunk.name, lines)
            self._pending[reply] = worker, worker.life, chunk

    def _has_answered(self, worker: Worker, answered: list[AnsweredPrompt], chunk: Chunk) -> None:
        if chunk in worker.chunks:
            worker.chunks.remove(chunk)
        names = [one["name"] for one in self._job["writers"] if one["policy"] is not None]
        writer = ChunkWriter(self._work, iter([chunk.number]), len(answered), names)
        for prompt in answered:
            writer.add(prompt)
        self._open -= 1
        self._done += len(answered)
        self._tokens += tokens_of(answered)
        for one in self._workers:
            one.falls = 0

    def _lost(self, worker: Worker, life: int, chunk: Chunk | None, error: Exception) -> None:
        """A worker is dead: its chunk is for another, and Ray starts it again where it fits."""
        gone = worker.node in {node["NodeID"] for node in ray.nodes() if not node["Alive"]}
        if chunk is not None:
            heappush(self._left, chunk)
            chunk.lost += not gone
        if life == worker.life:
            if worker.up:
                say(f"worker {worker.number} is dead, on {self._place(worker)}: {told(error)}")
                worker.falls += not gone
            if isinstance(error, ActorDiedError):  # Ray does not start it again
                worker.falls += not worker.up
                worker.actor = self._actor()
            worker.life += 1
            worker.up, worker.at_once, worker.chunks, worker.counted = False, 0, [], {}
            worker.greet_at = time.monotonic() + 1.0
        if worker.falls >= FALLS:
            end(f"a worker has died {FALLS} times with no chunk drawn in between; {told(error)}")
        if chunk is not None and chunk.lost >= LOSSES:
            end(f"{LOSSES} workers have died on one chunk ({chunk.name}); {told(error)}")

    def _look(self) -> None:
        """Show how far all are, and ask those who draw."""
        self._looked_at = time.monotonic()
        loaded = [worker for worker in self._workers if worker.at_once]
        up = sum(worker.up for worker in self._workers)
        if up:
            self._somebody_at = time.monotonic()
        elif time.monotonic() - self._somebody_at > NOBODY_SECONDS:
            room = room_text(living_nodes())
            end(f"no worker could be started for {NOBODY_SECONDS:.0f} s; {room}")
        if not self._began:
            report_progress(0, 0, "loading the model" if up else "waiting for workers")
            return
        asked = {worker.number for worker, _, then in self._pending.values() if then == _counted}
        for worker in loaded:
            if worker.chunks and worker.number not in asked:
                self._ask(worker, worker.actor.count.remote(), _counted)
        counted = [
            worker.counted.get(chunk.name, (0, 0)) for worker in loaded for chunk in worker.chunks
        ]
        self._shown = max(self._shown, self._done + sum(prompts for prompts, _ in counted))
        tokens = self._tokens + sum(tokens for _, tokens in counted)
        rate = tokens / max(time.monotonic() - self._began, 1e-9)
        note = f"{len(loaded)} of {len(self._workers)} workers, {rate:,.0f} tokens a second"
        report_progress(self._shown, self._job["prompts"], note)

    def _place(self, worker: Worker) -> str:
        nodes = {node["NodeID"]: node_name(node) for node in ray.nodes()}
        return nodes.get(worker.node, worker.node[:8])

    def _put_prompts(self) -> Any:
        if self._job["fit"] is None:
            return None
        return ray.put((self._work / self._job["fit"]["requests"]).read_bytes())


def told(error: Exception) -> str:
    """What Ray says of a death, in one line."""
    return " ".join(str(error).split())[:500]


def say(line: str) -> None:
    """A line for the log."""
    print(line, file=sys.stderr, flush=True)


def end(why: str) -> None:
    """End this process so that its parent tells why, with the lines that came before."""
    time.sleep(1.0)  # what the dead have printed is on its way here
    sys.exit(f"WorkersLostError: {why}")


def _counted(worker: Worker, counted: dict[str, tuple[int, int]]) -> None:
    worker.counted = counted
