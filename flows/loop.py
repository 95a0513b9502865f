"""The loop: rounds one after the other. This is what a deployment schedules."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from prefect import State, flow
from prefect.runtime import deployment
from pydantic import Field

from flows import one_line
from flows.command import same_command
from flows.config import Config
from flows.events import tell_round
from flows.failures import may_be_stopped, still_stopped, waits
from flows.flow_runs import deployed, name_flow_run, rounds_title
from flows.parameters import check_rounds, given_config, runs_folder
from flows.placing import check_deployment
from flows.plain import flow_or_plain, through_prefect
from flows.refused import check_refused
from flows.round import run_round
from flows.session import session
from flows.terminal import print_round
from flows.ticks import skips, take_over
from rounds.errors import Busy
from rounds.folder import finished_rounds, next_round, read_manifest, round_number
from rounds.stopped import read_stop

one_line.install()


@flow(name="prefloop", validate_parameters=False)  # they are checked here, in one line each
@may_be_stopped
def run_loop(
    config: Config | str,
    rounds: Annotated[int, Field(ge=1)] = 1,
    runs_dir: str | None = None,
    runs_base: str | None = None,
    set: list[str] | None = None,
    gpu_stages: str | None = None,
) -> list[str] | State[Any]:
    """Run `rounds` rounds, the one that was begun first, and print the table of each when it is
    finished; returns their folders, or the state named Waiting where one waits for people, or that
    named Skipped where another process works on the run.

    `config` is the config's tree, or a file or the name of a shipped example that is read when the
    run starts; `set` holds overrides such as "sampler.n=8". `runs_dir` starts from `runs_base`
    where it is no whole path, and that is by default a folder of the user's that stays.
    `gpu_stages` is the deployment of `gpu_stage` that sampling and training are sent to.
    """
    with telling_stops(config) as found:
        check_rounds(rounds)
        tree = given_config(config, set)
        folder = runs_folder(runs_dir, runs_base)
        run_dir, done = folder / tree.name, []
        found(run_dir)
        first = round_number(next_round(run_dir))
        name_flow_run(rounds_title(tree.name, first, rounds), tree.name)
        try:
            if gpu_stages is not None:
                check_deployment(gpu_stages)
            command = _command(config, rounds, folder, set)
            with session(tree, folder, command, gpu_stages=gpu_stages) as run:
                take_over(run.lease, run.display)
                for _ in range(rounds):
                    check_refused(tree, run_dir)
                    finished = next_of(run_dir, tree, folder)
                    if not isinstance(finished, Path):
                        return waits(f"{run_dir}: see prefloop status")
                    run.display.rest()
                    print_round(finished)
                    done.append(str(finished))
        except Busy as busy:
            return skips(busy)
        through_prefect()  # Prefect is about to note that the rounds have ended
    return done


def next_of(run_dir: Path, tree: Config, runs_dir: Path) -> Path | State[Any]:
    """Run a round, through Prefect or without it; one whose end it could not note is finished."""
    folder = next_round(run_dir)

    def plainly(lost: BaseException | None) -> Path | State[Any]:
        if lost is not None and read_manifest(folder) is not None:
            return folder
        return run_round.fn(tree, runs_dir)

    return still_stopped(lambda: flow_or_plain(run_round, tree, runs_dir, otherwise=plainly))


def run_here(tree: Config, rounds: int, runs_dir: Path) -> None:
    """Run the loop from a terminal; where Prefect is lost the rounds that are left run without."""
    run_dir = runs_dir.resolve() / tree.name
    before = len(finished_rounds(run_dir))

    def plainly(lost: BaseException | None) -> Any:
        if left := rounds - (len(finished_rounds(run_dir)) - before):
            return run_loop.fn(tree, left, str(runs_dir.resolve()))
        return None

    still_stopped(
        lambda: flow_or_plain(run_loop, tree, rounds, str(runs_dir.resolve()), otherwise=plainly)
    )


@contextmanager
def telling_stops(config: Config | str) -> Iterator[Callable[[Path], None]]:
    """Tell, as an event, what ends a run before its rounds are finished.

    Yields what is to be called with the run's folder once that is known.
    """
    found: list[Path] = []
    try:
        yield found.append
    except Exception as error:
        reason = str(error) or type(error).__name__
        number, stage, then = 0, "start", "put that right"
        if found:
            folder = next_round(found[0])
            number, stop = round_number(folder), read_stop(folder)
            if stop is not None and reason in stop["reason"]:  # and not that of a run before
                stage, then = stop["stage"], stop["then"]
        run = found[0].name if found else _run_name(config)
        tell_round("stopped", run, number, stage=stage, reason=reason, then=then)
        raise


def _run_name(config: object) -> str:
    """What a run is called whose config is not a right one."""
    name = config.get("name") if isinstance(config, dict) else getattr(config, "name", config)
    return str(name)[:60]


def _command(
    config: Config | str, rounds: int, folder: Path, overrides: list[str] | None
) -> str | None:
    """What does the same as this flow run, for the manifest and the card; None where nothing typed
    does.
    """
    if deployed():
        return shlex.join(["prefect", "deployment", "run", f"prefloop/{deployment.name}"])
    return same_command(config, rounds, str(folder), overrides) if isinstance(config, str) else None
