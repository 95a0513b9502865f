"""A run folder is a Hugging Face dataset: every table of every round loads."""

from pathlib import Path

import pytest
from builders import REFUSED, begun, finished, prompt_row, stamped
from datasets import load_dataset

from rounds.finish import finish_round
from rounds.schema import TABLES


@pytest.mark.parametrize("table", TABLES)
def test_the_card_makes_every_table_of_every_round_a_dataset(run_dir: Path, tmp_path: Path, table):
    for number in (1, 2):
        finished(run_dir, number)
    cache = str(tmp_path / "cache")
    rows = load_dataset(str(run_dir), table, split="round_0002", cache_dir=cache)
    assert rows.column_names == [column.name for column in TABLES[table]]
    counts = {"prompts": 2, "candidates": 6, "verdicts": 4, "pairs": 1, "dropped": 1}
    assert len(rows) == counts[table]


def test_pairs_load_as_trl_wants_them(run_dir: Path, tmp_path: Path):
    finished(run_dir)
    rows = load_dataset(str(run_dir), split="round_0001", cache_dir=str(tmp_path / "cache"))
    assert rows[0]["prompt"] == [{"role": "user", "content": "kept 1"}]
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "good"}]


def test_a_round_without_a_pair_does_not_keep_the_others_from_loading(
    run_dir: Path, tmp_path: Path
):
    finished(run_dir, 1)
    folder = begun(run_dir, 2, **{table: [] for table in TABLES})
    stamped(folder)
    finish_round(folder, "name: demo\n", None, REFUSED)
    rows = load_dataset(str(run_dir), "pairs", split="round_0001", cache_dir=str(tmp_path / "c"))
    assert len(rows) == 1
    assert "Round 2: 0 candidates" in (run_dir / "README.md").read_text()


def test_a_run_without_any_pair_still_loads_its_other_tables(run_dir: Path, tmp_path: Path):
    folder = begun(run_dir, **{table: [] for table in TABLES} | {"prompts": [prompt_row()]})
    stamped(folder)
    finish_round(folder, "name: demo\n", None, REFUSED)
    rows = load_dataset(str(run_dir), "prompts", split="round_0001", cache_dir=str(tmp_path / "c"))
    assert len(rows) == 1
