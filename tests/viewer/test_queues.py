"""Whom a person is asked about: each queue over a round's comparisons, and over the gate's."""

from pathlib import Path

import pytest
from builders import POLICY, begun, both, candidate_row, prompt_row, scored

from rounds.files import write_json
from rounds.labels import append_label, labels_path, read_labels, take_back
from viewer.queues import (
    QUEUES,
    Entry,
    entries_of,
    gate_queue,
    items,
    left_for,
    of_gate,
)

RANDOM, DISAGREEMENT, UNDECIDED, MARGIN = ("random", "disagreement", "undecided", "margin")


@pytest.fixture
def folder(run_dir: Path) -> Path:
    """A round with train comparisons 0 to 5 and gate contests 0 to 29."""
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}

    def compared(split: str, number: int, *orders: str, policies=("p0", "p0"), p=None) -> None:
        prompt = prompt_row(f"{split} {number}", split)
        rows = [
            candidate_row(prompt, f"{side} {number}", index, policy)
            for index, (side, policy) in enumerate(zip(("one", "two"), policies, strict=True))
        ]
        tables["prompts"].append(prompt)
        tables["candidates"] += rows
        verdicts = both(rows[0], rows[1], *orders, reason="refused")
        tables["verdicts"] += [row | {"probability": p} for row in verdicts]
        if split == "train":
            tables["verdicts"] += [scored(rows[0], 5 + number), scored(rows[1], 5)]

    for number, (orders, p) in enumerate(
        [
            (("a", "a"), 0.95),
            (("a", "a"), 0.71),
            (("b", "b"), 0.2),
            (("a", "b"), 0.5),
            (("abstain", "a"), None),
            (("tie", "tie"), None),
        ]
    ):
        compared("train", number, *orders, p=p)
    for number in range(30):
        compared("gate", number, *(("a", "a"), ("b", "b"))[number % 2], policies=("new", "p0"))
    folder = begun(run_dir, **tables)
    (run_dir / "run.yaml").write_text("gate: {people: {labels: mine, min_n: 5, most: 20}}\n")
    write_json(folder / "work" / "trained.json", {**POLICY, "policy_id": "new"})
    return folder


def label(folder: Path, entry: Entry, verdict: str, by: str = "ada", queue: str = "random"):
    (item,) = items(folder, queue, [entry])
    shown = {name: value for name, value in item.items() if name != "judge"}
    path = labels_path(folder.parent.parent, "mine")
    return append_label(path, {**shown, "shown_first": "a", "verdict": verdict, "by": by})


def asked(folder: Path, queue: str, by: str = "ada") -> list[str]:
    """What a queue asks this person about."""
    labels = read_labels(labels_path(folder.parent.parent, "mine")).labels
    entries = QUEUES[queue](entries_of(folder, ["train"]), labels, by, 0)
    found = items(folder, queue, left_for(entries, labels, by))
    return [item["prompt"][0]["content"] for item in found]


def test_an_item_has_what_a_label_says(folder: Path):
    entry = entries_of(folder)[1]
    (item,) = items(folder, MARGIN, [entry])
    assert (item["answer_a"], item["answer_b"], item["queue"]) == ("one 1", "two 1", MARGIN)
    assert (item["split"], item["round"], item["chance"]) == ("train", 1, None)
    assert item["judge"] == {
        "outcome": "a",
        "reason": None,
        "probability": pytest.approx(0.71),
        "judge_id": "desk/m",
    }
    assert label(folder, entry, "b")["answer_b"] == "two 1"


def test_a_random_sample_is_the_runs_own_and_says_its_chance(folder: Path):
    entries = QUEUES[RANDOM](entries_of(folder), [], "ada", 0)
    assert len(entries) == 36 and entries != entries_of(folder)
    assert entries == QUEUES[RANDOM](entries_of(folder)[::-1], [], "bob", 0)
    assert entries != QUEUES[RANDOM](entries_of(folder), [], "ada", 1)
    assert [entry.chance for entry in entries[::12]] == [1 / 36, 13 / 36, 25 / 36]


def test_what_the_judge_left_undecided_flips_first(folder: Path):
    assert asked(folder, UNDECIDED) == ["train 3", "train 4"]


def test_the_shortest_margin_first(folder: Path):
    assert asked(folder, MARGIN) == ["train 1", "train 2", "train 0"]


def test_without_probabilities_the_margin_is_the_screens(run_dir: Path):
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for number, gap in enumerate((4, 1, 2)):
        prompt = prompt_row(f"question {number}")
        a, b = candidate_row(prompt, "one"), candidate_row(prompt, "two", 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b]
        tables["verdicts"] += [scored(a, 5 + gap), scored(b, 5), *both(a, b, "a", "a")]
    folder = begun(run_dir, **tables)
    assert asked(folder, MARGIN) == ["question 1", "question 2", "question 0"]


def test_where_other_people_contradict_the_judge(folder: Path):
    train = entries_of(folder, ["train"])
    label(folder, train[0], "b", by="bob")
    label(folder, train[1], "a", by="bob")
    label(folder, train[3], "a", by="bob")
    label(folder, train[2], "a", by="ada")
    assert asked(folder, DISAGREEMENT) == ["train 0", "train 3"]
    assert asked(folder, DISAGREEMENT, by="bob") == ["train 2"]


def test_nobody_is_asked_twice_but_for_what_is_taken_back(folder: Path):
    one = label(folder, entries_of(folder, ["train"])[3], "skip")
    assert asked(folder, UNDECIDED) == ["train 4"]
    assert asked(folder, UNDECIDED, by="bob") == ["train 3", "train 4"]
    take_back(labels_path(folder.parent.parent, "mine"), one, "ada")
    assert asked(folder, UNDECIDED) == ["train 3", "train 4"]


def test_the_gates_queue_asks_in_its_order_until_the_decision_is_clear(folder: Path):
    run_dir = folder.parent.parent
    path = labels_path(run_dir, "mine")
    gate = gate_queue(run_dir)
    assert gate is not None and (gate.folder, gate.labels) == (folder, "mine")
    assert gate.question.rule.least == 5 and len(gate.question.order) == 30

    def left() -> list[Entry]:
        return of_gate(gate, read_labels(path).labels)

    first = left()
    assert [entry.pair for entry in first] == [one.contest.ids for one in gate.question.order]
    assert all(entry.split == "gate" and 0 < entry.chance <= 1 for entry in first)
    assert first[-1].chance == 1.0 and first[0].chance < 0.2
    asked_about = 0
    while entries := left():
        label(folder, entries[0], "a", queue="gate")
        asked_about += 1
    assert 5 <= asked_about < 20, "all for the new policy: it is clear before the last look"
    assert left() == []


def test_a_run_without_a_trained_policy_has_no_question_for_the_gate(run_dir: Path):
    begun(run_dir, prompts=[], candidates=[], verdicts=[])
    (run_dir / "run.yaml").write_text("trainer: null\n")
    assert gate_queue(run_dir) is None
