"""Prompt files are read line by line, and a wrong line is named."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archives import packed
from builders import user

from rounds.errors import UserError
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows
from sampler.dealing.sources.rows import SourcePrompt


def read(path: Path | str, key: str = "prompts.train", **given: object) -> list[SourcePrompt]:
    return list(source_rows(SourceConfig(file=str(path), **given), key))


def written(tmp_path: Path, *lines: str, name: str = "prompts.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def texts(rows: list[SourcePrompt]) -> list[str]:
    return [row["messages"][-1]["content"] for row in rows]


@pytest.mark.parametrize(
    "value",
    [
        "Why?",
        {"prompt": "Why?"},
        {"prompt": "Why?", "id": 7},
        {"prompt": user("Why?")},
        {"messages": user("Why?")},
        user("Why?"),
        [{"role": "user", "content": "Why?", "name": "x"}],
    ],
)
def test_a_prompt_is_a_string_or_messages_and_the_same_either_way(tmp_path: Path, value):
    (row,) = read(written(tmp_path, json.dumps(value)))
    assert row["messages"] == user("Why?") and row["source"] == "prompts.jsonl:1"
    assert row["prompt_id"] == read(written(tmp_path, '"Why?"'))[0]["prompt_id"]


def test_a_conversation_keeps_its_turns(tmp_path: Path):
    turns = [
        {"role": "system", "content": "Be brief."},
        *user("Hi"),
        {"role": "assistant", "content": "Hello."},
        *user("Why?"),
    ]
    (row,) = read(written(tmp_path, json.dumps({"prompt": turns})))
    assert row["messages"] == turns


SAID = {"prompt": "2 + 2?", "reference": "4", "guidelines": "A number.", "tags": ["sums", "easy"]}


def table(tmp_path: Path, kind: str) -> Path:
    """One row that says everything, and one that says only a prompt."""
    path = tmp_path / f"prompts.{kind}"
    rows = [SAID, {**dict.fromkeys(SAID), "prompt": "Why?"}]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "csv":
        path.write_text(
            'prompt,reference,guidelines,tags,id\n2 + 2?,4,A number.,sums; easy,1\nWhy?,,"",,2\n'
        )
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
def test_reference_guidelines_and_tags_are_kept_from_every_kind_of_table(tmp_path: Path, kind: str):
    full, bare = read(table(tmp_path, kind))
    assert (full["reference"], full["guidelines"]) == ("4", "A number.")
    assert full["tags"] == ["easy", "sums"] and texts([full, bare]) == ["2 + 2?", "Why?"]
    assert [bare[name] for name in ("reference", "guidelines", "tags")] == [None] * 3


def test_tags_and_a_system_turn_of_the_source_are_added_to_each_row(tmp_path: Path):
    own = [{"role": "system", "content": "Mine."}, *user("Hi")]
    path = written(tmp_path, '"Why?"', json.dumps({"messages": own, "tags": ["x"]}))
    first, second = read(path, system="Be brief.", tags=["y"], name="chat")
    assert first["messages"] == [{"role": "system", "content": "Be brief."}, *user("Why?")]
    assert second["messages"] == own, "a row's own system turn stays"
    assert (first["tags"], second["tags"]) == (["y"], ["x", "y"])
    assert first["source"] == "chat:1"


def test_messages_of_a_parquet_file_and_a_column_by_name(tmp_path: Path):
    path = tmp_path / "chats.parquet"
    pq.write_table(pa.Table.from_pylist([{"messages": user("Why?"), "q": "How?"}]), path)
    assert texts(read(path, ignore=["q"])) == ["Why?"]
    assert texts(read(path, column="q", ignore=["messages"])) == ["How?"]
    line = written(tmp_path, '{"q": "How?"}')
    assert texts(read(line, column="q")) == ["How?"]


def test_a_text_file_has_one_prompt_a_line(tmp_path: Path):
    path = written(tmp_path, "First?", "", "  {second} ", name="prompts.txt")
    assert texts(read(path)) == ["First?", "{second}"]


def test_a_csv_field_may_hold_lines_and_be_long(tmp_path: Path):
    long = "word " * 40_000
    path = written(tmp_path, "prompt", '"two\nlines"', f'"{long}"', name="p.csv")
    assert texts(read(path)) == ["two\nlines", long]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\u2029"])
def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path, separator: str):
    path = written(tmp_path, json.dumps(f"a{separator}b", ensure_ascii=False), '"c"')
    assert texts(read(path)) == [f"a{separator}b", "c"]


def test_windows_line_ends_and_a_byte_order_mark_are_no_text(tmp_path: Path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'\xef\xbb\xbf"a"\r\n"b"\r\n')
    assert texts(read(path)) == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{oops", "not JSON"),
        ("plain text", "not JSON"),
        ("7", "no prompt in it"),
        ("null", "no prompt in it"),
        ("[]", "no prompt in it"),
        ('{"text": "x"}', "no prompt in it"),
        ('{"messages": [], "id": 3}', r"no prompt in it \(there are messages, id; nothing in me"),
        ('{"prompt": null}', "no prompt in it"),
        ('["x"]', "a message without text content"),
        ('[{"role": "user"}]', "a message without text content"),
        ('[{"role": "user", "content": ["x"]}]', "content is a list of parts"),
        ('[{"role": "human", "content": "x"}]', "role 'human' is none of system, user"),
        ('[{"content": "x"}]', "role None is none of"),
        ('[{"role": "assistant", "content": "x"}]', "the last message is not the user's"),
        ('"  "', "an empty prompt"),
        ('"\u200b"', "an empty prompt"),
        ('"cut \\ud83d"', "half a character"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, line: str, fault: str):
    path = written(tmp_path, '"fine"', "", line)
    with pytest.raises(UserError, match=rf"prompts.jsonl, line 3: {fault}.*expected a JSON string"):
        read(path)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('{"prompt": "Why?", "prompt": "How?"}', "prompt"),
        ('{"prompt": [{"role": "user", "content": "a", "content": "b"}]}', "content"),
    ],
)
def test_a_key_that_stands_twice_in_a_line_is_refused(tmp_path: Path, line: str, key: str):
    says = rf"prompts.jsonl, line 2: the key '{key}' is there twice; expected a JSON string"
    with pytest.raises(UserError, match=says):
        read(written(tmp_path, '"fine"', line))


def test_not_a_number_is_null_as_pandas_means_it(tmp_path: Path):
    (row,) = read(written(tmp_path, '{"prompt": "Why?", "reference": NaN, "tags": NaN}'))
    assert texts([row]) == ["Why?"] and row["reference"] is row["tags"] is None
    with pytest.raises(UserError, match=r"prompts.jsonl, line 1: no prompt in it"):
        read(written(tmp_path, '{"prompt": NaN}'))


@pytest.mark.parametrize(
    ("beside", "fault"),
    [
        ({"reference": 4}, "reference is not a text"),
        ({"guidelines": "cut \ud83d"}, "guidelines is not a text"),
        ({"tags": "sums"}, "tags is no list of texts"),
        ({"tags": [1]}, "tags is no list of texts"),
        ({"tags": [" "]}, "a tag is empty"),
    ],
)
def test_what_stands_beside_a_prompt_is_checked_too(tmp_path: Path, beside: dict, fault: str):
    with pytest.raises(UserError, match=f"prompts.jsonl, line 1: {fault}"):
        read(written(tmp_path, json.dumps({"prompt": "Why?", **beside})))


def test_a_wrong_row_of_a_table_is_named(tmp_path: Path):
    chat = [*user("Hi"), {"role": "assistant", "content": "Hello."}]
    path = tmp_path / "chats.parquet"
    pq.write_table(pa.Table.from_pylist([{"messages": user("Why?")}, {"messages": chat}]), path)
    with pytest.raises(UserError, match=r"chats.parquet, row 2: the last message is not the user"):
        read(path)
    listed = '"Why?","[""a"", ""b""]"'
    for line, fault in (
        ("a,b,c", "more fields than the header"),
        ('"",x', "an empty prompt"),
        (listed, "tags is a list; expected words with ; between them"),
    ):
        wide = written(tmp_path, "prompt,tags", "fine,x", line, name="p.csv")
        with pytest.raises(UserError, match=rf"p.csv, line 3: {fault}"):
            read(wide)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, kind: str):
    with pytest.raises(UserError, match=r"no column 'question' \(there are prompt, .*tags"):
        read(table(tmp_path, kind), column="question")
    odd = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"text": ["x"]}), odd)
    with pytest.raises(UserError, match=r"odd.parquet: no column 'prompt' \(there are text\); set"):
        read(odd)


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.parquet"])
@pytest.mark.parametrize("spell", [json.dumps, str])
def test_messages_that_were_written_as_a_text_are_not_taken_for_a_prompt(tmp_path, name, spell):
    said, path = spell(user("Why?")), tmp_path / name
    if name == "p.csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["messages"], [said]])
    elif name == "p.jsonl":
        path.write_text(json.dumps({"prompt": said}))
    else:
        pq.write_table(pa.table({"messages": [said]}), path)
    with pytest.raises(UserError, match=rf"{name}, (row|line) \d: chat messages written as a text"):
        read(path)


def test_a_column_that_stands_twice_is_refused_where_it_is_read(tmp_path: Path):
    twice = written(tmp_path, "prompt,tags,tags", "Why?,x,y", name="t.csv")
    with pytest.raises(UserError, match=r"t.csv: the column 'tags' stands twice; rename or remov"):
        read(twice)
    assert texts(read(written(tmp_path, "id,prompt,id", "1,Why?,2", name="u.csv"))) == ["Why?"]
    both = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["prompt", "prompt"])
    pq.write_table(both, tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b.parquet: the column 'prompt' stands twice"):
        read(tmp_path / "b.parquet")


def test_a_column_that_a_line_does_not_have_is_named(tmp_path: Path):
    path = written(tmp_path, '{"q": "How?"}', '{"prompt": "Why?", "id": 7}')
    says = r"prompts.jsonl, line 2: no 'q' \(there are prompt, id\); correct `column`"
    with pytest.raises(UserError, match=says):
        read(path, column="q")
    with pytest.raises(UserError, match=r"p.txt: a text file has no column 'q'; leave `column` ou"):
        read(written(tmp_path, "Why?", name="p.txt"), column="q")


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"odd.parquet is not parquet"):
        read(written(tmp_path, '"x"', name="odd.parquet"))


@pytest.mark.parametrize("lines", [(), ("", "  ")])
@pytest.mark.parametrize("name", ["prompts.jsonl", "prompts.txt"])
def test_a_file_without_prompts_is_named_by_its_key(tmp_path: Path, lines, name: str):
    with pytest.raises(UserError, match=rf"prompts.gate: .*{name} holds no prompts"):
        read(written(tmp_path, *lines, name=name), "prompts.gate")


def test_a_file_that_is_not_there_or_no_text_is_named_by_its_key(tmp_path: Path):
    with pytest.raises(UserError, match=r"prompts.test: no such file .*/nowhere.jsonl"):
        read("nowhere.jsonl", "prompts.test")
    with pytest.raises(UserError, match=r"prompts.test: .* is a folder; expected a file in it"):
        read(str(tmp_path), "prompts.test")
    (tmp_path / "latin.jsonl").write_bytes(b'"caf\xe9"\n')
    with pytest.raises(UserError, match=r"prompts.test: .*latin.jsonl is not UTF-8"):
        read(tmp_path / "latin.jsonl", "prompts.test")


def test_a_rendered_chat_template_is_read_back_into_its_turns(tmp_path: Path):
    turns = [{"role": "system", "content": "Be brief."}, *user("Why?")]
    text = (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    lines = [json.dumps(value) for value in (text, {"prompt": text}, user(text), turns)]
    rows = read(written(tmp_path, *lines))
    assert [row["messages"] for row in rows] == [turns] * 4
    assert len({row["prompt_id"] for row in rows}) == 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("What is <|im_start|> for?", "line 2: the chat-template token '<|im_start|>' in ordinary"),
        ("[INST] Why?", "line 2: markup of a chat template (Llama 2 or Mistral) that is not whole"),
        ("\n\nHuman: Why?\n\nAssistant: So.", "line 2: a rendered chat template that ends with an"),
        ([*user("Hi</s>"), {"role": "assistant", "content": "Hi"}, *user("Why?")], "'</s>'"),
    ],
)
def test_markup_that_is_not_whole_is_named(tmp_path: Path, value: object, found: str):
    with pytest.raises(UserError) as caught:
        read(written(tmp_path, '"Why?"', json.dumps(value)))
    assert found in str(caught.value)


PACKED = ["", ".gz", ".bz2", ".xz", ".zst"]


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("kind", ["jsonl", "json", "array.json", "csv", "tsv", "txt"])
def test_every_kind_is_read_packed_or_not(tmp_path: Path, kind: str, ending: str):
    data = {
        "jsonl": '{"prompt": "Why?"}\n"How?"\n',
        "json": '{"prompt": "Why?"}\n"How?"\n',
        "array.json": '[\n {"prompt": "Why?"},\n "How?"\n]\n',
        "csv": 'prompt,tags\nWhy?,"a;b"\nHow?,\n',
        "tsv": "tags\tprompt\na;b\tWhy?\n\tHow?\n",
        "txt": "Why?\n\nHow?\n",
    }[kind]
    path = tmp_path / f"p.{kind}{ending}"
    path.write_bytes(packed(ending, data.encode()))
    rows = read(path)
    assert texts(rows) == ["Why?", "How?"]
    if kind in ("csv", "tsv"):
        assert rows[0]["tags"] == ["a", "b"]


@pytest.mark.parametrize("ending", PACKED[1:])
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "txt"])
def test_a_damaged_archive_is_one_clear_message(tmp_path: Path, kind: str, ending: str):
    data = {"csv": "prompt\n", "json": "[\n"}.get(kind, "")
    lines = [json.dumps(f"How much is {at} and {at * at}?") for at in range(5_000)]
    data += (",\n" if kind == "json" else "\n").join(lines)
    path = tmp_path / f"p.{kind}{ending}"
    path.write_bytes(packed(ending, data.encode())[:-20])
    with pytest.raises(
        UserError, match=rf"^prompts.train: .*p.{kind}{ending} is a damaged archive"
    ):
        read(path)
    path.write_bytes(data.encode())
    with pytest.raises(UserError, match=r"is a damaged archive: it is named as if it were packed"):
        read(path)


def test_a_wrong_value_of_an_array_is_named_by_its_row(tmp_path: Path):
    path = written(tmp_path, "[", '"Why?",', "7]", name="p.json")
    with pytest.raises(UserError, match=r"p.json, row 2: no prompt in it"):
        read(path)
