"""A run, or one round of it, as one file that opens anywhere; its plots as files for the card."""

from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment

from rounds.card import PLOTS, write_card
from rounds.errors import UserError
from rounds.files import write_text
from rounds.folder import round_dir, round_folders, round_number, run_of
from rounds.scratch import scratch
from viewer.filters import PairFilter
from viewer.pairs_view import found, with_texts
from viewer.people import agreement, labels_of
from viewer.plots import in_fixed_colours
from viewer.round_view import round_facts, round_plots
from viewer.run_view import lineage, metric_names, round_line, run_plots
from viewer.site import round_files, round_state_lines
from viewer.tables import RoundTables, open_listed
from viewer.templating import HERE, environment

EXAMPLES = {"widest margin": "-margin", "smallest margin": "margin"}
"""Kept pairs that a report shows, by the order whose first they are."""
OF_EACH = 5
DROPPED = 8

REPORT = "report.html"


def report(run_dir: Path, number: int | None = None) -> str:
    """A page of everything known of a run, or of one round: nothing in it is loaded from elsewhere.

    Raises UserError for a round that is not there.
    """
    folders = round_folders(run_dir)
    if number is not None:
        folders = [folder for folder in folders if folder == round_dir(run_dir, number)]
        if not folders:
            raise UserError(f"{run_dir}: round {number} is not there")
    files = [round_files(folder) for folder in folders]
    with scratch("report") as work:
        rounds = [_round(folder, work) for folder in folders]
        people = _people(run_dir, folders, work)
    return (
        _templates(run_dir)
        .get_template("report.html")
        .render(
            number=number,
            lines_of_rounds=[round_line(each) for each in files],
            metric_names=metric_names(files),
            lineage=lineage(run_dir, files) if number is None else [],
            run_plots=run_plots(files) if number is None else {},
            rounds=rounds,
            people=people,
        )
    )


def leave_report(folder: Path) -> Path:
    """Write the report of a finished round into its folder, the plots of its run into the run's,
    and the card that shows them; returns the report's path.
    """
    run_dir, path = run_of(folder), folder / REPORT
    write_text(path, report(run_dir, round_number(folder)))
    files = [round_files(folder) for folder in round_folders(run_dir)]
    for name, drawn in run_plots(files).items():
        write_text(run_dir / PLOTS / f"{name}.svg", in_fixed_colours(drawn))
    write_card(run_dir)
    return path


def _round(folder: Path, work: Path) -> dict[str, Any]:
    """What the report says of one round."""
    files, tables = round_files(folder), open_listed(folder, work)
    under_way = None
    if files.manifest is None and not files.faults:
        under_way = round_state_lines(folder)
    return {
        "number": files.number,
        "found": [*files.faults, *tables.faults.values()],
        "under_way": under_way,
        "plots": round_plots(tables, files.metrics or {}),
        "examples": {
            name: _some(tables, PairFilter("kept", sort=sort), OF_EACH)
            for name, sort in EXAMPLES.items()
        }
        | {"dropped": _some(tables, PairFilter("dropped"), DROPPED)},
        **round_facts(folder, files, tables),
    }


def _people(run_dir: Path, folders: list[Path], scratch: Path) -> dict[str, Any]:
    """What the labels of each file say of the judge, where they say something."""
    said = {}
    for name, labels in labels_of(run_dir).items():
        with suppress(duckdb.Error):  # a damaged table is named with its round
            said[name] = agreement(lambda folder: RoundTables(folder, scratch), folders, labels)
    return {name: found for name, found in said.items() if found and found["n"]}


def _some(tables: RoundTables, given: PairFilter, count: int) -> list[dict[str, Any]]:
    return with_texts(tables, found(tables, given, 1)[:count])


def _templates(run_dir: Path) -> Environment:
    """The templates without a session: addresses lead nowhere, style stands in the page."""
    templates = environment(run_dir.name, "")
    style = (HERE / "static" / "style.css").read_text()
    icon = b64encode((HERE / "static" / "icon.svg").read_bytes()).decode()
    templates.globals.update(style=style, icon=f"data:image/svg+xml;base64,{icon}")
    return templates
