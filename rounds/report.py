"""A round in a few lines: what the terminal, the status command and Prefect show."""

from typing import Any

from rounds.health_lines import health_lines
from rounds.rows import HELD_OUT

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
        ("prompts", f"{counts['prompts']} ({counts['prompts_left']} left)" + _set_aside(counts)),
        *_prompt_lines(metrics.get("prompts", {})),
        ("candidates", str(counts["candidates"]) + _sources(counts)),
        ("verdicts", f"{counts['verdicts']} ({counts['abstentions']} abstentions)"),
        ("pairs kept", str(counts["pairs"])),
        ("dropped", f"{sum(counts['dropped'].values())}" + (f": {dropped}" if dropped else "")),
        ("cleaning", _cleaning(counts["dropped"], metrics.get("length_difference"))),
    ]
    if partial := metrics.get("partial"):
        limit = f"judge.budget.{partial['limit']}"
        lines.append(("partial", f"{partial['left_out']} prompts not judged: {limit} is used up"))
    judge = metrics.get("judge", {})
    lines += health_lines(judge.get("health"), judge.get("gold"))
    if metrics["train"]:
        lines.append(("training", _training(metrics["train"])))
        lines += _trained_beside(metrics["train"])
    for split in HELD_OUT:
        for other in ("previous", "initial"):
            if rate := metrics.get(split, {}).get(f"win_rate_vs_{other}"):
                lines.append((f"{split}: win rate vs {other}", win_rate_text(rate)))
        if tags := metrics.get(split, {}).get("by_tag_vs_previous"):
            lines.append((f"{split}: by tag", _by_tag(tags)))
    if metrics.get("gate_judge_id"):
        gate_judge = metrics["gate_judge_id"]
        same = gate_judge == metrics["judge_id"]
        lines.append(("judge at the gate", "the labelling judge" if same else gate_judge))
    lines += _custom_metric_lines(metrics.get("custom", {}))
    lines += [("alarm", alarm) for alarm in metrics.get("alarms", [])]
    verdict = "promoted" if metrics["promoted"] else "kept the policy in place"
    lines.append(("decision", f"{verdict}: {'; '.join(metrics['reasons'])}"))
    seconds = metrics["seconds"]
    order = sorted(seconds, key=lambda name: STAGES.index(stage_name(name)))
    times = ", ".join(f"{stage_name(name)} {seconds[name]:.0f}" for name in order)
    lines.append(("seconds", times))
    lines.append(("judge", _usage(usage)))
    lines.append(("policy", f"{usage['sampled_tokens']:,} tokens sampled"))
    for name in ("sampler", "generator"):
        if usage.get(name, {}).get("calls"):
            lines.append((f"{name}'s calls", _calls(usage[name])))
    return lines


def win_rate_text(rate: dict[str, Any]) -> str:
    """A win rate with its interval, n and abstentions."""
    if rate["value"] is None:
        return f"none decided ({rate['abstained']} abstained)"
    interval = f"[{rate['low']:.3f}, {rate['high']:.3f}]"
    return f"{rate['value']:.3f} {interval} n={rate['n']}, {rate['abstained']} abstained"


def stage_name(stage: str) -> str:
    """A stage's name without the policy id that tells two samplings apart."""
    return "sample_held_out" if stage.startswith("sample_held_out") else stage


def _set_aside(counts: dict[str, Any]) -> str:
    return f", {counts['set_aside']} set aside" if counts["set_aside"] else ""


def _prompt_lines(prompts: dict[str, Any]) -> list[tuple[str, str]]:
    """Where the prompts come from, where it is from more than one place or one that is used up."""
    sources, generated = prompts.get("sources", {}), prompts.get("generated")
    parts = [f"{name} {n['dealt']} ({n['left']} left)" for name, n in sources.items()]
    if generated:
        parts.append(f"generated {generated['prompts']} in {generated['calls']} calls")
        rejected = ", ".join(f"{reason} {n}" for reason, n in generated["rejected"].items())
        parts += [f"not taken: {rejected}"] if rejected else []
        parts += [f"ended: {generated['ended']}"] if generated["ended"] else []
    lines = [("prompts: from", ", ".join(parts))] if len(parts) > 1 else []
    if prompts.get("epoch", 1) > 1:
        lines.append(("prompts: epoch", str(prompts["epoch"])))
    left_out = [
        f"{prompts[name]} {what}"
        for name, what in (("held_out_again", "held out"), ("near_held_out", "near held-out ones"))
        if prompts.get(name)
    ]
    return lines + ([("prompts: left out", ", ".join(left_out))] if left_out else [])


