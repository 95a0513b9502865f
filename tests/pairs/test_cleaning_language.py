"""Answers in the wrong language; short texts, code and translations are let pass."""

import pytest
from builders import prompt_row
from cleaned import LONG, why

from pairs.language import check_language, language_of
from rounds.errors import UserError

GERMAN = (
    "Basilikum mag es warm und hell. Stell den Topf auf die sonnigste Fensterbank und gieß ihn "
    "von unten, sobald die oberste Erde trocken ist."
)
FRENCH = (
    "Le basilic aime la chaleur et la lumière. Posez le pot au soleil et arrosez-le par le bas "
    "dès que la terre est sèche en surface."
)
JAPANESE = "バジルは暖かくて明るい場所が好きです。土が乾いたら水をやりましょう。"
LISTING = """```python
def water_every_plant_in_the_house(plants, liters, is_it_summer):
    # the basil drinks first, for it is the one that wilts before all of the others do
    for plant in sorted(plants, key=lambda each: each.name != "basil"):
        plant.drink(liters / len(plants) if is_it_summer else liters / 2)
```"""
CODE = "```python\ndef water(pot):\n    for leaf in pot.leaves:\n        leaf.drink(0.5)\n```"


ASKED = prompt_row(
    "How do I keep a pot of basil alive on the window of a kitchen? Mine dies within two weeks."
)


def test_the_language_of_a_text_is_told_where_there_is_enough_of_it():
    assert [language_of(text) for text in (LONG, GERMAN, FRENCH, JAPANESE)] == [
        "en",
        "de",
        "fr",
        "ja",
    ]
    assert [language_of(text) for text in ("Ja.", "42", "", "Oui, merci.", CODE, LISTING)] == [
        None
    ] * 6
    assert language_of(f"{GERMAN}\n\n{LISTING}") == "de"


def test_an_answer_must_be_in_the_language_of_the_prompt_where_asked():
    same = {"prompt": ASKED, "language": "prompt"}
    assert why(LONG, GERMAN, **same) == ("language", "rejected is de, not en")
    assert why(GERMAN, LONG, **same) == ("language", "chosen is de, not en")
    assert why(LONG, GERMAN, prompt=ASKED) is None
    german = prompt_row(
        "Wie halte ich Basilikum auf dem Fensterbrett in der Küche am Leben, ohne dass er eingeht?"
    )
    assert why(GERMAN, "Mehr Licht.", prompt=german, language="prompt") is None


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate the following paragraph about basil for my cousin in Lyon, and keep it short.",
        "How would you say in French that basil likes the warmth and the light of a kitchen?",
    ],
)
def test_a_prompt_that_asks_for_another_language_gets_it(prompt: str):
    assert why(FRENCH, LONG, prompt=prompt_row(prompt), language="prompt") is None


def test_a_language_can_be_named():
    assert why(GERMAN, LONG, language="de") == ("language", "rejected is en, not de")
    assert why(GERMAN, GERMAN.replace("hell", "sonnig und trocken"), language="de") is None


@pytest.mark.parametrize("text", ["Ja.", CODE, "x = 1;\ny = 2;\nreturn x + y;", "\U0001f331" * 9])
def test_what_is_short_or_code_is_not_judged(text: str):
    assert why(text, LONG, prompt=ASKED, language="prompt") is None
    assert why(text, LONG, language="en") is None


def test_an_unknown_language_is_found_before_anything_is_spent():
    for known in (None, "prompt", "de", "zh"):
        check_language(known)
    with pytest.raises(UserError, match=r"pairs\.language: 'german' .* prompt or one of .*\bde\b"):
        check_language("german")


SHORT = prompt_row("How do I cook rice?")
FARSI = "برنج را بشویید و با دو پیمانه آب بپزید."


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (GERMAN, "de"),
        (JAPANESE, "ja"),
        (FARSI, "ar"),
        ("用两杯水煮一杯米，盖上盖子焖十五分钟。", "zh"),
        ("Ja, das stimmt.", "de"),
        ("Sure. Wash it first, then boil it. " + "쌀을 두 컵의 물에 넣고 끓이세요. " * 6, "ko"),
    ],
)
def test_a_short_prompt_has_a_language_too(answer: str, found: str):
    asked = {"prompt": SHORT, "language": "prompt"}
    assert why(answer, LONG, **asked) == ("language", f"chosen is {found}, not en")


@pytest.mark.parametrize(
    "prompt",
    [
        "What is the Japanese word for basil, and how is it written?",
        "Lies das und antworte auf Englisch: 我喜欢罗勒，因为它很香。",
        "basil",
        "x = [1, 2, 3]",
    ],
)
def test_a_prompt_that_names_or_quotes_a_language_or_has_none_lets_it_pass(prompt: str):
    for answer in (JAPANESE, "我喜欢罗勒，因为它很香，也很好种。"):
        if "Japanese" in prompt and answer != JAPANESE:
            continue
        if "我" in prompt and answer == JAPANESE:
            continue
        assert why(answer, LONG, prompt=prompt_row(prompt), language="prompt") is None


def test_a_prompt_in_another_script_wants_it_in_the_answer():
    asked = prompt_row("Как ухаживать за базиликом на кухне?")
    assert why(LONG, "Поставьте горшок на окно.", prompt=asked, language="prompt") == (
        "language",
        "chosen is en, not ru",
    )
