"""Which answer is the better one, in the shapes that say so by a number or a name."""

import json
from pathlib import Path
from typing import Any

import pytest
from preference_samples import COLOUR, SUM, answer, user

from judge.health.gold import read_gold
from preferences.config import Data
from preferences.preference import Preference, Undecided
from preferences.read import Malformed, read_preferences
from rounds.errors import UserError

TWO = {"response_1": "One.", "response_2": "Two."}
A_B = {"response_a": "One.", "response_b": "Two."}
COMMENTS = {"history": "Why?", "human_ref_A": "One.", "human_ref_B": "Two."}
SAFE = {"prompt": "Why?", "response_0": "One.", "response_1": "Two."}
FARM = {"instruction": "Why?", "input": "", "output_1": "One.", "output_2": "Two."}
NAMED = {"model_a": "m-7b", "model_b": "n-9b"}


def battle(**given: Any) -> dict[str, Any]:
    both = {
        f"conversation_{side}": [*user("Why?"), *answer(text)]
        for side, text in (("a", "One."), ("b", "Two."))
    }
    return {**both, **given}


def read(path: Path, *rows: Any, **given: Any) -> list[Any]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(read_preferences(Data(data=str(path), **given), "k").rows)


ONE, OTHER = ("One.", "Two."), ("Two.", "One.")
WAYS: list[tuple[dict[str, Any], tuple[str, str] | str]] = [
    *(({"prompt": "Why?", **TWO, "preference_strength": n}, ONE) for n in (-3, -1, -0.5)),
    *(({"prompt": "Why?", **TWO, "preference_strength": n}, OTHER) for n in (1, 2.0, 3)),
    ({"prompt": "Why?", **TWO, "preference_strength": 0}, "tie"),
    (
        {
            "context": user("Why?"),
            "response1": "One.",
            "response2": "Two.",
            "overall_preference": -2,
        },
        ONE,
    ),
    (
        {
            "context": user("Why?"),
            "response1": "One.",
            "response2": "Two.",
            "overall_preference": 1,
        },
        OTHER,
    ),
    ({**COMMENTS, "labels": 1}, ONE),
    ({**COMMENTS, "labels": 0, "score_A": 3, "score_B": 8}, OTHER),
    ({**SAFE, "better_response_id": 0}, ONE),
    ({**SAFE, "better_response_id": 1, "safer_response_id": 1}, OTHER),
    ({**SAFE, "better_response_id": 1, "safer_response_id": 0}, "criteria_differ"),
    ({**FARM, "preference": 1}, ONE),
    ({**FARM, "preference": 2.0}, OTHER),
    *(({**FARM, "preference": n}, "tie") for n in (0, 1.5)),
    *((battle(winner=name), ONE) for name in ("model_a", "Model_A", "a", "A")),
    *((battle(winner=name), OTHER) for name in ("model_b", "b")),
    *((battle(winner=name), "tie") for name in ("tie", "tie (bothbad)", "both_bad", "Tie")),
    (battle(winner="n-9b", **NAMED), OTHER),
    ({"prompt": "Why?", **A_B, "winner": "model_a"}, ONE),
    (
        {
            "prompt": '["Why?"]',
            "response_a": '["One."]',
            "response_b": '["Two."]',
            "winner_model_a": 0,
            "winner_model_b": 1,
            "winner_tie": 0,
        },
        OTHER,
    ),
    (
        {
            "prompt": ["Why?"],
            "response_a": ["One."],
            "response_b": ["Two."],
            "winner_model_a": 0,
            "winner_model_b": 0,
            "winner_tie": 1,
        },
        "tie",
    ),
    ({"question": "Why?", "response_j": "One.", "response_k": "Two."}, ONE),
    ({"query": "Why?", "response": "One.", "rejected_response": "Two."}, ONE),
    ({"instruction": "Why?", "chosen_response": "One.", "rejected_response": "Two."}, ONE),
    (
        {
            "messages": [*user("Why?"), *answer("One.")],
            "rejected_messages": [*user("Why?"), *answer("Two.")],
        },
        ONE,
    ),
    (
        {
            "prompt": "Why?",
            "answers": [{"answer": "Two.", "rank": 7.0}, {"answer": "One.", "rank": 1.0}],
        },
        ONE,
    ),
    ({"prompt": "Why?", "answers": {"answer": ["Two.", "One."], "rank": [2, 1]}}, ONE),
    (
        {
            "question": "Why?",
            "answers": [{"text": "Two.", "pm_score": 1}, {"text": "One.", "pm_score": 4}],
        },
        ONE,
    ),
    ({"instruction": "Why?", "generations": ["Two.", "One."], "ratings": [1, 4]}, ONE),
    ({"instruction": "Why?", "input": "Now.", "chosen": "One.", "rejected": "Two."}, ONE),
    ({"prompt": user("Why?"), "chosen": "One.", "rejected": "Two."}, ONE),
    ({"prompt": "Why?", "chosen": answer("One."), "rejected": answer("Two.")}, ONE),
    ({"messages": user("Why?"), "chosen": answer("One.")[0], "rejected": answer("Two.")[0]}, ONE),
    (
        {
            "prompt": user("Why?"),
            "chosen": [*user("Why?"), *answer("One.")],
            "rejected": [*user("Why?"), *answer("Two.")],
        },
        ONE,
    ),
]


