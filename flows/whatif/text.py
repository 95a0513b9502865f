"""A derived round in lines: what would change, and what cannot be said without asking."""

from collections.abc import Mapping
from typing import Any

from flows.whatif.result import Changed, Moved, Needed, Unknown, WhatIf
from rounds.health_lines import rate_text

Lines = list[tuple[str, str]]

NAMED = 12
"""Pairs that are named by their id, of those gained and of those lost; --json has all."""


def whatif_lines(found: WhatIf) -> Lines:
    """(what, how much); numbers that two rounds have as before -> after."""
    lines = [("setting", _setting(one)) for one in found["settings"]]
    lines += _needed(found["needed"]) if found["needed"] else []
    lines += [("changes no pair", _setting(one)) for one in found["no_pair"]]
    lines += _numbers(found)
    if found["unknown"]:
        lines += _unknown(found["unknown"])
    return lines + [("note", note) for note in found["notes"]]


def _numbers(found: WhatIf) -> Lines:
    before, after = found["before"], found["after"]
    if after is None:
        return []
    lines = [
        ("threshold", _from_to(f"{before['tau']:g}", f"{after['tau']:g}")),
        ("pairs kept", _from_to(before["kept"], after["kept"])),
        *_reasons(before["dropped"], after["dropped"]),
        *_moved("pairs lost", found["lost"], "after"),
        *_moved("pairs gained", found["gained"], "before"),
    ]
    for name in ("chosen", "rejected"):
        sides = [_mean(one["tokens"], name) for one in (before, after)]
        if any(sides):
            lines.append((f"mean tokens, {name}", _from_to(*(text or "none" for text in sides))))
    for name in ("chosen", "rejected"):
        counts = [one["sources"][name] for one in (before, after)]
        if len({*counts[0], *counts[1]}) > 1:
            lines.append((f"sources, {name}", _counted(*counts)))
    if before["tags"] or after["tags"]:
        lines.append(("tags", _counted(before["tags"], after["tags"])))
    return [*lines, *_accuracies(found)]


def _accuracies(found: WhatIf) -> Lines:
    before, after = found["before"], found["after"]
    lines: Lines = []
    if after and before["gold"] and after["gold"]:
        for name, of in (("right when decided", "accuracy"), ("decided", "yield")):
            sides = [rate_text(one["gold"][of]) for one in (before, after) if one["gold"]]
            lines.append((f"gold set: {name}", _from_to(*(text or "none" for text in sides))))
        lines += _difference("gold set: difference", found["gold_difference"], found["interval"])
    if after and (before["people"]["n"] or after["people"]["n"]):
        sides = [rate_text(one["people"]) or "none kept" for one in (before, after)]
        lines.append(("people bear out", _from_to(*sides)))
        lines += _difference("people: difference", found["people_difference"], found["interval"])
    return lines


def _difference(name: str, paired: dict[str, Any] | None, interval: str) -> Lines:
    if paired is None or paired["value"] is None:
        return []
    if not paired["changed"]:
        return [(name, f"none of {paired['n']} comes out otherwise")]
    share = f"{paired['value']:+.3f} [{paired['low']:+.3f}, {paired['high']:+.3f}]"
    return [(name, f"{share}, {paired['changed']} of {paired['n']} otherwise ({interval})")]


def _moved(name: str, moved: list[Moved], why: str) -> Lines:
    """How many, and by which reason they are not kept on the other side, each with ids."""
    lines = [(name, str(len(moved)))]
    by_reason: dict[str, list[str]] = {}
    for one in moved:
        by_reason.setdefault(str(one[why]), []).append(one["pair_id"])  # type: ignore[literal-required]
    for reason, ids in sorted(by_reason.items()):
        more = f", ... ({len(ids) - NAMED} more: --json)" if len(ids) > NAMED else ""
        lines.append((f"  {reason}", f"{len(ids)}: {', '.join(ids[:NAMED])}{more}"))
    return lines


def _needed(needed: Needed) -> Lines:
    what = "other answers" if needed["answers"] else "other verdicts"
    lines = [
        ("not tried", f"{_setting(one)}: needs {what}, nothing is derived for it")
        for one in needed["settings"]
    ]
    calls = ", ".join(f"{n} {what}" for what, n in needed["calls"].items())
    text = f"at least {needed['calls_at_least']} judge calls, at most {needed['calls_at_most']}"
    if needed["answers"]:
        text = f"{needed['answers']} answers, then at most {needed['calls_at_most']} judge calls"
    return [*lines, ("it would take", f"{text} ({calls}), the gate's not counted")]


def _unknown(unknown: Unknown) -> Lines:
    pairs = unknown["pairs"]
    kept = f"; of the pairs of this round {len(pairs)} may stay or go" if pairs else ""
    return [
        (
            "not known",
            f"{unknown['prompts']} prompts: the judge would be asked what it was not asked yet, "
            f"{unknown['calls_at_least']} calls at least and {unknown['calls_at_most']} at most"
            f"{kept}; pairs that these would give are not counted",
        )
    ]


def _setting(one: Changed) -> str:
    return f"{one['key']}: {_short(one['before'])} -> {_short(one['after'])}"


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _from_to(before: object, after: object) -> str:
    return f"{before}" if before == after else f"{before} -> {after}"


def _mean(tokens: Mapping[str, Any], name: str) -> str | None:
    return f"{tokens[name]:.1f}" if tokens["n"] else None


def _counted(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {counts}" for name, counts in _counts(before, after))


def _reasons(before: Mapping[str, int], after: Mapping[str, int]) -> Lines:
    return [(f"  {reason}", counts) for reason, counts in _counts(before, after)]


def _counts(before: Mapping[str, int], after: Mapping[str, int]) -> Lines:
    names = sorted({*before, *after})
    return [(name, _from_to(before.get(name, 0), after.get(name, 0))) for name in names]
