"""Tables keep their schema and are never half written."""

import gc
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import candidate_row, prompt_row

from rounds import tables
from rounds.files import replace_folder, write_atomically
from rounds.rows import Prompt
from rounds.schema import TABLES, arrow_schema, deterministic
from rounds.tables import (
    iter_batches,
    iter_rows,
    read_rows,
    replace_splits,
    rows_hash,
    table_path,
    write_rows,
)


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


def test_the_footer_of_a_file_that_was_read_does_not_wait_for_a_collection(tmp_path: Path):
    write_rows(tmp_path, "candidates", [candidate_row(prompt_row(), "an answer")])
    gc.collect()
    gc.disable()
    try:
        assert read_rows(tmp_path, "candidates", ["train"])
        assert not [one for one in gc.get_objects() if isinstance(one, pq.FileMetaData)]
    finally:
        gc.enable()


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


@pytest.fixture
def two_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 2)


def test_rows_reach_the_disk_as_they_come(tmp_path: Path, two_rows_at_once):
    rows = [prompt_row(f"question {number}") for number in range(5)]
    there: list[int] = []

    def coming() -> Iterator[Prompt]:
        for row in rows:
            there.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            assert not table_path(tmp_path, "prompts").exists()
            yield row

    write_rows(tmp_path, "prompts", coming())
    assert there[0] == there[1] < there[2] == there[3] < there[4]
    assert read_rows(tmp_path, "prompts") == rows
    assert pq.read_metadata(table_path(tmp_path, "prompts")).num_row_groups == 3


def test_a_source_of_rows_that_fails_leaves_the_old_table_and_no_other_file(
    tmp_path: Path, two_rows_at_once
):
    old = [prompt_row("old", "gate"), prompt_row("old")]
    write_rows(tmp_path, "prompts", old)

    def failing() -> Iterator[Prompt]:
        yield from (prompt_row(f"new {number}") for number in range(5))
        raise RuntimeError("the judge is gone")

    for write in (
        lambda: write_rows(tmp_path, "prompts", failing()),
        lambda: replace_splits(tmp_path, "prompts", ["train"], failing()),
    ):
        with pytest.raises(RuntimeError, match="the judge is gone"):
            write()
        assert read_rows(tmp_path, "prompts") == old
        assert list(tmp_path.iterdir()) == [table_path(tmp_path, "prompts")]


def test_rows_of_a_split_may_be_made_from_the_table_that_they_go_into(
    tmp_path: Path, two_rows_at_once
):
    old = [prompt_row(f"{split} {i}", split) for split in ("train", "gate") for i in range(5)]
    write_rows(tmp_path, "prompts", old)
    again = (row | {"source": "again"} for row in iter_rows(tmp_path, "prompts", ["train"]))
    replace_splits(tmp_path, "prompts", ["train"], again)
    assert read_rows(tmp_path, "prompts") == old[5:] + [
        row | {"source": "again"} for row in old[:5]
    ]


def test_reading_holds_a_few_rows_however_many_there_are(tmp_path: Path, two_rows_at_once):
    texts = (random.Random(1).randbytes(50_000).hex() for _ in range(60))  # nothing to compress
    write_rows(tmp_path, "candidates", (candidate_row(prompt_row(), text) for text in texts))
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in iter_rows(tmp_path, "candidates")]
    assert len(held) == 60 and max(held) < 10 * 100_000


def test_rows_and_copied_batches_stand_in_the_order_they_came(tmp_path: Path):
    first, second, third = (prompt_row(text) for text in ("first", "second", "third"))
    write_rows(tmp_path / "other", "prompts", [second])
    (batch,) = iter_batches(table_path(tmp_path / "other", "prompts"), "prompts")
    with tables.table_writer(table_path(tmp_path, "prompts"), "prompts") as writer:
        writer.write_rows([first])
        writer.write_batch(batch)
        writer.write_rows([third])
    assert read_rows(tmp_path, "prompts") == [first, second, third]


def test_what_replace_splits_keeps_of_an_older_table_gets_the_younger_columns(tmp_path: Path):
    rows = [candidate_row(prompt_row(split, split), "x") for split in ("train", "gate")]
    write_rows(tmp_path, "candidates", rows)
    path = table_path(tmp_path, "candidates")
    pq.write_table(pq.read_table(path).drop_columns(["source", "revised_from"]), path)
    replace_splits(tmp_path, "candidates", ["gate"], rows[1:])
    assert read_rows(tmp_path, "candidates") == [rows[0] | {"source": None}, rows[1]]
    assert pq.read_schema(path) == arrow_schema("candidates")


def test_columns_that_are_asked_for_come_in_the_order_of_the_schema(tmp_path: Path):
    write_rows(tmp_path, "prompts", [prompt_row(split, split) for split in ("train", "gate")])
    rows = list(iter_rows(tmp_path, "prompts", ["gate"], ["source", "prompt_id"]))
    assert rows == [{"prompt_id": prompt_row("gate")["prompt_id"], "source": "here:1"}]
    assert list(rows[0]) == ["prompt_id", "source"]


def test_rows_hash_sees_what_rows_say_and_not_what_may_vary():
    row = candidate_row(prompt_row(), "x")
    assert rows_hash("candidates", [row]) == rows_hash("candidates", [{**row, "logprob": -9.0}])
    assert rows_hash("candidates", [row]) != rows_hash("candidates", [{**row, "text": "y"}])
    assert "logprob" not in deterministic("candidates")
    said = ["candidate_id", "text"]
    other = {**row, "token_ids": [3], "logprob": -9.0}
    assert rows_hash("candidates", [row], said) == rows_hash("candidates", [other], said)
    assert rows_hash("candidates", [row], said) != rows_hash(
        "candidates", [{**row, "text": "y"}], said
    )


def test_replace_folder_puts_the_new_one_in_place_of_the_old(tmp_path: Path):
    new, target = tmp_path / "new", tmp_path / "target"
    for folder, name in ((new, "a"), (target, "b")):
        folder.mkdir()
        (folder / name).touch()
    replace_folder(new, target)
    assert [path.name for path in target.iterdir()] == ["a"]
    assert not new.exists()


def test_row_groups_of_other_splits_are_not_read(tmp_path: Path, two_rows_at_once, monkeypatch):
    rows = [prompt_row(f"{place}", split) for place, split in enumerate(["train"] * 4 + ["gate"])]
    rows += [prompt_row("5", "test"), prompt_row("6", "train")]
    write_rows(tmp_path, "prompts", rows)
    read: list[int] = []
    whole = pq.ParquetFile.iter_batches

    def counted(file, size, groups, **given):
        read.extend(groups)
        return whole(file, size, groups, **given)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counted)
    assert read_rows(tmp_path, "prompts", ["gate"]) == [rows[4]]
    assert read == [2]
    assert read_rows(tmp_path, "prompts", ["train"]) == [*rows[:4], rows[6]]
    assert read == [2, 0, 1, 3], "gate and test lie on one side of train"
    assert read_rows(tmp_path, "prompts") == rows