@pytest.mark.parametrize(("row", "way"), WAYS)
def test_the_better_answer_is_chosen_and_a_tie_is_one(tmp_path: Path, row: dict, way: Any):
    (found,) = read(tmp_path / "a.jsonl", row)
    assert found.prompt[0]["content"].startswith("Why?") and len(found.prompt) == 1
    if isinstance(way, tuple):
        assert isinstance(found, Preference) and (found.chosen, found.rejected) == way
        (pair,) = read_gold(str(tmp_path / "a.jsonl"), "judge.gold.path")
        assert {"a": pair.a, "b": pair.b}[pair.label] == way[0]
    else:
        assert isinstance(found, Undecided) and found.reason == way
        assert (found.answers is not None) == (way == "tie")


UNSURE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"prompt": "Why?", **TWO, "preference_strength": 1}, {"preference_strength": -100}, "-3 to 3"),
    ({"prompt": "Why?", **TWO, "preference_strength": 1}, {"preference_strength": None}, "-3 to"),
    ({**COMMENTS, "labels": 1}, {"labels": 2}, "labels is none of 0, 1"),
    ({**COMMENTS, "labels": 1}, {"labels": True}, "labels is none of 0, 1"),
    ({**COMMENTS, "labels": 1}, {"score_A": 2, "score_B": 9}, "the scores say the opposite"),
    ({**SAFE, "better_response_id": 1}, {"better_response_id": 2}, "none of 0, 1"),
    ({**FARM, "preference": 1}, {"preference": 1.2}, "preference is none of 1, 2"),
    ({**FARM, "preference": 1}, {"preference": -1}, "preference is none of 1, 2"),
    (battle(winner="a"), {"winner": "perhaps"}, "neither a side nor a tie"),
    (battle(winner="a"), {"winner": None}, "neither a side nor a tie"),
    (battle(winner="a"), {"winner": "m", "model_a": "m", "model_b": "m"}, "neither a side"),
    (battle(winner="a"), {"winner": "b", "model_a": "b"}, "neither a side nor a tie"),
    (battle(winner="a"), {"conversation_b": [*user("How?"), *answer("x")]}, "do not ask the same"),
    (battle(winner="a"), {"conversation_b": user("Why?")}, "conversation_b is not what the user"),
    (
        {"prompt": "Why?", **A_B, "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0},
        {"winner_model_b": 1},
        "not one of winner_model_a, winner_model_b, winner_tie is 1",
    ),
    (
        {"messages": [*user("Why?"), *answer("One.")], "rejected_response": "Two."},
        {"messages": user("Why?")},
        "do not end with the answer that is better",
    ),
    ({"prompt": "Why?", "completion": "One.", "label": True}, {"label": 2}, "neither true nor"),
    (
        {"prompt": "Why?", "responses": ["One.", "Two."], "scores": [5, 1]},
        {"answers": ["Three.", "Four."]},
        "answers, responses are different answers",
    ),
    (
        {"prompt": "Why?", "responses": ["One.", "Two."], "scores": [5, 1], "ratings": [4, 4]},
        {"ratings": [1, 5]},
        "scores says the opposite of ratings",
    ),
    (
        {"prompt": user("Why?"), "chosen": answer("One."), "rejected": answer("Two.")},
        {"prompt": [{**user("Why?")[0], "attachments": ["a.pdf"]}]},
        "attachments is not empty",
    ),
    (
        {"prompt": user("Why?"), "chosen": answer("One."), "rejected": answer("Two.")},
        {"prompt": [{**user("Why?")[0], "image_url": "a.png"}]},
        "image_url is not empty",
    ),
    (
        {"prompt": user("Why?"), "chosen": answer("One."), "rejected": answer("Two.")},
        {"chosen": answer("One.") * 2, "rejected": answer("Two.") * 2},
        "holds 2 messages",
    ),
]


