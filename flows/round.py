"""One round of the loop, as a Prefect flow. Each task is one stage over the round's folder.

Prefect orders, retries and shows the work; the round folder is the truth. Every stage finds out
by itself whether it has anything left to do, so a round that was killed is simply run again.
"""

from pathlib import Path
from typing import Any

from prefect import State, flow

from endpoints.settled import dialects_of
from endpoints.shed import shed_calls
from flows.config import Config, dump_config
from flows.control_tokens import control_tokens_of
from flows.events import tell_round
from flows.failures import ASKS, STARTS, WORKS, may_be_stopped, may_wait, waits
from flows.flow_runs import name_flow_run, rounds_title
from flows.mirrored import send_to_mirror
from flows.plain import task, through_prefect
from flows.session import Session, current, in_place, policy_in_place, session
from flows.shown import show_round, shown_progress, tell_waiting
from flows.trial import beside_sampling, trial_due, try_round
from gate.stage import decide
from judge.forget import ask_failures_again
from judge.health.examine import judge_gold, judge_health
from judge.held_out import judge_held_out
from judge.stage import judge_candidates
from pairs.stage import build_pairs
from rounds.disk import size_text
from rounds.finish import finish_round
from rounds.folder import next_round, policy_facts, round_number, write_round_start
from rounds.keep import removable, remove, rounds_without_calls
from rounds.stages import stage_stamps
from rounds.stopped import forget_stop, notes_stops, noting_stops
from rounds.weights import Policy
from sampler.dealing.deal import deal, deal_warnings
from sampler.shortfall import sampling_warnings
from sampler.stage import sample, sample_held_out
from trainer.stage import train

Facts = dict[str, Any]


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
        send_to_mirror(config, run.run_dir, run.display)
        through_prefect()  # Prefect is about to note that the round has ended
        return folder


def do_stages(run: Session, folder: Path) -> bool:
    """The stages of a round in their order, to its manifest; False where it waits for people."""
    config = run.config
    answer_prompts(run, folder)
    gold = measure_judge(folder)
    judge_them(folder, gold["tau"])
    examine_judge(folder, gold["tau"])
    pairs = make_pairs(folder)
    if config.trainer is not None and pairs["kept"]:
        trained = train_policy(folder, gold["flip_rate"])
        answer_held_out(folder, trained)
        judge_the_held_out(folder, trained)
        decision = decide_promotion(folder, trained)
        if not isinstance(decision, dict):
            return False
    else:
        trained = None
        why = "trainer is null" if config.trainer is None else "no pair was kept"
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
    run.display.follow(folder)
    forget_stop(folder)
    return folder


def answer_prompts(run: Session, folder: Path) -> None:
    """Deal and sample; where the training is to be tried, that has passed when this returns."""
    due, beside = trial_due(run.config, folder), beside_sampling(run.config)
    if due and not beside:
        try_training(folder)
    trial = try_training.submit(folder) if due and beside else None
    deal_prompts(folder)
    sample_candidates(folder)
    if trial is not None:
        trial.result()


@task(name="trial", **STARTS)
@notes_stops("trial")
def try_training(folder: Path) -> None:
    """The training and the sampling of what it saves, in small: once for each config."""
    run = current()
    shown = run.display.stage("trial")
    sampled = "sample" in stage_stamps(folder)
    reason = try_round(run.config, run.run_dir, in_place(folder), shown, sampled)
    if reason is not None:
        run.display.warn(f"the training was not tried in small before the judge is asked: {reason}")


@task(name="deal-prompts", **ASKS)
@notes_stops("prompts")
def deal_prompts(folder: Path) -> Facts:
    """The next train prompts, and the held-out ones that the first round fixed."""
    run = current()
    shown = run.display.stage("prompts")
    facts = deal(folder, run.config.prompts, run.config.seed, run.endpoints, shown)
    for sentence in deal_warnings(facts):
        run.display.warn(sentence)
    return facts


