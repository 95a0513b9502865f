"""The panel that tries other settings on a judged round: which pairs would come and go."""

from typing import Any

from starlette.requests import Request

from rounds.errors import UserError
from viewer.pairs_view import with_texts
from viewer.site import Site
from viewer.tables import RoundTables, Row

TRIED = ("judge.tau=0.9", "pairs.min_margin=2", "pairs.length_guard=0.1")
"""Settings that are offered to begin with."""

MOST = 100
"""Pairs that are shown of those lost, and of those gained."""


def what_if_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `whatif.html` shows; what is wrong with a setting stands above the form."""
    number = request.path_params["number"]
    folder = site.folder(number)
    settings = [line.strip() for line in request.query_params.get("set", "").splitlines()]
    given = [line.removeprefix("--set ") for line in settings if line]
    found, fault = None, None
    if given and site.what_if:
        try:
            found = site.what_if(site.run_dir, number, given)
        except UserError as error:
            fault = str(error)
    tables = site.tables(folder)
    (least,) = tables.rows("SELECT min(probability) AS p FROM listed WHERE in_table = 'pairs'")
    moved = {
        name: _with_rows(tables, found[name][:MOST], why) if found and found["after"] else []
        for name, why in (("lost", "after"), ("gained", "before"))
    }
    shown = {"number": number, "given": given, "tried": TRIED, "found": found, "fault": fault}
    return {**shown, **moved, "most": MOST, "least": least["p"]}


def _with_rows(tables: RoundTables, moved: list[dict[str, Any]], why: str) -> list[Row]:
    """The pairs with what the list shows of them."""
    names = [one["pair_id"] for one in moved]
    marks = ", ".join("?" * len(names)) or "NULL"
    rows = tables.rows(f"SELECT * FROM listed WHERE pair_id IN ({marks})", names)
    by_id = {row["pair_id"]: row for row in with_texts(tables, rows)}
    unknown = {"prompt": "", "margin": None, "probability": None}
    return [{**by_id.get(one["pair_id"], unknown), **one, "why": one[why]} for one in moved]
