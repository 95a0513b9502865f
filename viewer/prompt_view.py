"""The page of one prompt: every answer, each judge call word for word, why it is a pair or not."""

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request

from endpoints.calls import Call, read_calls
from rounds.errors import UserError
from rounds.verdicts import screen_scores
from viewer.filters import read_filter
from viewer.pairs_view import neighbours
from viewer.people import said_of_prompt
from viewer.reasons import reason_text
from viewer.said import as_text, candidate_names, moment, reply_parts, verdict_words
from viewer.site import Site
from viewer.tables import RoundTables, Row
from viewer.words import word_diff

LONGEST = 20_000
"""Characters of a text that are shown at first."""

BOTH = ("candidate_a", "candidate_b")

REPEATED = re.compile(r"\b([0-9a-f]{16}) of round (\d+)")
"""What the detail of a dropped row names where it repeats a pair."""


def prompt_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `prompt.html` shows of a prompt that is named by itself."""
    tables = site.tables(site.folder(request.path_params["number"]))
    return _facts(site, request, tables, request.path_params["prompt_id"], None)


def pair_page(site: Site, request: Request) -> dict[str, Any]:
    """The same of a prompt that is named by one of its pairs, kept or dropped."""
    number, pair_id = request.path_params["number"], request.path_params["pair_id"]
    tables = site.tables(site.folder(number))
    rows = tables.rows("SELECT prompt_id FROM listed WHERE pair_id = ?", [pair_id])
    if not rows:
        raise UserError(f"round {number} has no pair {pair_id}")
    return _facts(site, request, tables, rows[0]["prompt_id"], pair_id)


def _facts(
    site: Site, request: Request, tables: RoundTables, prompt_id: str, pair_id: str | None
) -> dict[str, Any]:
    number = request.path_params["number"]
    prompts = tables.rows("SELECT * FROM prompts WHERE prompt_id = ?", [prompt_id])
    if not prompts:
        raise UserError(f"round {number} has no prompt {prompt_id}")
    candidates = tables.rows(
        'SELECT * FROM candidates WHERE prompt_id = ? ORDER BY split, "index"', [prompt_id]
    )
    verdicts = tables.rows(
        "SELECT * FROM verdicts WHERE prompt_id = ? ORDER BY file_row_number", [prompt_id]
    )
    pairs = _pairs(tables, prompt_id)
    pair = next((row for row in pairs if row["pair_id"] == pair_id), pairs[0] if pairs else None)
    given = read_filter(request.query_params)
    place, of, before, after = (
        neighbours(tables, given, pair["pair_id"]) if pair else (0, 0, None, None)
    )
    as_markdown = request.query_params.get("markdown") == "1"
    whole = request.query_params.get("whole") == "1"
    filter_query = given.query()
    query = "&".join(filter(None, (filter_query, "markdown=1" if as_markdown else "")))
    return {
        "number": number,
        "prompt": prompts[0],
        "pairs": pairs,
        "pair": pair,
        "why": reason_text(pair["reason"]) if pair and pair["reason"] else "",
        "people": said_of_prompt(site.run_dir, prompt_id),
        "diff": _diff(pair),
        "candidates": [_candidate(row, pair, verdicts) for row in candidates],
        "verdicts": _with_calls(site.run_dir, verdicts, candidates),
        "repeats": REPEATED.search(pair["detail"]) if pair and pair["detail"] else None,
        "filter_query": filter_query,
        "query": query,
        "place": place,
        "of": of,
        "before": before,
        "after": after,
        "longest": None if whole else LONGEST,
        "as_markdown": as_markdown,
    }


def _pairs(tables: RoundTables, prompt_id: str) -> list[Row]:
    """The pairs and the dropped rows of a prompt."""
    kept = tables.rows("SELECT * FROM pairs WHERE prompt_id = ?", [prompt_id])
    dropped = tables.rows("SELECT * FROM dropped WHERE prompt_id = ?", [prompt_id])
    return [
        *({**row, "kept": True, "reason": None, "detail": None} for row in kept),
        *({**row, "kept": False} for row in dropped),
    ]


def _diff(pair: Row | None) -> Any:
    if pair is None or pair["chosen"] is None or pair["rejected"] is None:
        return None
    return word_diff(pair["chosen"][0]["content"], pair["rejected"][0]["content"])


def _candidate(row: Row, pair: Row | None, verdicts: list[Row]) -> Row:
    """A candidate with its part in the pair and what the screen gave it."""
    part = "not compared"
    compared = {each[side] for each in verdicts if each["candidate_b"] for side in BOTH}
    if pair is not None:
        if row["candidate_id"] == pair["chosen_id"]:
            part = "chosen"
        elif row["candidate_id"] == pair["rejected_id"]:
            part = "rejected"
        elif row["candidate_id"] in compared:
            part = "compared, undecided"
    of_split = [each for each in verdicts if each["split"] == row["split"]]
    scores = screen_scores([each for each in of_split if each["purpose"] == "screen"])  # type: ignore[misc]
    return {**row, "part": part, "score": scores.get(row["candidate_id"])}


def _with_calls(run_dir: Path, verdicts: list[Row], candidates: list[Row]) -> dict[str, Any]:
    """The verdicts as they are shown, and why there are no calls where there are none."""
    fault, calls = None, {}
    try:
        calls = read_calls(run_dir / "journal.sqlite", (row["request_key"] for row in verdicts))
    except UserError as error:
        fault = str(error)
    names = candidate_names(*candidates)
    return {
        "fault": fault,
        "rows": [
            {**row, "said": verdict_words(row, names), "call": _call(calls.get(row["request_key"]))}
            for row in verdicts
        ],
    }


def _call(call: Call | None) -> dict[str, Any] | None:
    """A call as it is shown: messages as sent, the other arguments, the reply."""
    if call is None:
        return None
    usage = call.reply.get("usage") or {}
    parts, end = reply_parts(call.reply)
    return {
        "endpoint": call.endpoint,
        "model": call.model,
        "at": moment(call.at),
        "messages": [
            {"role": str(each.get("role")), "content": as_text(each.get("content"))}
            for each in call.messages
        ],
        "parameters": as_text(call.parameters),
        "reply": [*parts, ("finish_reason", end)],
        "read": usage.get("prompt_tokens"),
        "written": usage.get("completion_tokens"),
        "cost": call.cost,
    }
