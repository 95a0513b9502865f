"""A few rows of every shape of preference data, and what they say."""

from typing import Any

from preferences.preference import Preference


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


COLOUR, SUM = user("What colour is the sky?"), user("What is 2 + 2?")
TURNS = [
    {"role": "system", "content": "Be kind."},
    *user("Hi"),
    *answer("Hello!"),
    *user("How?"),
]

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "trl_standard": [
        {"prompt": "What colour is the sky?", "chosen": "Blue.", "rejected": "Green."},
        {"prompt": "What is 2 + 2?", "chosen": "4", "rejected": "five"},
    ],
    "trl_conversational": [
        {
            "prompt": COLOUR,
            "chosen": answer("Blue."),
            "rejected": answer("Green."),
            "pair_id": "x",
            "score_chosen": None,
        },
        {
            "prompt": TURNS,
            "chosen": answer("So."),
            "rejected": answer("No."),
            "pair_id": None,
            "score_chosen": 2.5,
        },
    ],
    "trl_implicit_messages": [
        {"chosen": [*COLOUR, *answer("Blue.")], "rejected": [*COLOUR, *answer("Green.")]},
        {"chosen": [*TURNS, *answer("So.")], "rejected": [*TURNS, *answer("No.")]},
    ],
    "question_and_texts": [
        {"system": "", "question": "What colour is the sky?", "chosen": "Blue.", "rejected": "No."},
        {"system": "Be kind.", "question": "How?", "chosen": "So.", "rejected": "No."},
    ],
    "hh_rlhf": [
        {
            "chosen": "\n\nHuman: What colour is the sky?\n\nAssistant: Blue.",
            "rejected": "\n\nHuman: What colour is the sky?\n\nAssistant: Green.",
        },
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: How?\n\nAssistant: So.\n\nYes.",
            "rejected": "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: How?\n\nAssistant: No.",
        },
    ],
    "ultrafeedback_binarized": [
        {
            "prompt": "What colour is the sky?",
            "prompt_id": "f00",
            "chosen": [*COLOUR, *answer("Blue.")],
            "rejected": [*COLOUR, *answer("Green.")],
            "messages": [*COLOUR, *answer("Blue.")],
            "score_chosen": 9.0,
            "score_rejected": 2.5,
        },
        {
            "prompt": "How?",
            "prompt_id": "f01",
            "chosen": [*TURNS, *answer("So.")],
            "rejected": [*TURNS, *answer("No.")],
            "messages": [*TURNS, *answer("So.")],
            "score_chosen": 7.0,
            "score_rejected": 7.0,
        },
    ],
    "ultrafeedback": [
        {
            "source": "world",
            "instruction": "What colour is the sky?",
            "models": ["a", "b", "c"],
            "completions": [
                {"model": "a", "response": "Green.", "overall_score": 2.0},
                {"model": "b", "response": "Blue.", "overall_score": 8.5},
                {"model": "c", "response": "Grey.", "overall_score": 5.0},
            ],
        },
    ],
    "webgpt": [
        {
            "question": {"dataset": "eli5", "id": "q1", "full_text": "What colour is the sky?"},
            "quotes_0": {"title": [], "extract": []},
            "answer_0": "Green.",
            "score_0": -1.0,
            "answer_1": "Blue.",
            "score_1": 1.0,
        },
        {
            "question": {"dataset": "eli5", "id": "q2", "full_text": "What is 2 + 2?"},
            "quotes_0": {"title": [], "extract": []},
            "answer_0": "4",
            "score_0": 0.0,
            "answer_1": "Four.",
            "score_1": 0.0,
        },
    ],
    "summarize_from_feedback": [
        {
            "info": {"id": "t3", "post": "It was blue.", "title": "Sky", "subreddit": "sky"},
            "summaries": [
                {"text": " It was green.", "policy": "p"},
                {"text": " It was blue.", "policy": "q"},
            ],
            "choice": 1,
            "worker": "w",
        },
        {
            "info": {"id": "cnn", "article": "It rained.", "title": None, "subreddit": None},
            "summaries": [{"text": "Rain.", "policy": "p"}, {"text": "Sun.", "policy": "q"}],
            "choice": 0,
            "worker": "w",
        },
    ],
    "eli5": [
        {
            "q_id": "e1",
            "title": "What colour is the sky?",
            "selftext": "I never looked.",
            "answers": {"a_id": ["1", "2"], "text": ["Green.", "Blue."], "score": [1, 40]},
        },
        {
            "q_id": "e2",
            "title": "What is 2 + 2?",
            "selftext": "",
            "answers": {"a_id": ["1"], "text": ["4"], "score": [3]},
        },
    ],
    "hc3": [
        {
            "id": "h1",
            "question": "What colour is the sky?",
            "human_answers": ["Blue.", "Mostly blue."],
            "chatgpt_answers": ["Green."],
        },
        {"id": "h2", "question": "Why?", "human_answers": ["So."], "chatgpt_answers": []},
    ],
    "graded": [
        {
            "prompt": "What colour is the sky?",
            "responses": ["Green.", "Blue.", "Grey."],
            "ratings": [1, 5, 3],
        },
        {"prompt": "What is 2 + 2?", "responses": ["4", "four"], "ratings": [4, 4]},
    ],
    "one_answer_a_row": [
        {"prompt": "What colour is the sky?", "response": "Green.", "helpfulness": 0},
        {"prompt": "What colour is the sky?", "response": "Blue.", "helpfulness": 4},
        {"prompt": "What is 2 + 2?", "response": "4", "helpfulness": 4},
    ],
    "turns_and_answers": [
        {
            "conversations": [
                {"from": "system", "value": "Be kind."},
                {"from": "human", "value": "Hi"},
                {"from": "gpt", "value": "Hello!"},
                {"from": "human", "value": "How?"},
            ],
            "chosen": {"from": "gpt", "value": "So."},
            "rejected": {"from": "gpt", "value": "No."},
        },
    ],
    "response_names": [
        {
            "source": "world",
            "instruction": "What colour is the sky?",
            "chosen_response": "Blue.",
            "rejected_response": "Green.",
            "chosen_model": "a",
        },
    ],
    "stack_exchange_paired": [
        {
            "qid": 7,
            "question": "What colour is the sky?",
            "date": "2010/07/28",
            "metadata": ["one", "two"],
            "response_j": "Blue.",
            "response_k": "Green.",
        },
    ],
    "rejected_response": [
        {"messages": [*COLOUR, *answer("Blue.")], "rejected_response": "Green."},
        {"messages": [*TURNS, *answer("So.")], "rejected_response": "No."},
    ],
    "rejected_messages": [
        {
            "messages": [*TURNS, *answer("So.")],
            "rejected_messages": [*TURNS, *answer("No.")],
        },
    ],
    "stack_exchange": [
        {
            "qid": 7,
            "question": "What colour is the sky?",
            "answers": [
                {"answer_id": 1, "author": "A", "pm_score": 0, "selected": False, "text": "Green."},
                {"answer_id": 2, "author": "B", "pm_score": 4, "selected": True, "text": "Blue."},
            ],
            "date": "2010/07/28",
            "metadata": ["one", "two"],
        },
    ],
    "nectar": [
        {
            "prompt": "\n\nHuman: What colour is the sky?\n\nAssistant: ",
            "answers": [
                {"answer": "Grey.", "model": "a", "rank": 2.0},
                {"answer": "Green.", "model": "b", "rank": 3.0},
                {"answer": "Blue.", "model": "c", "rank": 1.0},
            ],
            "turns": 1,
            "num_responses": 3,
            "source": ["world"],
            "good_natured": True,
        },
    ],
    "kto": [
        {"prompt": "What colour is the sky?", "completion": "Green.", "label": False},
        {"prompt": "What colour is the sky?", "completion": "Blue.", "label": True},
        {"prompt": "What is 2 + 2?", "completion": "4", "label": True},
        {"prompt": "What is 2 + 2?", "completion": "four", "label": True},
    ],
    "helpsteer_preference": [
        {
            "prompt": "What colour is the sky?",
            "response_1": "Green.",
            "response_2": "Blue.",
            "preference_strength": 1,
            "preference_statement": "@Response 2 is slightly better",
        },
        {
            "prompt": "What is 2 + 2?",
            "response_1": "4",
            "response_2": "five",
            "preference_strength": -3,
            "preference_statement": "@Response 1 is much better",
        },
        {
            "prompt": "What is 2 + 2?",
            "response_1": "4",
            "response_2": "four",
            "preference_strength": 0,
            "preference_statement": "Both are right",
        },
    ],
    "shp": [
        {
            "post_id": "p1",
            "domain": "sky",
            "history": "What colour is the sky?",
            "human_ref_A": "Blue.",
            "human_ref_B": "Green.",
            "labels": 1,
            "score_A": 9,
            "score_B": 2,
        },
    ],
    "safe_rlhf": [
        {
            "prompt": "What colour is the sky?",
            "response_0": "Green.",
            "response_1": "Blue.",
            "is_response_0_safe": True,
            "better_response_id": 1,
            "safer_response_id": 1,
        },
        {
            "prompt": "What is 2 + 2?",
            "response_0": "4",
            "response_1": "five",
            "is_response_0_safe": True,
            "better_response_id": 0,
            "safer_response_id": 1,
        },
    ],
    "alpaca_farm": [
        {
            "instruction": "Name the colour.",
            "input": "The sky",
            "output_1": "Green.",
            "output_2": "Blue.",
            "preference": 2,
        },
        {
            "instruction": "Name the colour.",
            "input": "Grass",
            "output_1": "Green.",
            "output_2": "It is green.",
            "preference": 0,
        },
    ],
    "arena": [
        {
            "question_id": "q1",
            "model_a": "m",
            "model_b": "n",
            "winner": "model_b",
            "conversation_a": [*COLOUR, *answer("Green.")],
            "conversation_b": [*COLOUR, *answer("Blue.")],
            "turn": 1,
            "language": "English",
        },
        {
            "question_id": "q2",
            "model_a": "m",
            "model_b": "n",
            "winner": "tie (bothbad)",
            "conversation_a": [*SUM, *answer("5")],
            "conversation_b": [*SUM, *answer("six")],
            "turn": 1,
            "language": "English",
        },
        {
            "question_id": "q3",
            "model_a": "m",
            "model_b": "n",
            "winner": "model_a",
            "conversation_a": [*COLOUR, *answer("Blue."), *SUM, *answer("4")],
            "conversation_b": [*COLOUR, *answer("Green."), *SUM, *answer("5")],
            "turn": 2,
            "language": "English",
        },
    ],
    "arena_texts": [
        {
            "id": 1,
            "model_a": "m",
            "model_b": "n",
            "prompt": '["What colour is the sky?"]',
            "response_a": '["Blue."]',
            "response_b": '["Green."]',
            "winner_model_a": 1,
            "winner_model_b": 0,
            "winner_tie": 0,
        },
        {
            "id": 2,
            "model_a": "m",
            "model_b": "n",
            "prompt": '["Hi", "How?"]',
            "response_a": '["Hello!", "So."]',
            "response_b": '["Ho!", "No."]',
            "winner_model_a": 0,
            "winner_model_b": 1,
            "winner_tie": 0,
        },
    ],
    "openai": [
        {
            "input": {"messages": COLOUR, "tools": [], "parallel_tool_calls": True},
            "preferred_output": answer("Blue."),
            "non_preferred_output": answer("Green."),
        },
        {
            "input": {"messages": TURNS, "tools": [], "parallel_tool_calls": True},
            "preferred_output": answer("So."),
            "non_preferred_output": answer("No."),
        },
    ],
}

