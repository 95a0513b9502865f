"""What a round leaves in Prefect: a table and a markdown page, made from the round folder."""

from pathlib import Path

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from rounds.files import read_json
from rounds.folder import run_of
from rounds.report import round_lines
from rounds.rows import PAIRS
from rounds.tables import read_rows

EXAMPLES = 3


def publish(folder: Path, report: Path | None) -> None:
    """Publish a finished round. Keys name the run and stay, so that Prefect shows a history.

    `report` is its page, on the machine that ran the round; None where it could not be written.
    """
    run = run_of(folder).name
    lines = round_lines(read_json(folder / "metrics.json"))
    number = int(folder.name)
    create_table_artifact(
        [{"what": what, "value": value} for what, value in lines],
        key=artifact_key(run, "round"),
        description=f"Round {number} of {run}",
    )
    if report is not None:
        create_link_artifact(
            report.resolve().as_uri(),
            link_text=f"Report of round {number}",
            key=artifact_key(run, "report"),
            description=f"{report.resolve()}, on the machine that ran it",
        )
    create_markdown_artifact(
        _page(folder), key=artifact_key(run, "pairs"), description="Judged pairs"
    )


def artifact_key(run: str, what: str) -> str:
    """The key of one kind of artifact of a run: lowercase letters, digits and dashes."""
    plain = "".join(sign if sign.isalnum() else "-" for sign in run.lower()).strip("-")
    return f"prefloop-{plain}-{what}"


def _page(folder: Path) -> str:
    parts = [f"# {run_of(folder).name}, round {int(folder.name)}", f"`{folder}`"]
    for pair in read_rows(folder, PAIRS)[:EXAMPLES]:
        parts += [
            f"**Prompt** {pair['prompt'][-1]['content']}",
            f"**Chosen** {pair['chosen'][0]['content']}",
            f"**Rejected** {pair['rejected'][0]['content']}",
            "---",
        ]
    return "\n\n".join(parts)
