"""The rows of a table prompt by prompt, whatever their order on disk."""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import candidate_row, prompt_row
from hypothesis import given, settings
from hypothesis import strategies as st

from rounds import grouped as module
from rounds import tables
from rounds.grouped import grouped
from rounds.rows import Candidate
from rounds.tables import by_prompt, iter_batches, table_path, write_rows

pytestmark = pytest.mark.long

PROMPTS = [prompt_row(f"question {number}") for number in range(12)]
IDS = [row["prompt_id"] for row in PROMPTS]


def answers(*places: int) -> list[Candidate]:
    """A candidate for each place among the prompts, numbered in this order."""
    return [
        candidate_row(PROMPTS[place], f"answer {index}", index)
        for index, place in enumerate(places)
    ]


def written(folder: Path, *places: int) -> list[Candidate]:
    rows = answers(*places)
    write_rows(folder, "candidates", rows)
    return rows


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of three rows, and six in memory, so that small tables meet every border."""
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 6)


@pytest.mark.parametrize(
    "places",
    [
        (0, 0, 1, 1, 2, 2, 3, 3),
        (3, 3, 2, 2, 1, 1, 0, 0),
        (0, 1, 2, 3, 0, 1, 2, 3),
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 0),
        (5, 11),
        (11,),
        (),
    ],
    ids=["in order", "turned", "two samplers", "one of many", "gaps", "the last", "empty"],
)
def test_each_prompt_has_its_rows_in_the_order_of_the_table(tmp_path: Path, places):
    rows = written(tmp_path, *places)
    expected = [by_prompt(rows).get(name, []) for name in IDS]
    assert list(grouped(tmp_path, "candidates", IDS)) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 11), max_size=40), st.sets(st.integers(0, 11)))
def test_any_order_and_any_choice_of_prompts_gives_the_same_groups(tmp_path_factory, places, left):
    folder = tmp_path_factory.mktemp("round")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROWS_AT_ONCE", 3)
        patch.setattr(module, "ROWS_AT_ONCE", 6)
        rows = by_prompt(written(folder, *places))
        wanted = [name for place, name in enumerate(IDS) if place not in left]
        assert list(grouped(folder, "candidates", wanted)) == [rows.get(n, []) for n in wanted]


def test_a_table_that_is_not_there_gives_every_prompt_no_rows(tmp_path: Path):
    assert list(grouped(tmp_path, "candidates", IDS)) == [[] for _ in IDS]


def test_without_prompts_there_are_no_groups(tmp_path: Path):
    written(tmp_path, 0, 1)
    assert list(grouped(tmp_path, "candidates", [])) == []


def test_a_prompt_that_is_named_twice_is_refused(tmp_path: Path):
    written(tmp_path, 0, 1)
    with pytest.raises(ValueError, match="candidates: .* named once"):
        list(grouped(tmp_path, "candidates", [*IDS, IDS[0]]))


def test_splits_and_columns_are_those_that_are_asked_for(tmp_path: Path):
    gate = candidate_row(PROMPTS[0] | {"split": "gate"}, "held out", 9)
    write_rows(tmp_path, "candidates", [*answers(1, 0), gate])
    first, second, *_ = grouped(tmp_path, "candidates", IDS, ["train"], ["prompt_id", "index"])
    assert first == [{"prompt_id": IDS[0], "index": 1}]
    assert second == [{"prompt_id": IDS[1], "index": 0}]


def test_a_column_that_is_younger_than_the_table_is_null(tmp_path: Path):
    rows = written(tmp_path, 1, 0, 1)
    path = table_path(tmp_path, "candidates")
    pq.write_table(pq.read_table(path).drop_columns(["source"]), path)
    first, second, *_ = grouped(tmp_path, "candidates", IDS)
    older = [row | {"source": None} for row in rows]
    assert first == [older[1]] and second == [older[0], older[2]]


def test_a_table_in_stretches_is_read_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path, *range(12), *range(12))
    read: list[int] = []

    def counted(*given):
        for batch in iter_batches(*given):
            read.append(batch.num_rows if "text" in batch.schema.names else 0)
            yield batch

    monkeypatch.setattr(module, "iter_batches", counted)
    assert [len(rows) for rows in grouped(tmp_path, "candidates", IDS)] == [2] * 12
    assert sum(read) == 24
    read.clear()
    assert len(list(grouped(tmp_path, "candidates", IDS[3:4]))) == 1
    assert sum(read) == 6, "row groups without a row that is wanted are not read"


def test_a_table_in_no_order_is_read_once_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each row group holds rows of every range of prompts, of which there are eight."""
    rows = written(tmp_path, *(place * 5 % 12 for place in range(48)))
    read: list[int] = []

    def counted(*given):
        for batch in iter_batches(*given):
            read.append(batch.num_rows if "text" in batch.schema.names else 0)
            yield batch

    monkeypatch.setattr(module, "iter_batches", counted)
    monkeypatch.setenv("TMPDIR", str(scratch := tmp_path / "scratch"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    scratch.mkdir()
    found = grouped(tmp_path, "candidates", IDS)
    assert [next(found), *found] == [by_prompt(rows)[name] for name in IDS]
    assert sum(read) == 48
    assert not list(scratch.iterdir()), "what it was dealt out into is gone"
    found = grouped(tmp_path, "candidates", IDS)
    assert next(found) and list(scratch.iterdir())
    found.close()
    assert not list(scratch.iterdir()), "also where nobody reads on"
