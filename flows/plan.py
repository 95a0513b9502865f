"""What the next round will do and cost. Nothing is started and nothing is spent."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from flows.config import Config
from flows.plan_calls import (
    Calls,
    at_once,
    batched,
    gate_answers,
    gate_questions,
    generation_calls,
    judge_calls,
    sampler_calls,
)
from flows.plan_disk import disk_text, estimate_disk
from flows.plan_memory import estimate_memory, memory_text
from flows.plan_suites import planned_suites, suite_tokens, suites_text
from flows.plan_text import (
    candidates_text,
    gate_prompts,
    gate_text,
    prompts_text,
    trained_beside_text,
    training_text,
)
from flows.plan_time import estimate_seconds, guess_seconds, opponents_of, time_text
from rounds.folder import (
    finished_rounds,
    next_round,
    policy_history,
    read_manifest,
    read_metrics,
    round_number,
)
from sampler.dealing.cursor import next_deal
from sampler.dealing.pool import dealt_keys
from sampler.dealing.splits import held_out_of_run, read_supply
from trainer.presets import preset_text

TOKENS_A_CALL = (600, 100)
"""Prompt and completion tokens of a judge call before any round has measured them."""


class Plan(NamedTuple):
    """The plan as (what, how much) for a reader, and its numbers by name for a program."""

    lines: list[tuple[str, str]]
    numbers: dict[str, Any]


def plan_round(
    config: Config, runs_dir: Path, measured: tuple[float, float] | None = None
) -> list[tuple[str, str]]:
    """The lines of `make_plan`."""
    return make_plan(config, runs_dir, measured).lines


def make_plan(config: Config, runs_dir: Path, measured: tuple[float, float] | None = None) -> Plan:
    """What the next round will do. Raises UserError as a run would for prompts that are wrong.

    `measured` are prompt and completion tokens a judge call, where they are known already.
    """
    run_dir = runs_dir / config.name
    done = finished_rounds(run_dir)
    supply = read_supply(config.prompts, held_out_of_run(done))
    deal = next_deal(config.prompts, supply.pool, dealt_keys(done), config.seed)
    prompts = sum(map(len, deal.keys)) + deal.generated
    opponents = 0 if config.trainer is None else opponents_of(_policies(run_dir))
    early, gate = config.gate.early(config.seed), gate_prompts(supply.held_out)
    contested = len(supply.held_out) - gate + (early.horizon(gate) if early else gate)
    held_out = contested * 2 * opponents
    judging = judge_calls(config, prompts, held_out)
    if opponents and config.held_out_judge.writer is not None:
        judging += gate_questions(config.held_out_judge, len(supply.held_out), opponents, done)
    calls = sum(judging.values())
    read, written = measured or _tokens_a_call(done)
    generation = generation_calls(config, deal, done)
    suites = planned_suites(config, run_dir)
    sampling = sampler_calls(config, prompts) + gate_answers(
        config, len(supply.held_out), suites, bool(done)
    )
    whole = _cost(config, judging + generation + sampling, read, written)
    cost = whole - _cost(config, batched(config, prompts), read, written) / 2
    answers = suites.answers if suites else 0
    seconds = _seconds(config, done, prompts, answers, opponents)
    pairs = config.most_pairs(prompts)
    source = len(supply.pool.keys)
    guessed = guess_seconds(source, prompts, calls, at_once(config, judging))
    known = "as measured" if done or measured else "a guess until a round has measured it"
    lines = [
        ("round", f"{round_number(next_round(run_dir))} of {config.name}"),
        ("prompts", prompts_text(config, deal)),
        ("candidates", candidates_text(config, prompts)),
        (
            "judge calls",
            f"at most {calls}: "
            + ", ".join(f"{n} {what}" for (what, _), n in judging.items() if n),
        ),
        (
            "judge tokens",
            f"about {calls * read:,.0f} read, {calls * written:,.0f} written ({known})",
        ),
        ("cost", _price(config, cost)),
    ]
    for (_, name), n in generation.items():
        lines.insert(2, ("generation", f"about {n} calls of {name} for {deal.generated} prompts"))
    if sampling:
        asked: Counter[str] = Counter()
        for (_, name), n in sampling.items():
            asked[name] += n
        calls_of = ", ".join(f"{n} of {name}" for name, n in asked.items())
        lines.insert(3 + bool(generation), ("sampler calls", f"at most {calls_of}"))
    if config.trainer is not None:
        lines.append(("gate", gate_text(config, gate)))
        if suites is not None:
            lines.append(("suites", suites_text(config, suites)))
        lines.append(("training", training_text(config, config.trainer, prompts, run_dir)))
        if (preset := config.trainer.preset) is not None:
            lines.append(("preset", preset_text(preset, config.trainer.args)))
        if beside := trained_beside_text(config.trainer, run_dir):
            lines.append(("trained beside", beside))
    else:
        lines.append(("training", "none: trainer is null"))
    lines.append(("time", time_text(seconds, guessed)))
    disk = estimate_disk(config, run_dir, prompts, pairs)
    lines.append(("disk", disk_text(disk)))
    memory = estimate_memory(source, prompts, prompts * config.sampler.candidates)
    lines.append(("memory", memory_text(memory)))
    numbers = {
        "run": config.name,
        "round": round_number(next_round(run_dir)),
        "prompts": prompts,
        "most_candidates": prompts * config.sampler.candidates,
        "most_suite_answers": answers,
        "suite_tokens": tokens[0] if suites and (tokens := suite_tokens(config, suites)) else None,
        "most_judge_calls": calls,
        "judge_prompt_tokens": round(calls * read),
        "judge_completion_tokens": round(calls * written),
        "tokens_measured": known == "as measured",
        "most_cost": cost,
        "seconds": None if seconds is None else round(sum(seconds.values()), 1),
        "seconds_by_stage": seconds,
        "seconds_guessed": guessed,
        "disk_bytes": disk.most,
        "disk_free": disk.free,
        "memory_bytes": memory.most,
        "memory_by_stage": memory.stages,
        "memory_free": memory.free,
    }
    return Plan(lines, numbers)


def _seconds(
    config: Config, done: list[Path], prompts: int, answers: int, opponents: int
) -> dict[str, float] | None:
    """Seconds by stage, by the last round that has measured them; `answers` are those to suites,
    `opponents` the policies that the new one is compared with.
    """
    for folder in reversed(done):
        if "seconds" in (last := read_metrics(folder)):
            trains, candidates = config.trainer is not None, prompts * config.sampler.candidates
            variants = len(config.trainer.variants) if config.trainer else 1
            more = opponents / opponents_of(read_manifest(folder))
            return estimate_seconds(last, prompts, trains, variants, candidates, answers, more)
    return None


def _policies(run_dir: Path) -> dict[str, Any] | None:
    """The policy in place and the first one, where a round has finished."""
    history = policy_history(run_dir)
    return history and {"policy": history["current"], "initial": history["initial"]}


def _cost(config: Config, judging: Calls, read: float, written: float) -> float:
    prices = {name: config.endpoints[name].price for _, name in judging}
    return sum(
        count * (read * prices[name].input + written * prices[name].output) / 1e6
        for (_, name), count in judging.items()
    )


def _price(config: Config, cost: float) -> str:
    if not cost:
        return "nothing: the endpoint has no price"
    cached = any(endpoint.price.cached_input is not None for endpoint in config.endpoints.values())
    return f"at most about {cost:.2f}" + (", less what input costs less from a cache" * cached)


def _tokens_a_call(done: list[Path]) -> tuple[float, float]:
    if not done:
        return TOKENS_A_CALL
    usage: dict[str, Any] = read_metrics(done[-1])["usage"]
    calls = max(usage["judge_calls"], 1)
    return usage["judge_prompt_tokens"] / calls, usage["judge_completion_tokens"] / calls