def _by_tag(tags: dict[str, Any]) -> str:
    rates = ((tag, rate) for tag, rate in tags.items() if rate["value"] is not None)
    return ", ".join(f"{tag} {rate['value']:.2f} n={rate['n']}" for tag, rate in rates) or "none"


def _cleaning(dropped: dict[str, int], lengths: dict[str, float | None] | None) -> str:
    """What a careful reader looks for even where it is 0."""
    leaks = sum(n for reason, n in dropped.items() if reason.startswith("held_out"))
    text = f"near duplicates {dropped.get('near_duplicate', 0)}, contamination {leaks}"
    if lengths is None or lengths["after"] is None:
        return text
    text += f", chosen longer by {lengths['after']:+.0%}"
    if taken := dropped.get("length_guard"):
        return f"{text} ({lengths['before']:+.0%} with the {taken} that the length guard took)"
    return f"{text}, length guard 0"


def _sources(counts: dict[str, Any]) -> str:
    """Who wrote the candidates, where it is more than the policy in place."""
    sources = counts.get("sources") or {}
    if len(sources) < 2:
        return ""
    return f": {', '.join(f'{name} {n}' for name, n in sources.items())}"


def _training(train: dict[str, Any]) -> str:
    accuracy = train["held_out_accuracy"]
    held_out = "" if accuracy is None else f", held-out preference accuracy {accuracy:.2f}"
    kl = "" if train["kl_per_token"] is None else f", KL {train['kl_per_token']:.4f} a token"
    loss = f"loss {train['curves'][-1]['loss']:.3f}" if train["curves"] else "loss not logged"
    return f"{train['steps']} steps on {train['pairs']} pairs, {loss}{kl}{held_out}"


def _trained_beside(train: dict[str, Any]) -> list[tuple[str, str]]:
    """What was trained on that the round did not make, and what was left out."""
    extra, parts = train.get("extra", {}), []
    if warm := extra.get("warm_start"):
        parts.append(f"warm start {warm}")
    parts += [f"{name} {n}" for name, n in extra.get("replayed", {}).items()]
    left_out = dict(extra.get("left_out", {}))
    if long := train.get("too_long", {}).get("pairs"):
        left_out["prompt over max_length"] = long
    if left_out:
        parts.append("left out: " + ", ".join(f"{why} {n}" for why, n in left_out.items()))
    return [("trained beside", ", ".join(parts))] if parts else []


def _custom_metric_lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The metrics that the user named, each with its win rates."""
    lines = []
    for name, metric in metrics.items():
        if metric["mean"] is not None:
            means = f"{metric['mean']:.2f} (first policy {metric['mean_initial']:.2f})"
            lines.append((f"{name}: mean", means))
        for other in ("previous", "initial"):
            rate = metric[f"win_rate_vs_{other}"]
            lines.append((f"{name}: win rate vs {other}", win_rate_text(rate)))
    return lines


def _usage(usage: dict[str, Any]) -> str:
    judge = {name.removeprefix("judge_"): value for name, value in usage.items()}
    a_pair = ""
    if per_pair := usage.get("label_per_pair"):
        price = f" and {per_pair['cost']:.6f}" if usage["judge_cost"] else ""
        a_pair = f"; {per_pair['calls']:.1f} calls{price} a pair"
    return _calls(judge) + a_pair


def _calls(usage: dict[str, Any]) -> str:
    cost = f", cost {usage['cost']:.4f}" if usage["cost"] else ""
    cached, guessed = usage.get("cached_tokens", 0), usage.get("estimated", 0)
    from_cache = f" ({cached:,} of them from a cache)" if cached else ""
    about, of_calls = "", ""
    if guessed:
        about, of_calls = "about ", f" (estimated for {guessed:,}, whose usage was not reported)"
    return (
        f"{usage['calls']:,} calls, {about}{usage['prompt_tokens']:,} tokens read{from_cache}, "
        f"{usage['completion_tokens']:,} written{cost}{of_calls}"
    )
