"""What a list of questions has to be, on arrival."""

import json

import pytest
from builders import user

from judge.asking.written import (
    enough,
    read_written,
    which_hold,
    with_options,
    writing_form,
)

ARTICLE = user("Summarize.\n\nThe ferry to Inis Mór sank on 4 May 1911. Three of its crew drowned.")


def one(question: str = "When did it sink?", answer: str = "4 May 1911", wrong=None) -> dict:
    return {"question": question, "answer": answer, "wrong": wrong or ["1 May", "2 June", "1912"]}


def reply(*questions: dict) -> str:
    return json.dumps({"questions": list(questions)})


def test_questions_are_read_also_behind_thinking_and_in_a_code_block():
    text = reply(one(), one("Who drowned?", "three of its crew"))
    for shown in (text, f"<think>hm</think>{text}", f"```json\n{text}\n```"):
        drafts = read_written(shown, 2)
        assert not isinstance(drafts, str)
        assert [question for question, _, _ in drafts] == ["When did it sink?", "Who drowned?"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (reply(one()), "off_menu"),
        (reply(one(), one(), one()), "off_menu"),
        (reply(one(), {"question": "What?", "answer": "it"}), "off_menu"),
        (reply(one(), one(wrong=["only", "two"])), "off_menu"),
        (reply(one(), one() | {"answer": 4}), "off_menu"),
        (reply(one(), one() | {"why": "so"}), "off_menu"),
        (json.dumps({"questions": "none"}), "off_menu"),
        (json.dumps([one(), one()]), "off_menu"),
        ('{"questions": [], "questions": []}', "two_verdicts"),
        ("I cannot do that.", "not_json"),
    ],
)
def test_anything_but_so_many_questions_is_none(text: str, reason: str):
    assert read_written(text, 2) == reason


@pytest.mark.parametrize(
    "draft",
    [
        one(answer="5 May 1911"),  # not in the article
        one(answer="May 191"),  # nor a part of a word of it
        one(answer=" - "),
        one(question=" "),
        one(question="Did it sink on 4 May 1911?"),  # gives it away
        one(wrong=["4 may, 1911", "1", "2"]),  # the right one again
        one(wrong=["1912", "1912.", "2"]),
        one(wrong=["", "1", "2"]),
        one(answer="The ferry to Inis Mór sank on 4 May 1911. Three of its crew drowned"),
    ],
)
def test_a_question_that_does_not_hold(draft: dict):
    drafts = read_written(reply(draft, one("Who?", "THREE of its  crew")), 2)
    assert not isinstance(drafts, str)
    assert which_hold(drafts, ARTICLE) == [False, True]


def test_a_question_asked_twice_holds_once():
    drafts = read_written(reply(one(), one("when did it sink")), 2)
    assert not isinstance(drafts, str)
    assert which_hold(drafts, ARTICLE) == [True, False]


def test_half_of_the_questions_have_to_hold_and_two():
    assert not enough([True, False])
    assert enough([True, True, False, False])
    assert not enough([True, True, False, False, False])
    assert not enough([True, False, False, False, False])


def test_options_stand_in_an_order_of_their_own_and_the_right_one_anywhere():
    drafts = [(f"Question {n}?", "right", ["a", "b", "c"]) for n in range(40)]
    asked = with_options(drafts, [True] * 40, "prompt")
    assert all(one.options[one.right] == "right" for one in asked)
    assert {one.right for one in asked} == set("ABCD")
    assert asked == with_options(drafts, [True] * 40, "prompt")
    assert len(with_options(drafts, [True, False] * 20, "prompt")) == 20


def test_the_form_asks_for_so_many():
    schema = writing_form(7)["json_schema"]["schema"]["properties"]["questions"]
    assert (schema["minItems"], schema["maxItems"]) == (7, 7)
