"""What the list of pairs shows, as a file."""

import secrets
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from rounds.errors import UserError
from viewer.filters import read_filter
from viewer.site import Site
from viewer.tables import quoted

FORMATS = {
    "csv": ("FORMAT csv, HEADER", "text/csv"),
    "parquet": ("FORMAT parquet, COMPRESSION zstd", "application/vnd.apache.parquet"),
    "jsonl": ("FORMAT json", "application/jsonl"),
}
"""DuckDB's options and the media type, by the end of the address."""

COLUMNS = """l.pair_id, l.prompt_id, t.round, l.in_table = 'pairs' AS kept, l.reason, t.detail,
t.prompt, t.chosen, t.rejected, t.chosen_id, t.rejected_id, t.score_chosen, t.score_rejected,
l.margin, l.probability, l.judge_id, l.chosen_source, l.rejected_source, l.chosen_tokens,
l.rejected_tokens, l.flipped, l.abstained, l.tags, l.prompt_source"""


AS_TEXT = (
    COLUMNS.replace("t.prompt,", "to_json(t.prompt) AS prompt,")
    .replace("t.chosen,", "t.chosen[1].content AS chosen,")
    .replace("t.rejected,", "t.rejected[1].content AS rejected,")
)
"""The same for a format without lists: the prompt as JSON, the answers as their texts."""


def export_pairs(site: Site, request: Request) -> Response:
    """The rows of the address's filter in its order, all of them, whichever page is looked at."""
    number, kind = request.path_params["number"], request.path_params["kind"]
    if kind not in FORMATS:
        raise UserError(f"pairs.{kind}: expected one of {', '.join(FORMATS)}")
    tables, given = site.tables(site.folder(number)), read_filter(request.query_params)
    if tables.faults:
        raise UserError("; ".join(tables.faults.values()))
    options, media = FORMATS[kind]
    where, values = given.where(tables)
    name = f"{site.scratch.name}/{secrets.token_hex(8)}.{kind}"
    columns = "file_row_number, round, prompt, chosen, rejected, chosen_id, rejected_id"
    columns += ", score_chosen, score_rejected"
    texts = (
        f"SELECT 'pairs' AS in_table, NULL AS detail, {columns} FROM pairs UNION ALL "
        f"SELECT 'dropped', detail, {columns} FROM dropped"
    )
    tables.run(
        f"COPY (SELECT {AS_TEXT if kind == 'csv' else COLUMNS} FROM (SELECT * FROM listed WHERE "
        f"{where}) AS l JOIN ({texts}) AS t USING (in_table, file_row_number) ORDER BY "
        f"{given.order()}) TO {quoted(name)} ({options})",
        values,
    )
    return FileResponse(
        name,
        media_type=media,
        filename=f"{site.run_dir.name}-round-{number}.{kind}",
        background=BackgroundTask(Path(name).unlink, missing_ok=True),
    )
