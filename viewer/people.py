"""What people's labels say of the judge, for the page on which they label and for the report."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rounds.agreement import judge_and_people
from rounds.errors import UserError
from rounds.folder import round_number
from rounds.label_row import Label
from rounds.labels import read_labels, standing_labels
from rounds.people import opinions
from rounds.rows import Verdict
from rounds.verdicts import CandidateIds, comparisons
from viewer.tables import RoundTables

Opened = Callable[[Path], RoundTables]
"""The open tables of a round's folder."""


def agreement(
    opened: Opened, folders: Iterable[Path], labels: list[Label]
) -> dict[str, Any] | None:
    """How far the judge agrees with the labels of these rounds; None without one."""
    compared: dict[CandidateIds, list[Verdict]] = {}
    numbers = {round_number(folder): folder for folder in folders}
    of_rounds = [label for label in labels if label["round"] in numbers]
    for number in sorted({label["round"] for label in of_rounds}):
        ids = sorted({label["prompt_id"] for label in of_rounds if label["round"] == number})
        marks = ", ".join("?" * len(ids))
        rows = opened(numbers[number]).rows(
            f"SELECT * FROM verdicts WHERE prompt_id IN ({marks}) ORDER BY file_row_number", ids
        )
        compared |= comparisons(rows)  # type: ignore[arg-type]
    return judge_and_people(compared, opinions(of_rounds)) if of_rounds else None


def labels_of(run_dir: Path) -> dict[str, list[Label]]:
    """All labels of a run by the name of their file; of one that cannot be read, none."""
    found = {}
    for path in sorted((run_dir / "labels").glob("*.jsonl")):
        try:
            found[path.stem] = read_labels(path).labels
        except (UserError, OSError):  # the page that labels says what is wrong with it
            found[path.stem] = []
    return found


def said_of_prompt(run_dir: Path, prompt_id: str) -> list[Label]:
    """What people say of a prompt's answers, in all the labels of the run."""
    return [
        label
        for labels in labels_of(run_dir).values()
        for label in standing_labels(labels)
        if label["prompt_id"] == prompt_id
    ]