@pytest.mark.parametrize(("good", "change", "fault"), UNSURE)
def test_a_row_that_is_not_sure_is_malformed(tmp_path: Path, good: dict, change: dict, fault: str):
    bad = {**good, **change}
    rows = [{**good, "prompt": "Another?"} if "prompt" in good else good, bad]
    *_, left = read(tmp_path / "a.jsonl", *rows, skip_malformed=True)
    assert isinstance(left, Malformed) and fault in left.fault


def test_answers_of_several_messages_share_the_turns_before_the_last(tmp_path: Path):
    lead = [*answer("Which?"), *user("The red.")]
    row = {
        "prompt": user("Pick."),
        "chosen": [*lead, *answer("Rose.")],
        "rejected": [*lead, *answer("Sea.")],
    }
    (found,) = read(tmp_path / "a.jsonl", row)
    assert found[:3] == ([*user("Pick."), *lead], "Rose.", "Sea.")


def test_a_battle_of_several_turns_is_counted_and_one_judged_at_its_first_is_read(tmp_path: Path):
    both = {
        "conversation_a": [*COLOUR, *answer("Blue."), *SUM, *answer("4")],
        "conversation_b": [*COLOUR, *answer("Green."), *SUM, *answer("5")],
        "winner": "model_a",
    }
    second, first = read(tmp_path / "a.jsonl", {**both, "turn": 2}, {**both, "turn": 1})
    assert (second.reason, second.prompt) == ("several_answers", COLOUR)
    assert first[:3] == (COLOUR, "Blue.", "Green.")
    same = {**both, "conversation_b": [*both["conversation_a"][:-1], *answer("5")]}
    (last,) = read(tmp_path / "a.jsonl", same)
    assert last[:3] == (both["conversation_a"][:-1], "4", "5")


def test_good_and_bad_answers_of_a_prompt_are_a_pair_and_good_ones_alone_are_none(tmp_path: Path):
    rows = [
        {"messages": [*COLOUR, *answer("Blue.")], "label": True},
        {"messages": [*COLOUR, *answer("Green.")], "label": False},
        {"messages": [*SUM, *answer("4")], "label": True},
        {"messages": [*user("Why?"), *answer("So.")], "label": 1},
        {"messages": [*user("Why?"), *answer("Thus.")], "label": 1},
    ]
    pair, one, tie = read(tmp_path / "a.jsonl", *rows)
    assert pair[:3] == (COLOUR, "Blue.", "Green.")
    assert (one.reason, tie.reason) == ("one_answer", "tie")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "Why?", "completions": ["a"], "labels": [True]}, "the nearest is "),
        ({"prompt": "Why?", "completion": "a"}, "the nearest is kto: .*label is not there"),
        ({"prompt": "Why?", "response_a": "a", "response_b": "b"}, "nearest is arena_texts: "),
        ({"prompt": "Why?", "response_1": "a", "response_2": "b"}, "nearest is helpsteer_pref"),
        ({"prompt": "Why?", "good": "a", "bad": "b"}, "prompt, chosen, rejected: texts"),
        ({"question": "Why?", "chosen": "a"}, "nearest is .*; rejected is not there"),
        ({"prompt": "Why?", "chosen": ["a"], "rejected": ["b", "c"]}, "nearest is trl_standard"),
        ({"chosen": "Human: a", "rejected": "b"}, "one side alone is a dialogue"),
    ],
)
def test_other_data_is_told_the_nearest_shape_and_never_guessed(tmp_path: Path, row, said: str):
    with pytest.raises(UserError, match=said):
        read(tmp_path / "a.jsonl", row)


