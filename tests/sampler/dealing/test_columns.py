"""What stands beside a prompt: read, told to be unread, or an error."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rounds.errors import UserError
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows, unread_columns


def written(tmp_path: Path, form: str, **columns: Any) -> SourceConfig:
    """A source of one row with a prompt and these columns."""
    path = tmp_path / f"mine.{form}"
    row = {"prompt": "Why?", **columns}
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif form == "csv":
        path.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
    else:
        path.write_text(json.dumps("a prompt alone") + "\n" + json.dumps(row) + "\n")
    return SourceConfig(file=str(path))


FORMS = ("jsonl", "csv", "parquet")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("referance", "did you mean reference?"),
        ("Reference", "did you mean reference?"),
        ("guideline", "did you mean guidelines?"),
        ("tag", "did you mean tags?"),
        ("sytem", "did you mean system?"),
        ("documents", "would change what was asked"),
        ("persona", "would change what was asked"),
        ("initial_reason_steps", "would change what was asked"),
        ("history", "a text that does not say who spoke"),
        ("question", "another question beside the prompt"),
        ("images", "prefloop trains on text alone"),
        ("tool_calls", "prefloop trains on text alone"),
        ("style", "may be part of what was asked"),
    ],
)
def test_a_name_that_should_not_go_unread_is_an_error(tmp_path, form: str, name: str, told: str):
    source = written(tmp_path, form, **{name: "something"})
    with pytest.raises(UserError) as failed:
        list(source_rows(source, "prompts.train"))
    place = {"jsonl": "line 2", "csv": "line 2", "parquet": "row 1"}[form]
    assert str(failed.value).startswith(f"{tmp_path}/mine.{form}, {place}: ")
    assert name in str(failed.value) and told in str(failed.value)
    assert "ignore" in str(failed.value), "the one change that makes it readable"
    allowed = source.model_copy(update={"ignore": [name]})
    assert [row["messages"][0]["content"] for row in source_rows(allowed, "k")][-1] == "Why?"
    assert unread_columns(allowed, "k") == []


@pytest.mark.parametrize("form", FORMS)
def test_other_columns_are_harmless_and_named(tmp_path: Path, form: str):
    names = ["id", "prompt_id", "source", "category", "preference", "chosen", "answer", "target"]
    source = written(tmp_path, form, reference="R", **dict.fromkeys(names, "x"))
    assert [row["reference"] for row in source_rows(source, "k")][-1] == "R"
    assert unread_columns(source, "k") == sorted(names)


def test_what_is_there_under_its_right_name_too_is_no_misspelling(tmp_path: Path):
    source = written(tmp_path, "jsonl", tags=["a"], tag="many")
    assert unread_columns(source, "k") == ["tag"]


@pytest.mark.parametrize("form", ("jsonl", "csv"))
def test_an_empty_part_of_a_question_asks_nothing(tmp_path: Path, form: str):
    assert unread_columns(written(tmp_path, form, documents="", input=""), "k") == ["documents"]


def test_a_row_without_a_prompt_names_the_nearest(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"promt": "Why?", "id": 1}\n')
    with pytest.raises(UserError, match=r"line 1: no prompt in it \(there are promt, id; did you "):
        list(source_rows(SourceConfig(file=str(path)), "k"))


def test_a_message_with_more_than_a_text_is_refused(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    turns: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "tool_calls": [{"name": "f"}]},
        {"role": "user", "content": "Why?", "id": 7},
    ]
    path.write_text(json.dumps({"messages": turns}) + "\n")
    with pytest.raises(UserError, match="line 1: tool_calls is not empty"):
        list(source_rows(SourceConfig(file=str(path)), "k"))
    path.write_text(json.dumps({"messages": turns[1:]}) + "\n")
    assert len(list(source_rows(SourceConfig(file=str(path)), "k"))) == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("beside", "asked"),
    [
        ({"system": "Be brief."}, ["Be brief.", "Why?"]),
        ({"system_prompt": "Be brief."}, ["Be brief.", "Why?"]),
        ({"input": "The sky is blue."}, ["Why?\nThe sky is blue."]),
        ({"context": "The sky is blue."}, ["The sky is blue.\n\nWhy?"]),
        ({"input": "Why?"}, ["Why?"]),
    ],
)
def test_what_is_asked_beside_the_prompt_is_asked(tmp_path: Path, form: str, beside, asked):
    *_, row = source_rows(written(tmp_path, form, **beside), "k")
    assert [turn["content"] for turn in row["messages"]] == asked
    assert row["messages"][0]["role"] == ("system" if len(asked) == 2 else "user")


def test_all_columns_that_may_ask_are_told_at_once(tmp_path: Path):
    source = written(tmp_path, "jsonl", style="x", images=["a"], documents=["b"], tone="y", id=7)
    with pytest.raises(UserError) as failed:
        list(source_rows(source, "prompts.train"))
    assert str(failed.value).endswith("(else ignore: [images, documents, style, tone])")


def test_turns_before_the_prompt_and_messages_around_it_are_read(tmp_path: Path):
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Why?"},
    ]
    answered = [*turns, {"role": "assistant", "content": "So."}]
    for beside in (
        {"history": [["Hi", "Hello."]]},
        {"history": turns[:2]},
        {"context": turns[:2]},
        {"messages": answered},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]},
    ):
        *_, row = source_rows(written(tmp_path, "jsonl", **beside), "k")
        assert row["messages"] == turns, beside


def test_a_likely_prompt_of_another_name_is_named(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"id": 1, "problem_text": "Why?", "source": "s"}) + "\n")
    with pytest.raises(UserError, match="; if problem_text is it, column: problem_text; expected"):
        list(source_rows(SourceConfig(file=str(path)), "k"))
    source = SourceConfig(file=str(path), column="problem_text")
    assert [row["messages"][0]["content"] for row in source_rows(source, "k")] == ["Why?"]


def test_a_question_under_the_names_that_data_has_for_it_is_a_prompt(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    rows = [
        {"instruction": "Translate.", "input": "Hola", "output": "Hello"},
        {"question": "Why?", "answer": "So."},
        {"conversations": [{"from": "human", "value": "How?"}]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [
        row["messages"][0]["content"] for row in source_rows(SourceConfig(file=str(path)), "k")
    ]
    assert found == ["Translate.\nHola", "Why?", "How?"]
