"""What the next round will do and cost. Nothing is started and nothing is spent."""

from collections import Counter
from pathlib import Path
from typing import Any

from flows.config import Config
from gate.win_rate import detectable
from rounds.files import read_json
from rounds.folder import finished_rounds, next_round, round_number
from rounds.tables import read_rows
from sampler.deal import read_source

POWER = 0.8
TOKENS_A_CALL = (600, 100)
"""Prompt and completion tokens of a judge call before any round has measured them."""


def plan_round(config: Config, runs_dir: Path) -> list[tuple[str, str]]:
    """The plan as (what, how much). Raises UserError as a run would for prompts that are wrong."""
    source = read_source(config.prompts)
    run_dir = runs_dir / config.name
    done = finished_rounds(run_dir)
    used = {row["prompt_id"] for folder in done for row in read_rows(folder, "prompts", ["train"])}
    fresh = len({row["prompt_id"] for row in source.train} - used)
    prompts = min(fresh, config.prompts.per_round)
    opponents = 0 if config.trainer is None else min(len(done), 1) + 1
    screen, confirm = prompts * config.sampler.n, prompts * 2
    held_out = (len(source.gate) + len(source.test)) * 2 * opponents
    calls = screen + confirm + held_out
    read, written = _tokens_a_call(done)
    asked = Counter({config.judge.endpoint: screen + confirm})
    asked[config.held_out_judge.endpoint] += held_out
    prices = {name: config.endpoints[name].price for name in asked}
    cost = sum(
        count * (read * prices[name].input + written * prices[name].output) / 1e6
        for name, count in asked.items()
    )
    measured = "as measured" if done else "a guess until a round has measured it"
    lines = [
        ("round", f"{round_number(next_round(run_dir))} of {config.name}"),
        ("prompts", f"{prompts} of {fresh} left" if fresh else "none left: the round cannot run"),
        ("candidates", f"{prompts * config.sampler.n} ({config.sampler.n} a prompt)"),
        (
            "judge calls",
            f"at most {calls}: {screen} scores, {confirm} comparisons, {held_out} at the gate",
        ),
        (
            "judge tokens",
            f"about {calls * read:,.0f} read, {calls * written:,.0f} written ({measured})",
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
