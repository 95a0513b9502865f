"""What a row asks is read whole, by every reader: other columns change it, or the row is left."""

import json
from pathlib import Path
from typing import Any

import pytest
from preference_samples import OPTIONS, SAMPLES, answer, user

from judge.health.gold import read_gold
from preferences.config import Data
from preferences.preference import Preference, Undecided
from preferences.read import Malformed, read_preferences
from rounds.errors import UserError

KEY = "trainer.warm_start"
SYSTEM = {"role": "system", "content": "Speak as a sailor does."}
PAIR = {"prompt": "Where is north?", "chosen": "Up the map.", "rejected": "Down."}
CHAT = [*user("Hi"), *answer("Hello."), *user("Where is north?")]


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path: Path, *rows: Any, **given: Any) -> list[Any]:
    source = Data(data=written(path, *rows), **given)
    return list(read_preferences(source, KEY).rows)


def prompt_of(path: Path, row: dict[str, Any], **given: Any) -> Any:
    (one,) = read(path, row, **given)
    return one.prompt


@pytest.mark.parametrize("name", ["system", "system_prompt"])
@pytest.mark.parametrize("shape", SAMPLES)
def test_a_system_column_is_kept_in_every_shape(tmp_path: Path, shape: str, name: str):
    rows = [
        row for row in SAMPLES[shape] if not row.get("system") and "Be kind." not in json.dumps(row)
    ]
    if not rows:
        pytest.skip("every sample of the shape has a system turn of its own")
    rows = [{**row, name: SYSTEM["content"]} for row in rows]
    options = OPTIONS.get(shape, {})
    for found in read(tmp_path / "a.jsonl", *rows, **options):
        assert (
            found.prompt[0] == SYSTEM
            and [turn["role"] for turn in found.prompt].count("system") == 1
        )
    source = Data(data=written(tmp_path / "a.jsonl", *rows), **options)
    for pair in read_gold(source, "judge.gold.path"):
        assert pair.prompt[0] == SYSTEM


@pytest.mark.parametrize("shape", SAMPLES)
def test_a_picture_or_a_tool_makes_a_row_of_any_shape_malformed(tmp_path: Path, shape: str):
    for name, value in (("images", ["a.png"]), ("tools", '[{"name": "look"}]'), ("image_id", 7)):
        rows = [{**row, name: value} for row in SAMPLES[shape]]
        found = read(tmp_path / "a.jsonl", *rows, skip_malformed=True, **OPTIONS.get(shape, {}))
        assert found and all(isinstance(row, Malformed) and name in row.fault for row in found)


ASKED: list[tuple[dict[str, Any], list[str]]] = [
    ({"history": [["Hi", "Hello."]]}, ["Hi", "Hello.", "Where is north?"]),
    ({"history": CHAT[:2]}, ["Hi", "Hello.", "Where is north?"]),
    ({"history": CHAT}, ["Hi", "Hello.", "Where is north?"]),
    ({"history": [["", ""]]}, ["Where is north?"]),
    ({"chat_history": [{"human": "Hi", "assistant": "Hello."}]}, ["Hi", "Hello.", PAIR["prompt"]]),
    ({"history": "\n\nHuman: Hi\n\nAssistant: Hello."}, ["Hi", "Hello.", "Where is north?"]),
    ({"context": CHAT[:2]}, ["Hi", "Hello.", "Where is north?"]),
    ({"context": "A map of Crete."}, ["A map of Crete.\n\nWhere is north?"]),
    ({"input": "A map of Crete."}, ["Where is north?\nA map of Crete."]),
    ({"messages": CHAT}, ["Hi", "Hello.", "Where is north?"]),
    ({"conversation": [{"input": "Hi", "output": "Hello."}]}, ["Hi", "Hello.", "Where is north?"]),
    ({"history": [{"prompt": "Hi", "response": "Hello."}]}, ["Hi", "Hello.", "Where is north?"]),
    ({"messages": [*CHAT, *answer("Up the map.")]}, ["Hi", "Hello.", "Where is north?"]),
    ({"conversations": CHAT[:2]}, ["Hi", "Hello.", "Where is north?"]),
    ({"prompt": CHAT, "history": CHAT[:2]}, ["Hi", "Hello.", "Where is north?"]),
    ({"prompt": CHAT, "question": "Where is north?"}, ["Hi", "Hello.", "Where is north?"]),
    (
        {"prompt": "Text: A map of the isle of Crete.", "context": "A map of the isle of Crete."},
        ["Text: A map of the isle of Crete."],
    ),
    ({"prompt": "A map.\n\nHuman: Hi", "history": []}, ["A map.\n\nHuman: Hi"]),
    ({"instruction": "", "documents": [], "image": None, "tools": "[]"}, ["Where is north?"]),
]


