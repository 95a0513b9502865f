"""The file of labels: appended only, safe against crashes and two writers, checked when read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from labelled import labelled

from rounds.errors import UserError
from rounds.labels import (
    CHOICES,
    holds_labels,
    labels_file,
    labels_path,
    read_labels,
    standing_labels,
    take_back,
)

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return labels_path(tmp_path, "mine")


def test_a_label_is_read_as_it_was_given_with_hashes_id_and_time(path: Path):
    for verdict in CHOICES:
        labelled(path, verdict, verdict, note="why\nso \u2028 \ud800", chance=0.25)
    read = read_labels(path)
    assert [label["verdict"] for label in read.labels] == list(CHOICES)
    assert not read.torn and len({label["label_id"] for label in read.labels}) == 5
    first = read.labels[0]
    assert (first["answer_a"], first["chance"], first["undoes"]) == ("good", 0.25, None)
    assert first["note"] == "why\nso \u2028 \ud800" and first["at"].endswith("+00:00")
    with path.open("rb") as file:
        assert holds_labels(file)


def test_what_was_written_stays_byte_for_byte(path: Path):
    labelled(path, "one", "a")
    before = path.read_bytes()
    labelled(path, "one", "b")
    take_back(path, read_labels(path).labels[1], "ada")
    assert path.read_bytes().startswith(before) and len(read_labels(path).labels) == 3


def test_the_last_of_each_person_stands_and_what_is_taken_back_does_not(path: Path):
    labelled(path, "one", "a")
    labelled(path, "one", "b", by="bob")
    again = labelled(path, "one", "tie")
    assert [(row["by"], row["verdict"]) for row in standing_labels(read_labels(path).labels)] == [
        ("bob", "b"),
        ("ada", "tie"),
    ]
    take_back(path, again, "ada")
    assert [(row["by"], row["verdict"]) for row in standing_labels(read_labels(path).labels)] == [
        ("ada", "a"),
        ("bob", "b"),
    ]


def test_the_two_sides_may_change_places_between_two_labels(path: Path):
    first = labelled(path, "one", "a")
    swapped = {"candidate_a": first["candidate_b"], "candidate_b": first["candidate_a"]}
    labelled(path, "one", "a", answer_a="bad", answer_b="good", **swapped)
    (stands,) = standing_labels(read_labels(path).labels)
    assert stands["candidate_a"] == first["candidate_b"]


def test_a_line_cut_off_anywhere_is_told_and_loses_no_other(path: Path):
    labelled(path, "one", "a", note='ümlaut "quoted" \\ \ud800', chance=0.5)
    whole = path.read_bytes()
    for cut in range(1, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        labelled(path, "two", "b")
        read = read_labels(path)
        assert [label["verdict"] for label in read.labels] == ["a", "b"], whole[:cut]
        assert len(read.torn) == 1 and f"{path}, line 2" in read.torn[0]


def test_a_whole_last_line_without_its_end_counts(path: Path):
    labelled(path, "one", "a")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    labelled(path, "two", "b")
    assert [label["verdict"] for label in read_labels(path).labels] == ["a", "b"]


def test_several_writers_at_once_lose_and_mix_nothing(path: Path):
    code = (
        "import sys; sys.path[:0] = ['tests', '.']\n"
        "from pathlib import Path\nfrom labelled import labelled\n"
        "path, name = Path(sys.argv[1]), sys.argv[2]\n"
        "for n in range(40): labelled(path, f'{name} {n}', 'a', note='x' * 9000)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name], cwd=ROOT)
        for name in ("one", "two", "three")
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    read = read_labels(path)
    assert len(read.labels) == 120 and not read.torn
    assert len({row["label_id"] for row in read.labels}) == 120


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer_a": "edited"}, "answer_a is not the text that was labelled"),
        ({"hash_b": "0" * 16}, "answer_b is not the text that was labelled"),
        ({"verdict": "c"}, "verdict 'c' is none of a, b, tie, both_bad, skip"),
        ({"verdict": None}, "verdict is None, not a text"),
        ({"shown_first": "left"}, "shown_first 'left' is neither a nor b"),
        ({"chance": 0}, "chance 0 is no probability above 0"),
        ({"chance": 1.5}, "chance 1.5"),
        ({"by": " "}, "by is empty"),
        ({"round": "one"}, "round 'one' is no number"),
        ({"undoes": "nothing"}, "undoes 'nothing', which no line before it is"),
        ({"prompt": [{"role": "user"}]}, "prompt is no list of messages"),
        ({"at": "noon"}, "at 'noon' is no time"),
    ],
)
def test_a_line_that_is_wrong_is_named(path: Path, change: dict, message: str):
    labelled(path, "one", "a")
    second = labelled(path, "two", "a")
    lines = path.read_text().splitlines()
    path.write_text(f"{lines[0]}\n\n{json.dumps({**second, **change})}\n")
    with pytest.raises(UserError) as caught:
        read_labels(path)
    assert f"{path}, line 3: " in str(caught.value) and message in str(caught.value)


@pytest.mark.parametrize("line", ["[1]", '{"a": 1,}', "{'a': 1}", "\x00", '{"label_id": "x"}'])
def test_what_is_no_label_is_named(path: Path, line: str):
    labelled(path, "one", "a")
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match="line 2: "):
        read_labels(path)


def test_a_wrong_label_is_not_written(path: Path):
    with pytest.raises(UserError, match="is none of a, b"):
        labelled(path, "one", "A")
    assert not path.exists()


@pytest.mark.parametrize("name", ["", "..", "../gate", "a/b", ".hidden", "-x", "a b", "a\n", "ä"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="no name"):
        labels_path(tmp_path, name)


def test_a_config_names_labels_of_the_run_or_a_file(tmp_path: Path):
    assert labels_file(tmp_path, "gate") == tmp_path / "labels" / "gate.jsonl"
    assert labels_file(tmp_path, "v1.2") == tmp_path / "labels" / "v1.2.jsonl"
    assert labels_file(tmp_path, "mine.jsonl") == Path("mine.jsonl")
    assert labels_file(tmp_path, "data/mine.txt") == Path("data/mine.txt")


def test_what_is_not_there_holds_no_labels(tmp_path: Path):
    assert read_labels(tmp_path / "none.jsonl") == ([], [])
