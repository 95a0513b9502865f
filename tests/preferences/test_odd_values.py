"""Odd values in public preference data are refused by their row or counted, never altered."""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from preference_samples import SAMPLES, user

from preferences.config import Data
from preferences.one_a_row import together
from preferences.preference import Preference, Undecided
from preferences.read import Malformed, read_preferences
from preferences.shapes import ONE_A_ROW, SHAPES, recognise
from rounds.errors import UserError

PLAIN = {"prompt": "Q?", "chosen": "yes", "rejected": "no"}
ODD: list[Any] = [
    *(None, "", " ", "x", "5", "\ud83d", 0, 1, -1, 1.0, True, 10**400, float("nan")),
    *(float("inf"), [], {}, [None], [[]], [{}], ["x"], {"x": None}, [{"role": None}]),
]


def read(path: Path, *rows: Any, skip_malformed: bool = False) -> list[Any]:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return list(read_preferences(Data(data=str(path), skip_malformed=skip_malformed), "k").rows)


def mutations(value: Any) -> Any:
    yield from ODD
    places = range(len(value)) if isinstance(value, list) else value
    for at in places if isinstance(value, list | dict) else ():
        for other in mutations(value[at]):
            changed = copy.copy(value)
            changed[at] = other
            yield changed


@pytest.mark.parametrize("shape", SAMPLES)
def test_an_odd_value_is_a_value_error_or_is_read(shape: str) -> None:
    for sample in SAMPLES[shape]:
        for row in (one for one in mutations(sample) if isinstance(one, dict)):
            rows = [row]
            if shape in ONE_A_ROW:
                rows = [one for _, one in together(iter([("w", row), ("w", sample)]))]
            recognise(row)
            for one in rows:
                try:
                    assert isinstance(SHAPES[shape].read(one), Preference | Undecided)
                except ValueError:
                    pass


def test_a_text_that_looks_like_a_date_stays_as_it_is(tmp_path: Path) -> None:
    row = {"prompt": "When?", "chosen": "1999-12-31", "rejected": "2000-01-01T00:00:00Z"}
    assert read(tmp_path / "a.jsonl", row)[0][1:3] == (row["chosen"], row["rejected"])
    (tmp_path / "a.json").write_text("\ufeff" + json.dumps([row], indent=1))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write("\n\n" + json.dumps(row))
    for name, place in (("a.json", 1), ("a.jsonl.gz", 3)):
        (one,) = read_preferences(str(tmp_path / name), "k").rows
        assert one[1:3] == (row["chosen"], row["rejected"])
        assert one.where == f"{tmp_path / name}, row {place}"


def test_a_key_that_is_there_twice_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(PLAIN) + '\n\n{"prompt": "a", "prompt": "b"}\n')
    with pytest.raises(UserError, match=r"a.jsonl, line 3: the key 'prompt' is there twice"):
        list(read_preferences(str(path), "k").rows)


def test_system_and_transcripts_become_turns_and_tools_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    asked = "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: How?\n\nAssistant:"
    said, other = read(path, PLAIN | {"system": "Be kind."}, PLAIN | {"prompt": asked})
    assert said.prompt == [{"role": "system", "content": "Be kind."}, *user("Q?")]
    assert [turn["content"] for turn in other.prompt] == ["Hi", "Hello!", "How?"]
    with pytest.raises(UserError, match="row 2: tools is not empty"):
        read(path, PLAIN, PLAIN | {"tools": [{"name": "f"}]})


def test_two_texts_are_not_their_own_prompt_however_alike_they_begin(tmp_path: Path) -> None:
    row, path = {"chosen": "It is 4.", "rejected": "It is five."}, tmp_path / "a.jsonl"
    with pytest.raises(UserError, match="no column is the prompt .* what two texts begin with is"):
        read(path, row)
    with pytest.raises(UserError, match="history is the likely one: .*columns: {prompt: history}"):
        read(path, row | {"history": "What is 2 + 2?"})
    with pytest.raises(UserError, match="row 101: no column is the prompt"):
        read(path, *[PLAIN] * 100, row)
    assert isinstance(read(path, *[PLAIN] * 100, row, skip_malformed=True)[-1], Malformed)


def test_a_prompt_that_comes_back_is_named(tmp_path: Path) -> None:
    rows = [
        {"prompt": name, "response": f"{name}{score}", "helpfulness": None, "score": score}
        for name, score in (("a", 1), ("a", 2), ("b", 1), ("b", 3), ("a", 4))
    ]
    first, second, back = read(tmp_path / "a.jsonl", *rows, skip_malformed=True)
    assert (first.chosen, second.chosen) == ("a2", "b3"), "the column that holds numbers"
    assert isinstance(back, Malformed) and back.where.endswith("row 5")


def test_what_cannot_teach_is_counted(tmp_path: Path) -> None:
    spaced, token = {"chosen": "no \n"}, {"chosen": "yes<|im_end|>"}
    rows = read(tmp_path / "a.jsonl", PLAIN, PLAIN | spaced, PLAIN | token)
    assert [row.reason for row in rows[1:]] == ["same_but_white_space", "chat_tokens"]


@pytest.mark.parametrize(
    "prompt",
    [
        '[{"role": "user", "content": "Why?"}]',
        '{"role": "user", "content": "Why?"}',
        '{"messages": [{"role": "user", "content": "Why?"}]}',
        '{"conversations": [{"from": "human", "value": "Why?"}]}',
        "{'from': 'human', 'value': 'Why?'}",
        "array([{'content': 'Why?', 'role': 'user'}], dtype=object)",
    ],
)
def test_messages_written_into_a_text_are_not_what_was_asked(tmp_path: Path, prompt: str) -> None:
    row = {"prompt": prompt, "chosen": "So.", "rejected": "No."}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(UserError, match="chat messages written as a text"):
        list(read_preferences(str(path), "k").rows)


@pytest.mark.parametrize("prompt", ['{"role": "admin"} is refused. Why?', '[{"a": 1}]', "{}?"])
def test_other_json_in_a_prompt_is_a_text(tmp_path: Path, prompt: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"prompt": prompt, "chosen": "So.", "rejected": "No."}))
    (one,) = read_preferences(str(path), "k").rows
    assert one.prompt == [{"role": "user", "content": prompt}]
