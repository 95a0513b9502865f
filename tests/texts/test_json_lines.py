"""The one reader of JSON lines: the same for prompts, preferences, gold sets and verdicts."""

import gzip
import math
from pathlib import Path

import pytest

from texts.json_lines import DAMAGED, Line, holds_array, json_lines, json_values, parse_json


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_lines_are_numbered_as_they_stand_and_blank_ones_passed_over(tmp_path: Path, name: str):
    data = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n"\xe2\x80\xa8 is no end of a line"\n7'
    assert list(json_lines(written(tmp_path / name, data))) == [
        Line(1, {"a": 1}),
        Line(4, "\u2028 is no end of a line"),
        Line(5, 7),
    ]


def test_a_byte_order_mark_alone_is_a_blank_line(tmp_path: Path):
    path = written(tmp_path / "a.jsonl", b"\xef\xbb\xbf\n1\n")
    assert list(json_lines(path)) == [Line(2, 1)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"{oops", "not JSON (Expecting property name"),
        (b"[" * 100_000, "not JSON ("),
        (b"9" * 5_000, "not JSON (Exceeds the limit"),
        (b'{"a": {"b": 1, "b": 1}}', "the key 'b' is there twice"),
        (b'"caf\xe9"', "not UTF-8 text ("),
    ],
)
def test_a_line_with_a_fault_is_named_and_the_next_one_is_read(tmp_path, text: bytes, fault: str):
    path = written(tmp_path / "a.jsonl", text + b"\n1\n")
    bad, good = json_lines(path)
    assert bad.value is None and bad.fault is not None and bad.fault.startswith(fault)
    assert bad.number == 1 and good == Line(2, 1)


def test_nan_is_what_is_missing_and_infinity_a_number_that_readers_refuse():
    assert parse_json(b'{"a": NaN, "b": Infinity, "c": -Infinity}') == {
        "a": None,
        "b": math.inf,
        "c": -math.inf,
    }


def test_what_is_named_an_archive_and_is_none_is_a_fault(tmp_path: Path):
    no_gzip = tmp_path / "plain.jsonl.gz"
    no_gzip.write_bytes(b'{"a": 1}\n')
    (fault,) = json_lines(no_gzip)
    assert fault == Line(
        1, None, f"{DAMAGED}: it is named as if it were packed with gzip, and is not"
    )


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz"])
def test_an_array_over_several_lines_is_read_whatever_the_file_is_called(tmp_path, name: str):
    path = written(tmp_path / name, b'\n[\n  "one",\n  {"a": 2}\n]\n')
    assert holds_array(path)
    assert list(json_values(path)) == [Line(1, "one"), Line(2, {"a": 2})]


def test_an_array_on_one_line_is_a_files_where_it_is_json_and_holds_no_chat(tmp_path: Path):
    rows, chat = b'[{"a": 1}, {"a": 2}]\n', b'[{"role": "user", "content": "Why?"}]\n'
    assert [line.value for line in json_values(written(tmp_path / "a.json", rows))] == [
        {"a": 1},
        {"a": 2},
    ]
    for name, data in (("a.jsonl", rows), ("b.json", chat), ("c.json", chat + chat)):
        path = written(tmp_path / name, data)
        assert not holds_array(path) and list(json_values(path)) == list(json_lines(path))


def test_an_array_that_is_not_whole_is_one_fault(tmp_path: Path):
    (fault,) = json_values(written(tmp_path / "a.json", b'[{"a": 1},\n{"a": '))
    assert str(fault.fault).startswith("not JSON")
