"""One round of the loop, as a Prefect flow: its stages (flows/tasks.py) in their order.

Prefect orders, retries and shows the work; the round folder is the truth. Every stage finds out
by itself whether it has anything left to do, so a round that was killed is simply run again.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from prefect import State, flow

from endpoints.open import AskedAhead
from endpoints.settled import dialects_of
from endpoints.shed import shed_calls
from flows.config import Config, dump_config
from flows.control_tokens import control_tokens_of
from flows.failures import may_be_stopped, waits
from flows.flow_runs import name_flow_run, rounds_title
from flows.mirrored import send_to_mirror
from flows.plain import through_prefect
from flows.promotions import tell_promotion
from flows.session import Session, policy_in_place, session
from flows.shown import load_report, show_round, shown_progress, tell_waiting
from flows.tasks import (
    answer_held_out,
    answer_the_suites,
    deal_prompts,
    decide_promotion,
    examine_judge,
    judge_the_held_out,
    judge_them,
    make_pairs,
    measure_judge,
    sample_candidates,
    train_policy,
    try_training,
)
from flows.trial import beside_sampling, trial_due
from rounds.disk import size_text
from rounds.finish import finish_round
from rounds.folder import next_round, policy_facts, round_number, write_round_start
from rounds.keep import removable, remove, rounds_without_calls
from rounds.stopped import forget_stop, noting_stops
from trainer.enough import nothing_to_train_in


@flow(name="prefloop-round", validate_parameters=False)
@may_be_stopped
def run_round(config: Config, runs_dir: Path) -> Path | State[Any]:
    """Run the next round, or finish the one that was begun; returns its folder, or the state named
    Waiting where it waits for people.
    """
    with session(config, runs_dir) as run:
        folder = begin(run)
        title = rounds_title(config.name, round_number(folder), 1)
        name_flow_run(title, config.name)
        run.display.title(f"round {round_number(folder)} of {config.name}")
        with shown_progress(run, folder, title):
            finished = do_stages(run, folder)
        if not finished:
            tell_waiting(folder)
            return waits(f"{folder}: see prefloop status")
        show_round(run, folder)
        tell_promotion(config, run.run_dir, run.display, retry=True)
        send_to_mirror(config, run.run_dir, run.display)
        through_prefect()  # Prefect is about to note that the round has ended
        return folder


def do_stages(run: Session, folder: Path) -> bool:
    """The stages of a round in their order, to its manifest; False where it waits for people."""
    config = run.config
    answer_prompts(run, folder)
    load_report()
    gold = measure_judge(folder)
    judge_them(folder, gold["tau"])
    examine_judge(folder, gold["tau"])
    pairs = make_pairs(folder)
    limits = config.pairs.leak_limits
    why = nothing_to_train_in(folder, config.trainer, pairs["kept"], limits)
    if why is None:
        trained = train_policy(folder, gold["flip_rate"])
        answer_held_out(folder, trained)
        if config.gate.suites:
            answer_the_suites(folder, trained)
        judge_the_held_out(folder, trained)
        decision = decide_promotion(folder, trained)
        if not isinstance(decision, dict):
            return False
    else:
        trained = None
        decision = {"promoted": False, "reasons": [f"nothing was trained: {why}"]}
    with noting_stops(folder, "finish"):
        finish_round(folder, dump_config(config), trained, decision)
    let_go(run)
    return True


def let_go(run: Session) -> None:
    """Remove what the config's `keep` no longer wants. The round is finished either way."""
    keep = run.config.keep
    try:
        removals = removable(run.run_dir, keep, run.config.model_dump(mode="json"))
        shed_calls(run.run_dir, rounds_without_calls(run.run_dir, keep))
        if removals and (freed := remove(run.run_dir, removals)):
            run.display.tell(f"keep: {len(removals)} policies removed, {size_text(freed)} freed")
    except Exception as error:
        run.display.warn(f"what keep lets go was not all removed: {error}")


def begin(run: Session) -> Path:
    """The folder of the round to work on, with what it starts from written down."""
    folder = next_round(run.run_dir)
    policy = policy_in_place(run.run_dir, run.initial)
    facts = {
        "policy": policy_facts(run.run_dir, policy),
        "initial": policy_facts(run.run_dir, run.initial),
        "seed": run.config.seed,
        "command": run.command,
        "fence": run.lease.claim.token,
        "dialects": dialects_of(run.run_dir),
        "near_held_out": run.config.prompts.near_held_out,
    } | control_tokens_of(folder, run.config, policy)
    write_round_start(folder, facts)
    run.endpoints.ahead = AskedAhead({}, Counter())
    run.display.follow(folder)
    forget_stop(folder)
    return folder


def answer_prompts(run: Session, folder: Path) -> None:
    """Deal and sample; where the training is to be tried, that has passed when this returns."""
    due = trial_due(run.config, folder)
    beside = run.gpu_stages is None and beside_sampling(run.config)
    if due and not beside:
        try_training(folder)
    trial = try_training.submit(folder) if due and beside else None
    deal_prompts(folder)
    sample_candidates(folder)
    if trial is not None:
        trial.result()