@pytest.mark.parametrize(("beside", "texts"), ASKED)
def test_what_stands_beside_a_prompt_is_part_of_it(tmp_path: Path, beside: dict, texts: list[str]):
    prompt = prompt_of(tmp_path / "a.jsonl", {**PAIR, **beside})
    assert [turn["content"] for turn in prompt] == texts
    assert [turn["role"] for turn in prompt] == (["user", "assistant"] * 9)[: len(texts)]
    (pair,) = read_gold(written(tmp_path / "gold.jsonl", {**PAIR, **beside}), "judge.gold.path")
    assert pair.prompt == prompt


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"history": "We spoke of maps."}, "history: a text that does not say who spoke"),
    ({"history": ["Hi", "Hello."]}, "history: a list that does not say who spoke"),
    ({"history": [["Hi", ""]]}, "history: a question or an answer in it is empty"),
    ({"history": user("Hi")}, "history: another conversation than the prompt's"),
    ({"history": [{"role": "tool", "content": "x"}]}, "history: role 'tool' is none of"),
    ({"context": ["one passage", "another"]}, "context: a list that does not say who spoke"),
    ({"input": {"city": "Crete"}}, "input: not a text"),
    ({"messages": user("Else?")}, "messages: another conversation than the prompt's"),
    ({"messages": [*user("else?"), *answer("Up the map.")]}, "messages: another conversation"),
    (
        {"messages": [*user(PAIR["prompt"]), *answer("Up."), *user("And west?"), *answer("Left.")]},
        "messages: a conversation that goes on after the prompt",
    ),
    (
        {"history": [[PAIR["prompt"], PAIR["chosen"]]]},
        "history: it holds the prompt, and an answer",
    ),
    ({"question": "Where is south?"}, "question: another question beside the prompt"),
    ({"system": ["a", "b"]}, "system: not a text"),
    ({"system": "Be rude.", "prompt": [SYSTEM, *CHAT]}, "system: the prompt has another system"),
    ({"system": "Be rude.", "system_prompt": "Be kind."}, "system_prompt: the prompt has another"),
    ({"documents": ["one"]}, "documents is not read, and would change what was asked"),
    ({"retrieved_docs": ["one"]}, "retrieved_docs is not read, and would change what was asked"),
    ({"reference_passages": "x"}, "reference_passages is not read, and would change what was"),
    ({"persona": "A sailor"}, "persona is not read, and would change what was asked"),
    ({"initial_reason_steps": "First,"}, "initial_reason_steps is not read, and would change"),
    ({"previous_response": "Left."}, "previous_response is not read, and would change"),
    ({"assistant_prefix": "Well,"}, "assistant_prefix is not read, and would change"),
    ({"functions": [{"name": "f"}]}, "functions is not empty, and prefloop trains on text alone"),
    ({"audio": {"path": "a.wav"}}, "audio is not empty, and prefloop trains on text alone"),
    ({"image_path": "a.png"}, "image_path is not empty, and prefloop trains on text alone"),
    ({"prompt": "[{'role': 'user', 'content': 'Hi'}]"}, "chat messages written as a text"),
    ({"prompt": "<|im_start|>user\nHi"}, "markup of a chat template"),
]


@pytest.mark.parametrize(("beside", "fault"), FAULTS)
def test_a_column_that_is_not_understood_makes_the_row_malformed_by_name(
    tmp_path: Path, beside: dict, fault: str
):
    good = {**PAIR, "prompt": "How far?"}
    found, left = read(tmp_path / "a.jsonl", good, {**PAIR, **beside}, skip_malformed=True)
    assert isinstance(found, Preference)
    assert isinstance(left, Malformed) and fault in left.fault
    with pytest.raises(UserError, match="row 2: "):
        read(tmp_path / "a.jsonl", good, {**PAIR, **beside})
    with pytest.raises(UserError, match="line 2: "):
        read_gold(written(tmp_path / "gold.jsonl", good, {**PAIR, **beside}), "judge.gold.path")


def test_what_is_not_known_is_told_at_once_with_the_line_to_write(tmp_path: Path):
    row = {**PAIR, "style": "dry", "tone": "low", "id": "x", "source": "s", "chosen_rating": 5}
    with pytest.raises(UserError) as failed:
        read(tmp_path / "a.jsonl", row, {**PAIR, "mood": "x"}, limit=5)
    assert str(failed.value) == (
        f"{KEY}: {tmp_path}/a.jsonl: style, tone, mood are not read, and may be part of what was "
        f"asked; put that into the prompt, or pass the columns over: {KEY}: {{data: "
        f"{tmp_path}/a.jsonl, limit: 5, ignore: [style, tone, mood]}}"
    )
    (one,) = read(tmp_path / "a.jsonl", row, ignore=["style", "tone", "mood"])
    assert one.prompt == user(PAIR["prompt"])
    assert prompt_of(tmp_path / "a.jsonl", {**PAIR, "images": ["x"]}, ignore=["images"])
    late = read(tmp_path / "a.jsonl", *[PAIR] * 100, row, skip_malformed=True)[-1]
    assert isinstance(late, Malformed) and "style, tone are not read" in late.fault


