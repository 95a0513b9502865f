"""Contamination: a held-out prompt in other words, or quoted; and what only shares a template."""

import pytest
from builders import prompt_row, user
from cleaned import BASIL, LONG, OTHER, reason, why

from rounds.rows import Prompt

HELD = (
    "My neighbour keeps bees behind the fence of our garden and my daughter is allergic to their "
    "stings, so I would like to know what I may ask of him before I speak with a lawyer."
)
TEMPLATE = "Summarize the text below in two short sentences for a busy reader. Text: "


def held(text: str = HELD, **given: object) -> Prompt:
    return {**prompt_row(text, "gate"), **given}


def edited(text: str = HELD) -> str:
    """One word of it changed."""
    return text.replace("garden", "yard")


def test_a_held_out_prompt_is_dropped_whatever_its_case_and_system_turn():
    system = [{"role": "system", "content": "You are terse."}]
    prompts = [prompt_row(HELD.upper()), {**prompt_row(), "messages": system + user(HELD)}]
    found = {why(BASIL, prompt=prompt, held_out=[held()]) for prompt in prompts}
    assert found == {("held_out_prompt", held()["prompt_id"])}


def test_one_in_other_words_is_dropped_and_says_how_near():
    found = why(BASIL, prompt=prompt_row(edited()), held_out=[held()])
    assert found and found.reason == "held_out_near"
    assert found.detail == f"93% of {held()['prompt_id']}"
    apart = why(BASIL, prompt=prompt_row(edited()), held_out=[held()], held_out_near=0.95)
    assert apart and apart.reason == "held_out_overlap"


@pytest.mark.parametrize("side", ["chosen", "rejected", "prompt"])
def test_one_that_is_quoted_is_dropped(side: str):
    quoting = f'Somebody asked: "{edited()}" What a question!'
    sides = {"chosen": (quoting, BASIL), "rejected": (BASIL, quoting), "prompt": (BASIL, OTHER)}
    prompt = prompt_row(quoting + LONG) if side == "prompt" else prompt_row()
    found = why(*sides[side], prompt=prompt, held_out=[held()])
    how = "93% of" if side == "prompt" else "72% of the 8-grams of"
    reason = "held_out_near" if side == "prompt" else "held_out_overlap"
    assert found == (reason, f"{how} {held()['prompt_id']}")
    off = {"held_out_near": None, "held_out_overlap": None}
    assert why(*sides[side], prompt=prompt, held_out=[held()], **off) is None


WRAPPINGS = [
    "Q: {}\nA:",
    "\n\nHuman: {}\n\nAssistant:",
    "Hello!\n{}",
    "### Instruction:\n{}\n\n### Response:\n",
    'Somebody asked: "{}"',
    "Dear assistant, {}",
    "**{}**",
]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("text", ["What do bees eat in the winter?", "Who keeps bees?", HELD])
def test_whatever_stands_around_it_a_held_out_prompt_is_found(wrapping: str, text: str):
    found = why(BASIL, prompt=prompt_row(wrapping.format(text)), held_out=[held(text)])
    assert found and found.reason in ("held_out_prompt", "held_out_near")


@pytest.mark.parametrize("text", ["Why is that so?", HELD, edited()])
def test_it_is_found_as_a_turn_of_a_conversation(text: str):
    answer = {"role": "assistant", "content": "Hello! How can I help you?"}
    turns = [*user("Good morning."), answer, *user(text)]
    prompt = {**prompt_row(), "messages": turns}
    found = why(BASIL, prompt=prompt, held_out=[held(HELD), held("Why is that so?")])
    assert found and found.reason in ("held_out_prompt", "held_out_near")


def test_one_of_several_lines_is_found_among_other_lines():
    text = "I keep bees\nand my neighbour is allergic\nWhat may she ask of me"
    found = why(BASIL, prompt=prompt_row(f"Good day to you\n{text}\nThanks"), held_out=[held(text)])
    assert found == ("held_out_prompt", f"holds all of {held(text)['prompt_id']}")


def test_a_short_one_may_be_a_phrase_of_a_longer_prompt_and_a_long_one_of_a_sentence():
    cases = {
        "Explain your answer.": f"{LONG}\nIs it so? Explain your answer. Take your time.",
        "How do I bake a good bread": "How do I bake a good bread without any yeast?",
        "Go on.": "Go on.\nTell me how you would keep bees on a balcony in town.",
    }
    for text, prompt in cases.items():
        assert why(BASIL, prompt=prompt_row(prompt), held_out=[held(text)]) is None


def test_an_answer_may_not_say_all_of_a_short_one():
    row = held("What do bees eat in winter?")
    found = why(f"1. What do bees eat in winter?\n2. {BASIL}", held_out=[row])
    assert found == ("held_out_overlap", f"all of {row['prompt_id']}")
    assert why(f"Who knows what do bees eat in winter? {BASIL}", held_out=[row]) is None


def test_a_phrase_of_it_is_no_quotation():
    phrase = "Speak with a lawyer before your daughter is stung: " + HELD[:60]
    assert why(phrase, held_out=[held()]) is None


def test_a_held_out_reference_may_not_be_an_answer():
    row = held("How do I keep basil alive?", reference=LONG)
    found = why(f"Sure! {LONG}", held_out=[row], prompt=prompt_row("Basil?"))
    assert found and found.reason == "held_out_overlap"
    assert found.detail == f"100% of the 8-grams of reference of {row['prompt_id']}"


def test_what_many_held_out_prompts_share_gives_none_of_them_away():
    more = f"{BASIL} Turn its pot around every week."
    rows = [held(TEMPLATE + text) for text in (more, OTHER, "Bees dance.", "It rained.")]
    cases = {LONG: None, more: "held_out_prompt", f"well, {more}": "held_out_overlap"}
    for text, found in cases.items():
        prompt = prompt_row(TEMPLATE + text)
        assert reason(LONG, "Mow it.", prompt=prompt, held_out=rows, held_out_near=None) == found
    alone = prompt_row(TEMPLATE + "It rained all day.")  # of one held-out prompt it is the whole
    assert reason(LONG, "Mow it.", prompt=alone, held_out=rows[3:], held_out_near=None) is not None
    assert reason(LONG, "Mow it.", prompt=alone, held_out=rows, held_out_near=None) is None


def test_what_many_prompts_of_the_round_share_is_no_leak_either():
    row = held(TEMPLATE + "It rained.")
    siblings = [prompt_row(f"{TEMPLATE}It rained on day {day}.") for day in range(5)]
    ask = {"prompt": siblings[0], "held_out": [row], "held_out_near": None}
    assert reason(LONG, "Mow it.", **ask, train=siblings) is None
    assert reason(LONG, "Mow it.", **ask, train=siblings[:4]) == "held_out_overlap"


def test_system_turns_never_count():
    system = [{"role": "system", "content": LONG}]
    row = held("Why?", messages=[*system, *user("How tall is the tower of the old town hall?")])
    prompt = {**prompt_row(), "messages": [*system, *user("Who built the mill on the river?")]}
    assert why(BASIL, prompt=prompt, held_out=[row]) is None


def test_a_sibling_of_a_short_templated_prompt_is_another_prompt():
    row = held("Support team, it will not turn on and I need the headset tonight.")
    sibling = prompt_row("Support team, it will not turn on and I need the toaster tonight.")
    assert why(BASIL, prompt=sibling, held_out=[row]) is None
