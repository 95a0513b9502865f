"""A judge's reply is one of the offered verdicts, or nothing, and then says why."""

import json

import pytest

from judge.verdict import pairwise_schema, pointwise_schema, read_pairwise, read_pointwise


def reply(**fields: object) -> str:
    return json.dumps({"rationale": "because", **fields})


@pytest.mark.parametrize("verdict", ["A", "B", "tie"])
def test_an_offered_verdict_is_read_with_its_rationale(verdict: str):
    assert read_pairwise(reply(verdict=verdict)) == (verdict, "because", None)


@pytest.mark.parametrize("score", [1, 10])
def test_both_ends_of_the_scale_are_on_it(score: int):
    assert read_pointwise(reply(score=score), (1, 10)) == (score, "because", None)


@pytest.mark.parametrize("score", [0, 11, -1, 5.0, 5.5, "5", True, None, [5], float("nan")])
def test_a_score_off_the_scale_is_never_clipped(score: object):
    reading = read_pointwise(reply(score=score), (1, 10))
    assert (reading.value, reading.reason) == (None, "off_menu")


def test_true_is_no_one():
    assert read_pointwise(reply(score=True), (0, 1)).reason == "off_menu"


@pytest.mark.parametrize("verdict", ["a", "C", "TIE", "A ", "", "A or B", None, 1, ["A"], {"A": 1}])
def test_a_verdict_that_was_not_offered_is_off_menu(verdict: object):
    reading = read_pairwise(reply(verdict=verdict))
    assert (reading.value, reading.reason) == (None, "off_menu")


@pytest.mark.parametrize(
    "text",
    [
        '{"verdict": "A"}',
        '{"rationale": "x", "verdict": "A", "also": 1}',
        '{"rationale": "x", "winner": "A"}',
        '["A"]',
        '"A"',
        "null",
    ],
)
def test_a_reply_of_another_shape_is_off_menu(text: str):
    assert read_pairwise(text)[::2] == (None, "off_menu")


@pytest.mark.parametrize(
    "text",
    [
        'Sure: {"rationale": "x", "verdict": "A"}',
        "```json\n{}\n```",
        '{"rationale": "x',
        "A",
        "",
        "[" * 100_000,
        "9" * 10_000,
    ],
    ids=["text before", "fenced", "cut", "bare", "empty", "deep", "long number"],
)
def test_a_reply_that_is_not_one_json_value_is_not_json(text: str):
    assert read_pairwise(text) == (None, None, "not_json")


@pytest.mark.parametrize(
    "text",
    [
        '{"rationale": "x", "verdict": "A", "verdict": "B"}',
        '{"rationale": "x", "verdict": "A", "verdict": "A"}',
        '{"rationale": "x", "rationale": "y", "verdict": "A"}',
    ],
)
def test_a_key_that_stands_twice_is_two_verdicts(text: str):
    assert read_pairwise(text) == (None, None, "two_verdicts")


def test_two_json_values_are_not_one():
    assert read_pairwise(reply(verdict="A") + reply(verdict="B")).reason == "not_json"


def test_half_a_character_in_a_rationale_is_replaced_and_the_verdict_stands():
    reading = read_pairwise('{"rationale": "cut \\ud83d", "verdict": "B"}')
    assert reading == ("B", "cut ?", None)


def test_what_is_offered_is_what_is_read():
    verdicts = pairwise_schema()["json_schema"]["schema"]["properties"]["verdict"]["enum"]
    assert [read_pairwise(reply(verdict=each)).value for each in verdicts] == verdicts
    schema = pointwise_schema((0, 3))["json_schema"]
    scores = schema["schema"]["properties"]["score"]["enum"]
    assert scores == [read_pointwise(reply(score=each), (0, 3)).value for each in range(4)]
    assert schema["strict"] and list(schema["schema"]["properties"]) == ["rationale", "score"]
