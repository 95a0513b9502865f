"""A run and its mirror: where a run starts from, and what is sent when a round has ended."""

from pathlib import Path

from flows.config import Config
from flows.display import Display
from rounds.errors import UserError
from rounds.fence import check_fence
from rounds.folder import finished_rounds, put_by_hand, read_manifest, round_number
from rounds.lineage import ancestry
from rounds.lock import run_lock
from rounds.mirror.address import check_writable, open_store
from rounds.mirror.fetch import fetch_run, fetch_weights, may_be_fetched, rounds_of
from rounds.mirror.send import Sent, send_run
from rounds.mirror.store import MirrorFailed, Store
from rounds.mirror.there import Rounds, check_same, rounds_here, rounds_there, without_cut

OF_THE_NEXT = {None, "current", "initial"}
"""What `sampler.also` may call the policies that the next round begins with in any case."""


def start_from_mirror(config: Config, run_dir: Path, display: Display) -> None:
    """Fetch the run where its folder is empty and its mirror has rounds.

    Raises UserError where the mirror has other rounds than the folder, cannot be written, or
    cannot be reached by a run that has nothing here yet. A run with rounds goes on without it.
    """
    if config.mirror is None:
        return
    store = open_store(config.mirror, run_dir)
    here = rounds_here(run_dir)
    try:
        there = without_cut(rounds_there(store), here)
        check_writable(store)
    except MirrorFailed as failure:
        if not here:
            raise UserError(f"{failure}; nothing is asked before it can be reached") from failure
        display.warn(f"{failure}; the run goes on, and its rounds are sent when it can be reached")
        return
    if there.keys() - here.keys() and may_be_fetched(run_dir):
        display.tell(f"mirror {store.address}: fetching the rounds up to {max(there)}")
        with run_lock(run_dir):
            fetch_run(store, run_dir, there, display.stage("mirror"))
    else:
        check_same(store, run_dir, here, there)
    fetch_named(config, store, run_dir, there, display)


def fetch_named(
    config: Config, store: Store, run_dir: Path, there: Rounds, display: Display
) -> None:
    """Fetch the weights of earlier policies that `sampler.also` names."""
    named = {source.policy for source in config.sampler.also.values()} - OF_THE_NEXT
    if not named:
        return
    folders = finished_rounds(run_dir)
    facts = {round_number(folder): read_manifest(folder) or {} for folder in folders}
    wanted = [one["in_place"] for number, one in facts.items() if number in named]
    if "previous" in named and facts:
        own = put_by_hand(run_dir)
        current = (own["policy"] if own else facts[max(facts)]["in_place"])["policy_id"]
        line = ancestry(run_dir, current)
        wanted += [facts[round_number(folder)]["policy"] for folder in line[-1:]]
    if numbers := sorted(rounds_of(wanted) & there.keys()):
        with run_lock(run_dir):
            fetch_weights(store, run_dir, there, numbers, display.stage("mirror"))


def send_to_mirror(config: Config, run_dir: Path, display: Display) -> None:
    """Send what the mirror has not. A mirror that fails is a warning: the round has ended.

    Raises UserError where another machine went on too: a further round would be for nothing.
    """
    if config.mirror is None:
        return
    check_fence(run_dir / "run.yaml")  # who lost the run sends nothing either
    try:
        store = open_store(config.mirror, run_dir)
        sent = send_run(store, run_dir, display.stage("mirror"))
    except UserError:
        raise
    except Exception as failure:  # whatever it is, the round has ended
        display.warn(
            f"{failure}; the round has ended all the same, and what is missing at the mirror is "
            f"sent when the next one ends, or by `prefloop mirror {run_dir}`"
        )
    else:
        display.tell(sent_text(store, sent))


def sent_text(store: Store, sent: Sent) -> str:
    """What a sending came to, in one line."""
    rounds = f"rounds {', '.join(map(str, sent.rounds))}" if sent.rounds else "no new round"
    text = f"mirror {store.address}: {rounds}; {sent.files} files, {sent.size / 1e6:.1f} MB sent"
    if sent.read_back:
        again = f", sent again: {', '.join(sent.mended)}" if sent.mended else ""
        text += f"; {sent.read_back} files read back, {len(sent.mended)} of them damaged{again}"
    return text