SKY = Preference(COLOUR, "Blue.", "Green.")
HOW = Preference(TURNS, "So.", "No.")
POST = "SUBREDDIT: r/sky\n\nTITLE: Sky\n\nPOST: It was blue.\n\nTL;DR:"

EXPECTED: dict[str, list[Preference | str]] = {
    "trl_standard": [SKY, Preference(SUM, "4", "five")],
    "trl_conversational": [SKY._replace(name="x"), HOW._replace(score_chosen=2.5)],
    "trl_implicit_messages": [SKY, HOW],
    "question_and_texts": [
        SKY._replace(rejected="No."),
        HOW._replace(prompt=[TURNS[0], TURNS[-1]]),
    ],
    "hh_rlhf": [SKY, HOW._replace(prompt=TURNS[1:], chosen="So.\n\nYes.")],
    "ultrafeedback_binarized": [
        SKY._replace(score_chosen=9.0, score_rejected=2.5, name="f00"),
        HOW._replace(score_chosen=7.0, score_rejected=7.0, name="f01"),
    ],
    "ultrafeedback": [SKY._replace(score_chosen=8.5, score_rejected=2.0)],
    "webgpt": [SKY._replace(score_chosen=1.0, score_rejected=-1.0), "tie"],
    "summarize_from_feedback": [
        Preference(user(POST), "It was blue.", "It was green."),
        Preference(user("POST: It rained.\n\nTL;DR:"), "Rain.", "Sun."),
    ],
    "eli5": [
        Preference(
            user("What colour is the sky?\n\nI never looked."), "Blue.", "Green.", 40.0, 1.0, "e1"
        ),
        "one_answer",
    ],
    "hc3": [SKY, "one_answer"],
    "graded": [SKY._replace(score_chosen=5.0, score_rejected=1.0), "tie"],
    "one_answer_a_row": [SKY._replace(score_chosen=4.0, score_rejected=0.0), "one_answer"],
    "turns_and_answers": [HOW],
    "response_names": [SKY],
    "stack_exchange_paired": [SKY],
    "rejected_response": [SKY, HOW],
    "rejected_messages": [HOW],
    "stack_exchange": [SKY._replace(score_chosen=4.0, score_rejected=0.0, name="7")],
    "nectar": [SKY._replace(score_chosen=-1.0, score_rejected=-3.0)],
    "kto": [SKY._replace(score_chosen=1.0, score_rejected=0.0), "tie"],
    "helpsteer_preference": [SKY, Preference(SUM, "4", "five"), "tie"],
    "shp": [SKY._replace(score_chosen=9.0, score_rejected=2.0)],
    "safe_rlhf": [SKY, "criteria_differ"],
    "alpaca_farm": [SKY._replace(prompt=user("Name the colour.\nThe sky")), "tie"],
    "arena": [SKY, "tie", "several_answers"],
    "arena_texts": [SKY._replace(name="1"), "several_answers"],
    "openai": [SKY, HOW],
}
"""What each row says; where it prefers nothing, the reason."""

OPTIONS = {"hc3": {"prefer": "human"}}
"""What a source of the shape must say beside."""