@task(name="sample", **ASKS)
@notes_stops("sample")
def sample_candidates(folder: Path) -> Facts:
    """The policy in place answers the prompts."""
    run = current()
    facts = sample(
        folder,
        run.config.sampler,
        in_place(folder),
        run.config.seed,
        run.endpoints,
        held_out=run.config.trainer is not None,
        progress=run.display.stage("sample"),
    )
    for sentence in sampling_warnings(facts):
        run.display.warn(sentence)
    return facts


@task(name="gold", **ASKS)
@notes_stops("gold")
def measure_judge(folder: Path) -> Facts:
    """The judge on its gold set: the threshold that its labels must reach, and its error rate."""
    run = current()
    if again := ask_failures_again(folder, run.config.judge):
        run.display.tell(f"out of bounds before: {again} calls without a verdict are asked again")
    return judge_gold(folder, run.config.judge, run.endpoints, run.display.stage("gold"))


@task(name="judge", **ASKS)
@notes_stops("judge")
def judge_them(folder: Path, tau: float) -> Facts:
    """The judge compares the candidates."""
    run = current()
    judged, shown = "judge" in stage_stamps(folder), run.display.stage("judge")
    facts = judge_candidates(folder, run.config.judge, run.endpoints, tau, shown)
    if facts["partial"]:
        partial = facts["partial"]
        if not judged:
            tell_round("budget", run.config.name, round_number(folder), **partial)
        run.display.warn(
            f"the budget of judge.budget.{partial['limit']} is used up: {partial['left_out']} "
            "prompts are not judged, the round is partial"
        )
    return facts


@task(name="health", **ASKS)
@notes_stops("health")
def examine_judge(folder: Path, tau: float) -> Facts:
    """The judge tested on a sample; out of bounds, the round stops here."""
    run = current()
    shown = run.display.stage("health")
    judge = run.config.judge
    return judge_health(folder, judge, run.endpoints, tau, shown)


@task(name="pairs", **WORKS)
@notes_stops("pairs")
def make_pairs(folder: Path) -> Facts:
    """What the judge confirmed becomes pairs, or is dropped with a reason."""
    run = current()
    return build_pairs(folder, run.config.pairs, run.display.stage("pairs"))


@task(name="train", **STARTS)
@notes_stops("train")
def train_policy(folder: Path, flip_rate: float | None) -> Policy:
    """DPO makes the next policy."""
    run = current()
    assert run.config.trainer is not None
    shown = run.display.stage("train")
    policies = (in_place(folder), run.initial)
    seed, limits = run.config.seed, run.config.pairs.leak_limits
    trained, facts = train(folder, run.config.trainer, *policies, seed, shown, flip_rate, limits)
    for sentence in facts.get("adjusted", ()):
        run.display.warn(sentence)
    return trained


@task(name="sample-held-out", **ASKS)
@notes_stops("sample_held_out")
def answer_held_out(folder: Path, trained: Policy) -> Facts:
    """The new policy answers the gate and test prompts; the others have."""
    run = current()
    return sample_held_out(
        folder,
        run.config.sampler,
        [run.initial, in_place(folder), trained],
        run.config.seed,
        run.endpoints,
        run.display.stage("sample held-out"),
    )


@task(name="judge-held-out", **ASKS)
@notes_stops("judge_held_out")
def judge_the_held_out(folder: Path, trained: Policy) -> Facts:
    """The judge compares the new policy with the one in place and the first."""
    run = current()
    own = run.config.gate.judge
    return judge_held_out(
        folder,
        run.config.held_out_judge,
        run.endpoints,
        trained.policy_id,
        float(own.tau) if own else 0.5,  # the gate counts verdicts, it trains on none
        run.display.stage("judge held-out"),
    )


@task(name="gate", **WORKS)
@may_wait
@notes_stops("gate")
def decide_promotion(folder: Path, trained: Policy) -> Facts:
    """Promote, or keep the one in place; or wait for people who are to say so."""
    run = current()
    ids = (trained.policy_id, in_place(folder).policy_id, run.initial.policy_id)
    return decide(folder, run.config.gate, *ids)
