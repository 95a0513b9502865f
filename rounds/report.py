"""A round in a few lines: what the terminal, the status command and Prefect show."""

from typing import Any

from rounds.health_lines import health_lines

STAGES = (
    "prompts",
    "sample",
    "gold",
    "judge",
    "health",
    "pairs",
    "train",
    "sample_held_out",
    "judge_held_out",
    "gate",
)
"""The stages of a round in their order, as status and metrics name them."""


def round_lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The round's table as (what, how much)."""
    counts, usage = metrics["counts"], metrics["usage"]
    dropped = ", ".join(f"{reason} {n}" for reason, n in counts["dropped"].items())
    lines = [
        ("prompts", f"{counts['prompts']} ({counts['prompts_left']} left)" + _aside(counts)),
        ("candidates", str(counts["candidates"])),
        ("verdicts", f"{counts['verdicts']} ({counts['abstentions']} abstentions)"),
        ("pairs kept", str(counts["pairs"])),
        ("dropped", f"{sum(counts['dropped'].values())}" + (f": {dropped}" if dropped else "")),
    ]
    if partial := metrics.get("partial"):
        limit = f"judge.budget.{partial['limit']}"
        lines.append(("partial", f"{partial['left_out']} prompts not judged: {limit} is used up"))
    judge = metrics.get("judge", {})
    lines += health_lines(judge.get("health"), judge.get("gold"))
    if metrics["train"]:
        lines.append(("training", _training(metrics["train"])))
    for split in ("gate", "test"):
        for other in ("previous", "initial"):
            if rate := metrics.get(split, {}).get(f"win_rate_vs_{other}"):
                lines.append((f"{split}: win rate vs {other}", win_rate_text(rate)))
    if metrics.get("gate_judge_id"):
        at_gate = metrics["gate_judge_id"]
        shown = "the labelling judge" if at_gate == metrics["judge_id"] else at_gate
        lines.append(("judge at the gate", shown))
    lines += _metric_lines(metrics)
    lines += [("alarm", alarm) for alarm in metrics.get("alarms", [])]
    verdict = "promoted" if metrics["promoted"] else "kept the policy in place"
    lines.append(("decision", f"{verdict}: {'; '.join(metrics['reasons'])}"))
    seconds = metrics["seconds"]
    order = sorted(seconds, key=lambda name: STAGES.index(short(name)))
    times = ", ".join(f"{short(name)} {seconds[name]:.0f}" for name in order)
    lines.append(("seconds", times))
    lines.append(("judge", _usage(usage)))
    lines.append(("policy", f"{usage['sampled_tokens']:,} tokens sampled"))
    return lines


def win_rate_text(rate: dict[str, Any]) -> str:
    """A win rate with its interval, n and abstentions."""
    if rate["value"] is None:
        return f"none decided ({rate['abstained']} abstained)"
    interval = f"[{rate['low']:.3f}, {rate['high']:.3f}]"
    return f"{rate['value']:.3f} {interval} n={rate['n']}, {rate['abstained']} abstained"


def short(stage: str) -> str:
    """A stage's name without the policy id that tells two samplings apart."""
    return "sample_held_out" if stage.startswith("sample_held_out") else stage


def _aside(counts: dict[str, Any]) -> str:
    return f", {counts['set_aside']} set aside" if counts["set_aside"] else ""


def _training(train: dict[str, Any]) -> str:
    accuracy = train["held_out_accuracy"]
    held_out = "" if accuracy is None else f", held-out preference accuracy {accuracy:.2f}"
    kl = "" if train["kl_per_token"] is None else f", KL {train['kl_per_token']:.4f} a token"
    loss = f"loss {train['curves'][-1]['loss']:.3f}" if train["curves"] else "loss not logged"
    return f"{train['steps']} steps on {train['pairs']} pairs, {loss}{kl}{held_out}"


def _metric_lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    named = {
        name: value
        for name, value in metrics.items()
        if isinstance(value, dict) and "mean_initial" in value
    }
    lines = []
    for name, value in named.items():
        if value["mean"] is not None:
            lines.append(
                (f"{name}: mean", f"{value['mean']:.2f} (first policy {value['mean_initial']:.2f})")
            )
        for other in ("previous", "initial"):
            lines.append(
                (f"{name}: win rate vs {other}", win_rate_text(value[f"win_rate_vs_{other}"]))
            )
    return lines


def _usage(usage: dict[str, Any]) -> str:
    cost = f", cost {usage['judge_cost']:.4f}" if usage["judge_cost"] else ""
    each = ""
    if per_pair := usage.get("label_per_pair"):
        price = f" and {per_pair['cost']:.6f}" if usage["judge_cost"] else ""
        each = f"; {per_pair['calls']:.1f} calls{price} a pair"
    return (
        f"{usage['judge_calls']:,} calls, {usage['judge_prompt_tokens']:,} tokens read, "
        f"{usage['judge_completion_tokens']:,} written{cost}{each}"
    )