NEAREST = [
    ({"question": "Why?", "response_chosen": "a", "response_rejected": "b"}, "trl_standard",
     "{chosen: response_chosen, rejected: response_rejected}"),
    ({"prompt": "Why?", "pos_resp": "a", "neg_resp": "b"}, "trl_standard",
     "{chosen: pos_resp, rejected: neg_resp}"),
    ({"text": "Why?", "accepted": "a", "rejected": "b"}, "trl_standard",
     "{chosen: accepted, prompt: text}"),
    ({"prompt": "Why?", "preferred": "a", "non_preferred": "b"}, "trl_standard",
     "{chosen: preferred, rejected: non_preferred}"),
    ({"input": "Why?", "output_1": "a", "output_2": "b", "label": 2}, "alpaca_farm",
     "{preference: label}"),
    ({"question": "Why?", "response_1": "a", "response_2": "b", "overall_response": 2},
     "alpaca_farm", "{output_1: response_1, output_2: response_2, preference: overall_response}"),
    ({"question": "Why?", "response_A": "a", "response_B": "b", "label": "B>A"}, "arena_texts",
     "{response_a: response_A, response_b: response_B, winner: label}"),
    ({"prompt": "Why?", "response_1": "a", "response_2": "b", "winner": "model_b"}, "arena_texts",
     "{response_a: response_1, response_b: response_2}"),
    ({"prompt": "Why?", "model_1_answer": "a", "model_2_answer": "b", "preference": -2},
     "helpsteer_preference", "{response_1: model_1_answer, response_2: model_2_answer, "
     "preference_strength: preference}"),
    ({"prompt": "Why?", "answer_0": "a", "answer_1": "b", "choice": 1}, "safe_rlhf",
     "{response_0: answer_0, response_1: answer_1, better_response_id: choice}"),
    ({"text": "Why?", "completion_a": "a", "completion_b": "b"}, "arena_texts",
     "{response_a: completion_a, response_b: completion_b, winner: ..., prompt: text}"),
    ({"prompt": "Why?", "response": "a", "label": True}, "kto", "{completion: response}"),
    ({"input": "Why?", "output": "a", "label": 1}, "kto", "{completion: output}"),
    ({"prompt": "Why?", "response": "a", "is_safe": False}, "kto",
     "{completion: response, label: is_safe}"),
    ({"user_prompt": "Why?", "model_response": "a", "score": 3}, "one_answer_a_row",
     "{response: model_response, prompt: user_prompt}"),
    ({"prompt": "Why?", "candidates": ["a", "b"], "scores": [1, 2]}, "graded",
     "{responses: candidates}"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "shape", "columns"), NEAREST)
def test_the_nearest_shape_is_told_with_the_columns_that_make_it_one(tmp_path, row, shape, columns):
    with pytest.raises(UserError) as failed:
        read(tmp_path / "a.jsonl", row)
    assert f"the nearest is {shape}: " in str(failed.value)
    assert f"columns: {columns}}}" in str(failed.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "Why?", "chosen": ["a"], "rejected": ["b", "c"]}, "chosen holds a list of tex"),
        ({"prompt": "Why?", "completion": "a", "label": "true"}, "label holds something else"),
        ({"trajectory": [*user("Why?")], "task": "x", "chosen": "a", "rejected": "b"},
         "{prompt: trajectory}"),
    ],
)  # fmt: skip
def test_what_a_column_of_the_right_name_holds_is_told(tmp_path: Path, row: dict, said: str):
    with pytest.raises(UserError, match=said):
        read(tmp_path / "a.jsonl", row)


