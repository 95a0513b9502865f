"""The one reader of JSON lines: the same for prompts, preferences, gold sets and verdicts."""

import gzip
import math
from pathlib import Path

import pytest

from texts.json_lines import Line, json_lines, parse_json


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


def test_a_packed_file_that_is_cut_off_or_damaged_is_a_fault(tmp_path: Path):
    whole = gzip.compress(b"".join(b"%d\n" % number for number in range(5_000)))
    cut_off = tmp_path / "cut.jsonl.gz"
    cut_off.write_bytes(whole[: len(whole) // 2])
    *good, last = json_lines(cut_off)
    assert [line.value for line in good] == list(range(len(good)))
    assert last.fault is not None and last.fault.startswith("not whole gzip")
    no_gzip = tmp_path / "plain.jsonl.gz"
    no_gzip.write_bytes(b'{"a": 1}\n')
    (fault,) = json_lines(no_gzip)
    assert fault.number == 1 and str(fault.fault).startswith("not whole gzip")
