"""The judge's health in a few lines: what tells a person whether to believe this round's labels."""

from typing import Any

Lines = list[tuple[str, str]]


def health_lines(measures: dict[str, Any] | None, gold: dict[str, Any] | None) -> Lines:
    """A table as (what, how much); what had no case is left out. Comparisons that gave no label are
    dropped rows, and counted there.

    `measures` are the judge's of the round and `gold` those on the gold set, as metrics.json has
    them; None where there are none.
    """
    return (_of_round(measures) if measures else []) + (_of_gold(gold) if gold else [])


def rate_text(rate: dict[str, Any]) -> str:
    """A rate with its interval and n; empty without a case."""
    if rate["value"] is None:
        return ""
    return f"{rate['value']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] n={rate['n']}"


def _of_round(measures: dict[str, Any]) -> Lines:
    slope, difference = measures["length_slope"], measures["length_difference"]
    longer = ""
    if slope["value"] is not None:
        longer = f", slope {slope['value']:+.2f}, {difference['value']:+.0f} characters"
    undecided = measures.get("undecided_in_one_order", {"value": None})  # older rounds have none
    failed, canaries, second = measures["failures"], measures["canaries"], measures["second_judge"]
    chosen = {name: rates["chosen"]["value"] for name, rates in canaries["names"].items()}
    preferred = {name: share for name, share in chosen.items() if share}
    agreed = "" if second["kappa"] is None else f", kappa {second['kappa']:.2f}"
    return _filled(
        ("prompts with a label", measures["yield"], ""),
        ("failed calls", failed, _listed(failed["reasons"])),
        ("flips with the order", measures["flips"], ""),
        ("undecided in one order", undecided, ""),
        ("first shown wins", measures["first_slot"], ""),
        ("ties", measures["ties"], ""),
        ("longer answer wins", measures["longer_chosen"], longer),
        ("same when repeated", measures["stability"], ""),
        ("changed since round 1", measures["drift"], ""),
        ("canaries chosen", canaries["chosen"], _listed(preferred)),
        ("cyclic triads", measures["cyclic_triads"], ""),
        ("second judge agrees", second["agreement"], agreed),
    )


def _of_gold(gold: dict[str, Any]) -> Lines:
    kappa = "" if gold["kappa"] is None else f", kappa {gold['kappa']:.2f}"
    return _filled(
        ("gold set: right when decided", gold["accuracy"], kappa),
        ("gold set: right in one order", gold["single_order"], ""),
        ("gold set: decided", gold["yield"], ""),
    )


def _listed(counts: dict[str, Any]) -> str:
    listed = ", ".join(f"{name} {value:.3g}" for name, value in counts.items())
    return f" ({listed})" if listed else ""


def _filled(*lines: tuple[str, dict[str, Any], str]) -> Lines:
    """Lines of a name, a rate, and what follows it; without those that had no case."""
    return [(name, text + more) for name, rate, more in lines if (text := rate_text(rate))]
