"""No prompt is dealt twice, and held-out prompts are never dealt at all."""

import json
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from builders import begun
from hypothesis import given, settings
from hypothesis import strategies as st

from rounds.errors import UserError
from rounds.files import write_json
from rounds.tables import read_rows
from sampler.deal import deal, read_source
from sampler.prompt_config import PromptsConfig


def prompts_file(path: Path, texts: list[str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    return str(path)


def ids(rows: list[dict]) -> list[str]:
    return [row["prompt_id"] for row in rows]


def dealt(run_dir: Path, number: int, config: PromptsConfig) -> dict[str, list[str]]:
    """Deal a round and finish it; the texts of each split."""
    folder = begun(run_dir, number)
    deal(folder, config)
    write_json(folder / "manifest.json", {})
    found: dict[str, list[str]] = {"train": [], "gate": [], "test": []}
    for row in read_rows(folder, "prompts"):
        found[row["split"]].append(row["messages"][0]["content"])
    return found


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"question {i}" for i in range(start, start + count)]


NUMBERS = st.integers(0, 40)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(NUMBERS, min_size=1, max_size=40),
    gate=st.one_of(st.integers(0, 5), st.lists(NUMBERS, min_size=1, max_size=8)),
    test=st.one_of(st.integers(0, 5), st.lists(NUMBERS, min_size=1, max_size=8)),
    per_round=st.integers(1, 15),
)
def test_train_gate_and_test_never_share_a_prompt_in_any_round(lines, gate, test, per_round):
    with tempfile.TemporaryDirectory() as there:
        run_dir = Path(there) / "run"
        given_files = {
            name: value
            if isinstance(value, int)
            else prompts_file(Path(there) / f"{name}.jsonl", [f"q{i}" for i in value])
            for name, value in (("train", lines), ("gate", gate), ("test", test))
        }
        config = PromptsConfig(**given_files, per_round=per_round)
        rounds, ended = [], ""
        while not ended:
            try:
                rounds.append(dealt(run_dir, len(rounds) + 1, config))
            except UserError as error:
                ended = str(error)
        assert "used up" in ended or (not rounds and ("to train on" in ended))
        trained = [text for each in rounds for text in each["train"]]
        assert len(trained) == len(set(trained))
        for each in rounds:
            assert each["gate"] == rounds[0]["gate"] and each["test"] == rounds[0]["test"]
            assert not set(each["gate"]) & set(each["test"])
            assert not set(trained) & {*each["gate"], *each["test"]}
        if rounds:  # and every prompt of the files came to stand in some round
            held = {*rounds[0]["gate"], *rounds[0]["test"]}
            assert {f"q{i}" for i in lines} <= {*trained, *held}


def test_rounds_take_the_next_prompts_in_the_order_of_the_file(run_dir: Path, tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", numbered(5))
    config = PromptsConfig(train=train, gate=0, test=0, per_round=2)
    found = [dealt(run_dir, number, config)["train"] for number in (1, 2, 3)]
    assert found == [numbered(2), numbered(2, 2), numbered(1, 4)]


def test_an_exhausted_source_says_where_to_add(run_dir: Path, tmp_path: Path):
    config = PromptsConfig(train=prompts_file(tmp_path / "t.jsonl", ["a"]), gate=0, test=0)
    dealt(run_dir, 1, config)
    with pytest.raises(UserError, match=r"prompts.train: all 1 prompts are used up .*t\.jsonl"):
        dealt(run_dir, 2, config)


def test_the_facts_tell_what_was_left_merged_and_left_out(run_dir: Path, tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", [*numbered(6), "question 0", "held"])
    gate = prompts_file(tmp_path / "g.jsonl", ["held", "held"])
    config = PromptsConfig(train=train, gate=gate, test=0, per_round=4)
    facts = deal(begun(run_dir), config)
    assert facts == {"train": 4, "left": 2, "merged": 2, "held_out_again": 1}


def test_a_round_dealt_again_is_the_same_round(run_dir: Path, tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", numbered(9))
    folder, config = begun(run_dir), PromptsConfig(train=train, gate=2, test=2, per_round=3)
    deal(folder, config)
    before = read_rows(folder, "prompts")
    deal(folder, config)
    assert read_rows(folder, "prompts") == before


def test_prompts_held_out_by_number_do_not_move_when_lines_move(tmp_path: Path):
    texts = numbered(50)
    first, second = (
        read_source(PromptsConfig(train=prompts_file(tmp_path / f"{i}.jsonl", t), gate=10, test=10))
        for i, t in enumerate((texts, texts[::-1]))
    )
    assert ids(first.gate) == ids(second.gate) and ids(first.test) == ids(second.test)
    assert len(first.gate) == len(first.test) == 10 and len(first.train) == 30


def test_an_added_line_moves_at_most_one_prompt_of_each_split(tmp_path: Path):
    splits = []
    for count in range(50, 60):
        train = prompts_file(tmp_path / "t.jsonl", numbered(count))
        source = read_source(PromptsConfig(train=train, gate=10, test=10))
        splits.append((set(ids(source.gate)), set(ids(source.test))))
    for before, after in pairwise(splits):
        assert len(after[1] - before[1]) <= 1
        assert len(after[0] - before[0]) <= 2  # one of its own, and one that test let go


def test_within_a_run_held_out_prompts_stay_when_lines_are_added(run_dir: Path, tmp_path: Path):
    path = tmp_path / "t.jsonl"
    config = PromptsConfig(train=prompts_file(path, numbered(30)), gate=5, test=5, per_round=10)
    first = dealt(run_dir, 1, config)
    prompts_file(path, numbered(90))
    later = [dealt(run_dir, number, config) for number in (2, 3, 4)]
    for each in later:
        assert (each["gate"], each["test"]) == (first["gate"], first["test"])
        assert not {*each["train"]} & {*first["train"], *first["gate"], *first["test"]}


def test_a_prompt_of_two_files_belongs_to_test_then_gate(tmp_path: Path):
    files = {
        name: prompts_file(tmp_path / f"{name}.jsonl", texts)
        for name, texts in {"train": "abc", "gate": "bd", "test": "cd"}.items()
    }
    source = read_source(PromptsConfig(**files))
    texts = [[row["messages"][0]["content"] for row in rows] for rows in source[:3]]
    assert texts == [["a"], ["b"], ["c", "d"]] and source.held_out_again == 2


@pytest.mark.parametrize("held", [{"gate": 3, "test": 0}, {"gate": 2, "test": 1}])
def test_holding_out_everything_leaves_nothing_to_train_on(tmp_path: Path, held: dict):
    train = prompts_file(tmp_path / "t.jsonl", ["a", "b", "c"])
    with pytest.raises(UserError, match=r"prompts.gate: \d held out of \d prompts leaves none"):
        read_source(PromptsConfig(train=train, **held))


def test_a_train_file_inside_the_gate_file_is_refused(tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", ["a", "b"])
    with pytest.raises(UserError, match="every prompt is a gate or test prompt"):
        read_source(PromptsConfig(train=train, gate=train, test=0))


@pytest.mark.parametrize("split", ["gate", "test"])
def test_a_negative_number_cannot_be_held_out(split: str):
    with pytest.raises(ValueError, match="cannot be negative"):
        PromptsConfig(train="x", **{split: -1})
