"""The pairs of finished rounds as a data set of their own, in a format that others read."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from preferences.export_folder import staged
from preferences.preference import RawRow
from preferences.write import (
    TRL,
    ULTRAFEEDBACK,
    json_line,
    openai_fault,
    openai_row,
    trl_row,
    ultrafeedback_row,
)
from rounds.card import export_card
from rounds.errors import UserError
from rounds.folder import read_manifest, round_number, run_of
from rounds.rows import PAIRS, Pair
from rounds.schema import Column
from rounds.stages import Progress, silent
from rounds.tables import ROWS_AT_ONCE, iter_rows, table_path


class Format(NamedTuple):
    """How a pair is written. Without columns it is a JSON line, and all rounds make one file."""

    row: Callable[[Pair], RawRow]
    columns: list[Column]
    description: str


FORMATS = {
    "trl": Format(trl_row, TRL, "in TRL's conversational preference format"),
    "openai": Format(
        openai_row, [], "in OpenAI's preference format: one JSON object a line of train.jsonl"
    ),
    "ultrafeedback": Format(
        ultrafeedback_row, ULTRAFEEDBACK, "in the columns of UltraFeedback-binarized"
    ),
}


class Exported(NamedTuple):
    """What an export holds: pairs, its files, and the rounds that had no pair to give."""

    pairs: int
    files: list[str]
    empty: list[int]


def export(
    rounds: list[Path],
    format_name: str,
    target: Path,
    exported_by: str,
    progress: Progress = silent,
) -> Exported:
    """Write the pairs of round folders to the folder `target`, in one of FORMATS.

    One parquet file a round, each a split, or one JSONL file, and a card. A folder that an export
    left is replaced once the new one is whole. Rows pass in a stream: some thousand are in memory.
    Raises UserError where the target holds anything else, no round has a pair, or a row breaks the
    rules of the format; the target is then as it was.
    """
    as_format = FORMATS[format_name]
    sizes = {folder: pq.read_metadata(table_path(folder, "pairs")).num_rows for folder in rounds}
    full = [folder for folder in rounds if sizes[folder]]  # `datasets` loads no empty table
    if not full:
        numbers = ", ".join(str(round_number(folder)) for folder in rounds)
        raise UserError(f"{run_of(rounds[0])}: no pair was kept in round {numbers}")
    total, done = sum(sizes.values()), 0

    def rows(folder: Path) -> Iterator[RawRow]:
        nonlocal done
        for pair in iter_rows(folder, PAIRS):
            yield as_format.row(pair)
            done += 1
            if done % ROWS_AT_ONCE == 0 or done == total:
                progress(done, total)

    with staged(target) as inside:
        if as_format.columns:
            splits = [f"round_{folder.name}" for folder in full]
            files = [(split, f"data/{split}.parquet") for split in splits]
            for folder, (_, name) in zip(full, files, strict=True):
                _write_parquet(inside / name, as_format.columns, rows(folder))
        else:
            files = [("train", "train.jsonl")]
            _write_lines(inside / "train.jsonl", ((folder, rows(folder)) for folder in full))
        facts = [read_manifest(folder) or {} for folder in rounds]
        name = run_of(rounds[0]).name
        intro = (
            f"# {name}\n\nPreference pairs {as_format.description}.\n\n"
            "They were made by a closed loop: each round the policy in place answered prompts, "
            "a judge\ncompared the answers in both orders, and what it confirmed became pairs. "
            "Made with prefloop."
        )
        card = export_card(intro, files, facts, as_format.columns, exported_by)
        (inside / "README.md").write_text(card, encoding="utf-8")
    return Exported(
        total,
        [name for _, name in files],
        [round_number(folder) for folder in rounds if folder not in full],
    )


def _write_parquet(path: Path, columns: list[Column], rows: Iterator[RawRow]) -> None:
    path.parent.mkdir(exist_ok=True)
    schema = pa.schema([(column.name, column.type) for column in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))


def _write_lines(path: Path, rounds: Iterable[tuple[Path, Iterator[RawRow]]]) -> None:
    """JSON lines. Raises UserError for the first row that OpenAI would not take."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for folder, rows in rounds:
            for number, row in enumerate(rows, 1):
                if fault := openai_fault(row):
                    raise UserError(f"{table_path(folder, 'pairs')}, row {number}: {fault}")
                file.write(json_line(row))
