"""The page of a round's pairs: those of a filter, in an order, fifty at a time."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from rounds.errors import UserError
from rounds.show_judged import judged_so_far
from viewer.filters import OUTCOMES, SORTS, PairFilter, as_far_as_read
from viewer.site import Site
from viewer.tables import RoundTables, Row

ON_A_PAGE = 50
SHOWN = 300
"""Characters of a text in the list."""
MOST_CHOICES = 100


def pairs_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `pairs.html` shows."""
    number = request.path_params["number"]
    folder = site.folder(number)
    tables = site.tables(folder)
    given, wrong = as_far_as_read(request.query_params)
    page = page_number(request.query_params.get("page", "1"))
    shown = {
        "number": number,
        "filter": given,
        "typed": request.query_params,
        "wrong": wrong,
        "page": page,
        "choices": _choices(tables),
        "outcomes": list(OUTCOMES),
        "sorts": {name: words for name, (_, words) in SORTS.items()},
        "found": list(tables.faults.values()),
    }
    if "pairs" in tables.missing:
        rows = list(judged_so_far(folder, number)) if "verdicts" not in tables.faults else []
        return {**shown, "count": len(rows), "pages": 1, "rows": [], "judged": rows[:ON_A_PAGE]}
    where, values = given.where(tables)
    (count,) = tables.rows(f"SELECT count(*) AS n FROM listed WHERE {where}", values)
    return {
        **shown,
        "count": count["n"],
        "pages": max(1, -(-count["n"] // ON_A_PAGE)),
        "rows": with_texts(tables, found(tables, given, page)),
        "judged": None,
    }


def found(tables: RoundTables, given: PairFilter, page: int) -> list[Row]:
    """The rows of `listed` on a page of the filter."""
    where, values = given.where(tables)
    return tables.rows(
        f"SELECT * FROM listed WHERE {where} ORDER BY {given.order()} LIMIT {ON_A_PAGE} "
        f"OFFSET {(page - 1) * ON_A_PAGE}",
        values,
    )


def neighbours(
    tables: RoundTables, given: PairFilter, pair_id: str
) -> tuple[int, int, str | None, str | None]:
    """Where a pair is in a filter's order: its place from 1, of how many, the pairs before and
    after it. Place 0 where it is not in it.
    """
    where, values = given.where(tables)
    rows = tables.rows(
        "SELECT * FROM (SELECT pair_id, row_number() OVER w AS nth, count(*) OVER () AS n, "
        "lag(pair_id) OVER w AS before, lead(pair_id) OVER w AS after "
        f"FROM listed WHERE {where} WINDOW w AS (ORDER BY {given.order()})) WHERE pair_id = ?",
        [*values, pair_id],
    )
    if not rows:
        return 0, 0, None, None
    return rows[0]["nth"], rows[0]["n"], rows[0]["before"], rows[0]["after"]


def with_texts(tables: RoundTables, rows: list[Row]) -> list[Row]:
    """The rows with the beginnings of their texts."""
    texts: dict[tuple[str, int], Row] = {}
    for table in ("pairs", "dropped"):
        places = [row["file_row_number"] for row in rows if row["in_table"] == table]
        for row in _texts(tables, table, places):
            texts[table, row["file_row_number"]] = row
    return [row | texts[row["in_table"], row["file_row_number"]] for row in rows]


def _texts(tables: RoundTables, table: str, places: Sequence[int]) -> list[Row]:
    if not places:
        return []
    detail = "detail" if table == "dropped" else "NULL AS detail"
    return tables.rows(
        f"SELECT file_row_number, left(prompt[-1].content, {SHOWN}) AS prompt, "
        f"left(chosen[1].content, {SHOWN}) AS chosen, "
        f"left(rejected[1].content, {SHOWN}) AS rejected, {detail} "
        f"FROM {table} WHERE file_row_number IN ({', '.join(map(str, places))})"
    )


def _choices(tables: RoundTables) -> dict[str, list[str]]:
    """The values that a filter can take in this round."""
    queries = {
        "reason": "SELECT DISTINCT reason AS x FROM listed",
        "judge": "SELECT DISTINCT judge_id AS x FROM listed",
        "source": "SELECT chosen_source AS x FROM listed UNION SELECT rejected_source FROM listed",
        "tag": "SELECT DISTINCT unnest(tags) AS x FROM listed",
    }
    return {
        name: [
            row["x"]
            for row in tables.rows(
                f"SELECT x FROM ({query}) WHERE x IS NOT NULL ORDER BY x LIMIT {MOST_CHOICES}"
            )
        ]
        for name, query in queries.items()
    }


def page_number(said: str) -> int:
    """The page of a list that an address names."""
    if not said.isdecimal() or not 1 <= int(said) < 10**9:
        raise UserError(f"page={said}: expected a number from 1")
    return int(said)
