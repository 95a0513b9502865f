"""The calls that a round takes at most, by what for and by whom."""

from collections import Counter
from math import ceil
from pathlib import Path

from flows.config import Config
from judge.config import JudgeConfig, is_endpoint
from judge.health.gold import most_gold_calls, read_gold
from judge.health.trials import most_trial_calls
from judge.strategies import STRATEGIES
from rounds.folder import read_metrics
from sampler.dealing.config import generate_section
from sampler.dealing.cursor import Deal
from sampler.suite_prompts import Wanted

Calls = Counter[tuple[str, str]]
"""By what for, and by the name of the endpoint."""


def judge_calls(config: Config, prompts: int, held_out: int) -> Calls:
    """Calls a round takes at most, by what for and by whom."""
    judge = config.judge
    jury = [name for name in judge.jury if is_endpoint(name)]
    judging: Calls = Counter()
    most_calls, n = STRATEGIES[judge.strategy].most_calls, config.sampler.candidates
    first, both = (prompts * most_calls(n, judge.select, jurors) for jurors in (1, 2))
    labels = {name: first if name == judge.jury[0] else both - first for name in jury}
    if judge.writer is not None and judge.writer != judge.jury[0]:
        labels[judge.jury[0]] -= prompts
        labels[judge.writer] = labels.get(judge.writer, 0) + prompts
    whole = max(1, sum(labels.values()))
    share = min(1.0, (judge.budget.calls or whole) / whole)
    for name, calls in labels.items():  # the first of the jury alone is asked for scores
        judging["labels", name] += ceil(calls * share)
    if judge.gold is not None:
        pairs = len(read_gold(judge.gold.path, "judge.gold.path"))
        for name in jury:
            judging["on the gold set", name] += most_gold_calls(pairs)
    for name in filter(is_endpoint, judge.appealed_to):
        assert judge.appeal is not None, "an appeal has judges"
        compared = judge.appeal.max_share * judge.select.tries
        judging["appeals", name] += 2 * int(min(1.0, compared) * prompts * judge.select.pairs)
    trials = most_trial_calls(judge.health, prompts)
    second_opinions = trials.pop("second")
    for name in filter(is_endpoint, judge.jury[:1]):
        judging["tests of the judge", name] += sum(trials.values())
        if judge.health.second is not None and is_endpoint(judge.health.second):
            judging["second opinions", judge.health.second] += second_opinions
    for name in filter(is_endpoint, config.held_out_judge.jury):
        judging["at the gate", name] += held_out
    return judging


def gate_questions(judge: JudgeConfig, prompts: int, opponents: int, done: list[Path]) -> Calls:
    """Calls for questions on held-out prompts, which the first round writes, and their answers."""
    assert judge.writer is not None, "who asks questions has a writer"
    calls = Counter({("answers at the gate", judge.jury[0]): prompts * (1 + opponents)})
    calls["questions at the gate", judge.writer] += 0 if done else prompts
    return calls


def generation_calls(config: Config, deal: Deal, done: list[Path]) -> Calls:
    """Calls that the round's new prompts may take: as many a prompt as in the last round."""
    section = generate_section(config.prompts)
    if section is None or not deal.generated:
        return Counter()
    metrics = read_metrics(done[-1]) if done else {}
    last = metrics.get("prompts", {}).get("generated")
    a_prompt = last["calls"] / max(last["prompts"], 1) if last else 1.0
    calls = ceil(deal.generated * a_prompt)
    most = section[1].budget.calls
    return Counter({("generated prompts", section[1].endpoint): min(calls, most or calls)})


def sampler_calls(config: Config, prompts: int) -> Calls:
    """Calls of endpoints that write candidates: one an answer, two a revision."""
    calls: Calls = Counter()
    counts = config.sampler.counts()
    writers = {"current": config.policy.endpoint}
    a_candidate = {"current": 1}
    for name, one in config.sampler.also.items():
        own = None if one.model else writers[one.revise or "current"]
        writers[name] = one.endpoint or one.by or own
        a_candidate[name] = 0 if one.reference else 2 if one.revise else 1
    for name, writer in writers.items():
        if writer is not None and a_candidate[name]:
            calls["candidates", writer] += prompts * counts[name] * a_candidate[name]
    return calls


def gate_answers(config: Config, held_out: int, suites: Wanted | None, later: bool) -> Calls:
    """Calls of a policy at an endpoint for the gate: an answer to each held-out prompt by the new
    one, in the first round by the one in place as well, and those to suites.
    """
    calls: Calls = Counter()
    if config.policy.endpoint is not None and config.trainer is not None:
        calls["held-out answers", config.policy.endpoint] = held_out * (1 if later else 2)
        calls["answers to suites", config.policy.endpoint] = suites.answers if suites else 0
    return calls


def batched(config: Config, prompts: int) -> Calls:
    """Calls that go through the Batch API, at half the price: every candidate's score."""
    scores = prompts * config.sampler.candidates if config.judge.batch else 0
    return Counter({("labels", config.judge.jury[0]): scores}) if scores else Counter()


def at_once(config: Config, judging: Calls) -> int:
    """Calls of the judge that is asked most that are in flight together."""
    asked = Counter[str]()
    for (_, name), calls in judging.items():
        asked[name] += calls
    most = [name for name, calls in asked.most_common(1) if calls]
    return config.endpoints[most[0]].in_flight if most else 1
