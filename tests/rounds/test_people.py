"""What people say of a comparison, and how far a judge agrees with them."""

from pathlib import Path

import pytest
from builders import both, candidate_row, prompt_row
from labelled import given, labelled

from rounds.agreement import judge_and_people
from rounds.kappa import kappa_interval
from rounds.labels import append_label, read_labels, take_back
from rounds.people import opinions, outcome_for
from rounds.verdicts import comparisons


def said(path: Path, *votes: str) -> tuple[str | None, bool]:
    """What the votes of so many people amount to."""
    for number, vote in enumerate(votes):
        labelled(path, "one", vote, by=f"person {number}")
    (opinion,) = opinions(read_labels(path).labels).values()
    return opinion.outcome, opinion.contradicted


@pytest.mark.parametrize(
    ("votes", "outcome", "contradicted"),
    [
        ("a", "a", False),
        ("aab", "a", False),
        ("ab", None, True),
        ("abt", None, True),
        ("aabb", None, True),
        ("tx", "tie", False),
        ("sab", None, True),
        ("sa", "a", False),
        ("ss", None, False),
    ],
)
def test_the_majority_of_those_who_answered_counts(tmp_path, votes, outcome, contradicted):
    names = {"a": "a", "b": "b", "t": "tie", "x": "both_bad", "s": "skip"}
    found = said(tmp_path / "l.jsonl", *(names[vote] for vote in votes))
    assert found == (outcome, contradicted)


def test_the_sides_of_each_label_are_its_own(tmp_path: Path):
    path = tmp_path / "l.jsonl"
    prompt = prompt_row("one")
    good, bad = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
    append_label(path, given(prompt, good, bad, "a", by="ada"))
    append_label(path, given(prompt, bad, good, "b", by="bob"))
    (opinion,) = opinions(read_labels(path).labels).values()
    ids = good["candidate_id"], bad["candidate_id"]
    assert (outcome_for(opinion, ids), outcome_for(opinion, ids[::-1])) == ("a", "b")
    assert opinion.by == ["ada", "bob"]


def test_what_is_taken_back_is_no_opinion(tmp_path: Path):
    path = tmp_path / "l.jsonl"
    take_back(path, labelled(path, "one", "a"), "ada")
    assert opinions(read_labels(path).labels) == {}


def judged(path: Path, *pairs: tuple[str, tuple[str, str], tuple[float, float] | None]):
    """A judge's rows, with people's verdicts in a file: (people, (order, order), probabilities)."""
    rows = []
    for number, (people, orders, probabilities) in enumerate(pairs):
        prompt = prompt_row(f"question {number}")
        a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
        append_label(path, given(prompt, a, b, people))
        verdicts = both(a, b, *orders, reason="refused")
        for row, probability in zip(verdicts, probabilities or (None, None), strict=True):
            rows.append(row | {"probability": probability})
    return judge_and_people(comparisons(rows), opinions(read_labels(path).labels))


def test_the_judge_is_measured_by_people(tmp_path: Path):
    found = judged(
        tmp_path / "l.jsonl",
        *[("a", ("a", "a"), (0.97, 0.87))] * 6,
        *[("b", ("a", "a"), (0.65, 0.65))] * 2,
        ("b", ("b", "b"), (0.35, 0.35)),
        ("tie", ("a", "a"), (0.75, 0.75)),
        ("both_bad", ("tie", "tie"), None),
        ("a", ("a", "b"), (0.6, 0.4)),
        ("skip", ("a", "a"), None),
    )
    assert (found["n"], found["skipped"], found["contradicted"]) == (12, 1, 0)
    assert (found["agreement"]["value"], found["agreement"]["n"]) == (7 / 9, 9)
    assert found["outcomes"]["b"] == {"a": 2, "b": 1, "tie": 0, "abstain": 0}
    assert found["outcomes"]["a"] == {"a": 6, "b": 0, "tie": 0, "abstain": 1}
    assert found["by"] == {"ada": 12}
    bins = {one["from"]: one["accuracy"]["value"] for one in found["reliability"]}
    assert bins == {0.5: None, 0.6: 1 / 3, 0.7: 0.0, 0.8: None, 0.9: 1.0}
    kappa = found["kappa"]
    assert kappa["n"] == 11 and kappa["low"] < kappa["value"] < kappa["high"]


def test_kappa_is_cohens_with_either_candidate_called_a():
    """7 of 10 agree, no ties: by chance one half do, whoever is called a."""
    ratings = [("a", "a")] * 7 + [("a", "b")] * 3
    found = kappa_interval(ratings)
    assert found["value"] == pytest.approx(0.4)
    # 2 * Wilson's interval of 7 of 10 - 1
    assert (found["low"], found["high"]) == pytest.approx((-0.2064, 0.7845), abs=1e-3)


def test_kappa_of_few_that_all_agree_is_not_sure():
    found = kappa_interval([("a", "a"), ("b", "b"), ("a", "a")])
    assert (found["value"], found["high"]) == (1.0, 1.0) and found["low"] < 0


@pytest.mark.parametrize("ratings", [[], [("tie", "tie")] * 4])
def test_where_chance_agrees_always_there_is_no_kappa(ratings):
    found = kappa_interval(ratings)
    assert found == {"value": None, "low": None, "high": None, "n": len(ratings)}