REAL = [
    "source chosen_rating chosen_model rejected_rating rejected_model",
    "prompt_id score_chosen score_rejected",
    "id dataset chosen-rating rejected-model split language category subset",
    "generations order labelling_model labelling_prompt raw_labelling_response rationale status "
    "original_chosen original_rejected generation_model raw_generation_responses rating",
    "all_generated_responses all_rm_scores uuid gen_input_configs task_category difficulty intent "
    "input_quality quality_explanation llama_guard_category reward_model",
    "preference_statement preference_elaboration individual_preference domain timestamp",
    "full_chosen full_rejected answer ground_truth_answer correct_answers metadata",
    "conversation_hash question_id category_tag openai_moderation created_at_utc_A judge_hash",
    "model_name generation_model_name candidate_policies chosen_policy model_provider task_type",
    "all_preferences_unprocessed generator_1 generator_2 datasplit batch subreddit",
]


@pytest.mark.parametrize("names", REAL)
def test_what_public_data_has_beside_its_pairs_may_go_unread(tmp_path: Path, names: str):
    beside = {name: 7.5 if name.startswith("score_") else "x y" for name in names.split()}
    assert prompt_of(tmp_path / "a.jsonl", {**PAIR, **beside}) == user(PAIR["prompt"])


@pytest.mark.parametrize(
    "name",
    ["statement", "policy", "explanation", "initial_response", "partial_answer", "draft", "name"],
)
def test_a_name_that_may_be_of_the_question_does_not_go_unread(tmp_path: Path, name: str):
    with pytest.raises(UserError, match=f"{name} is not read"):
        read(tmp_path / "a.jsonl", {**PAIR, name: "Returns within 14 days only."})


def test_columns_of_public_data_beside_its_own_shape_go_unread(tmp_path: Path):
    eli5 = {**SAMPLES["eli5"][0], "url": "x", "subreddit": "x", "document": ""}
    summaries = {**SAMPLES["summarize_from_feedback"][0], "batch": "x", "extra": {"sure": 3}}
    for row in (eli5, summaries):
        (one,) = read(tmp_path / "a.jsonl", row)
        assert one.prompt


def test_a_long_text_under_the_name_of_a_label_is_no_label(tmp_path: Path):
    with pytest.raises(UserError, match="source is not read, and may be part of what was asked"):
        read(tmp_path / "a.jsonl", {**PAIR, "source": "The isle of Crete lies south. " * 20})


@pytest.mark.parametrize("name", ["history", "problem_text", "my_question", "context"])
def test_an_unknown_name_of_the_prompt_is_named_with_the_line_that_makes_it_one(
    tmp_path: Path, name: str
):
    row = {"id": 3, name: "Which is red?", "chosen": "The rose is.", "rejected": "The rose has."}
    path = tmp_path / "a.jsonl"
    for skip in (True, False):
        with pytest.raises(UserError, match=f"{name} is the likely one: .*, columns: {{prompt: "):
            read(path, row, skip_malformed=skip)
    assert prompt_of(path, row, columns={"prompt": name}) == user("Which is red?")
    with pytest.raises(UserError, match="no column is the prompt|no prompt in it"):
        read_gold(str(path), "judge.gold.path")
    gold = Data(data=str(path), columns={"prompt": name})
    assert read_gold(gold, "judge.gold.path")[0].prompt == user("Which is red?")
    labelled = {name: "Which is red?", "a": "The rose.", "b": "The sea.", "label": "a"}
    with pytest.raises(UserError, match=f"if {name} is it, columns: {{prompt: {name}}}"):
        read_gold(written(path, labelled), "judge.gold.path")
    (pair,) = read_gold(Data(data=written(path, labelled), columns={"prompt": name}), "k")
    assert (pair.prompt, pair.label) == (user("Which is red?"), "a")


def test_columns_give_names_to_any_column_and_must_be_there(tmp_path: Path):
    path, row = tmp_path / "a.jsonl", {"prompt": "Red?", "accepted": "Rose.", "rejected": "Sea."}
    with pytest.raises(UserError, match=r"If that is what they are: .*columns: {chosen: accepted}"):
        read(path, row)
    (one,) = read(path, row, columns={"chosen": "accepted"})
    assert (one.chosen, one.rejected) == ("Rose.", "Sea.")
    with pytest.raises(UserError, match=rf"{KEY}.columns.chosen: .* has no column good \(prompt, "):
        read(path, row, columns={"chosen": "good"})
    with pytest.raises(UserError, match="row 1: columns: prompt is there beside accepted"):
        read(path, row, columns={"prompt": "accepted"})
    assert Data(data="x").model_dump() == {
        **dict.fromkeys(("config", "split", "limit", "prefer")),
        "data": "x",
        "skip_malformed": False,
    }, "a stage's key is as it was before the keys came"


