"""Labels by people as verdicts and as a gold set, as their file is."""

import json
from pathlib import Path

import pytest
from archives import packed
from builders import candidate_row, prompt_row
from labelled import labelled

from judge.health.gold import read_gold
from judge.health.gold_labels import read_labelled
from judge.panel import load_rule
from judge.person import person_told
from preferences.config import Data
from rounds.errors import UserError
from rounds.labels import read_labels, take_back

KEY = "judge.gold.path"


def asked(path: Path, text: str, swapped: bool = False) -> object:
    """What the person behind the file says of the two answers to a prompt."""
    prompt = prompt_row(text)
    rows = [candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)]
    a, b = reversed(rows) if swapped else rows
    rule = load_rule("judge.endpoint", f"human:{path}").rule
    assert rule is not None
    return rule(prompt, a, b)


def test_labels_are_verdicts_as_they_are(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    for verdict in ("a", "b", "tie", "both_bad", "skip"):
        labelled(path, verdict, verdict)
    take_back(path, labelled(path, "undone", "a"), "ada")
    labelled(path, "quarrel", "a")
    labelled(path, "quarrel", "b", by="bob")
    given = {text: asked(path, text) for text in ("a", "b", "tie", "both_bad", "skip", "undone")}
    assert given == {"a": "a", "b": "b", "tie": "tie", "both_bad": "tie", "skip": None} | {
        "undone": None
    }
    assert asked(path, "quarrel") is None and asked(path, "a", swapped=True) == "b"
    told = person_told(f"human:{path}")
    assert "4 comparisons labelled" in told and "1 skipped, 1 on which people contradict" in told
    archive = tmp_path / "labels.jsonl.gz"
    archive.write_bytes(packed(".gz", path.read_bytes()))
    assert asked(archive, "b") == "b"


def test_who_judged_changes_only_with_what_is_said(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    labelled(path, "one", "a")

    def name() -> str:
        return load_rule("judge.endpoint", f"human:{path}").judge_id

    before = name()
    labelled(path, "two", "skip")
    labelled(path, "one", "a", note="again")
    with path.open("ab") as file:
        file.write(b'{"label_id": "cut o')
    assert name() == before
    labelled(path, "one", "b")
    assert name() != before


def test_a_wrong_line_of_labels_is_named_and_none_is_read_in_another_way(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    labelled(path, "one", "a")
    (label,) = read_labels(path).labels
    path.write_text(path.read_text() + json.dumps(label | {"answer_a": "edited"}))
    for read in (
        lambda: load_rule("judge.endpoint", f"human:{path}"),
        lambda: read_gold(str(path), KEY),
    ):
        with pytest.raises(UserError, match=f"{path}, line 2: answer_a is not the text"):
            read()


def test_a_file_in_both_forms_is_wrong(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    labelled(path, "one", "a")
    path.write_text(path.read_text() + '{"candidate_a": "x", "candidate_b": "y", "verdict": "a"}\n')
    with pytest.raises(UserError, match="line 2: no label_id in it"):
        load_rule("judge.endpoint", f"human:{path}")


def test_labels_are_a_gold_set_as_they_are(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    for text, verdict in (("one", "a"), ("two", "b"), ("three", "tie"), ("four", "skip")):
        labelled(path, text, verdict)
    labelled(path, "quarrel", "a")
    labelled(path, "quarrel", "b", by="bob")
    labelled(path, "one", "a", by="bob")
    labelled(path, "same", "a", answer_a="x", answer_b="x ")
    pairs = read_gold(str(path), KEY)
    better = {pair.prompt[-1]["content"]: pair.a if pair.label == "a" else pair.b for pair in pairs}
    assert better == {"one": "good", "two": "bad"}
    found = read_labelled(Data(data=str(path)))
    assert found is not None and found.told == (
        f"{path}: 2 labelled pairs; left out: 1 contradicted, 1 skipped, 1 ties, "
        "1 twice the same text"
    )


def test_which_side_is_a_does_not_follow_who_asked(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    for number in range(40):
        labelled(path, f"question {number}", "a")
    sides = {pair.label for pair in read_gold(str(path), KEY)}
    assert sides == {"a", "b"}


def test_two_comparisons_of_the_same_texts_are_one_pair(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    labelled(path, "one", "a")
    labelled(path, "one", "a", candidate_a="other", round=2)
    assert len(read_gold(str(path), KEY)) == 1
    labelled(path, "one", "b", candidate_a="third", round=3)
    with pytest.raises(UserError, match="no pair that people decided; .* 1 contradicted"):
        read_gold(str(path), KEY)
