"""Public preference data: every shape is recognised and read, through the real `datasets`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from preference_samples import COLOUR, EXPECTED, OPTIONS, SAMPLES, TURNS, answer, user

from preferences.config import Data
from preferences.preference import Undecided
from preferences.read import Malformed, read_preferences, specimen
from preferences.shapes import SHAPES
from rounds.errors import UserError

KEY = "trainer.warm_start"
EVERYTHING = [(shape, row) for shape, rows in SAMPLES.items() for row in rows]


def written(path: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path: Path | str, **given: Any) -> tuple[str, list[Any]]:
    shape, rows = read_preferences(Data(data=str(path), **given), KEY)
    return shape, list(rows)


def plainly(rows: list[Any]) -> list[Any]:
    """What was read without the place; what prefers nothing as its reason."""
    return [row.reason if isinstance(row, Undecided) else row._replace(where="") for row in rows]


def refused(path: Path | str, **given: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(path, **given)
    return str(caught.value)


def test_there_is_a_sample_of_every_shape():
    assert SAMPLES.keys() == EXPECTED.keys() == SHAPES.keys()


@pytest.mark.parametrize("shape", SAMPLES)
def test_a_shape_is_recognised_and_read_from_jsonl(tmp_path: Path, shape: str):
    path = written(tmp_path / "some.jsonl", SAMPLES[shape])
    found, rows = read(path, **OPTIONS.get(shape, {}))
    assert (found, plainly(rows)) == (shape, EXPECTED[shape])
    assert rows[0].where == f"{path}, row 1"


@pytest.mark.parametrize("shape", SAMPLES)
def test_a_shape_is_recognised_and_read_as_datasets_writes_it(tmp_path: Path, shape: str):
    dataset = Dataset.from_list(SAMPLES[shape])
    dataset.to_parquet(str(tmp_path / "some.parquet"))
    dataset.to_json(str(tmp_path / "again.jsonl"))
    (tmp_path / "folder").mkdir()
    dataset.to_parquet(str(tmp_path / "folder" / "train.parquet"))
    for name in ("some.parquet", "again.jsonl", "folder"):
        found, rows = read(tmp_path / name, **OPTIONS.get(shape, {}))
        assert (found, plainly(rows)) == (shape, EXPECTED[shape]), name


def test_a_name_that_datasets_takes_for_a_pattern_is_read_or_refused(tmp_path: Path):
    folder = tmp_path / "prefs [v2]"
    folder.mkdir()
    Dataset.from_list(SAMPLES["trl_conversational"]).to_parquet(str(folder / "all [1].parquet"))
    written(folder / "all [2].jsonl", SAMPLES["trl_conversational"])
    for name in ("all [1].parquet", "all [2].jsonl"):
        assert plainly(read(folder / name)[1]) == EXPECTED["trl_conversational"]
    assert refused(folder) == (
        f"{KEY}: the library datasets takes [ in {folder} for a pattern; choose or make a folder "
        "without *, ? and ["
    )


@given(st.sampled_from(EVERYTHING), st.sampled_from(["note", "source", "round", "margin"]))
def test_every_sample_is_of_one_shape_and_no_other(sample: tuple[str, dict], beside: str):
    shape, row = sample
    fitting = [name for name, one in SHAPES.items() if one.fits({beside: "x", **row})]
    assert fitting == [shape]


@pytest.mark.parametrize("shape", SAMPLES)
def test_a_column_too_few_is_no_longer_of_the_shape(shape: str):
    row = specimen(SAMPLES[shape])
    without = [{name: row[name] for name in row if name != left} for left in row]
    assert any(not SHAPES[shape].fits(one) for one in without)


def test_pairs_of_a_round_are_read_with_their_ids(tmp_path: Path):
    from builders import finished

    folder = finished(tmp_path / "runs" / "demo")
    shape, rows = read(folder / "pairs.parquet")
    assert shape == "trl_conversational" and len(rows) == 1
    assert (rows[0].chosen, rows[0].rejected) == ("good", "bad") and rows[0].name
    assert plainly(read(folder.parent.parent)[1]) == plainly(rows), "the run folder as it is"


def test_what_is_not_recognised_is_told_with_its_columns_and_the_nearest_shape(tmp_path: Path):
    message = refused(written(tmp_path / "odd.jsonl", [{"question": "Why?", "reply": "So."}]))
    assert message == (
        f"{KEY}: {tmp_path}/odd.jsonl has the columns question, reply, and is of no known shape; "
        f"the nearest is kto: {SHAPES['kto'].columns}; label is not there. "
        f"Where it has another name: {KEY}: {{data: {tmp_path}/odd.jsonl, "
        "columns: {completion: reply, label: ...}}"
    )


def test_hc3_does_not_say_who_is_better_and_the_user_must(tmp_path: Path):
    path = written(tmp_path / "hc3.jsonl", SAMPLES["hc3"])
    assert "does not say which answers are better: set prefer" in refused(path)
    _, rows = read(path, prefer="chatgpt")
    assert (rows[0].chosen, rows[0].rejected) == ("Green.", "Blue.")
    other = written(tmp_path / "trl.jsonl", SAMPLES["trl_standard"])
    assert "prefer is for hc3" in refused(other, prefer="human")


def test_the_first_rows_may_leave_columns_out(tmp_path: Path):
    bare = {"prompt": COLOUR, "chosen": answer("Blue."), "rejected": None}
    path = written(tmp_path / "late.jsonl", [bare, *SAMPLES["trl_conversational"]])
    assert "row 1: rejected is not a list with one assistant message" in refused(path)
    shape, rows = read(path, skip_malformed=True)
    assert shape == "trl_conversational"
    assert isinstance(rows[0], Malformed) and rows[0].where == f"{path}, row 1"
    assert plainly(rows[1:]) == EXPECTED[shape]


CHAT = {"prompt": COLOUR, "chosen": answer("Blue."), "rejected": answer("Green.")}
PLAIN = {"prompt": "Q?", "chosen": "yes", "rejected": "no"}
WHOLE = {
    "prompt": "Q?",
    "chosen": [*user("Q?"), *answer("a")],
    "rejected": [*user("Q?"), *answer("b")],
}
CALLING = {**answer("I look.")[0], "tool_calls": [{"function": {"name": "look"}}]}
IN_PARTS = {"role": "assistant", "content": [{"type": "text", "text": "Grey."}]}
LIST, ENDINGS = SAMPLES["graded"][0], SAMPLES["trl_implicit_messages"][0]

TRAPS = [
    (
        WHOLE,
        {"prompt": "Another?"},
        "prompt is not in the conversations of chosen and rejected",
    ),
    (
        WHOLE,
        {"rejected": [*user("Other?"), *answer("b")]},
        "do not answer the same conversation",
    ),
    (WHOLE, {"chosen": [*user("Q?"), *answer("b")]}, "chosen and rejected are the same"),
    (
        CHAT,
        {"chosen": [*COLOUR, *answer("Blue.")]},
        "chosen begins with a user message: the prompt",
    ),
    (CHAT, {"rejected": answer("Green.") * 2}, "rejected holds 2 messages; one answer"),
    (CHAT, {"chosen": []}, "chosen is not a list with one assistant message"),
    (CHAT, {"chosen": [{"role": "system", "content": "x"}]}, "chosen is a system message, not"),
    (CHAT, {"chosen": answer(" \n")}, "chosen is empty"),
    (CHAT, {"chosen": answer("Green.")}, "chosen and rejected are the same"),
    (
        CHAT,
        {"prompt": [*COLOUR, *answer("Well")]},
        "the prompt: the last message is not the user's",
    ),
    (CHAT, {"prompt": []}, "no prompt in it"),
    (CHAT, {"prompt": [{"role": "human", "content": "x"}]}, "role 'human' is none of"),
    (CHAT, {"prompt": user(" ")}, "the prompt: an empty prompt"),
    (PLAIN, {"chosen": ""}, "chosen is empty"),
    (PLAIN, {"chosen": "no"}, "chosen and rejected are the same"),
    (PLAIN, {"rejected": None}, "rejected is not a text"),
    (PLAIN, {"rejected": user("no")}, "rejected is a user message, not the assistant's"),
    (PLAIN, {"prompt": ""}, "the prompt: an empty prompt"),
    (
        SAMPLES["trl_implicit_messages"][0],
        {"rejected": [*user("Other?"), *answer("b")]},
        "do not answer the",
    ),
    (
        ENDINGS,
        {"rejected": [*user("Other?"), *answer("b")]},
        "do not answer the same conversation",
    ),
    (ENDINGS, {"chosen": TURNS}, "do not answer the same conversation"),
    (SAMPLES["hh_rlhf"][0], {"chosen": "\n\nHuman: x"}, "chosen does not end with the assistant's"),
    (SAMPLES["hh_rlhf"][0], {"chosen": "Blue."}, "chosen has no marks of turns"),
    (
        SAMPLES["hh_rlhf"][0],
        {"chosen": "\n\nHuman: Else?\n\nAssistant: x"},
        "do not answer the same conversation",
    ),
    (LIST, {"ratings": [1, 2]}, "3 answers and 2 scores"),
    (LIST, {"responses": ["a", "", "b"], "ratings": [1, 5, 3]}, "chosen is empty"),
    (SAMPLES["summarize_from_feedback"][0], {"choice": 2}, "a choice of 0 or 1"),
    (SAMPLES["ultrafeedback"][0], {"instruction": None}, "instruction is not a text"),
    (SAMPLES["webgpt"][0], {"question": None}, "question is not an object"),
    (
        SAMPLES["openai"][0],
        {"preferred_output": answer("a") * 2},
        "preferred_output holds 2 messages",
    ),
    (
        SAMPLES["openai"][0],
        {"input": {"messages": COLOUR, "tools": [{"type": "function"}]}},
        "input.tools is not empty",
    ),
    (CHAT, {"prompt": [*COLOUR, CALLING, *user("So?")]}, "tool_calls is not empty"),
    (CHAT, {"chosen": [CALLING]}, "chosen: tool_calls is not empty, and prefloop trains on text"),
    (CHAT, {"rejected": [IN_PARTS]}, "rejected: content is a list of parts, and prefloop"),
    (CHAT, {"prompt": [*COLOUR, IN_PARTS, *COLOUR]}, "content is a list of parts"),
    (CHAT, {"tools": [{"name": "look"}]}, "tools is not empty, and prefloop trains on text alone"),
    (ENDINGS, {"chosen": [*COLOUR, CALLING]}, "chosen: tool_calls is not empty"),
    (ENDINGS, {"rejected": [*COLOUR, IN_PARTS]}, "rejected: content is a list of parts"),
    (WHOLE, {"rejected": [*user("Q?"), CALLING]}, "rejected: tool_calls is not empty"),
    (SAMPLES["openai"][0], {"preferred_output": [CALLING]}, "preferred_output: tool_calls is not"),
    (SAMPLES["question_and_texts"][0], {"image": {"path": "sky.png"}}, "image is not empty"),
]


@pytest.mark.parametrize(("good", "change", "fault"), TRAPS)
def test_a_trap_is_named_with_its_file_and_row(
    tmp_path: Path, good: dict, change: dict, fault: str
):
    path = written(tmp_path / "prefs.jsonl", [good, good, good | change])
    message = refused(path)
    assert message.startswith(f"{path}, row 3: ") and fault in message
    *_, left_out = read(path, skip_malformed=True)[1]
    assert isinstance(left_out, Malformed) and fault in left_out.fault


def test_empty_tools_and_pictures_are_none(tmp_path: Path):
    quiet = {**answer("Blue.")[0], "tool_calls": [], "function_call": None}
    row = {**CHAT, "chosen": [quiet], "tools": "[]", "images": []}
    path = written(tmp_path / "some.jsonl", [row, {**row, "tools": [], "images": None}])
    assert plainly(read(path)[1]) == [EXPECTED["trl_standard"][0]] * 2


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"prompt": "cut \\ud83d", "chosen": "yes", "rejected": "no"}', "half a character"),
        ('{"prompt": "a', "not JSON"),
        ('"Why?"', "not a JSON object"),
    ],
)
def test_a_line_that_datasets_cannot_read_is_named(tmp_path: Path, line: str, fault: str):
    path = written(tmp_path / "prefs.jsonl", [PLAIN, line])
    assert refused(path).startswith(f"{path}, line 2: {fault}")


def test_what_is_not_there_or_holds_nothing_is_named_by_its_key(tmp_path: Path):
    assert refused(tmp_path / "no.jsonl").startswith(f"{KEY}: no such file {tmp_path}/no.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert refused(empty) == f"{KEY}: {empty} holds no rows"
    (tmp_path / "prefs.txt").write_text("x")
    assert "prefs.txt is none of .jsonl, .json, .csv, .tsv, .parquet" in refused(
        tmp_path / "prefs.txt"
    )
    (tmp_path / "none").mkdir()
    assert "none cannot be loaded (" in refused(tmp_path / "none")
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"prompt": "caf\xe9"}\n')
    assert refused(latin).startswith(f"{latin}, line 1: not UTF-8 text")
    good = written(tmp_path / "good.jsonl", SAMPLES["trl_standard"])
    assert refused(good, split="train").startswith(f"{KEY}.split: ")


def test_splits_are_named_where_there_are_several(tmp_path: Path):
    rows = Dataset.from_list(SAMPLES["trl_standard"])
    for split in ("validation", "test"):
        rows.to_parquet(str(tmp_path / f"{split}.parquet"))
    assert "has several splits (" in refused(tmp_path)
    assert len(read(tmp_path, split="test")[1]) == 2
    assert "Bad split: nope" in refused(tmp_path, split="nope")
    rows.to_parquet(str(tmp_path / "train.parquet"))
    assert len(read(tmp_path)[1]) == 2, "train is the default"


def test_half_a_character_in_a_text_is_a_fault():
    from preferences.conversational import preference_fault

    row = {"prompt": user("Q?"), "chosen": answer("a \ud83d"), "rejected": answer("b")}
    assert preference_fault(row) == "chosen has half a character (a lone surrogate) in the text"


def test_a_tie_keeps_its_two_answers_for_the_gold_set(tmp_path: Path):
    _, rows = read(written(tmp_path / "webgpt.jsonl", SAMPLES["webgpt"]))
    assert rows[1].answers == ("4", "Four.") and rows[1].prompt == user("What is 2 + 2?")


def test_knowing_the_shapes_imports_nothing_heavy():
    code = "import sys, preferences.read; print('datasets' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
