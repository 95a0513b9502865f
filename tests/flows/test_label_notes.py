"""What is said of labels by people before a run begins, and what is refused of them."""

from pathlib import Path

import pytest
from configs import TREE, load, refused
from labelled import labelled

from flows.plan_text import gate_text
from flows.preflight_judge import label_notes
from rounds.errors import UserError
from rounds.labels import labels_path

PEOPLE = TREE + "gate: {people: {labels: LABELS}}\n"


def test_what_is_left_out_of_labels_is_said(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    for text, verdict in (("one", "a"), ("two", "tie"), ("three", "skip")):
        labelled(path, text, verdict)
    judge = f'judge: {{endpoint: "human:{path}", strategy: pairwise, gold: {{path: {path}}}}}\n'
    tree = TREE[: TREE.index("judge:")] + judge + "sampler: {n: 2}\n"
    notes = label_notes(load(tmp_path, tree), tmp_path)
    assert notes == [
        f"judge.endpoint: {path}: 2 comparisons labelled; left out as not judged: 1 skipped, 0 on "
        "which people contradict each other",
        f"judge.gold.path: {path}: 1 labelled pairs; left out: 1 skipped, 1 ties",
    ]


def test_the_gates_labels_are_looked_at_before_anything_is_spent(tmp_path: Path):
    named = load(tmp_path, PEOPLE.replace("LABELS", "mine"))
    assert label_notes(named, tmp_path) == [], "there are none yet"
    path = labels_path(tmp_path, "mine")
    labelled(path, "one", "a")
    path.write_bytes(path.read_bytes() + b'{"label_id": "cut')
    (note,) = label_notes(named, tmp_path)
    assert note.startswith(f"gate.people.labels: {path}, line 2: only its beginning")
    path.write_text("{}\n")
    with pytest.raises(UserError, match="line 1: no label_id in it"):
        label_notes(named, tmp_path)
    elsewhere = load(tmp_path, PEOPLE.replace("LABELS", "no/such.jsonl"))
    with pytest.raises(UserError, match=r"gate\.people\.labels: no such file .*no/such\.jsonl"):
        label_notes(elsewhere, tmp_path)


def test_the_plan_says_how_many_labels_a_round_waits_for(tmp_path: Path):
    config = load(tmp_path, PEOPLE.replace("LABELS", "mine"))
    waits = "; the round then waits for 50 labels by people, 120 where it is close"
    assert gate_text(config, 120).endswith(waits)
    assert "waits" not in gate_text(load(tmp_path), 120)


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path):
    assert "gate.people.labels: " in refused(tmp_path, PEOPLE.replace("LABELS", '".."'))
