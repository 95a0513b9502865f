"""A round in a few lines: what the terminal, the status command and Prefect show."""

from collections.abc import Iterable
from math import inf
from typing import Any

from rounds.health_lines import Lines, health_lines
from rounds.sweep_lines import sweep_lines
from rounds.training_lines import watched_lines
from rounds.win_rate_lines import custom_metric_lines, win_rate_lines

STAGES = (
    "prompts",
    "sample",
    "gold",
    "judge",
    "health",
    "pairs",
    "train",
    "sample_held_out",
    "sample_suites",
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
        *_length_guard(counts["dropped"], metrics.get("length_difference")),
    ]
    if partial := metrics.get("partial"):
        lines.append(("partial", partial_text(partial)))
    judge = metrics.get("judge", {})
    lines += _delta(judge.get("delta"))
    lines += health_lines(judge.get("health"), judge.get("gold"))
    if metrics["train"]:
        lines.append(("training", _training(metrics["train"])))
        lines += sweep_lines(metrics)
        lines += _trained_beside(metrics["train"])
        lines += watched_lines(metrics)
    lines += win_rate_lines(metrics)
    if metrics.get("gate_judge_id"):
        gate_judge = metrics["gate_judge_id"]
        same = gate_judge == metrics["judge_id"]
        lines.append(("judge at the gate", "the labelling judge" if same else gate_judge))
    lines += custom_metric_lines(metrics.get("custom", {}))
    lines += [("alarm", alarm) for alarm in metrics.get("alarms", [])]
    verdict = "promoted" if metrics["promoted"] else "kept the policy in place"
    lines.append(("decision", f"{verdict}: {'; '.join(metrics['reasons'])}"))
    seconds = metrics["seconds"]
    order = stages_in_order(seconds)
    times = ", ".join(f"{stage_name(name)} {seconds[name]:.0f}" for name in order)
    lines.append(("seconds", times))
    if startup := metrics.get("startup_seconds"):
        waits = ", ".join(f"{what} {waited:.0f}" for what, waited in startup.items())
        lines.append(("seconds of start-up", waits))
    lines.append(("judge", _usage(usage)))
    lines.append(("policy", f"{usage['sampled_tokens']:,} tokens sampled"))
    for name in ("sampler", "generator"):
        if usage.get(name, {}).get("calls"):
            lines.append((f"{name}'s calls", _calls(usage[name])))
    return lines


def outcome_text(metrics: dict[str, Any]) -> str:
    """What came of a round, in a few words."""
    outcome = "promoted" if metrics["promoted"] else "kept the policy in place"
    return f"{metrics['counts']['pairs']} pairs, {outcome}"


def partial_text(partial: dict[str, Any]) -> str:
    """What a budget left out."""
    limit = f"judge.budget.{partial['limit']}"
    return f"{partial['left_out']} prompts not judged: {limit} is used up"


def stage_name(stage: str) -> str:
    """A stage's name without the policy id that tells two samplings apart."""
    several = ("sample_held_out", "sample_suites")
    return next((name for name in several if stage.startswith(name)), stage)


def stages_in_order(names: Iterable[str]) -> list[str]:
    """Stages as they follow each other."""
    return sorted(names, key=lambda name: STAGES.index(stage_name(name)))


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


def _cleaning(dropped: dict[str, int], lengths: dict[str, Any] | None) -> str:
    """What a careful reader looks for even where it is 0."""
    leaks = sum(n for reason, n in dropped.items() if reason.startswith("held_out"))
    text = f"near duplicates {dropped.get('near_duplicate', 0)}, contamination {leaks}"
    if lengths is None or lengths["after"] is None:
        return text
    taken = dropped.get("length_guard", 0)
    return f"{text}, chosen longer by {lengths['after']:+.0%}, length guard {taken}"


def _length_guard(dropped: dict[str, int], lengths: dict[str, Any] | None) -> Lines:
    """What the length guard cost and what that did, where it had to take pairs."""
    taken = dropped.get("length_guard", 0)
    if lengths is None or lengths["before"] is None:
        return []
    if not taken:
        beyond = abs(lengths["before"]) > (lengths.get("bound") or inf)
        few = f"took none of {lengths.get('of')} pairs, too few: chosen longer by"
        return [("length guard", f"{few} {lengths['before']:+.0%}")] if beyond else []
    text = f"took {taken}"
    if of := lengths.get("of"):
        text += f" of {of} pairs ({taken / of:.0%})"
    after = "none is left" if lengths["after"] is None else f"{lengths['after']:+.0%}"
    text += f": chosen longer by {lengths['before']:+.0%} before, {after} after"
    bound = lengths.get("bound")
    if bound is not None and abs(lengths["after"] or 0.0) > bound:
        text += (
            f"; beyond pairs.length_guard {bound:g}, for it takes at most "
            f"{lengths['share']:.0%} (pairs.length_guard_share)"
        )
    return [("length guard", text)]


