"""What the next round will do and cost. Nothing is started and nothing is spent."""

from collections import Counter
from pathlib import Path
from typing import Any

from flows.config import Config
from gate.win_rate import detectable
from judge.canaries import CANARIES
from judge.gold import read_gold
from judge.strategies import most_calls
from judge.voices import is_endpoint
from rounds.files import read_json
from rounds.folder import finished_rounds, next_round, round_number
from rounds.tables import read_rows
from sampler.deal import read_source

POWER = 0.8
TOKENS_A_CALL = (600, 100)
"""Prompt and completion tokens of a judge call before any round has measured them."""


def plan_round(
    config: Config, runs_dir: Path, measured: tuple[float, float] | None = None
) -> list[tuple[str, str]]:
    """The plan as (what, how much). Raises UserError as a run would for prompts that are wrong.

    `measured` are prompt and completion tokens a judge call, where they are known already.
    """
    source = read_source(config.prompts)
    run_dir = runs_dir / config.name
    done = finished_rounds(run_dir)
    used = {row["prompt_id"] for folder in done for row in read_rows(folder, "prompts", ["train"])}
    fresh = len({row["prompt_id"] for row in source.train} - used)
    prompts = min(fresh, config.prompts.per_round)
    opponents = 0 if config.trainer is None else min(len(done), 1) + 1
    held_out = (len(source.gate) + len(source.test)) * 2 * opponents
    asked = judge_calls(config, prompts, held_out)
    calls = sum(asked.values())
    read, written = measured or _tokens_a_call(done)
    cost = _cost(config, asked, read, written)
    known = "as measured" if done or measured else "a guess until a round has measured it"
    lines = [
        ("round", f"{round_number(next_round(run_dir))} of {config.name}"),
        ("prompts", f"{prompts} of {fresh} left" if fresh else "none left: the round cannot run"),
        ("candidates", f"{prompts * config.sampler.n} ({config.sampler.n} a prompt)"),
        (
            "judge calls",
            f"at most {calls}: " + ", ".join(f"{n} {what}" for (what, _), n in asked.items() if n),
        ),
        (
            "judge tokens",
            f"about {calls * read:,.0f} read, {calls * written:,.0f} written ({known})",
        ),
        ("cost", f"at most about {cost:.2f}" if cost else "nothing: the endpoint has no price"),
    ]
    if config.trainer is not None:
        lines.append(("gate", _gate(config, len(source.gate))))
        lines.append(
            ("training", f"at most {prompts} pairs, reference model: {config.trainer.reference}")
        )
    else:
        lines.append(("training", "none: trainer is null"))
    return lines


def judge_calls(config: Config, prompts: int, held_out: int) -> Counter[tuple[str, str]]:
    """Calls a round takes at most, by what for and by whom."""
    judge = config.judge
    jury = [name for name in judge.jury if is_endpoint(name)]
    asked: Counter[tuple[str, str]] = Counter()
    each = most_calls(judge.strategy, config.sampler.n, judge.select, len(jury))
    budget = judge.budget.calls or prompts * each
    for name in jury:
        asked["labels", name] += -(-min(prompts * each, budget) // len(jury))
    if judge.gold is not None:
        pairs = len(read_gold(judge.gold.path, "judge.gold.path"))
        for name in jury:
            asked["on the gold set", name] += 2 * pairs
    for name in filter(is_endpoint, judge.appealed_to):
        assert judge.appeal is not None, "an appeal has judges"
        compared = judge.appeal.max_share * judge.select.tries
        asked["appeals", name] += 2 * int(min(1.0, compared) * prompts * judge.select.pairs)
    sample = min(judge.health.sample, prompts)
    for name in filter(is_endpoint, judge.jury[:1]):
        asked["tests of the judge", name] += sample * (8 + 2 * len(CANARIES) + 6)
        if judge.health.second is not None and is_endpoint(judge.health.second):
            asked["second opinions", judge.health.second] += 2 * sample
    for name in filter(is_endpoint, config.held_out_judge.jury):
        asked["at the gate", name] += held_out
    return asked


def _cost(config: Config, asked: Counter[tuple[str, str]], read: float, written: float) -> float:
    prices = {name: config.endpoints[name].price for _, name in asked}
    return sum(
        count * (read * prices[name].input + written * prices[name].output) / 1e6
        for (_, name), count in asked.items()
    )


def _gate(config: Config, prompts: int) -> str:
    threshold = config.gate.threshold
    rate = detectable(prompts, config.gate.confidence, POWER, threshold)
    return (
        f"{prompts} prompts show a win rate of {rate:.2f} or more to exceed {threshold} "
        f"({config.gate.confidence:.0%} interval, power {POWER:.0%})"
    )


def _tokens_a_call(done: list[Path]) -> tuple[float, float]:
    if not done:
        return TOKENS_A_CALL
    usage: dict[str, Any] = read_json(done[-1] / "metrics.json")["usage"]
    calls = max(usage["judge_calls"], 1)
    return usage["judge_prompt_tokens"] / calls, usage["judge_completion_tokens"] / calls
