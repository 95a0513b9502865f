"""The gold set: read line by line, and what verdicts on it say of the judge."""

import gzip
import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from builders import both, user
from hypothesis import given
from hypothesis import strategies as st

from judge.health.config import FromGold
from judge.health.gold import flip_rate, gold_rows, measure_gold, read_gold, threshold_for
from judge.health.gold_lines import GoldPair
from preferences.config import Data
from rounds.errors import UserError
from rounds.ids import text_hash
from rounds.rows import Verdict
from rounds.tables import by_prompt, read_rows, write_rows
from rounds.verdicts import settle

LABELLED = {"prompt": "Why?", "a": "yes", "b": "no", "label": "a"}
PREFERRED = {"prompt": "Why?", "chosen": "yes", "rejected": "no"}
NUMBERS = count()


def written(tmp_path: Path, *rows: Any) -> str:
    path = tmp_path / "gold.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def read(tmp_path: Path, *rows: Any) -> list[GoldPair]:
    return read_gold(written(tmp_path, *rows), "judge.gold.path")


def test_the_own_form_is_read_packed_and_as_an_array_as_well(tmp_path: Path):
    other = LABELLED | {"prompt": "Where?"}
    expected = read(tmp_path, LABELLED, other)
    lines = (tmp_path / "gold.jsonl").read_bytes()
    (tmp_path / "gold.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "lines.json").write_bytes(lines)
    (tmp_path / "array.json").write_text(json.dumps([LABELLED, other]))
    (tmp_path / "array.json.gz").write_bytes(gzip.compress(json.dumps([LABELLED, other]).encode()))
    for name in ("gold.jsonl.gz", "lines.json", "array.json", "array.json.gz"):
        assert read_gold(str(tmp_path / name), "judge.gold.path") == expected, name
    (tmp_path / "array.json").write_text(json.dumps([LABELLED, {"prompt": "Where?"}]))
    with pytest.raises(UserError, match=r"array.json, row 2: chosen is not a list"):
        read_gold(str(tmp_path / "array.json"), "judge.gold.path")
    (tmp_path / "array.json").write_text("[" + json.dumps(LABELLED))
    with pytest.raises(UserError, match=r"array.json, row 1: not JSON"):
        read_gold(str(tmp_path / "array.json"), "judge.gold.path")


def judged(label: str, *orders: Any, sure: float | None = None) -> tuple[GoldPair, list[Verdict]]:
    """A gold pair and the verdicts on it; `sure` is the probability of a in both orders."""
    pair = GoldPair(user(f"gold {next(NUMBERS)}"), "one", "other", label)
    _, (a, b) = gold_rows([pair])
    rows = both(a, b, *orders, reason="refused")
    return pair, [row | {"probability": sure, "purpose": "gold"} for row in rows]


def all_of(*cases: tuple[GoldPair, list[Verdict]]) -> tuple[list[GoldPair], list[Verdict]]:
    return [pair for pair, _ in cases], [row for _, rows in cases for row in rows]


def measured(*cases: tuple[GoldPair, list[Verdict]]) -> dict[str, Any]:
    found = measure_gold(*all_of(*cases))
    assert json.loads(json.dumps(found)) == found
    return found


def share(rate: dict[str, Any]) -> tuple[float | None, int]:
    return rate["value"], rate["n"]


def test_a_line_is_a_prompt_two_answers_and_a_label(tmp_path: Path):
    beside = {"reference": "42", "guidelines": "Be strict.", "id": 7}
    turns = [{"role": "system", "content": "Be brief."}, *user("Why?")]
    pairs = read(
        tmp_path,
        LABELLED | beside,
        "",
        {"prompt": turns, "a": "", "b": "no", "label": "b"},
        {"prompt": "Even?", "a": "1", "b": "2", "label": "tie"},
    )
    assert pairs == [
        GoldPair(user("Why?"), "yes", "no", "a", "42", "Be strict."),
        GoldPair(turns, "", "no", "b"),
        GoldPair(user("Even?"), "1", "2", "tie"),
    ]


def test_chosen_and_rejected_may_be_texts_or_one_assistant_message(tmp_path: Path):
    said = {
        "prompt": "Why?",
        "chosen": [{"role": "assistant", "content": "yes"}],
        "rejected": [{"role": "assistant", "content": "no"}],
    }
    (pair,) = read(tmp_path, said)
    assert [pair] == read(tmp_path, PREFERRED)
    assert {"a": pair.a, "b": pair.b}[pair.label] == "yes"


def test_which_side_is_a_follows_from_the_texts_and_not_from_the_label(tmp_path: Path):
    rows = [PREFERRED | {"prompt": f"{number}?"} for number in range(200)]
    turned = [row | {"chosen": "no", "rejected": "yes"} for row in rows]
    pairs, others = read(tmp_path, *rows), read(tmp_path, *turned)
    assert [pair.a for pair in pairs] == [pair.a for pair in others]
    assert all(one.label != other.label for one, other in zip(pairs, others, strict=True))
    assert all({"a": pair.a, "b": pair.b}[pair.label] == "yes" for pair in pairs)
    assert 70 < Counter(pair.label for pair in pairs)["a"] < 130


def test_a_pair_that_stands_there_again_counts_once_whichever_side_is_a(tmp_path: Path):
    turned = {"prompt": "Why?", "a": "no", "b": "yes", "label": "b"}
    assert read(tmp_path, LABELLED, LABELLED, turned, PREFERRED) == read(tmp_path, LABELLED)
    tie = LABELLED | {"label": "tie"}
    assert len(read(tmp_path, tie, turned | {"label": "tie"})) == 1


@pytest.mark.parametrize(
    "other",
    [
        LABELLED | {"label": "b"},
        LABELLED | {"label": "tie"},
        {"prompt": "Why?", "a": "no", "b": "yes", "label": "a"},
        {"prompt": "Why?", "chosen": "no", "rejected": "yes"},
    ],
)
def test_a_pair_labelled_twice_and_differently_is_a_fault(tmp_path: Path, other: dict):
    with pytest.raises(UserError, match=r"gold.jsonl, line 3: .*otherwise in line 1; expected one"):
        read(tmp_path, LABELLED, "", other)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{oops", "not JSON"),
        ("7", "not a JSON object"),
        ('"Why?"', "not a JSON object"),
        ({"a": "x", "b": "y", "label": "a"}, "no prompt in it"),
        (LABELLED | {"prompt": " "}, "an empty prompt"),
        (LABELLED | {"prompt": [{"role": "human", "content": "x"}]}, "role 'human' is none of"),
        ({"prompt": "Why?"}, "chosen is not a list with one assistant message"),
        ({"prompt": "Why?", "chosen": "x"}, "rejected is not a text"),
        (PREFERRED | {"chosen": [*user("Why?")]}, "chosen is a user message, not the assistant's"),
        (PREFERRED | {"chosen": []}, "chosen is not a list with one assistant message"),
        (PREFERRED | {"a": "yes"}, "both a, b, label and chosen, rejected in it"),
        ({"prompt": "Why?", "a": "x", "b": "y"}, "label None is none of a, b, tie"),
        (LABELLED | {"label": "A"}, "label 'A' is none of a, b, tie"),
        (LABELLED | {"label": ["a"]}, "label .* is none of a, b, tie"),
        (LABELLED | {"b": None}, "b is not a text"),
        (LABELLED | {"b": "yes "}, "the two answers are the same"),
        (PREFERRED | {"chosen": "no"}, "the two answers are the same"),
        (LABELLED | {"a": "cut \ud83d"}, "a: half a character"),
        (LABELLED | {"reference": 7}, "reference is not a text"),
        (LABELLED | {"guidelines": "cut \ud83d"}, "guidelines is not a text"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, line: Any, fault: str):
    with pytest.raises(UserError, match=rf'gold.jsonl, line 2: {fault}.*expected .*"chosen"'):
        read(tmp_path, {**LABELLED, "prompt": "Fine?"}, line)


def test_a_file_that_is_not_there_empty_or_no_text_is_named_by_its_key(tmp_path: Path):
    with pytest.raises(UserError, match=r"judge.gold.path: no such file .*/nowhere.jsonl"):
        read_gold("nowhere.jsonl", "judge.gold.path")
    with pytest.raises(UserError, match=r"judge.gold.path: .*gold.jsonl holds no pairs; expected"):
        read(tmp_path, "", " ")
    (tmp_path / "latin.jsonl").write_bytes(b'"caf\xe9"\n')
    with pytest.raises(UserError, match=r"judge.gold.path: .*latin.jsonl is not UTF-8"):
        read_gold(str(tmp_path / "latin.jsonl"), "judge.gold.path")


def test_a_byte_order_mark_is_no_text_and_what_is_not_json_is_named_or_skipped(tmp_path: Path):
    lines = [json.dumps(LABELLED), '{"prompt": "x", "prompt": "y"}', "{oops", '{"label": NaN}']
    (path := tmp_path / "gold.jsonl").write_text("\n".join(lines), encoding="utf-8-sig")
    with pytest.raises(
        UserError, match=r"gold.jsonl, line 2: the key 'prompt' is there twice; exp"
    ):
        read_gold(str(path), "judge.gold.path")
    (pair,) = read_gold(Data(data=str(path), skip_malformed=True), "judge.gold.path")
    assert pair.prompt == user("Why?")


@pytest.mark.parametrize("separator", ["\u2028", "\u0085"])
def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path: Path, separator: str):
    line = json.dumps(LABELLED | {"a": f"a{separator}b"}, ensure_ascii=False)
    assert read(tmp_path, line)[0].a == f"a{separator}b"


def test_the_rows_fit_the_tables_and_each_pair_has_a_prompt_of_its_own(tmp_path: Path):
    pairs = [
        GoldPair(user("Why?"), "yes", "no", "a", "42", "Be strict."),
        GoldPair(user("Why?"), "yes", "perhaps", "tie"),
    ]
    prompts, candidates = gold_rows(pairs)
    write_rows(tmp_path, "prompts", prompts)
    write_rows(tmp_path, "candidates", candidates)
    assert read_rows(tmp_path, "prompts", ["gold"]) == prompts
    assert read_rows(tmp_path, "candidates", ["gold"]) == candidates
    sides = by_prompt(candidates)
    for pair, prompt in zip(pairs, prompts, strict=True):
        assert [row["text"] for row in sides[prompt["prompt_id"]]] == [pair.a, pair.b]
        assert (prompt["messages"], prompt["reference"]) == (pair.prompt, pair.reference)
    assert prompts[0]["guidelines"] == "Be strict."
    assert len({row["candidate_id"] for row in candidates}) == 4
    assert {row["policy_id"] for row in candidates} == {"gold"}
    assert all(row["text_hash"] == text_hash(row["text"]) for row in candidates)


def test_accuracy_is_on_decided_pairs_and_a_decision_on_a_tie_is_wrong():
    found = measured(
        judged("a", "a", "a"),
        judged("b", "b", "b"),
        judged("b", "a", "a"),
        judged("tie", "a", "a"),
        judged("tie", "tie", "tie"),
        judged("a", "tie", "tie"),
        judged("a", "a", "b"),
        judged("a", "abstain", "a"),
    )
    assert share(found["accuracy"]) == (0.5, 4)
    assert share(found["yield"]) == (0.5, 8)
    assert share(found["single_order"]) == (pytest.approx(8 / 15), 15)
    assert share(found["sensitivity"]) == (1.0, 1)
    assert share(found["specificity"]) == (0.5, 2)
    assert found["confusion"] == {
        "a": {"a": 1, "b": 0, "tie": 1, "abstain": 2},
        "b": {"a": 1, "b": 1, "tie": 0, "abstain": 0},
        "tie": {"a": 1, "b": 0, "tie": 1, "abstain": 0},
    }
    assert found["kappa_n"] == 6
    assert found["kappa"] == pytest.approx((6 * 3 - 12) / (36 - 12))
    assert found["reliability"] is None


def test_a_pair_without_verdicts_is_no_case():
    pair, rows = judged("a", "a", "a")
    other, _ = judged("a", "a", "a")
    assert share(measure_gold([pair, other], rows)["yield"]) == (1.0, 1)
    empty = measure_gold([pair, other], [])
    assert share(empty["accuracy"]) == (None, 0) and empty["kappa"] is None


def test_the_threshold_of_the_rows_decides_what_counts_as_decided():
    pairs, rows = all_of(judged("a", "a", "a", sure=0.9), judged("a", "a", "a", sure=0.6))
    rows = [row | {"threshold": 0.8} for row in rows]
    assert share(measure_gold(pairs, rows)["yield"]) == (0.5, 2)


def test_the_reliability_curve_has_the_accuracy_of_each_degree_of_confidence():
    found = measured(
        judged("a", "a", "a", sure=0.95),
        judged("b", "b", "b", sure=0.05),
        judged("b", "a", "a", sure=1.0),
        judged("b", "a", "b", sure=0.45),  # a flip, and b is favoured
        judged("tie", "a", "a", sure=0.55),
        judged("a", "tie", "tie", sure=0.5),
        judged("a", "a", "a"),
    )
    curve = found["reliability"]
    assert [bin["from"] for bin in curve] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert share(curve[0]["accuracy"]) == (0.5, 2)
    assert curve[0]["confidence"] == pytest.approx(0.55)
    assert share(curve[4]["accuracy"]) == (pytest.approx(2 / 3), 3)
    assert curve[4]["confidence"] == pytest.approx(2.9 / 3)
    assert (curve[2]["confidence"], share(curve[2]["accuracy"])) == (None, (None, 0))


def measured_alone(
    pairs: list[GoldPair], rows: list[Verdict], accuracy: float, min_n: int
) -> float:
    return threshold_for(pairs, rows, FromGold(accuracy, "point"), min_n)


def sure_cases() -> list[tuple[GoldPair, list[Verdict]]]:
    """Right 2 of 4 below 0.7, 3 of 4 from there, always from 0.9."""
    found = []
    for p, wrong in [(0.55, 2), (0.7, 1), (0.9, 0)]:
        for number in range(4):
            label = "b" if number < wrong else "a"
            found.append(judged(label, "a", "a", sure=p))
    return found


@pytest.mark.parametrize(
    ("accuracy", "tau"), [(0.6, 0.5), (0.75, 0.5), (0.76, 0.7), (0.875, 0.7), (0.9, 0.9), (1, 0.9)]
)
def test_the_threshold_is_the_smallest_that_is_right_often_enough(accuracy: float, tau: float):
    assert measured_alone(*all_of(*sure_cases()), accuracy, 4) == tau


def test_a_threshold_also_holds_for_what_b_wins_and_leaves_flips_out():
    cases = [judged("b", "b", "b", sure=0.1) for _ in range(3)]
    cases += [judged("a", "b", "b", sure=0.3), judged("a", "a", "b", sure=0.01)]
    assert measured_alone(*all_of(*cases), 0.9, 3) == 0.9


def test_a_decision_on_a_tie_counts_against_a_threshold():
    cases = [*[judged("a", "a", "a", sure=0.9)] * 3, judged("tie", "a", "a", sure=0.6)]
    assert measured_alone(*all_of(*cases), 0.9, 1) == 0.9


def test_a_threshold_that_is_in_the_rows_already_changes_nothing():
    pairs, rows = all_of(*sure_cases())
    assert measured_alone(pairs, [row | {"threshold": 0.99} for row in rows], 0.76, 4) == 0.7


def test_without_probabilities_there_is_no_threshold():
    cases = [judged("a", "a", "a") for _ in range(5)]
    with pytest.raises(
        UserError, match=r"judge.tau: .* needs probabilities.*decided \(5\).*logpro"
    ):
        measured_alone(*all_of(*cases), 0.9, 1)


def test_a_threshold_rests_on_enough_decided_pairs():
    cases = [*sure_cases(), judged("a", "a", "b", sure=0.9)]
    with pytest.raises(UserError, match=r"rests on 13 .*judge.gold.min_n.*decided 12 of 13"):
        measured_alone(*all_of(*cases), 0.6, 13)
    with pytest.raises(UserError, match=r"rests on 1 .*decided 0 of 0"):
        measured_alone([], [], 0.6, 1)


def test_where_no_threshold_is_right_often_enough_the_best_is_named():
    with pytest.raises(UserError, match=r"right on 0.95 .*the best is 0.875 at 0.700 \(8 pairs\)"):
        measured_alone(*all_of(*sure_cases()), 0.95, 5)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "tie"]),
            st.lists(
                st.sampled_from([0.05, 0.2, 0.4, 0.5, 0.6, 0.8, 0.95]), min_size=3, max_size=3
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 3),
    st.sampled_from([0.51, 0.6, 0.75, 0.9]),
)
def test_labelling_by_the_threshold_is_as_right_as_was_asked_for(gold, jury: int, accuracy: float):
    cases = []
    for label, chances in gold:
        pair, rows = judged(label, "a", "a")
        voices = [
            row | {"judge_id": f"j{number}", "outcome": "a" if p >= 0.5 else "b", "probability": p}
            for number, p in enumerate(chances[:jury])
            for row in rows
        ]
        cases.append((pair, voices))

    def at(tau: float) -> list[bool]:
        found = [
            (pair.label, settle([row | {"threshold": tau} for row in rows]).outcome)
            for pair, rows in cases
        ]
        return [label == outcome for label, outcome in found if outcome in ("a", "b")]

    right = {tau: at(tau) for tau in (0.5, 0.6, 0.8, 0.95)}
    good = [tau for tau, said in right.items() if said and sum(said) / len(said) >= accuracy]
    try:
        tau = measured_alone(*all_of(*cases), accuracy, 1)
    except UserError:
        assert not good
    else:
        assert at(tau) == at(min(good)) and tau <= max(right)


def test_the_flip_rate_is_the_share_of_wrong_labels_within_what_the_loss_can_use():
    right, wrong = [judged("a", "a", "a")] * 9, [judged("a", "b", "b")]
    assert flip_rate(measured(*right, *wrong), 10) == pytest.approx(0.1)
    assert flip_rate(measured(*right), 9) == 0
    assert flip_rate(measured(*wrong * 4), 4) == 0.49
    assert flip_rate(measured(*right, *wrong), 11) is None
    assert flip_rate(measured(judged("a", "a", "b")), 1) is None
