"""Rounds that are killed again and again: python benchmarks/chaos.py [--kills N] [--real]

Kills at random moments, and (--changes) before state changes: a rename, a file that goes, a reply
that is written down; every STEP-th of them, each in a run of its own. In between, tables under
valid stamps are deleted, cut off or changed. What must hold: the finished tables are those of an
uninterrupted run in their deterministic columns; no request whose reply was written down is sent
again, by the endpoint's own log; no process, no stray file and no lock is left.

By default the rounds are scripted and train nothing, a life is a fork of this process. With --real
they are the starter's, small, with vLLM and TRL and LoRA in round 2, and a life is the command.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from chaos_real import real_kills
from scripted_rounds import (
    KILLED,
    NAME,
    asked_so_far,
    ended,
    endpoint,
    fork,
    journalled,
    run_rounds,
    strays,
    tables_of,
    write_config,
)

from endpoints.journal import Journal
from flows.config import Config
from rounds.folder import next_round
from rounds.stages import stage_stamps

ROUNDS = 2
PUTS = 8
"""Of so many replies written down, one counts as a state change."""


class Life:
    """A run in the making: what was asked for in vain so far, and what its lives broke."""

    def __init__(self, config: Config, runs_dir: Path, log: Path, rounds: int) -> None:
        self.config, self.runs_dir, self.log, self.rounds = config, runs_dir, log, rounds
        self.run_dir = runs_dir / NAME
        self.said = runs_dir.with_name(f"{runs_dir.name}.said")
        self.again = 0
        self.spoilt: Counter[str] = Counter()

    def begin(self, die: Callable[[], object] = lambda: None) -> int:
        """Start the next life; `die` is called in it first."""
        self._asked, self._kept = asked_so_far(self.log), journalled(self.run_dir)

        def live() -> None:
            die()
            run_rounds(self.config, self.runs_dir, self.rounds)

        return fork(live, self.said)

    def end(self, child: int, once: Counter[str]) -> int:
        """Wait for it; count what was sent although its reply was there. `once` is how often a run
        asks each request.
        """
        status = ended(child)
        if status not in (0, KILLED):
            raise SystemExit(f"a life ended with {status}:\n{self.said.read_text()[-3000:]}")
        sent = asked_so_far(self.log) - self._asked
        due = once - self._kept
        self.again += sum((sent - due).values()) if once else 0
        return status

    def spoil(self, chance: random.Random) -> None:
        """Delete a table of the round under way under a valid stamp, or cut it or change it."""
        folder = next_round(self.run_dir)
        names = {name for stamp in stage_stamps(folder).values() for name in stamp.get("files", ())}
        if not names:
            return
        path = folder / chance.choice(sorted(names))
        how = chance.choice(("deleted", "cut", "changed"))
        if not path.exists():
            return
        data = path.read_bytes()
        self.spoilt[f"{path.stem} {how}"] += 1
        if how == "deleted":
            path.unlink()
        elif how == "cut":
            path.write_bytes(data[: len(data) // 2])
        else:
            at = len(data) // 3
            path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])


def die_before(number: int) -> Callable[[], object]:
    """A kill before the state change of this number."""

    def arm() -> None:
        count_changes(lambda done: os.kill(os.getpid(), signal.SIGKILL) if done == number else None)

    return arm


def count_changes(reached: Callable[[int], object]) -> None:
    """Have `reached` called before each state change of this process, with its number."""
    done = puts = 0

    def before(change: Callable[..., object], due: Callable[..., bool]) -> Callable[..., object]:
        def changed(*given: object, **named: object) -> object:
            nonlocal done
            if due(*given, **named):
                reached(done)
                done += 1
            return change(*given, **named)

        return changed

    def some_put(*_: object, **__: object) -> bool:
        nonlocal puts
        puts += 1
        return puts % PUTS == 1

    def there(path: str | Path, **named: object) -> bool:
        return "dir_fd" in named or os.path.lexists(path)

    os.replace = before(os.replace, lambda *_: True)  # type: ignore[assignment]
    os.rename = before(os.rename, lambda *_: True)  # type: ignore[assignment]
    os.unlink = before(os.unlink, there)  # type: ignore[assignment]
    Journal.put = before(Journal.put, some_put)  # type: ignore[method-assign, assignment]


def check(life: Life, calm: Path) -> None:
    """Raise SystemExit unless a run ended as one that nobody touched."""
    found, wanted = tables_of(life.run_dir), tables_of(calm)
    other = [name for name in wanted if found.get(name) != wanted[name]]
    left = strays(life.run_dir)
    if other or left or life.again:
        raise SystemExit(f"other tables {other}, strays {left}, asked again {life.again}")


def random_kills(
    config: Config, folder: Path, log: Path, kills: int, chance: random.Random
) -> None:
    """Kill at random moments, run after run, until so many kills are done."""
    calm, once, seconds = calm_run(config, folder, log, ROUNDS)
    done, runs, spoilt = 0, 0, Counter[str]()
    while done < kills:
        life, status, runs = Life(config, folder / f"random-{runs}", log, ROUNDS), KILLED, runs + 1
        while status == KILLED:
            child = life.begin()
            if done < kills:
                wait_for_end(child, chance.uniform(0.02, seconds))
            status = life.end(child, once)
            done += status == KILLED  # some end before their kill comes
            if status == KILLED and done < kills and chance.random() < 0.5:
                life.spoil(chance)
        check(life, calm)
        spoilt += life.spoilt
        print(f"{done} kills so far, {runs} runs", file=sys.stderr, flush=True)
    print(f"{done} kills at random in {runs} runs of {ROUNDS} rounds; spoilt: {said(spoilt)}")


def kills_before_changes(
    config: Config, folder: Path, log: Path, step: int, chance: random.Random
) -> None:
    """Kill before every `step`-th state change of a round, each in a run of its own."""
    calm, once, _ = calm_run(config, folder, log, 1)
    counted = folder / "changes.txt"
    counting = Life(config, folder / "counted", log, 1)
    tally = lambda: count_changes(lambda done: counted.write_text(str(done + 1)))  # noqa: E731
    assert counting.end(counting.begin(tally), once) == 0
    total, done, spoilt = int(counted.read_text()), 0, Counter[str]()
    for number in range(0, total, step):
        life = Life(config, folder / f"change-{number}", log, 1)
        if life.end(life.begin(die_before(number)), once) == KILLED:
            done += 1
            if chance.random() < 0.3:
                life.spoil(chance)
            assert life.end(life.begin(), once) == 0
        check(life, calm)
        spoilt += life.spoilt
        print(f"{number + 1} of {total} state changes", file=sys.stderr, flush=True)
    print(f"{done} kills before {total} state changes of a round; spoilt: {said(spoilt)}")


def calm_run(
    config: Config, folder: Path, log: Path, rounds: int
) -> tuple[Path, Counter[str], float]:
    """A run that nobody touches: its folder, how often each request was made, its seconds."""
    life = Life(config, folder / f"calm-{rounds}", log, rounds)
    before, began = asked_so_far(log), time.monotonic()
    assert life.end(life.begin(), Counter()) == 0
    return life.run_dir, asked_so_far(log) - before, time.monotonic() - began


def wait_for_end(child: int, seconds: float) -> None:
    """Kill a life after so many seconds, where it has not ended."""
    ending = os.pidfd_open(child)
    try:
        time.sleep(seconds)
        signal.pidfd_send_signal(ending, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(ending)


def said(spoilt: Counter[str]) -> str:
    """What was done to tables."""
    return ", ".join(f"{what} {n}" for what, n in sorted(spoilt.items())) or "nothing"


def main() -> None:
    """Kill, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--changes", type=int, default=0, metavar="STEP")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the runs, which stay there")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        if given.real:
            print(real_kills(folder, given.kills, chance))
            return
        with endpoint(folder) as (url, log):
            config = write_config(folder, url)
            if given.kills:
                random_kills(config, folder, log, given.kills, chance)
            if given.changes:
                kills_before_changes(config, folder, log, given.changes, chance)
    print("tables equal, nothing asked again, no stray file, no dead lock")


if __name__ == "__main__":
    main()
