"""Judged pairs on a terminal, one after the other, through the user's pager."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from endpoints.calls import Call, read_calls
from viewer.pager import paged
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
    unread = verdict["raw_text"] if verdict["reason"] else ""
    return _line("  ", "judge", "dim", what + reason, verdict["rationale"] or unread or "")


def _call(call: Call | None) -> list[Text]:
    """A call word for word: to whom, each message, the other arguments, and the reply.

    A reply of another form than the usual is shown as it came.
    """
    if call is None:
        return [_line("    ", "", "", "no call was answered")]
    at = datetime.fromtimestamp(call.at, UTC).isoformat(timespec="seconds")
    lines = [_line("    ", "request", "bold", f"to {call.endpoint}, model {call.model}, {at}")]
    lines += [
        _line("    ", str(message.get("role")), "bold", message.get("content"))
        for message in call.messages
    ]
    parameters = json.dumps(call.parameters, ensure_ascii=False)
    lines.append(_line("    ", "parameters", "bold", parameters))
    try:
        (choice,) = call.reply["choices"]
        said = {
            name: value for name, value in choice["message"].items() if value and name != "role"
        }
        end = str(choice.get("finish_reason"))
        reply = said.pop("content", "")
        lines.append(_line("    ", "reply", "bold", reply))
        lines += [_line("    ", name, "bold", _plain(value)) for name, value in said.items()]
    except (KeyError, TypeError, ValueError, AttributeError):
        end = "of another form"
        lines.append(_line("    ", "reply", "bold", _plain(call.reply)))
    usage = call.reply.get("usage") or {}
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    tokens = "" if read is None else f", {read} tokens read, {written} written"
    return [*lines, _line("    ", "", "", "", f"{end}{tokens}, cost {call.cost:g}"), Text("")]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
