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


ABROAD = [
    "申し訳ありませんが、そのご依頼にはお応えできません。",
    "恐れ入りますが、この質問には回答できません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "К сожалению, я не могу помочь с этой просьбой.",
    "عذرًا، لا أستطيع المساعدة في هذا الطلب.",
    "Het spijt me, daar kan ik je niet mee helpen.",
    "Przykro mi, ale nie mogę w tym pomóc.",
    "Üzgünüm, bu konuda yardımcı olamam.",
    "Xin lỗi, tôi không thể giúp bạn việc này.",
    "Maaf, saya tidak dapat membantu permintaan ini.",
    "Desculpe, mas não posso ajudar com isso.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Tyvärr kan jag inte hjälpa till med det.",
    "Ich kann diese Anfrage leider nicht beantworten.",
]


@pytest.mark.parametrize("text", ABROAD)
def test_a_refusal_in_another_language_is_one(text: str):
    assert refuses(text)


OFFER = "If you wish, I can explain how reservations usually work, and what a restaurant asks for. "
GIVES_NOTHING = [
    "As a language model I have no way to book tables. " + OFFER * 12,
    "I'm sorry, but helping with that isn't something I can do.",
    "That falls outside what I'm able to help with, so I'll have to pass.",
    "I'm sorry, but I can't provide this table. However, you can easily find it by searching "
    "for average temperatures in a search engine.",
    "I'm sorry, but as an AI language model, I cannot provide legal advice. However, I can suggest "
    "that you consult a licensed attorney who can help you with your situation. You may also want "
    "to explore government websites. Remember that it's important to be well advised. " * 3,
    "The passage does not specify the year, so I cannot answer this question from the context.",
    "I cannot fulfill your request. I'm just an AI, it's not within my guidelines to write such "
    "a letter. Love knows no boundaries, and nobody should be judged. I must ask you to be kind.",
    "I cannot run arbitrary commands.\n\nI can help you with:\n- Searching data\n- Reports\n",
    "I don't have a strong opinion on this. There are reasonable arguments on both sides.",
]
GIVES_SOMETHING = [
    "I don't have live access to your clock, but the log ends at 10:42, so that is the time.",
    "I don't have access to your local time, but it is 10:42.",
    "As an AI I have no favourites, but here is how the three editors differ: the first is fast.",
    "Unfortunately the function cannot return None there, because the caller unpacks two values.",
    "I cannot recommend this hike strongly enough: the view is worth the climb.",
    "Sorry for the delay! Here is the table you asked for:\n| a | b |\n|---|---|\n| 1 | 2 |",
    "I'm sorry, but I don't have a list. However, some common categories include AI and robotics.",
    "I'm sorry, but I cannot run code. However, the given code appears to print the word hello.",
    "I would not recommend mixing bleach and ammonia, because the gas is toxic.",
    "Ich kann die Datei nicht öffnen, um zu helfen, aber in Zeile drei fehlt eine Klammer.",
    "'I'm sorry, I can't help you,' the wizard said. The boy stood in the rain for an hour.",
    "I refuse to believe that winter is over, said the old fox.",
]


@pytest.mark.parametrize("text", GIVES_NOTHING)
def test_one_that_declines_and_gives_nothing_is_one_however_long(text: str):
    assert refuses(text)


@pytest.mark.parametrize("text", GIVES_SOMETHING)
def test_one_that_gives_something_is_none(text: str):
    assert not refuses(text)