def _delta(delta: dict[str, Any] | None) -> Lines:
    """How often the judge confirmed that a source is the stronger one."""
    if delta is None:
        return []
    others = ("reversed", "tie", "abstained")
    compared = sum(delta[name] for name in ("confirmed", *others))
    text = f"{delta['better']} over {delta['worse']}: {delta['confirmed']} of {compared} confirmed"
    rest = [f"{name} {delta[name]}" for name in (*others, "not_compared") if delta[name]]
    return [("delta pairs", ", ".join([text, *rest]).replace("_", " "))]


def _sources(counts: dict[str, Any]) -> str:
    """Who wrote the candidates, where it is more than the policy in place."""
    sources = counts.get("sources") or {}
    if len(sources) < 2:
        return ""
    return f": {', '.join(f'{name} {n}' for name, n in sources.items())}"


def _training(train: dict[str, Any]) -> str:
    if jobs := train.get("jobs"):
        return _hosted(train, jobs)
    accuracy = train.get("held_out_accuracy")
    aside = (train.get("held_out") or {}).get("loss")  # not every method compares pairs
    held_out = "" if aside is None else f", held-out loss {aside:.3f}"
    if accuracy is not None:
        held_out = f", held-out preference accuracy {accuracy:.2f}"
    held_out += f" n={n}" if (n := train.get("held_out_n")) else ""
    kl = "" if train["kl_per_token"] is None else f", KL {train['kl_per_token']:.4f} a token"
    kl += " on held-out prompts" if kl and train.get("kl_held_out") else ""
    loss = "loss not logged"
    if train["curves"]:
        last = train["curves"][-1]["loss"]  # of a training before the stage ended at the first NaN
        loss = "loss not a number" if last is None else f"loss {last:.3f}"
    what = "judged answers" if train.get("answers") else "pairs"
    return f"{train['steps']} steps on {train['pairs']} {what}, {loss}{kl}{held_out}"


def _hosted(train: dict[str, Any], jobs: list[dict[str, Any]]) -> str:
    """A training elsewhere: its jobs, and what they were billed for."""
    text = f"{train['pairs']} pairs, " + ", then ".join(
        f"{job['method']} by job {job['id']}" for job in jobs
    )
    if train["curves"]:
        text += f", loss {train['curves'][-1]['loss']:.3f}"
    if train["trained_tokens"] is not None:
        text += f", {train['trained_tokens']:,} tokens trained"
    if train["cost"] is not None:
        text += f", cost {train['cost']:.2f}"
    return f"{text}: {jobs[-1]['model']}"


def _trained_beside(train: dict[str, Any]) -> list[tuple[str, str]]:
    """What was trained on that the round did not make, and what was left out."""
    extra, parts = train.get("extra", {}), []
    if warm := extra.get("warm_start"):
        parts.append(f"warm start {warm}")
    parts += [f"{name} {n}" for name, n in extra.get("replayed", {}).items()]
    left_out = dict(extra.get("left_out", {}))
    if long := train.get("too_long", {}).get("pairs"):
        left_out["over max_length"] = long
    if left_out:
        parts.append("left out: " + ", ".join(f"{why} {n}" for why, n in left_out.items()))
    adjusted = [("trained with", "; ".join(train["adjusted"]))] if train.get("adjusted") else []
    beside = [("trained beside", ", ".join(parts))] if parts else []
    return adjusted + _weights(train.get("weights")) + beside + _trained_tokens(train)


def _weights(weights: dict[str, Any] | None) -> Lines:
    """How far the weights of the pairs are apart."""
    if weights is None:
        return []
    text = f"from {weights['least']:.2f} to {weights['largest']:.2f}, 1 in the mean"
    if zero := weights["zero"]:
        text += f"; {zero} pairs teach nothing"
    if unknown := weights.get("without_probability"):
        text += f"; {unknown} without a probability"
    return [("weights of pairs", text)]


def _trained_tokens(train: dict[str, Any]) -> list[tuple[str, str]]:
    """Where what was trained on is not what was sampled, and what was not measured."""
    lines = []
    if cut := train.get("cut_inside_a_token"):
        lines.append(("trained tokens", f"{cut} answers end inside a token: those of their text"))
    if differ := train.get("prompts_differ"):
        lines.append(("trained prompts", f"{differ} pairs sampled under two: that of chosen"))
    reasons = train.get("not_measured") or {}
    return lines + [("not measured", f"{name}: {why}") for name, why in reasons.items()]


def _usage(usage: dict[str, Any]) -> str:
    judge = {name.removeprefix("judge_"): value for name, value in usage.items()}
    a_pair = ""
    if per_pair := usage.get("label_per_pair"):
        price = f" and {per_pair['cost']:.6f}" if usage["judge_cost"] else ""
        a_pair = f"; {per_pair['calls']:.1f} calls{price} a pair"
    return _calls(judge) + a_pair + _forgotten(usage.get("judge_forgotten", {"calls": 0}))


def _forgotten(totals: dict[str, Any]) -> str:
    """Replies that were paid for beside those, dropped, and asked for again."""
    if not totals["calls"]:
        return ""
    cost = f", cost {totals['cost']:.4f} more" if totals["cost"] else ""
    return f"; {totals['calls']:,} replies dropped and asked again{cost}"


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
