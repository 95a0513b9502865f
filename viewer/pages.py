"""Judged pairs on a terminal, one after the other, through the user's pager."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from endpoints.calls import Call, read_calls

Judged = Mapping[str, Any]
"""A pair or a dropped row with what is behind it, as rounds.show.traced_pairs gives it."""


def with_requests(pairs: Iterable[Judged], journal: Path) -> Iterator[Judged]:
    """The rows with `call` in each verdict: what was sent and what came back, from the journal.

    None where nobody was asked: a function, a person, a call that the budget or a failure kept from
    being answered. Raises UserError where the journal is not there.
    """
    for row in pairs:
        calls = read_calls(journal, (verdict["request_key"] for verdict in row["verdicts"]))
        verdicts = [
            verdict | {"call": call and call._asdict()}
            for verdict in row["verdicts"]
            for call in [calls.get(verdict["request_key"])]
        ]
        yield {**row, "verdicts": verdicts}


def page(pairs: Iterable[Judged]) -> None:
    """Print every judged prompt; through a pager where there is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if console.is_terminal:
        with console.pager(styles=True):
            _print_all(console, pairs)
    else:
        _print_all(console, pairs)


def _print_all(console: Console, pairs: Iterable[Judged]) -> None:
    count = 0
    for row in pairs:
        count += 1
        for line in _lines(row):
            console.print(line)
    if not count:
        console.print("nothing to show")


def _lines(row: Judged) -> list[str]:
    state = "kept" if row["kept"] else f"dropped: {escape(row['reason'])}"
    lines = [f"[bold]pair {row['pair_id']}[/bold]  {state}"]
    lines += [f"  [bold]{turn['role']}[/bold] {escape(turn['content'])}" for turn in row["prompt"]]
    for candidate in row["candidates"]:
        lines.append(_answer(_label(row, candidate), candidate))
    lines += [_answer("not compared", candidate) for candidate in row["other_candidates"]]
    for verdict in row["verdicts"]:
        lines.append(_verdict(row, verdict))
        if "call" in verdict:
            lines += _call(verdict["call"] and Call(**verdict["call"]))
    return [*lines, ""]


def _label(row: Judged, candidate: dict[str, Any]) -> str:
    labels = {row["chosen_id"]: "[green]chosen[/green]", row["rejected_id"]: "[red]rejected[/red]"}
    return labels.get(candidate["candidate_id"], "undecided")


def _answer(label: str, candidate: dict[str, Any]) -> str:
    source = "" if candidate["source"] == "current" else f" {escape(candidate['source'])}:"
    return f"  [bold]{label}[/bold] #{candidate['index']}{source} {escape(candidate['text'])}"


def _verdict(row: Judged, verdict: dict[str, Any]) -> str:
    numbers = {candidate["candidate_id"]: candidate["index"] for candidate in row["candidates"]}
    numbers |= {
        candidate["candidate_id"]: candidate["index"] for candidate in row["other_candidates"]
    }
    a, b = numbers.get(verdict["candidate_a"]), numbers.get(verdict["candidate_b"])
    if verdict["kind"] == "pointwise":
        score = f"score {verdict['score']:.4g}" if verdict["score"] is not None else "no score"
        what = f"#{a} alone: {score}"
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


def _call(call: Call | None) -> list[str]:
    """A call word for word: to whom, each message, the other arguments, and the reply."""
    if call is None:
        return ["    [dim]no call was answered[/dim]"]
    at = datetime.fromtimestamp(call.at, UTC).isoformat(timespec="seconds")
    choice = call.reply["choices"][0]
    reply = choice["message"].get("content") or choice["message"].get("refusal") or ""
    usage = call.reply.get("usage") or {}
    tokens = f"{usage.get('prompt_tokens')} tokens read, {usage.get('completion_tokens')} written"
    return [
        f"    [bold]request[/bold] to {escape(call.endpoint)}, model {escape(call.model)}, {at}",
        *(
            f"    [bold]{escape(message['role'])}[/bold] {escape(str(message['content']))}"
            for message in call.messages
        ),
        f"    [bold]parameters[/bold] {escape(json.dumps(call.parameters, ensure_ascii=False))}",
        f"    [bold]reply[/bold] {escape(str(reply))}",
        f"    [dim]{choice.get('finish_reason')}, {tokens}, cost {call.cost:g}[/dim]",
        "",
    ]