@pytest.mark.parametrize(
    "beside",
    [
        {"system": ["Be kind.", "Be rude."]},
        {"history": [[["a", "b"]], [["c", "d"]]]},
        {"context": ["Crete", "Malta"]},
        {"input": ["Crete", "Malta"]},
    ],
)
def test_answers_to_two_questions_are_no_pair_though_their_prompts_are_alike(tmp_path, beside):
    ((name, values),) = beside.items()
    rows = [
        {"prompt": "Where?", "response": f"{number}", "rating": number, name: values[number]}
        for number in (0, 1)
    ]
    found = read(tmp_path / "a.jsonl", *rows)
    assert [row.reason for row in found] == ["one_answer"] * 2
    together = read(tmp_path / "a.jsonl", *[{**row, name: values[0]} for row in rows])
    assert [type(row) for row in together] == [Preference]


def test_what_stands_there_to_judge_by_is_kept_where_all_answers_have_it(tmp_path: Path):
    rows = [
        {"prompt": "Where?", "response": f"{n}", "rating": n, "reference": "Here."} for n in (0, 1)
    ]
    assert read(tmp_path / "a.jsonl", *rows)[0].reference == "Here."
    rows[1]["reference"] = "There."
    assert read(tmp_path / "a.jsonl", *rows)[0].reference is None


@pytest.mark.parametrize("end", ["", "<|im_end|>", "<|im_end|>\n"])
def test_answers_to_a_rendered_prompt_lose_what_belongs_to_its_marks(tmp_path: Path, end: str):
    prompt = "<|im_start|>user\nRed?<|im_end|>\n<|im_start|>assistant\n"
    row = {"prompt": prompt, "chosen": f"Rose.{end}", "rejected": f"Sea.{end}"}
    (one,) = read(tmp_path / "a.jsonl", row)
    assert one[:3] == (user("Red?"), "Rose.", "Sea.")
    whole = {"chosen": prompt + "Rose.<|im_end|>", "rejected": prompt + "Sea.<|im_end|>"}
    for row in (whole, {"prompt": prompt, **whole}, {"prompt": "Red?", **whole}):
        assert read(tmp_path / "a.jsonl", row)[0][:3] == (user("Red?"), "Rose.", "Sea.")
    labelled = {"prompt": prompt, "a": f"Rose.{end}", "b": "Sea.", "label": "a"}
    (gold,) = read_gold(written(tmp_path / "g.jsonl", labelled), "judge.gold.path")
    assert (gold.prompt, gold.a) == (user("Red?"), "Rose.")


def test_an_answer_that_is_a_dialogue_stays_one(tmp_path: Path):
    row = {
        "prompt": "Write a dialogue.",
        "chosen": "Human: Hi\n\nAssistant: Hello.",
        "rejected": "Human: Hi\n\nAssistant: No.",
    }
    (one,) = read(tmp_path / "a.jsonl", row)
    assert one[:3] == (user("Write a dialogue."), row["chosen"], row["rejected"])


def test_a_row_that_says_its_sides_are_equal_is_a_tie(tmp_path: Path):
    said = [("status", "tie"), ("status", "Tie"), *(("is_tie", one) for one in (True, 1, "true"))]
    for name, value in said:
        (one,) = read(tmp_path / "a.jsonl", {**PAIR, name: value})
        assert isinstance(one, Undecided) and one.reason == "tie"
    for name, value in (("status", "swapped"), ("tie", False), ("tie", 0), ("is_tie", None)):
        (one,) = read(tmp_path / "a.jsonl", {**PAIR, name: value})
        assert one.chosen == PAIR["chosen"]
    with pytest.raises(UserError, match="row 1: tie is neither true nor false .it is '7'"):
        read(tmp_path / "a.jsonl", {**PAIR, "tie": 7})


def test_a_tie_in_a_text_table_is_one(tmp_path: Path):
    for name, text in (("tie", "True"), ("is_tie", "1"), ("tie", "1.0"), ("status", "TIE")):
        path = tmp_path / "a.csv"
        path.write_text(f"prompt,chosen,rejected,{name}\nWhy?,So.,Thus.,{text}\nHow?,a,b,\n")
        tie, one = read_preferences(Data(data=str(path)), "k").rows
        assert isinstance(tie, Undecided) and tie.reason == "tie" and one.chosen == "a"