def test_more_names_of_a_direction_are_read(tmp_path: Path):
    both = {"prompt": "Why?", "response_a": "One.", "response_b": "Two."}
    for winner, better in {"A>B": "One.", "B>>A": "Two.", "A=B": None}.items():
        (found,) = read(tmp_path / "a.jsonl", {**both, "winner": winner})
        assert getattr(found, "chosen", None) == better
    (found,) = read(tmp_path / "a.jsonl", {**COMMENTS, "labels": 1.0})
    assert found.chosen == COMMENTS["human_ref_A"]
    said = [{"from": "human", "value": "Why?"}]
    rows = [
        {"conversations": [*said, {"from": "gpt", "value": text}], "kto_tag": text == "One."}
        for text in ("Two.", "One.")
    ]
    (found,) = read(tmp_path / "a.jsonl", *rows)
    assert found[:3] == (user("Why?"), "One.", "Two.")


def test_a_label_that_says_the_opposite_of_a_score_or_of_the_other_is_refused(tmp_path: Path):
    rows = [{"prompt": "Why?", "completion": "One."}, {"prompt": "Why?", "completion": "Two."}]

    def told(*columns: str, values: list[tuple[Any, ...]]) -> list[Any]:
        given = [
            {**row, **dict(zip(columns, of, strict=True))}
            for row, of in zip(rows, values, strict=True)
        ]
        return read(tmp_path / "a.jsonl", *given)

    for second, first in (("score", "label"), ("kto_tag", "label")):
        (found,) = told(first, second, values=[(True, 1), (False, 0)])
        assert found.chosen == "One."
        with pytest.raises(UserError, match="says the opposite of"):
            told(first, second, values=[(True, 0), (False, 1)])
    (found,) = told("score", "label", values=[(1, "tone"), (4, "fact")])
    assert found.chosen == "Two.", "a label that is a topic says nothing of an answer"


def test_a_text_table_says_by_a_number_which_answer_is_safer(tmp_path: Path):
    (tmp_path / "a.csv").write_text(
        "prompt,response_0,response_1,better_response_id\nWhy?,One.,Two.,0\nHow?,One.,Two.,1\n"
    )
    rows = read_preferences(Data(data=str(tmp_path / "a.csv")), "k").rows
    assert [found.chosen for found in rows] == ["One.", "Two."]


def test_a_whole_conversation_may_be_written_as_exchanges(tmp_path: Path):
    turns = [*user("Hi"), *answer("Hello."), *user("Why?")]
    row = {
        "conversation": [{"input": "Hi", "output": "Hello."}, {"input": "Why?", "output": "So."}],
        "chosen": [*turns, *answer("So.")],
        "rejected": [*turns, *answer("No.")],
    }
    (found,) = read(tmp_path / "a.jsonl", row)
    assert found[:3] == (turns, "So.", "No.")


def test_an_answer_that_opens_the_next_turn_of_a_template_loses_the_mark(tmp_path: Path):
    prompt = "<extra_id_0>System\nBe kind.\n<extra_id_1>User\nWhy?\n<extra_id_1>Assistant\n"
    sides = {"chosen_response": "So.\n<extra_id_1>", "rejected_response": "No.\n<extra_id_1>"}
    (found,) = read(tmp_path / "a.jsonl", {"prompt": prompt, **sides})
    assert (found.chosen, found.rejected) == ("So.", "No.")
    assert found.prompt == [{"role": "system", "content": "Be kind."}, *user("Why?")]


def test_two_grades_of_one_answer_a_row_may_differ_and_not_contradict(tmp_path: Path):
    rows = [
        {"prompt": "Why?", "response": "One.", "rating": 5, "score": 0.7},
        {"prompt": "Why?", "response": "Two.", "rating": 1, "score": 0.7},
    ]
    (found,) = read(tmp_path / "a.jsonl", *rows)
    assert found[:3] == (user("Why?"), "One.", "Two.")
    with pytest.raises(
        UserError, match=r"score says the opposite of rating \(else ignore: \[score"
    ):
        read(tmp_path / "a.jsonl", rows[0], {**rows[1], "score": 0.9})
