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
