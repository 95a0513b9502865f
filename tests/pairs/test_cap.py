"""The cap on a round's pairs, and the gap in tokens: every pair that goes keeps its row."""

import random
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, confirmed, prompt_row

import pairs.stage
from pairs.cap import beyond_cap
from pairs.config import YOUNG, PairsConfig
from pairs.stage import build_pairs
from rounds.files import write_json
from rounds.settings import as_begun
from rounds.tables import read_rows

NAMES = "oak elm ash fir yew bay fig sloe plum pear".split()


def round_of(
    run_dir: Path, number: int = 1, tokens: tuple[Any, ...] = (2,), count: int = 10
) -> Path:
    """So many pairs; the chosen answers have these tokens in turns, the rejected two each."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for place, name in enumerate(NAMES[:count]):
        prompt = prompt_row(f"What of {name}?")
        a, b = candidate_row(prompt, f"{name} is fine"), candidate_row(prompt, f"{name} not", 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a | {"n_tokens": tokens[place % len(tokens)]}, b]
        tables["verdicts"] += confirmed(a, b)
    return begun(run_dir, number, **tables)


def test_the_cap_keeps_so_many_in_any_order():
    ids = [f"pair {number}" for number in range(50)]
    gone = beyond_cap(ids, 20)
    assert len(gone) == 30 and gone < set(ids)
    assert beyond_cap(random.Random(0).sample(ids, 50), 20) == gone
    assert beyond_cap(ids, 21) < gone, "a larger cap keeps what a smaller one does"
    assert beyond_cap(ids, 50) == beyond_cap(ids, None) == beyond_cap([], 1) == set()


def test_what_the_cap_takes_keeps_its_row_and_is_no_part_of_the_index(run_dir: Path):
    folder = round_of(run_dir)
    facts = build_pairs(folder, PairsConfig(max_pairs=4))
    assert (facts["kept"], facts["dropped"]) == (4, {"max_pairs": 6})
    dropped = read_rows(folder, "dropped")
    assert len(read_rows(folder, "pairs")) == 4
    assert all(row["chosen_id"] and row["reason"] == "max_pairs" for row in dropped)
    write_json(folder / "manifest.json", {})
    again = build_pairs(round_of(run_dir, 2), PairsConfig())
    assert (again["kept"], again["dropped"]) == (6, {"duplicate": 4})


@pytest.mark.parametrize("number", [5, 10, 11])
def test_a_cap_that_is_not_reached_takes_nothing(run_dir: Path, number: int):
    facts = build_pairs(round_of(run_dir, count=5), PairsConfig(max_pairs=number))
    assert (facts["kept"], facts["dropped"]) == (5, {})


def test_a_gap_in_tokens_counts_both_ways_and_what_nobody_counted_stays(run_dir: Path):
    folder = round_of(run_dir, tokens=(102, 103, None, 0, 2))
    facts = build_pairs(folder, PairsConfig(max_length_gap=100))
    assert (facts["kept"], facts["dropped"]) == (8, {"length_gap": 2})
    assert {row["detail"] for row in read_rows(folder, "dropped")} == {"103 to 2 tokens"}
    facts = build_pairs(folder, PairsConfig(max_length_gap=1))
    assert facts["dropped"] == {"length_gap": 6}
    assert build_pairs(folder, PairsConfig())["dropped"] == {}


def test_pairs_that_were_made_before_a_key_was_known_are_not_made_again(run_dir: Path, monkeypatch):
    folder = round_of(run_dir)
    known = PairsConfig().model_dump()
    keys = []
    for tree in (known, {name: known[name] for name in known if name not in YOUNG}):
        with monkeypatch.context() as patch:
            patch.setattr(PairsConfig, "model_dump", lambda self, tree=tree: dict(tree))
            keys.append(pairs.stage._key(folder, PairsConfig()))
    assert keys[0] == keys[1]
    assert pairs.stage._key(folder, PairsConfig(max_pairs=9)) != keys[0]
    assert pairs.stage._key(folder, PairsConfig(max_length_gap=9)) != keys[0]


def test_keys_are_named_by_their_path_and_left_out_where_they_are_null():
    tree = {"a": 1, "b": None, "c": {"d": None, "e": 2}, "f": None}
    assert as_begun(tree, ("b", "c.d", "f.g", "x.y")) == {"a": 1, "c": {"e": 2}, "f": None}
    assert as_begun({"b": 3, "c": {"d": 0}}, ("b", "c.d")) == {"b": 3, "c": {"d": 0}}
