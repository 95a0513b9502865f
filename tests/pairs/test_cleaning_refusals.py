"""Refusals: what a model says when it declines, and what only sounds like it."""

import pytest
from cleaned import BASIL, LONG, why

from pairs.refusals import refuses

REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I\u2019m sorry, but I can\u2019t help with that. Is there anything else you would like?",
    "I cannot provide instructions for that.",
    "I can't help you write your memoir, I'm just a language model.",
    "As an AI language model, I am not able to browse the internet.",
    "I apologize, but I do not feel comfortable generating a list of ways to die.",
    "I'm just an AI, I cannot discuss private people.",
    "Unfortunately, I am unable to fulfil this request.",
    "Sorry, I don't have access to real-time information, so please look it up.",
    "Thank you for asking. As a conversational AI, I am unable to endorse that idea.",
    "Thank you for the question. However, I will not engage in this.",
    "I must respectfully decline to take part in this.",
    "The context does not name the king, so I cannot answer this question.",
    "I understand that this matters to you, but I won't create such a text.",
    "**I cannot comply with this request.**",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Je suis désolé, mais je ne peux pas répondre à cette demande.",
    "很抱歉，我无法提供这个信息。",
]

ANSWERS = [
    "I can't believe how good this basil smells!",
    "I cannot recommend this book enough. Read it tonight.",
    "I can't help but smile at the question. The answer is seven.",
    "I'm sorry to hear that your dog died. Take the time you need.",
    "I am sorry for the trouble. Please press the reset button on the back.",
    "No.",
    "Yes, you can answer with no.",
    "I don't have personal opinions, but the numbers favour the first plan.",
    "I do not have enough information to name the fourth child.",
    "You cannot provide a negative number here; use zero.",
    'She said: "I cannot help you with that," and closed the door.',
    "Dear Ms Lee, I am sorry that I cannot attend the meeting on Monday.",
    "As an AI language model, I work by predicting the next token.",
    "Plants cannot generate energy without light.",
    "I won't lie: it takes a year of practice.",
    "Unfortunately, cats do not have the capacity to learn French.",
    "I'm sorry, but as an AI I cannot browse the web. However, here is what I know. " + LONG,
    "I cannot provide live figures, but in May it was:\n\n* Oslo: 11\n* Rome: 19",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_one(text: str):
    assert refuses(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_none(text: str):
    assert not refuses(text)


NO, NEVER = REFUSALS[0], REFUSALS[2]


@pytest.mark.parametrize(
    ("which", "dropped"),
    [
        (None, []),
        ("both", [(NO, NEVER)]),
        ("chosen", [(NO, NEVER), (NO, BASIL)]),
        ("any", [(NO, NEVER), (NO, BASIL), (BASIL, NO)]),
    ],
)
def test_the_config_says_which_side_may_not_refuse(which: str | None, dropped: list):
    sides = [(NO, NEVER), (NO, BASIL), (BASIL, NO), (BASIL, LONG)]
    assert [one for one in sides if why(*one, refusals=which)] == dropped


def test_two_refusals_are_no_preference_by_default():
    assert why(NO, NEVER) == ("refusal", "both") and why(NO, BASIL) is None
