"""Tables keep their schema and are never half written."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import candidate_row, prompt_row

from rounds.files import replace_folder, write_atomically
from rounds.schema import TABLES, arrow_schema, deterministic
from rounds.tables import read_rows, replace_splits, rows_hash, table_path, write_rows


def test_rows_come_back_as_they_were_written(tmp_path: Path):
    row = candidate_row(prompt_row(), "an answer\nwith <|odd|> text \U0001f600")
    write_rows(tmp_path, "candidates", [row])
    assert read_rows(tmp_path, "candidates") == [row]
    assert pq.read_schema(table_path(tmp_path, "candidates")) == arrow_schema("candidates")


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_still_has_its_schema(tmp_path: Path, table: str):
    write_rows(tmp_path, table, [])
    assert pq.read_schema(table_path(tmp_path, table)) == arrow_schema(table)
    assert read_rows(tmp_path, table) == []
    if "split" in arrow_schema(table).names:
        assert read_rows(tmp_path, table, ["train"]) == []


def test_a_table_that_is_not_there_has_no_rows(tmp_path: Path):
    assert read_rows(tmp_path, "pairs") == []


@pytest.mark.parametrize(
    "change", [{"extra": 1}, {"text": None, "texts": "x"}], ids=["added", "misspelt"]
)
def test_an_unknown_column_is_refused_by_name(tmp_path: Path, change: dict):
    row = {**candidate_row(prompt_row(), "x"), **change}
    with pytest.raises(ValueError, match=r"candidates: row and schema differ in (extra|texts)"):
        write_rows(tmp_path, "candidates", [row])


def test_a_missing_column_is_refused_by_name(tmp_path: Path):
    row = prompt_row()
    del row["source"]
    with pytest.raises(ValueError, match="prompts: row and schema differ in source"):
        write_rows(tmp_path, "prompts", [row])


def test_a_value_of_the_wrong_type_leaves_the_old_table(tmp_path: Path):
    good = candidate_row(prompt_row(), "x")
    write_rows(tmp_path, "candidates", [good])
    with pytest.raises(Exception, match="int"):
        write_rows(tmp_path, "candidates", [{**good, "index": "first"}])
    assert read_rows(tmp_path, "candidates") == [good]


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path: Path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_the_new_file_before_it_is_whole(tmp_path: Path):
    path = tmp_path / "deep" / "file.txt"

    def write(temporary: Path) -> None:
        temporary.write_text("new")
        assert not path.exists()

    write_atomically(path, write)
    assert path.read_text() == "new"


def test_replace_splits_leaves_the_other_splits_alone(tmp_path: Path):
    old = [prompt_row(f"{split} {i}", split) for split in ("train", "gate", "test") for i in "12"]
    write_rows(tmp_path, "prompts", old)
    new = [prompt_row("another", "gate")]
    replace_splits(tmp_path, "prompts", ["gate", "test"], new)
    assert read_rows(tmp_path, "prompts") == [*old[:2], *new]
    assert read_rows(tmp_path, "prompts", ["gate"]) == new


def test_replace_splits_writes_a_table_that_was_not_there(tmp_path: Path):
    replace_splits(tmp_path, "prompts", ["train"], [prompt_row()])
    assert read_rows(tmp_path, "prompts") == [prompt_row()]


def test_rows_hash_sees_what_rows_say_and_not_what_may_vary():
    row = candidate_row(prompt_row(), "x")
    assert rows_hash("candidates", [row]) == rows_hash("candidates", [{**row, "logprob": -9.0}])
    assert rows_hash("candidates", [row]) != rows_hash("candidates", [{**row, "text": "y"}])
    assert "logprob" not in deterministic("candidates")


def test_replace_folder_puts_the_new_one_in_place_of_the_old(tmp_path: Path):
    new, target = tmp_path / "new", tmp_path / "target"
    for folder, name in ((new, "a"), (target, "b")):
        folder.mkdir()
        (folder / name).touch()
    replace_folder(new, target)
    assert [path.name for path in target.iterdir()] == ["a"]
    assert not new.exists()
