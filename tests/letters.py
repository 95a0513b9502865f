"""An endpoint that asks about letters of the small world and reads summaries of them, in code.

A letter names a product and a problem. A summary answers the first question where it names one
product alone, the second where it gives the advice for one problem alone; the rest is not stated.
"""

import json
import random
import re
from typing import Any

from scripted import completion, shown

from starter.gold import findings, needs
from starter.world import PROBLEMS, PRODUCTS
from texts.normal import words

WHICH, WHAT = "Which thing is it about?", "What is the matter with it?"


def letters_endpoint(body: dict[str, Any], slips: float = 0.0) -> dict[str, Any]:
    """Writes, answers or compares, as it is asked; its usage is a token for four characters.

    `slips` is the share of answers that are "not stated" and of comparisons that go to the first
    shown, whatever is right: by the words of the call.
    """
    rng = random.Random(json.dumps(body["messages"]))
    name = body["response_format"]["json_schema"]["name"]
    if name == "questions":
        said = _written(body, rng)
    elif name.startswith("question_"):
        said = _answered(body, rng, slips)
    else:
        said = _compared(body, rng, slips)
    reply = completion(json.dumps(said))
    read = sum(len(turn["content"]) for turn in body["messages"]) // 4
    written = len(json.dumps(said)) // 4
    reply["usage"] = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
    return reply


def right_answers(letter: str, summary: str) -> int:
    """How many of the two questions a summary answers right."""
    product, problem = needs(letter)
    found = findings(summary)
    return (found.products == {product}) + (found.advice == {problem})


def _written(body: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    letter = body["messages"][-1]["content"].partition("The article and the request:\n")[2]
    product, problem = needs(letter)
    if "none" in (product, problem):  # an endpoint that is tried out is shown other texts
        wrong = ["one", "two", "three"]
        listed = [{"question": asked, "answer": "zero", "wrong": wrong} for asked in (WHICH, WHAT)]
        return {"questions": listed}
    phrase = max((text for text in PROBLEMS[problem] if text in letter), key=len)
    others = rng.sample([other for other in PRODUCTS if other != product], 3)
    problems = rng.sample([key for key in PROBLEMS if key != problem], 3)
    wrong = [rng.choice(PROBLEMS[key]) for key in problems]
    listed = [
        {"question": WHICH, "answer": product, "wrong": others},
        {"question": WHAT, "answer": phrase, "wrong": wrong},
    ]
    return {"questions": listed}


def _answered(body: dict[str, Any], rng: random.Random, slips: float) -> dict[str, Any]:
    (summary,) = shown(body)
    found = findings(summary)
    said: dict[str, str] = {"rationale": "read it"}
    asked = body["messages"][-1]["content"].partition("The questions:\n")[2]
    for block in asked.split("\n\n"):
        name, question = re.findall(r"^(question_\d+): (.*)$", block, re.MULTILINE)[0]
        options = dict(re.findall(r"^  ([A-Z]): (.*)$", block, re.MULTILINE))
        told = found.products if question == WHICH else found.advice
        (only,) = told if len(told) == 1 else [""]
        meant = {only} if question == WHICH else set(PROBLEMS.get(only, ()))
        letter = next((letter for letter, text in options.items() if text in meant), "not stated")
        said[name] = "not stated" if rng.random() < slips else letter
    return said


def _compared(body: dict[str, Any], rng: random.Random, slips: float) -> dict[str, Any]:
    letter = re.findall(
        r"The article and the request:\n(.*?)\n\nSummary A:",
        body["messages"][-1]["content"],
        re.DOTALL,
    )[0]
    first, second = ((right_answers(letter, text), -len(words(text))) for text in shown(body))
    verdict = "A" if first > second else "B" if second > first else "tie"
    return {"rationale": "read both", "verdict": "A" if rng.random() < slips else verdict}
