"""`prefloop show` reads what it shows: the rows of some prompts, whatever the size of a round."""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, confirmed, prompt_row, scored
from typer.testing import CliRunner

import rounds.show
from flows.cli import app
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.errors import UserError
from rounds.show import traced_pairs
from rounds.tables import read_rows, write_rows

PROMPTS = 12


@pytest.fixture
def folder(run_dir: Path) -> Path:
    """A round of some prompts; two in three kept a pair, the others cut it."""
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for number in range(PROMPTS):
        prompt = prompt_row(f"number {number}?")
        finish = "stop" if number % 3 else "length"
        a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1, finish=finish)
        rest = candidate_row(prompt, "other", 2)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b, rest]
        tables["verdicts"] += [*confirmed(a, b), scored(rest, 5)]
    folder = begun(run_dir, **tables)
    (run_dir / "run.yaml").write_text("name: demo\n")
    build_pairs(folder, PairsConfig())
    return folder


def test_each_row_is_shown_once_with_what_is_of_its_prompt(run_dir: Path, folder: Path):
    shown = {dropped: list(traced_pairs(run_dir, 1, dropped, None)) for dropped in (False, True)}
    assert {dropped: len(rows) for dropped, rows in shown.items()} == {False: 8, True: 4}
    for table, dropped in (("pairs", False), ("dropped", True)):
        assert [row["pair_id"] for row in shown[dropped]] == [
            row["pair_id"] for row in read_rows(folder, table)
        ]
        for row in shown[dropped]:
            rows = [*row["candidates"], *row["other_candidates"], *row["verdicts"]]
            assert {each["prompt_id"] for each in rows} == {row["prompt_id"]}
            assert [each["text"] for each in row["candidates"]] == ["good", "bad"]
            assert [each["text"] for each in row["other_candidates"]] == ["other"]
            assert [each["verdict_id"] for each in row["verdicts"]] == row["verdict_ids"]
            assert list(traced_pairs(run_dir, 1, False, row["pair_id"])) == [row]


def test_the_beginning_of_an_id_must_be_that_of_one_pair(run_dir: Path, folder: Path):
    ids = sorted(
        row["pair_id"] for table in ("pairs", "dropped") for row in read_rows(folder, table)
    )
    common: dict[str, list[str]] = {}
    for name in ids:
        common.setdefault(name[0], []).append(name)
    letter, several = next((key, names) for key, names in common.items() if len(names) > 1)
    for given in (several[0], several[0][:12]):
        (shown,) = traced_pairs(run_dir, 1, False, given)
        assert shown["pair_id"] == several[0]
    result = CliRunner().invoke(app, ["show", str(run_dir), "1", "--pair", letter])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] + "\n" == (
        f"error: --pair {letter}: {len(several)} pairs of this round begin so "
        f"({', '.join(several)}); give more of the id\n"
    )
    with pytest.raises(UserError, match="no pair zzz; ids are in"):
        list(traced_pairs(run_dir, 1, False, "zzz"))


def test_for_one_pair_only_the_rows_of_its_prompt_are_made(run_dir: Path, folder, monkeypatch):
    asked: list[list[str]] = []
    grouped = rounds.show.grouped

    def watched(folder: Path, table: str, ids: list[str], *splits: Any) -> Any:
        asked.append(ids)
        return grouped(folder, table, ids, *splits)

    monkeypatch.setattr(rounds.show, "grouped", watched)
    pair = read_rows(folder, "pairs")[3]
    assert len(list(traced_pairs(run_dir, 1, False, pair["pair_id"]))) == 1
    assert asked == [[pair["prompt_id"]]] * 4


def test_who_wrote_an_answer_is_said_where_it_was_not_the_policy_in_place(run_dir: Path):
    prompt = prompt_row("Q?")
    a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1) | {"source": "hot"}
    folder = begun(run_dir, prompts=[prompt], candidates=[a, b], verdicts=confirmed(a, b))
    (run_dir / "run.yaml").write_text("name: demo\n")
    build_pairs(folder, PairsConfig())
    said = CliRunner().invoke(app, ["show", str(run_dir), "1"]).output
    assert "chosen #0 good" in said and "rejected #1 hot: bad" in said


def test_nothing_to_show_is_no_error(run_dir: Path, folder: Path):
    write_rows(folder, "dropped", [])
    assert list(traced_pairs(run_dir, 1, True, None)) == []
    with pytest.raises(UserError, match="no pair zzz"):
        list(traced_pairs(run_dir, 1, True, "zzz"))
