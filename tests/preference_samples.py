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
    "trl_implicit_texts": [
        {"chosen": "The sky is blue.", "rejected": "The sky is black."},
        {"chosen": "2 + 2 = 4", "rejected": "2 + 2 = five"},
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
    "trl_implicit_texts": [
        Preference(user("The sky is"), "blue.", "black."),
        Preference(user("2 + 2 ="), "4", "five"),
    ],
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
    "openai": [SKY, HOW],
}
"""What each row says; where it prefers nothing, the reason."""

OPTIONS = {"hc3": {"prefer": "human"}}
"""What a source of the shape must say beside."""
