"""One round of the loop, as a Prefect flow. Each task is one stage over the round's folder.

Prefect orders, retries and shows the work; the round folder is the truth. Every stage finds out
by itself whether it has anything left to do, so a round that was killed is simply run again.
"""

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import publish
from flows.config import Config, dump_config
from flows.failures import may_pass
from flows.session import Session, current, policy_in_place, session
from gate.stage import decide
from judge.health.examine import judge_gold, judge_health
from judge.held_out import judge_held_out
from judge.stage import judge_candidates
from pairs.stage import build_pairs
from rounds.errors import WorkFailed
from rounds.finish import finish_round
from rounds.folder import (
    next_round,
    policy_facts,
    policy_of,
    read_round_start,
    write_round_start,
)
from rounds.weights import Policy
from sampler.dealing.deal import deal, deal_warnings
from sampler.shortfall import sampling_warnings
from sampler.stage import sample, sample_held_out
from trainer.stage import train

Facts = dict[str, Any]


def asks_again(task: object, run: object, state: Any) -> bool:
    """Whether a failed stage is tried again; says so, for the wait is silent otherwise."""
    failure = state.result(raise_on_failure=False)
    again = isinstance(failure, WorkFailed) and may_pass(failure)
    if again:
        current().display.warn(f"{failure}; asking again")
    return again


ASKS = {
    "retries": 2,
    "retry_delay_seconds": [5, 30],
    "retry_condition_fn": asks_again,
    "cache_policy": NO_CACHE,
}
"""For stages that ask an endpoint: what was answered is in the journal, a retry asks the rest."""
WORKS = {"cache_policy": NO_CACHE}
"""For the other stages. A training that failed would only fail again."""


@flow(name="prefloop-round", validate_parameters=False)
def run_round(config: Config, runs_dir: Path) -> Path:
    """Run the next round, or finish the one that was begun; returns its folder."""
    with session(config, runs_dir) as run:
        folder = begin(run)
        run.display.title(f"round {int(folder.name)} of {config.name}")
        deal_prompts(folder)
        sample_candidates(folder)
        gold = measure_judge(folder)
        judge_them(folder, gold["tau"])
        examine_judge(folder, gold["tau"])
        pairs = make_pairs(folder)
        if config.trainer is not None and pairs["kept"]:
            trained = train_policy(folder, gold["flip_rate"])
            answer_held_out(folder, trained)
            judge_the_held_out(folder, trained)
            decision = decide_promotion(folder, trained)
        else:
            trained = None
            why = "trainer is null" if config.trainer is None else "no pair was kept"
            decision = {"promoted": False, "reasons": [f"nothing was trained: {why}"]}
        finish_round(folder, dump_config(config), trained, decision)
        try:
            publish(folder)
        except Exception as error:  # the round is finished, whatever Prefect can show of it
            run.display.warn(f"the artifacts of the round were not published: {error}")
        return folder


def begin(run: Session) -> Path:
    """The folder of the round to work on, with what it starts from written down."""
    folder = next_round(run.run_dir)
    policy = policy_in_place(run.run_dir, run.initial)
    facts = {
        "policy": policy_facts(run.run_dir, policy),
        "initial": policy_facts(run.run_dir, run.initial),
        "seed": run.config.seed,
        "command": run.command,
    }
    write_round_start(folder, facts)
    return folder


@task(name="deal-prompts", **ASKS)
def deal_prompts(folder: Path) -> Facts:
    """The next train prompts, and the held-out ones that the first round fixed."""
    run = current()
    shown = run.display.stage("prompts")
    facts = deal(folder, run.config.prompts, run.config.seed, run.endpoints, shown)
    for sentence in deal_warnings(facts):
        run.display.warn(sentence)
    return facts


@task(name="sample", **ASKS)
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
def measure_judge(folder: Path) -> Facts:
    """The judge on its gold set: the threshold that its labels must reach, and its error rate."""
    run = current()
    return judge_gold(folder, run.config.judge, run.endpoints, run.display.stage("gold"))


@task(name="judge", **ASKS)
def judge_them(folder: Path, tau: float) -> Facts:
    """The judge compares the candidates."""
    run = current()
    shown = run.display.stage("judge")
    facts = judge_candidates(folder, run.config.judge, run.endpoints, tau, shown)
    if facts["partial"]:
        partial = facts["partial"]
        run.display.warn(
            f"the budget of judge.budget.{partial['limit']} is used up: {partial['left_out']} "
            "prompts are not judged, the round is partial"
        )
    return facts


@task(name="health", **ASKS)
def examine_judge(folder: Path, tau: float) -> Facts:
    """The judge tested on a sample; out of bounds, the round stops here."""
    run = current()
    shown = run.display.stage("health")
    judge = run.config.judge
    return judge_health(folder, judge, run.endpoints, tau, shown)


@task(name="pairs", **WORKS)
def make_pairs(folder: Path) -> Facts:
    """What the judge confirmed becomes pairs, or is dropped with a reason."""
    run = current()
    return build_pairs(folder, run.config.pairs, run.display.stage("pairs"))


@task(name="train", **WORKS)
def train_policy(folder: Path, flip_rate: float | None) -> Policy:
    """DPO makes the next policy."""
    run = current()
    assert run.config.trainer is not None
    shown = run.display.stage("train")
    policies = (in_place(folder), run.initial)
    seed, limits = run.config.seed, run.config.pairs.leak_limits
    trained, _ = train(folder, run.config.trainer, *policies, seed, shown, flip_rate, limits)
    return trained


@task(name="sample-held-out", **WORKS)
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
def decide_promotion(folder: Path, trained: Policy) -> Facts:
    """Promote, or keep the one in place."""
    run = current()
    ids = (trained.policy_id, in_place(folder).policy_id, run.initial.policy_id)
    return decide(folder, run.config.gate, *ids)


def in_place(folder: Path) -> Policy:
    """The policy that this round started from."""
    return policy_of(current().run_dir, read_round_start(folder)["policy"])
