"""Judged pairs on a terminal, one after the other, through the user's pager."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape


def page(found: Iterable[dict[str, Any]]) -> None:
    """Print every judged prompt; through a pager where there is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if console.is_terminal:
        with console.pager(styles=True):
            _print_all(console, found)
    else:
        _print_all(console, found)


def _print_all(console: Console, found: Iterable[dict[str, Any]]) -> None:
    count = 0
    for row in found:
        count += 1
        for line in _lines(row):
            console.print(line)
    if not count:
        console.print("nothing to show")


def _lines(row: dict[str, Any]) -> list[str]:
    state = "kept" if row["kept"] else f"dropped: {escape(row['reason'])}"
    lines = [f"[bold]pair {row['pair_id']}[/bold]  {state}"]
    lines += [f"  [bold]{turn['role']}[/bold] {escape(turn['content'])}" for turn in row["prompt"]]
    for candidate in row["candidates"]:
        lines.append(_answer(_label(row, candidate), candidate))
    lines += [_answer("not compared", candidate) for candidate in row["other_candidates"]]
    lines += [_verdict(row, verdict) for verdict in row["verdicts"]]
    return [*lines, ""]


def _label(row: dict[str, Any], candidate: dict[str, Any]) -> str:
    labels = {row["chosen_id"]: "[green]chosen[/green]", row["rejected_id"]: "[red]rejected[/red]"}
    return labels.get(candidate["candidate_id"], "undecided")


def _answer(label: str, candidate: dict[str, Any]) -> str:
    source = "" if candidate["source"] == "current" else f" {escape(candidate['source'])}:"
    return f"  [bold]{label}[/bold] #{candidate['index']}{source} {escape(candidate['text'])}"


def _verdict(row: dict[str, Any], verdict: dict[str, Any]) -> str:
    numbers = {candidate["candidate_id"]: candidate["index"] for candidate in row["candidates"]}
    numbers |= {
        candidate["candidate_id"]: candidate["index"] for candidate in row["other_candidates"]
    }
    a, b = numbers.get(verdict["candidate_a"]), numbers.get(verdict["candidate_b"])
    if verdict["kind"] == "pointwise":
        said = f"score {verdict['score']:.4g}" if verdict["score"] is not None else "no score"
        what = f"#{a} alone: {said}"
    elif verdict["kind"] == "listwise":
        ranked = [f"#{numbers.get(name)}" for name in verdict["ranking"] or []]
        what = f"all in a list: {' > '.join(ranked) or 'no ranking'}"
    else:
        first, second = (b, a) if verdict["shown_first"] == "b" else (a, b)
        won = {"a": f"#{a} better", "b": f"#{b} better"}.get(verdict["outcome"], verdict["outcome"])
        between = "and" if verdict["shown_first"] is None else "then"
        what = f"#{first} {between} #{second}: {won}"
        if verdict["probability"] is not None:
            what += f", p(#{a}) {verdict['probability']:.2f}"
    for criterion in verdict["criteria"] or []:
        what += f", {criterion['name']} {criterion['value']:g}"
    if verdict["level"]:
        what = f"on appeal, {what}"
    reason = f" ({verdict['reason']})" if verdict["reason"] else ""
    if verdict["flags"]:
        reason += f" (escaped: {', '.join(verdict['flags'])})"
    return f"  [dim]judge[/dim] {what}{reason}  [dim]{escape(verdict['rationale'] or '')}[/dim]"
