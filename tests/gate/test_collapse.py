"""A policy that says one thing is told from one that only says it shorter or longer."""

import random

from builders import candidate_row, prompt_row

from gate.collapse import LEAST_ANSWERS, answers_beside, collapse_alarm
from rounds.contests import WIN, Contest

WORDS = [f"word{number}" for number in range(200)]


def said(seed: int, words: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def contests(n: int, trained, first) -> list[Contest]:
    made = []
    for number in range(n):
        prompt = prompt_row(f"question {number}", "gate")
        new = candidate_row(prompt, trained(number), policy="p1")
        made.append(Contest(prompt, new, candidate_row(prompt, first(number)), WIN, []))
    return made


def first(number: int) -> str:
    return said(number, 20)


def alarm(trained, n: int = 50) -> list[str]:
    return collapse_alarm(answers_beside(contests(n, trained, first)))


def test_a_constant_reply_is_a_collapse():
    (sentence,) = alarm(lambda number: "I am sorry to hear that, please try again.")
    assert "distinct-2 is 0.0" in sentence and "lower the learning rate" in sentence
    (sentence,) = alarm(lambda number: "Yes.")
    assert "self-similarity is 1.000" in sentence


def test_one_phrase_around_every_answer_is_a_collapse():
    def phrase(number: int) -> str:
        return f"thank you for the message i see what you mean {said(number + 999, 2)} good day"

    assert alarm(phrase)


def test_other_words_and_other_lengths_are_none():
    assert alarm(first) == []
    assert alarm(lambda number: said(number + 999, 20)) == []
    assert alarm(lambda number: said(number + 999, 80)) == []
    assert alarm(lambda number: said(number + 999, 5)) == []


def test_of_few_answers_nothing_is_said():
    assert alarm(lambda number: "Yes.", LEAST_ANSWERS - 1) == []
    assert answers_beside([]) is None and collapse_alarm(None) == []


def test_lengths_stand_beside_the_first_policys():
    beside = answers_beside(contests(3, lambda number: "four", first))
    assert beside is not None and beside["n"] == 3
    assert beside["trained"]["mean_characters"] == 4 and beside["trained"]["mean_tokens"] == 2
    assert beside["initial"]["mean_characters"] > 100
