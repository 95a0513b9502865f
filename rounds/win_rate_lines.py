"""The win rates of a round in lines: what is behind each, on which split, and what it is for."""

from typing import Any

from rounds.rows import HELD_OUT

Lines = list[tuple[str, str]]
OPPONENTS = ("previous", "initial")
EARLY = "confidence sequence"
"""What the interval of a rate is called whose gate may have stopped early."""
UNDECIDED = "undecided"
"""As in rounds.early, which would bring numpy along."""
DECIDES = ("gate", "previous")
"""The split and the opponent of the rate that the gate goes by; the others are reported."""


def win_rate_lines(metrics: dict[str, Any]) -> Lines:
    """The judge's win rates of the gate and test split, as metrics.json has them."""
    people = metrics.get("people")
    lines = people_lines(people) if people else []
    lines += early_lines(metrics["early"]) if metrics.get("early") else []
    for split in HELD_OUT:
        rates = metrics.get(split, {})
        for other in OPPONENTS:
            if rate := rates.get(f"win_rate_vs_{other}"):
                decides = (split, other) == DECIDES and not people
                use = "decides" if decides else "reported"
                text = win_rate_text(
                    rate,
                    rates.get(f"length_controlled_win_rate_vs_{other}"),
                    rates.get(f"length_controlled_interval_vs_{other}"),
                )
                decided_by = metrics.get("decision") or {}
                if decides and rate.get("abstained") and decided_by.get("value") is not None:
                    text += f"; what decides: {_interval(decided_by)}, abstentions as losses"
                lines.append((f"{split}: win rate vs {other} ({use})", text))
        if asked := rates.get("questions"):
            lines.append((f"{split}: questions answered (reported)", _questions(asked)))
        if tags := rates.get("by_tag_vs_previous"):
            decide = any(rule["rule"] == "tags_at_least" for rule in metrics.get("rules", []))
            use = "decides" if decide and split == "gate" else "reported"
            lines.append((f"{split}: by tag ({use})", _by_tag(tags)))
    return lines + suite_lines(metrics) + rule_lines(metrics)


def early_lines(early: dict[str, Any]) -> Lines:
    """Where a gate that may stop early has stopped, and what that saved."""
    saved = f"{early['comparisons_saved']} comparisons not asked about"
    undecided = early.get("decision") == UNDECIDED
    return [
        (
            "gate: asked to the end, undecided" if undecided else "gate: asked until decided",
            f"{early['asked']} of {early['prompts']} prompts, {saved} "
            f"({early['share_saved']:.0%}); error rate at most {early['error_rate']:.1%}",
        )
    ]


def suite_lines(metrics: dict[str, Any]) -> Lines:
    """The regression suites: the new policy's score beside that of the one in place."""
    lines = []
    for name, one in metrics.get("suites", {}).items():
        text = "no prompt was answered by both policies"
        if one["n"] and "rise" in one:
            text = (
                f"perplexity {one['new']:.4g}, policy in place {one['previous']:.4g}, "
                f"n={one['n']} ({one['tokens']} tokens)"
            )
        elif one["n"]:
            text = (
                f"{one['new']:.3g}, policy in place {one['previous']:.3g}, n={one['n']}; chance "
                f"does a drop of {one['floor']:.3g}"
            )
        lines.append((f"suite {name} (decides)", text))
    return lines


def rule_lines(metrics: dict[str, Any]) -> Lines:
    """The rules beside the win rate, where there are any: each with what it found."""
    return [
        (f"rule {rule['rule']}", f"{'holds' if rule['holds'] else 'REFUSES'}: {rule['reason']}")
        for rule in metrics.get("rules", [])[1:]
    ]


def people_lines(people: dict[str, Any]) -> Lines:
    """What judge and people say of the gate prompts: each alone, and both, which decides.

    `people` are the figures that metrics.json has under this name, or that a round waits with.
    """
    who = ", ".join(f"{name} {n}" for name, n in people["by"].items())
    left_out = [f"{people[why]} {why}" for why in ("skipped", "contradicted") if people[why]]
    beside = f"; {', '.join(left_out)}" if left_out else ""
    of_people, both = people["people"], people["both"]
    lines = [("gate: judge alone", f"{_interval(people['judge'])} prompts")]
    if of_people and both:
        look = f"look {people['look']} of {len(people['looks'])}"
        level = f"intervals at {people['level']:.1%}, {look}, judge weighed {both['tuning']:.2f}"
        lines += [
            ("gate: people alone", f"{_interval(of_people)} labels: {who}{beside}"),
            ("gate: judge and people (decides)", f"{_interval(both)} labels; {level}"),
        ]
    return lines


def _interval(rate: dict[str, Any]) -> str:
    return f"{rate['value']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] n={rate['n']}"


def custom_metric_lines(metrics: dict[str, Any]) -> Lines:
    """The metrics that the user named, each with its mean and win rates, on the test split."""
    lines = []
    for name, metric in metrics.items():
        if metric["mean"] is not None:
            means = f"{metric['mean']:.2f} (first policy {metric['mean_initial']:.2f})"
            lines.append((f"{name} on test: mean", means))
        for other in OPPONENTS:
            rate = metric[f"win_rate_vs_{other}"]
            lines.append((f"{name} on test: win rate vs {other}", win_rate_text(rate)))
    return lines


def win_rate_text(
    rate: dict[str, Any],
    length_controlled: float | None = None,
    controlled_interval: list[float] | None = None,
) -> str:
    """A win rate with its interval and n, what it consists of, and what it is without length."""
    if rate["value"] is None:
        return f"none decided ({rate['abstained']} abstained)"
    interval = f"[{rate['low']:.3f}, {rate['high']:.3f}]"
    if rate.get("interval") == EARLY:
        interval += " (confidence sequence; where it stopped early, the value is biased)"
    text = f"{rate['value']:.3f} {interval} n={rate['n']}, {rate['abstained']} abstained"
    if "wins" in rate:  # rounds of before had no such figures
        text += f"; {_counts(rate)}; strictly better {rate['strictly_better']:.3f}"
    if length_controlled is not None:
        text += f"; length-controlled {length_controlled:.3f}"
        if controlled_interval:
            text += " [{:.3f}, {:.3f}]".format(*controlled_interval)
    if resampled := rate.get("bootstrap"):
        text += "; bootstrap [{:.3f}, {:.3f}]".format(*resampled)
    return text


def _counts(rate: dict[str, Any]) -> str:
    same = f" ({rate['identical']} identical answers)" if rate["identical"] else ""
    return f"{rate['wins']} won, {rate['ties']} tied{same}, {rate['losses']} lost"


def _questions(asked: dict[str, Any]) -> str:
    """Share of the questions answered right and mean words, of each policy."""
    parts = [
        f"{name} {_interval(one)}, {one['words']:.0f} words" + _behind(one["behind_first"])
        for name, one in asked.items()
        if one["value"] is not None
    ]
    return "; ".join(parts) or "none that all policies' answers were read for"


def _behind(rate: dict[str, Any]) -> str:
    """How far the new policy is ahead on the same prompts; of itself nothing is said."""
    if rate["low"] == rate["high"] == 0:
        return ""
    return f" (new is ahead by {rate['value']:+.3f} [{rate['low']:+.3f}, {rate['high']:+.3f}])"


def _by_tag(tags: dict[str, Any]) -> str:
    rates = ((tag, rate) for tag, rate in tags.items() if rate["value"] is not None)
    return ", ".join(f"{tag} {rate['value']:.2f} n={rate['n']}" for tag, rate in rates) or "none"
