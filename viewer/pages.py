"""Judged pairs on a terminal, one after the other, through the user's pager."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from endpoints.calls import Call, read_calls
from viewer.pager import paged
from viewer.said import UNKNOWN, as_text, candidate_names, moment, reply_parts, verdict_words
from viewer.visible import visible

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
    paged(lambda console: _print_all(console, pairs))


def _print_all(console: Console, pairs: Iterable[Judged]) -> None:
    count = 0
    for row in pairs:
        count += 1
        for line in _lines(row):
            console.print(line)
    if not count:
        console.print("nothing to show")


def _lines(row: Judged) -> list[Text]:
    state = "kept" if row["kept"] else row.get("stands") or f"dropped: {row['reason']}"
    lines = [_line("", f"pair {row['pair_id']}", "bold", f" {state}")]
    lines += [_line("  ", turn["role"], "bold", turn["content"]) for turn in row["prompt"]]
    labels = {row["chosen_id"]: "chosen", row["rejected_id"]: "rejected"}
    for candidate in row["candidates"]:
        lines.append(_answer(labels.get(candidate["candidate_id"], "undecided"), candidate))
    lines += [_answer("not compared", candidate) for candidate in row["other_candidates"]]
    for verdict in row["verdicts"]:
        lines.append(_verdict(row, verdict))
        if "call" in verdict:
            lines += _call(verdict["call"] and Call(**verdict["call"]))
    return [*lines, Text("")]


def _line(indent: str, label: str, style: str, text: object, dim: str = "") -> Text:
    """A line with its label in a style. What models and people wrote is text and no markup, and
    neither control characters nor half characters of it reach the terminal.
    """
    parts = [(indent, ""), (label, style), (f" {text}", ""), (f"  {dim}" if dim else "", "dim")]
    return Text.assemble(*((visible(part), style) for part, style in parts))


def _answer(label: str, candidate: dict[str, Any]) -> Text:
    style = {"chosen": "bold green", "rejected": "bold red"}.get(label, "bold")
    source = "" if candidate["source"] == "current" else f" {candidate['source']}:"
    return _line("  ", label, style, f"#{candidate['index']}{source} {candidate['text']}")


def _verdict(row: Judged, verdict: dict[str, Any]) -> Text:
    names = candidate_names(*row["candidates"], *row["other_candidates"])
    what = verdict_words(verdict, names)
    if verdict["probability"] is not None and verdict["kind"] == "pairwise":
        what += f", p({names.get(verdict['candidate_a'], UNKNOWN)}) {verdict['probability']:.2f}"
    reason = f" ({verdict['reason']})" if verdict["reason"] else ""
    if verdict["flags"]:
        reason += f" (escaped: {', '.join(verdict['flags'])})"
    unread = verdict["raw_text"] if verdict["reason"] else ""
    return _line("  ", "judge", "dim", what + reason, verdict["rationale"] or unread or "")


def _call(call: Call | None) -> list[Text]:
    """A call word for word: to whom, each message, the other arguments, and the reply.

    A reply of another form than the usual is shown as it came.
    """
    if call is None:
        return [_line("    ", "", "", "no call was answered")]
    at = moment(call.at)
    lines = [_line("    ", "request", "bold", f"to {call.endpoint}, model {call.model}, {at}")]
    lines += [
        _line("    ", str(message.get("role")), "bold", as_text(message.get("content")))
        for message in call.messages
    ]
    lines.append(_line("    ", "parameters", "bold", as_text(call.parameters)))
    parts, end = reply_parts(call.reply)
    for name, said in parts:
        lines.append(_line("    ", "reply" if name == "content" else name, "bold", said))
    usage = call.reply.get("usage") or {}
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    tokens = "" if read is None else f", {read} tokens read, {written} written"
    return [*lines, _line("    ", "", "", "", f"{end}{tokens}, cost {call.cost:g}"), Text("")]
