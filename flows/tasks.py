"""The stages of a round as Prefect tasks. Each runs one over the round's folder, with the session's
config and endpoints, and says what its reader should know.
"""

from pathlib import Path
from typing import Any

from flows.ahead import held_out_ahead, labels_ahead
from flows.events import tell_round
from flows.failures import ASKS, STARTS, WORKS, may_wait
from flows.placing import on_gpu
from flows.plain import task
from flows.session import Session, current, in_place
from flows.suites import suite_prompts
from flows.trial import note_tried, try_round
from gate.stage import decide
from judge.early import Against
from judge.forget import ask_failures_again
from judge.health.examine import judge_gold, judge_health
from judge.held_out import judge_held_out
from judge.stage import judge_candidates
from pairs.stage import build_pairs
from rounds.by_hand import trained_policy
from rounds.folder import policy_here, round_number, run_of
from rounds.stages import kl_of, stage_stamps
from rounds.stopped import notes_stops
from rounds.weights import Policy
from sampler.dealing.deal import deal, deal_warnings
from sampler.shortfall import sampling_warnings
from sampler.stage import sample, sample_held_out
from sampler.suites import answer_suites
from trainer.hosted import train_hosted
from trainer.stage import train

Facts = dict[str, Any]


def trained_here(folder: Path) -> Policy:
    """The policy that the train stage of a round left, wherever that was done."""
    run = current()
    return policy_here(run.run_dir, trained_policy(folder), run.initial)


def _tried(run: Session, folder: Path) -> None:
    note_tried(run.config, run_of(folder))


def _facts(stage: str) -> Any:
    return lambda run, folder: stage_stamps(folder)[stage]["facts"]


@task(name="trial", **STARTS)
@notes_stops("trial")
@on_gpu("trial", _tried)
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
@on_gpu("sample", _facts("sample"))
def sample_candidates(folder: Path) -> Facts:
    """The policy in place answers the prompts."""
    run = current()
    with labels_ahead(run, folder) as ahead:
        shown = run.display.stage("sample")
        facts = sample(
            folder,
            run.config.sampler,
            in_place(folder),
            run.config.seed,
            run.endpoints,
            held_out=run.config.trainer is not None,
            progress=ahead.beside(shown) if ahead else shown,
            begun=ahead.begin if ahead else None,
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
@on_gpu("train", lambda run, folder: trained_here(folder))
def train_policy(folder: Path, flip_rate: float | None) -> Policy:
    """The next policy, trained here or where it is served."""
    run = current()
    assert run.config.trainer is not None
    shown = run.display.stage("train")
    policies = (in_place(folder), run.initial)
    seed, limits = run.config.seed, run.config.pairs.leak_limits
    if run.config.trainer.method == "openai":
        at = run.endpoints
        trained, facts = train_hosted(
            folder, run.config.trainer, *policies, seed, at, shown, limits
        )
    else:
        trained, facts = train(
            folder, run.config.trainer, *policies, seed, shown, flip_rate, limits
        )
    for sentence in [*facts.get("adjusted", ()), *facts.get("warnings", ())]:
        run.display.warn(sentence)
    return trained


@task(name="sample-held-out", **ASKS)
@notes_stops("sample_held_out")
@on_gpu("sample held-out")
def answer_held_out(folder: Path, trained: Policy) -> None:
    """The new policy answers the gate and test prompts; the others have."""
    run = current()
    with held_out_ahead(run, folder, trained.policy_id, in_place(folder).policy_id) as ahead:
        shown = run.display.stage("sample held-out")
        facts = sample_held_out(
            folder,
            run.config.sampler,
            [run.initial, in_place(folder), trained],
            run.config.seed,
            run.endpoints,
            ahead.beside(shown) if ahead else shown,
            ahead.begin if ahead else None,
        )
    for sentence in sampling_warnings({"aside": facts.get("aside")}):
        run.display.warn(sentence)


@task(name="sample-suites", **ASKS)
@notes_stops("sample_suites")
@on_gpu("sample suites")
def answer_the_suites(folder: Path, trained: Policy) -> None:
    """Both policies answer the gate's regression suites."""
    run = current()
    answer_suites(
        folder,
        run.config.sampler,
        suite_prompts(run.config),
        in_place(folder),
        trained,
        run.config.seed,
        run.endpoints,
        run.display.stage("sample suites"),
    )


@task(name="judge-held-out", **ASKS)
@notes_stops("judge_held_out")
def judge_the_held_out(folder: Path, trained: Policy) -> Facts:
    """The judge compares the new policy with the one in place and the first."""
    run = current()
    own, early = run.config.gate.judge, run.config.gate.early(run.config.seed)
    return judge_held_out(
        folder,
        run.config.held_out_judge,
        run.endpoints,
        trained.policy_id,
        float(own.tau) if own else 0.5,  # the gate counts verdicts, it trains on none
        run.display.stage("judge held-out"),
        Against(early, in_place(folder).policy_id) if early else None,
    )


@task(name="gate", **WORKS)
@may_wait
@notes_stops("gate")
def decide_promotion(folder: Path, trained: Policy) -> Facts:
    """Promote, or keep the one in place; or wait for people who are to say so."""
    run = current()
    ids = (trained.policy_id, in_place(folder).policy_id, run.initial.policy_id)
    decision = decide(folder, run.config.gate, *ids, kl=kl_of(folder))
    for sentence in decision.get("metrics", {}).get("alarms", ()):
        run.display.warn(sentence)
    return decision
