"""What a judge may say, in words of free text, in values of JSON and in the schema."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.asking.reply import (
    ANSWER_LETTERS,
    JSON_PAIRWISE,
    TEXT_PAIRWISE,
    TOKEN_PAIRWISE,
    Choice,
    Menu,
    Ranking,
    json_schema,
    score_menu,
    value_of_json,
    value_of_word,
)

MENUS: list[Menu] = [JSON_PAIRWISE, TOKEN_PAIRWISE, TEXT_PAIRWISE, score_menu((0, 9)), Ranking(4)]


def schema_of(fields: dict[str, Menu]) -> dict[str, Any]:
    schema: dict[str, Any] = json_schema(fields)["json_schema"]["schema"]
    return schema


@pytest.mark.parametrize("menu", [JSON_PAIRWISE, TOKEN_PAIRWISE, TEXT_PAIRWISE])
def test_every_comparison_has_the_same_three_outcomes(menu: Choice) -> None:
    assert set(menu.words.values()) == {"A", "B", "tie"}


def test_a_word_that_points_at_an_answer_means_that_answer() -> None:
    for word, value in TEXT_PAIRWISE.words.items():
        ahead = "<" if "<" in word else ">"
        if ahead in word:
            left, right = word[0], word[-1]
            assert value == (left if ahead == ">" else right)
        elif "=" in word:
            assert value == "tie"


def test_every_whole_number_of_a_scale_is_on_it() -> None:
    assert score_menu((-1, 2)) == Choice({"-1": -1, "0": 0, "1": 1, "2": 2})


@pytest.mark.parametrize("value", [0, 11, 7.0, "7", True, None, [7], "A"])
def test_a_value_of_another_type_or_size_is_off_the_scale(value: object) -> None:
    assert value_of_json(score_menu((1, 10)), value) is None
    assert value_of_json(score_menu((1, 10)), 7) == 7


@pytest.mark.parametrize("word", ["0", "11", "07", "7.0", " 7", "7 ", "", "A"])
def test_a_word_that_is_not_exactly_offered_is_off_the_menu(word: str) -> None:
    assert value_of_word(score_menu((1, 10)), word) is None
    assert value_of_word(score_menu((1, 10)), "7") == 7


def test_a_ranking_is_of_the_first_labels() -> None:
    assert value_of_json(Ranking(3), ["C", "A", "B"]) == "CAB" == value_of_word(Ranking(3), "C>A>B")
    assert (
        value_of_json(Ranking(3), ["C", "A", "D"]) is None
        and value_of_word(Ranking(3), "C>A>D") is None
    )
    assert value_of_json(Ranking(26), list(ANSWER_LETTERS)) == ANSWER_LETTERS


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.lists(st.sampled_from("ABCDE"), max_size=5)
)
def test_what_json_may_hold_is_one_of_the_menu_or_nothing(value: object) -> None:
    for menu in MENUS:
        found = value_of_json(menu, value)
        if found is not None and isinstance(menu, Choice):
            assert type(found) is type(value) and found == value and found in menu.words.values()
        elif found is not None:
            assert isinstance(value, list) and list(str(found)) == value
            assert sorted(value) == ["A", "B", "C", "D"]


def test_the_schema_is_strict_and_the_rationale_is_written_first() -> None:
    given_format = json_schema({"helpfulness": JSON_PAIRWISE, "style": JSON_PAIRWISE})
    assert given_format["type"] == "json_schema" and given_format["json_schema"]["strict"] is True
    schema = given_format["json_schema"]["schema"]
    assert list(schema["properties"]) == ["rationale", "helpfulness", "style"]
    assert schema["required"] == ["rationale", "helpfulness", "style"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["rationale"] == {"type": "string"}


@pytest.mark.parametrize(
    ("menu", "expected"),
    [
        (JSON_PAIRWISE, {"type": "string", "enum": ["A", "B", "tie"]}),
        (score_menu((1, 3)), {"type": "integer", "enum": [1, 2, 3]}),
        (
            Ranking(2),
            {
                "type": "array",
                "items": {"type": "string", "enum": ["A", "B"]},
                "minItems": 2,
                "maxItems": 2,
            },
        ),
    ],
)
def test_the_schema_offers_the_menu(menu: Menu, expected: dict[str, Any]) -> None:
    assert schema_of({"it": menu})["properties"]["it"] == expected


def test_the_name_of_a_schema_is_one_that_endpoints_take() -> None:
    name = json_schema({"wie hilfreich?": JSON_PAIRWISE, "st\xefl" * 40: JSON_PAIRWISE})[
        "json_schema"
    ]["name"]
    assert name.startswith("wie_hilfreich__st_l") and len(name) == 60 and name.isascii()
    json.dumps(json_schema({"score": score_menu((1, 10))}))
