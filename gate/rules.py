"""The rules of the gate: each holds or not, and says so in a sentence of its own."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from gate.by_tag import tags_below
from gate.config import GateConfig
from gate.suite_config import PERPLEXITY, Suite
from gate.win_rate import win_rate
from rounds.contests import ABSTAIN, Contest
from rounds.early import PROMOTE, UNDECIDED


class Rule(NamedTuple):
    """A rule by the name of its config key, whether it holds, and why."""

    rule: str
    holds: bool
    reason: str


def win_rate_rule(config: GateConfig, measured: dict[str, Any]) -> Rule:
    """The win rate against the policy in place, abstentions counted as losses."""
    rate, name = measured["decision"], _name(config)
    if rate[config.must_exceed] is None:
        return Rule(name, False, "no gate prompt was decided")
    counts = (
        f"win rate {_interval(rate)} on {rate['n']} gate prompts ({rate['wins']} won, "
        f"{rate['ties']} tied, {rate['losses']} lost, {rate['abstained']} abstained and counted as "
        "lost)"
    )
    if "early" in measured:
        return Rule(name, *_early(config, counts, measured["early"]))
    holds = rate[config.must_exceed] > config.bar
    which = _which(config)
    return Rule(name, holds, f"{counts}: the {which} {_relation(holds)} {_bar(config)}")


def unanswered_rule(config: GateConfig, decided: list[Contest], left: int) -> Iterator[Rule]:
    """That the win rate exceeds the bar with `left` prompts, which the new policy alone did not
    answer, counted as lost beside those that decided; none where it answered all.
    """
    if not left:
        return
    outcomes = [contest.outcome for contest in decided] + [ABSTAIN] * left
    rate = win_rate(outcomes, config.confidence, abstain_loses=True)._asdict()
    holds = rate[config.must_exceed] > config.bar
    yield Rule(
        "unanswered",
        holds,
        f"the new policy left {left} gate {'prompt' if left == 1 else 'prompts'} unanswered that "
        "the policy in place answered; "
        f"counted as lost, the win rate is {_interval(rate)}: the {_which(config)} "
        f"{_relation(holds)} {_bar(config)}",
    )


def other_rules(config: GateConfig, measured: dict[str, Any], kl: float | None) -> Iterator[Rule]:
    """Every rule that the config gives beside the win rate.

    `kl` is the policy's distance from its reference model, None where it was not measured.
    """
    if config.length_controlled:
        yield _at_equal_length(config, measured["decision"]["length_controlled"])
    if config.tags_at_least is not None:
        yield _by_tag(config, config.tags_at_least, measured["gate"]["by_tag_vs_previous"])
    if config.kl_at_most is not None:
        yield _kl(config.kl_at_most, kl)
    for name, bound in config.metric_bounds.items():
        figures = measured["custom"][name]
        new, previous = figures["gate_mean"], figures["gate_mean_previous"]
        if bound.at_least is not None:
            holds = new is not None and new >= bound.at_least
            said = f"metric {name} is {_number(new)} on the gate prompts"
            yield Rule(
                f"metric_bounds.{name}.at_least",
                holds,
                f"{said}, {_less(holds)} the {bound.at_least:g} that it must be",
            )
        if bound.drop_at_most is not None:
            holds = new is not None and previous - new <= bound.drop_at_most
            said = (
                f"metric {name} is {_number(new)} on the gate prompts, and was "
                f"{_number(previous)} with the policy in place"
            )
            yield Rule(
                f"metric_bounds.{name}.drop_at_most",
                holds,
                f"{said}: {'no ' if holds else 'a '}drop of more than {bound.drop_at_most:g}",
            )
    for name, figures in measured.get("suites", {}).items():
        yield from _suite(config, name, figures)


def _name(config: GateConfig) -> str:
    return "threshold" if config.non_inferiority is None else "non_inferiority"


def _bar(config: GateConfig) -> str:
    if config.non_inferiority is None:
        return f"{config.threshold}"
    return f"{config.bar:g} (no worse by more than {config.non_inferiority:g})"


def _which(config: GateConfig) -> str:
    return "lower end of its interval" if config.must_exceed == "low" else "win rate"


def _relation(holds: bool) -> str:
    return "exceeds" if holds else "does not exceed"


def _less(holds: bool) -> str:
    return "not less than" if holds else "less than"


def _interval(rate: dict[str, Any]) -> str:
    return f"{rate['value']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}]"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _early(config: GateConfig, counts: str, early: dict[str, Any]) -> tuple[bool, str]:
    """The decision of a gate that may stop early."""
    undecided = early["decision"] == UNDECIDED
    how = "all that may be asked" if undecided else "asked in order until decided"
    biased = "" if undecided else "value biased by stopping, "
    told = (
        f"{counts}, {how} (at most {early['horizon']}, interval of the confidence sequence, "
        f"{biased}error rate at most {early['error_rate']:.1%})"
    )
    if early["decision"] == PROMOTE:
        return True, f"{told}: the lower end of its interval exceeds {_bar(config)}"
    if undecided:
        return False, f"{told}: the lower end of its interval does not exceed {_bar(config)}"
    if early["futile"]:
        why = "not even the rest, won at its upper end, could lift its lower end above"
        return False, f"{told}: {why} {_bar(config)}"
    return False, f"{told}: the upper end of its interval does not exceed {_bar(config)}"


def _at_equal_length(config: GateConfig, rate: dict[str, Any] | None) -> Rule:
    if rate is None:
        why = "every answer is as much longer, and nothing tells length from worth"
        return Rule("length_controlled", False, f"the win rate at equal length is unknown: {why}")
    holds = rate[config.must_exceed] > config.bar
    return Rule(
        "length_controlled",
        holds,
        f"win rate at equal length {_interval(rate)}: the {_which(config)} {_relation(holds)} "
        f"{_bar(config)}",
    )


def _by_tag(config: GateConfig, bound: float, rates: dict[str, Any]) -> Rule:
    below = tags_below(rates, bound, (1 - config.confidence) / 2)
    told = ", ".join(f"{tag} {_interval(rates[tag])} n={rates[tag]['n']}" for tag in below)
    corrected = f"by an exact test of each of {len(rates)} tags, corrected after Holm"
    if below:
        return Rule("tags_at_least", False, f"less than {bound:g} is won of {told} ({corrected})")
    return Rule("tags_at_least", True, f"no tag is won less than {bound:g} ({corrected})")


def _kl(limit: float, kl: float | None) -> Rule:
    if kl is None:
        return Rule(
            "kl_at_most", False, "the KL to the reference was not measured, and it must be known"
        )
    holds = kl <= limit
    relation = "within" if holds else "more than"
    return Rule("kl_at_most", holds, f"KL to the reference {kl:.4g} a token, {relation} {limit:g}")


def _suite(config: GateConfig, name: str, figures: dict[str, Any]) -> Iterator[Rule]:
    suite, new = config.suites[name], figures["new"]
    if new is None:
        could = "read" if suite.score == PERPLEXITY else "answered"
        yield Rule(f"suites.{name}", False, f"suite {name}: no prompt was {could} by both policies")
        return
    if suite.score == PERPLEXITY:
        yield from _perplexity(suite, name, figures)
        return
    drop, silent = figures["drop"], figures.get("silent", 0)
    on = f"{figures['n']} prompts"
    if silent:
        on += f" ({silent} that the new policy left unanswered have the lowest score)"
    if suite.at_least is not None:
        holds = new >= suite.at_least
        yield Rule(
            f"suites.{name}.at_least",
            holds,
            f"suite {name}: {new:.4g} on {on}, {_less(holds)} the "
            f"{suite.at_least:g} that it must be",
        )
    if suite.allowed is not None:
        holds = not (drop > suite.allowed and drop > figures["floor"])
        yield Rule(
            f"suites.{name}.drop_at_most",
            holds,
            f"suite {name}: {new:.4g} on {on}, after {figures['previous']:.4g} "
            f"of the policy in place: a drop of {drop:.4g}, "
            + (
                f"not beyond what is allowed ({suite.allowed:g}) or chance does"
                if holds
                else f"more than the {suite.allowed:g} that is allowed and than chance does"
            )
            + f" ({figures['floor']:.4g})",
        )


def _perplexity(suite: Suite, name: str, figures: dict[str, Any]) -> Iterator[Rule]:
    """What is measured and not sampled is held to its bounds as it is."""
    new, rise = figures["new"], figures["rise"]
    said = f"suite {name}: perplexity {new:.4g} on {figures['n']} prompts"
    if suite.at_most is not None:
        holds = new <= suite.at_most
        relation = "not more" if holds else "more"
        yield Rule(
            f"suites.{name}.at_most",
            holds,
            f"{said}, {relation} than the {suite.at_most:g} that it may be",
        )
    if suite.rise_at_most is not None:
        holds = rise <= suite.rise_at_most
        yield Rule(
            f"suites.{name}.rise_at_most",
            holds,
            f"{said}, after {figures['previous']:.4g} of the policy in place: "
            f"{'no ' if holds else 'a '}rise of more than {suite.rise_at_most:g}",
        )
