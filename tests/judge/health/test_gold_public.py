"""A gold set may be public preference data: every shape, and what people disagree on."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import user
from datasets import Dataset
from preference_samples import EXPECTED, OPTIONS, SAMPLES

from judge.health.gold import read_gold
from judge.health.gold_lines import GoldPair
from preferences.config import Data
from preferences.preference import Preference
from rounds.errors import UserError

KEY = "judge.gold.path"


def written(tmp_path: Path, *rows: Any) -> str:
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return str(path)


def better(pair: GoldPair) -> str | None:
    return {"a": pair.a, "b": pair.b}.get(pair.label)


@pytest.mark.parametrize("shape", SAMPLES)
def test_every_shape_is_a_gold_set(tmp_path: Path, shape: str):
    Dataset.from_list(SAMPLES[shape]).to_parquet(str(tmp_path / "gold.parquet"))
    for path in (written(tmp_path, *SAMPLES[shape]), str(tmp_path / "gold.parquet")):
        pairs = read_gold(Data(data=path, **OPTIONS.get(shape, {})), KEY)
        preferred = [row for row in EXPECTED[shape] if isinstance(row, Preference)]
        decided = [pair for pair in pairs if pair.label != "tie"]
        assert [better(pair) for pair in decided] == [row.chosen for row in preferred]
        assert [pair.prompt for pair in decided] == [row.prompt for row in preferred]
        assert len(pairs) - len(decided) == EXPECTED[shape].count("tie")


def test_a_tie_is_a_label_of_its_own(tmp_path: Path):
    *_, tie = read_gold(written(tmp_path, *SAMPLES["webgpt"]), KEY)
    assert tie.label == "tie" and {tie.a, tie.b} == {"4", "Four."}
    assert tie.prompt == user("What is 2 + 2?")


@pytest.mark.parametrize(
    ("choices", "label"), [([1, 1, 0], "b wins"), ([0, 1], "tie"), ([0], "a wins")]
)
def test_people_who_disagree_give_the_label_of_most_or_a_tie(tmp_path: Path, choices, label: str):
    row = SAMPLES["summarize_from_feedback"][0]
    (pair,) = read_gold(written(tmp_path, *[row | {"choice": choice} for choice in choices]), KEY)
    wins = {"It was blue.": "b wins", "It was green.": "a wins", None: "tie"}
    assert wins[better(pair)] == label


def test_a_limit_takes_the_same_pairs_whatever_the_order(tmp_path: Path):
    rows = [{"prompt": f"{number}?", "chosen": "yes", "rejected": "no"} for number in range(20)]
    some = read_gold(Data(data=written(tmp_path, *rows), limit=5), KEY)
    assert len(some) == 5
    assert read_gold(Data(data=written(tmp_path, *rows[::-1]), limit=5), KEY) == some


def test_a_row_that_is_malformed_is_named_or_left_out(tmp_path: Path):
    good, bad = SAMPLES["hh_rlhf"][0], {"chosen": "\n\nHuman: x", "rejected": "\n\nHuman: y"}
    path = written(tmp_path, good, bad)
    with pytest.raises(UserError, match=r"gold.jsonl, row 2: chosen does not end with"):
        read_gold(path, KEY)
    assert len(read_gold(Data(data=path, skip_malformed=True), KEY)) == 1
    own = written(tmp_path, {"prompt": "Q", "a": "x", "b": "y", "label": "a"}, {"prompt": "Q"})
    assert len(read_gold(Data(data=own, skip_malformed=True), KEY)) == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"prompt": [{**user("Q")[0], "images": ["sky.png"]}]}, "images is not empty"),
        ({"prompt": [{"role": "user", "content": [{"type": "image"}]}]}, "content is a list of"),
        ({"chosen": [{"role": "assistant", "content": "x", "tool_calls": [1]}]}, "chosen: tool_ca"),
        ({"tools": [{"name": "look"}]}, "tools is not empty, and prefloop trains on text alone"),
    ],
)
def test_a_pair_of_more_than_text_is_refused(tmp_path: Path, change: dict, fault: str):
    row = {"prompt": "Q", "chosen": "x", "rejected": "y"}
    with pytest.raises(UserError, match=f"gold.jsonl, line 2: {fault}"):
        read_gold(written(tmp_path, row, row | change), KEY)


def test_a_set_without_two_answers_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=rf"{KEY}: .* holds no pair of two answers"):
        read_gold(written(tmp_path, SAMPLES["eli5"][1]), KEY)


def test_what_is_of_no_known_shape_is_told_with_the_nearest(tmp_path: Path):
    with pytest.raises(UserError, match=rf"{KEY}: .* has the columns question, reply, and is"):
        read_gold(written(tmp_path, {"question": "Why?", "reply": "So."}), KEY)
