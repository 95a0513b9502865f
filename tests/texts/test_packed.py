"""Packed files are opened as what they hold, and a damaged one is one clear fault."""

import gzip
from functools import partial
from pathlib import Path

import pytest
from archives import packed

from texts.delimited import delimited_rows
from texts.json_lines import DAMAGED, json_lines
from texts.packed import ARCHIVES, DamagedArchive, open_unpacked, unpacked

PACK = {ending: partial(packed, ending) for ending in ARCHIVES}
TEXT = b"".join(b'{"number": %d, "square": %d}\n' % (at, at * at) for at in range(20_000))


@pytest.mark.parametrize("ending", PACK)
def test_an_archive_is_read_like_what_it_holds(tmp_path: Path, ending: str):
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(PACK[ending](TEXT))
    with open_unpacked(path) as file:
        assert file.read() == TEXT
    with open_unpacked(path) as file:
        assert list(file) == TEXT.splitlines(keepends=True)
    assert unpacked(path).name == "a.jsonl"


@pytest.mark.parametrize("ending", PACK)
def test_two_archives_behind_one_another_are_one(tmp_path: Path, ending: str):
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(PACK[ending](b"1\n") + PACK[ending](b"2\n"))
    assert [line.value for line in json_lines(path)] == [1, 2]


@pytest.mark.parametrize("ending", PACK)
def test_what_is_packed_is_seen_whatever_it_is_called(tmp_path: Path, ending: str):
    path = tmp_path / "a.jsonl"
    path.write_bytes(PACK[ending](b"1\n"))
    assert [line.value for line in json_lines(path)] == [1]


@pytest.mark.parametrize("ending", PACK)
def test_an_archive_that_is_cut_off_is_one_fault(tmp_path: Path, ending: str):
    whole = PACK[ending](TEXT)
    for cut in (len(whole) // 2, len(whole) - 3):
        path = tmp_path / f"a.jsonl{ending}"
        path.write_bytes(whole[:cut])
        with pytest.raises(DamagedArchive, match="damaged or cut off"), open_unpacked(path) as file:
            file.read()
        *good, last = json_lines(path)
        assert [line.value["number"] for line in good] == list(range(len(good)))
        assert str(last.fault).startswith(f"{DAMAGED}: it is {ARCHIVES[ending]} that is damaged")
        path = path.rename(tmp_path / f"a.csv{ending}")
        *_, last = delimited_rows(path)
        assert str(last.fault).startswith(DAMAGED)


@pytest.mark.parametrize("ending", PACK)
def test_an_archive_that_is_none_says_so_and_an_empty_file_is_empty(tmp_path: Path, ending: str):
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(b'{"a": 1}\n')
    with pytest.raises(DamagedArchive, match=f"named as if it were packed with {ARCHIVES[ending]}"):
        open_unpacked(path)
    path.write_bytes(b"")
    assert list(json_lines(path)) == []


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.tsv", "\t"), ("a.tsv.gz", "\t")])
def test_fields_stand_under_their_names(tmp_path: Path, name: str, mark: str):
    text = f'\ufeffa{mark}b\r\n1{mark}"two\nlines"\r\n\r\n{mark}"say ""x"""\r\n'
    data = text.encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    header, *rows = delimited_rows(path)
    assert header.value == ["a", "b"]
    assert [row.value for row in rows] == [
        {"a": "1", "b": "two\nlines"},
        {"a": "", "b": 'say "x"'},
    ]
    assert [row.number for row in rows] == [3, 5]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"1,2,3\n", "more fields than the header has columns"),
        (b'"1" x,2\n', "not CSV"),
        (b'"1,2\n', "not CSV"),
        (b"caf\xe9,1\n", "not UTF-8 text"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, line: bytes, fault: str):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + line)
    assert str(list(delimited_rows(path))[-1].fault).startswith(fault)
