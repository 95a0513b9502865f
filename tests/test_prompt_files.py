"""Prompt files are read line by line, and a wrong line is named."""

import json
from pathlib import Path

import pytest
from builders import user

from rounds.errors import UserError
from sampler.prompt_files import read_prompts


def written(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


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
    (row,), merged = read_prompts(written(tmp_path, json.dumps(value)), "prompts.train")
    assert row["messages"] == user("Why?") and merged == 0
    assert row["source"] == "prompts.jsonl:1"
    assert row["prompt_id"] == read_prompts(written(tmp_path, '"Why?"'), "k")[0][0]["prompt_id"]


def test_a_conversation_keeps_its_turns(tmp_path: Path):
    turns = [
        {"role": "system", "content": "Be brief."},
        *user("Hi"),
        {"role": "assistant", "content": "Hello."},
        *user("Why?"),
    ]
    (row,), _ = read_prompts(written(tmp_path, json.dumps({"prompt": turns})), "k")
    assert row["messages"] == turns


def test_repeated_prompts_are_merged_and_counted(tmp_path: Path):
    path = written(tmp_path, '"a"', "", '"b"', '{"prompt": "a"}', '"a"')
    rows, merged = read_prompts(path, "k")
    assert [row["source"] for row in rows] == ["prompts.jsonl:1", "prompts.jsonl:3"]
    assert merged == 2


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\u2029"])
def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path, separator: str):
    path = written(tmp_path, json.dumps(f"a{separator}b", ensure_ascii=False), '"c"')
    rows, _ = read_prompts(path, "k")
    assert [row["messages"][0]["content"] for row in rows] == [f"a{separator}b", "c"]


def test_windows_line_ends_are_line_ends(tmp_path: Path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'"a"\r\n"b"\r\n')
    assert len(read_prompts(str(path), "k")[0]) == 2


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{oops", "not JSON"),
        ("plain text", "not JSON"),
        ("7", "no prompt in it"),
        ("null", "no prompt in it"),
        ("[]", "no prompt in it"),
        ('{"text": "x"}', "no prompt in it"),
        ('{"prompt": null}', "no prompt in it"),
        ('["x"]', "a message without text content"),
        ('[{"role": "user"}]', "a message without text content"),
        ('[{"role": "user", "content": ["x"]}]', "a message without text content"),
        ('[{"role": "human", "content": "x"}]', "role 'human' is none of system, user"),
        ('[{"content": "x"}]', "role None is none of"),
        ('[{"role": "assistant", "content": "x"}]', "the last message is not the user's"),
        ('"  "', "an empty prompt"),
        ('"cut \\ud83d"', "half a character"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, line: str, fault: str):
    path = written(tmp_path, '"fine"', "", line)
    with pytest.raises(UserError, match=rf"prompts.jsonl, line 3: {fault}.*expected a JSON string"):
        read_prompts(path, "prompts.train")


@pytest.mark.parametrize("lines", [(), ("", "  ")])
def test_a_file_without_prompts_is_named_by_its_key(tmp_path: Path, lines):
    with pytest.raises(UserError, match=r"prompts.gate: .*prompts.jsonl holds no prompts"):
        read_prompts(written(tmp_path, *lines), "prompts.gate")


def test_a_file_that_is_not_there_or_no_text_is_named_by_its_key(tmp_path: Path):
    with pytest.raises(UserError, match=r"prompts.test: no such file .*/nowhere.jsonl"):
        read_prompts("nowhere.jsonl", "prompts.test")
    (tmp_path / "latin.jsonl").write_bytes(b'"caf\xe9"\n')
    with pytest.raises(UserError, match=r"prompts.test: .*latin.jsonl is not UTF-8"):
        read_prompts(str(tmp_path / "latin.jsonl"), "prompts.test")
