"""Rows that stand twice, and rows of prompts that are nowhere or of two splits."""

from pathlib import Path

from builders import candidate_row, finished, prompt_row

from rounds.check_files import check_tables
from rounds.check_rows import check_belonging
from rounds.checks import Looked
from rounds.files import read_json
from rounds.rows import CANDIDATES, PROMPTS
from rounds.tables import write_rows

ONE, TWO = prompt_row("one"), prompt_row("two", "gate")
ANSWER = candidate_row(ONE, "yes")


def looked(run_dir: Path, check, *given: object) -> list[tuple[str, str | None, str]]:
    found = Looked()
    check(found, run_dir / "rounds/0001", *given)
    assert found.n_faults == len(found.faults)
    return [(fault.table, fault.row, fault.what) for fault in found.faults]


def test_a_row_that_stands_twice_is_named_each_time_but_the_first(run_dir: Path):
    folder = finished(run_dir)
    facts = read_json(folder / "manifest.json")
    facts["counts"]["candidates"] = 4
    write_rows(folder, CANDIDATES, [ANSWER, candidate_row(ONE, "no", 1), ANSWER, ANSWER])
    wrong = ("candidates.parquet", ANSWER["candidate_id"], "stands there twice")
    assert looked(run_dir, check_tables, facts) == [wrong, wrong]
    write_rows(folder, CANDIDATES, [candidate_row(ONE, "no", index) for index in range(4)])
    assert looked(run_dir, check_tables, facts) == []


def test_a_prompt_of_two_splits_and_a_row_of_no_prompt_are_named(run_dir: Path):
    first, second = finished(run_dir, 1), finished(run_dir, 2)
    write_rows(first, PROMPTS, [ONE, TWO])
    stray = candidate_row(prompt_row("nowhere"), "x")
    write_rows(first, CANDIDATES, [ANSWER, candidate_row(TWO, "z"), stray])
    write_rows(second, PROMPTS, [ONE | {"split": "test"}, TWO])
    for folder in (first, second):
        write_rows(folder, "verdicts", [])
    found = looked(run_dir, check_belonging)
    assert [(table, row) for table, row, _ in found] == [
        ("prompts", ONE["prompt_id"]),
        ("candidates", stray["candidate_id"]),
    ]
    assert found[0][2] == "is of split test in round 2 and of train elsewhere"
