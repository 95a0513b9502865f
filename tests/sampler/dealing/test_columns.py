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
        ("sytem", "a system turn is a message of the prompt, or `system` of the source"),
        ("system", "a system turn is a message of the prompt"),
        ("system_prompt", "a system turn is a message of the prompt"),
        ("input", "what the model is to see goes into the prompt"),
        ("context", "what the model is to see goes into the prompt"),
    ],
)
def test_a_name_that_should_not_go_unread_is_an_error(tmp_path, form: str, name: str, told: str):
    source = written(tmp_path, form, **{name: "something"})
    with pytest.raises(UserError) as failed:
        list(source_rows(source, "prompts.train"))
    place = {"jsonl": ", line 2", "csv": ", line 2", "parquet": ""}[form]
    assert str(failed.value).startswith(f"{tmp_path}/mine.{form}{place}: {name!r} is not read; ")
    assert told in str(failed.value)
    allowed = source.model_copy(update={"ignore": [name]})
    assert [row["messages"][0]["content"] for row in source_rows(allowed, "k")][-1] == "Why?"
    assert unread_columns(allowed, "k") == []


@pytest.mark.parametrize("form", FORMS)
def test_other_columns_are_harmless_and_named(tmp_path: Path, form: str):
    names = ["id", "prompt_id", "source", "category", "preference", "chosen", "stage", "target"]
    source = written(tmp_path, form, reference="R", **dict.fromkeys(names, "x"))
    assert [row["reference"] for row in source_rows(source, "k")][-1] == "R"
    assert unread_columns(source, "k") == sorted(names)


def test_what_is_there_under_its_right_name_too_is_no_misspelling(tmp_path: Path):
    source = written(tmp_path, "jsonl", reference="R", references="many")
    assert unread_columns(source, "k") == ["references"]


@pytest.mark.parametrize("form", ("jsonl", "csv"))
def test_an_empty_part_of_a_question_asks_nothing(tmp_path: Path, form: str):
    assert unread_columns(written(tmp_path, form, input=""), "k") == ["input"]


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
    with pytest.raises(UserError, match="line 1: a message with tool_calls"):
        list(source_rows(SourceConfig(file=str(path)), "k"))
    path.write_text(json.dumps({"messages": turns[1:]}) + "\n")
    assert len(list(source_rows(SourceConfig(file=str(path)), "k"))) == 1
