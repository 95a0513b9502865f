"""What a run holds open while it works: its lock, its endpoints, its progress display."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from endpoints.hosts import remember_hosts
from endpoints.journal import JOURNAL, Journal
from endpoints.journal_check import check_journal
from endpoints.open import Endpoints, bypass_proxies_to_localhost
from flows.config import Config, dump_config
from flows.display import Display
from flows.flow_runs import deployed
from flows.load import config_of
from flows.mirrored import start_from_mirror
from flows.preflight import check, first_policy
from flows.promotions import tell_promotion
from flows.secrets import read_secret_block
from flows.settle import settle_endpoints
from flows.telling import Telling
from rounds.errors import UserError
from rounds.files import write_text
from rounds.finish import follow_manifests
from rounds.folder import (
    next_round,
    policy_here,
    policy_history,
    read_round_start,
    run_config,
    run_of,
)
from rounds.home import check_runs_dir
from rounds.lease import Lease
from rounds.lock import refuse_if_busy, run_lock
from rounds.mend import mend_run
from rounds.proven import prove_run, rests_on_journal
from rounds.settings import require_plain
from rounds.weights import Policy


class Session(NamedTuple):
    """An open run. It holds live processes, so it is found by context and never a parameter that
    Prefect would have to store.
    """

    config: Config
    run_dir: Path
    endpoints: Endpoints
    display: Display
    initial: Policy
    command: str | None
    """What was typed to run it, for the manifest."""
    lease: Lease
    gpu_stages: str | None = None
    """The deployment that the GPU stages are sent to; None where they are done here."""
    borrowed: bool = False
    """Whether this is one stage of a round whose flow run is elsewhere: that one asks the judge."""


_open: ContextVar[Session | None] = ContextVar("prefloop session", default=None)


@contextmanager
def session(
    config: Config,
    runs_dir: Path,
    command: str | None = None,
    thorough: bool = False,
    gpu_stages: str | None = None,
) -> Iterator[Session]:
    """The session of this run: the one that is open, or a new one, checked and locked.

    `thorough` reads every file of earlier rounds to its end before they are believed; `gpu_stages`
    is the deployment that the GPU stages are sent to.

    Raises UserError before anything is spent when something in the config cannot work, and Busy
    where another process works on the run.
    """
    if (outer := _open.get()) is not None:
        yield outer
        return
    bypass_proxies_to_localhost()
    run_dir = runs_dir.resolve() / config.name
    with Display(Telling(), alone=deployed()) as display:
        check_runs_dir(run_dir)
        refuse_if_busy(run_dir)
        prove_run(run_dir, thorough)
        check_journal(run_dir / JOURNAL, rests_on_journal(next_round(run_dir)), thorough)
        if config.trains_here:  # its policies are sampled from there
            require_plain("--runs-dir", run_dir, "vLLM")
        initial = first_policy(config)
        start_from_mirror(config, run_dir, display)
        check(config, display, run_dir, stages_here=gpu_stages is None)
        _same_beginning(run_dir, initial)
        with run_lock(run_dir) as lease:
            for sentence in mend_run(run_dir, next_round(run_dir), thorough):
                display.tell(sentence)
            follow_manifests(run_dir)
            _remember_hosts(run_dir)
            write_text(run_dir / "run.yaml", dump_config(config))
            tell_promotion(config, run_dir, display, retry=False)
            logs = run_dir / "logs"
            with Endpoints(
                config.endpoints, logs, display.stage("endpoint"), read_secret_block
            ) as endpoints:
                settle_endpoints(config, endpoints, run_dir, display)
                with _opened(
                    Session(
                        config, run_dir, endpoints, display, initial, command, lease, gpu_stages
                    )
                ) as run:
                    yield run


@contextmanager
def borrowed_session(folder: Path, lease: Lease) -> Iterator[Session]:
    """The session of one stage of a round whose flow run is elsewhere, and has checked and locked
    the run. Raises UserError where the first policy's weights are others here.
    """
    bypass_proxies_to_localhost()
    run_dir = run_of(folder)
    config = config_of(dict(run_config(run_dir)), str(run_dir / "run.yaml"), run_dir)
    initial = first_policy(config)
    begun = read_round_start(folder)["initial"]["policy_id"]
    if initial.policy_id != begun:
        raise UserError(
            f"policy: the weights that {config.policy.model} names here are others "
            f"({initial.policy_id}) than those that the run began from ({begun}); name a folder "
            "that the workers of both pools see, or a revision"
        )
    logs = run_dir / "logs"
    with Display(Telling(), alone=deployed()) as display:
        display.follow(folder)
        shown = display.stage("endpoint")
        with Endpoints(config.endpoints, logs, shown, read_secret_block) as endpoints:
            run = Session(config, run_dir, endpoints, display, initial, None, lease, borrowed=True)
            with _opened(run):
                yield run


@contextmanager
def _opened(run: Session) -> Iterator[Session]:
    token = _open.set(run)
    try:
        yield run
    finally:
        _open.reset(token)


def current() -> Session:
    """The open session. Tasks call this, so that only paths travel through Prefect."""
    open_session = _open.get()
    if open_session is None:
        raise RuntimeError("no session is open; a stage runs inside `with session(...)`")
    return open_session


def in_place(folder: Path) -> Policy:
    """The policy that a round of the open session started from."""
    run = current()
    return policy_here(run.run_dir, read_round_start(folder)["policy"], run.initial)


def policy_in_place(run_dir: Path, initial: Policy) -> Policy:
    """The promoted policy, or the first one while none was."""
    history = policy_history(run_dir)
    return policy_here(run_dir, history["current"], initial) if history else initial


def _remember_hosts(run_dir: Path) -> None:
    """Note where answers of a run begun before hosts were noted came from: what run.yaml says is
    about to be written over.
    """
    written, journal = run_dir / "run.yaml", run_dir / JOURNAL
    if written.exists() and journal.exists():
        with suppress(UserError):  # a damaged one says nothing, and is written anew
            endpoints = run_config(run_dir).get("endpoints")
            with Journal(journal) as answers:
                remember_hosts(answers, endpoints or {})


def _same_beginning(run_dir: Path, initial: Policy) -> None:
    history = policy_history(run_dir)
    if history and history["initial"]["policy_id"] != initial.policy_id:
        raise UserError(
            f"{run_dir}: this run began from policy {history['initial']['policy_id']}, the config "
            f"names {initial.policy_id}; give the config another name, or the policy it began with"
        )
