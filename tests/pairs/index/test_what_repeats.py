"""A pair repeats another where its question does, in its context, and both of its answers do."""

from pathlib import Path

import pytest

from pairs.index.near_duplicates import NearIndex
from pairs.pair import PairTexts

DOCUMENT = " ".join(
    f"In the {nth} year the town council met at the old mill, spoke about the {what} for a long "
    "while and wrote down what each of its members had to say, so that nothing was forgotten."
    for nth, what in zip(
        "first second third fourth fifth sixth".split(),
        "bridge harbour school market orchard library".split(),
        strict=True,
    )
)
EDITED = DOCUMENT.replace("old mill", "new mill", 2).replace("long while", "long time", 1)
GOOD = (
    "The council met every year at the old mill, and what its members said was written down; the "
    "bridge, the harbour, the school, the market, the orchard and the library were all spoken of."
)
BAD = "I do not see what you want to know about that town, for there are many towns with a mill."
PIRATE = "You are a pirate and speak like one."


def pair(question: str, **texts: str) -> PairTexts:
    given = {"system": "", "earlier": "", "chosen": GOOD, "rejected": BAD} | texts
    return PairTexts(question=question, **given)


def rag(question: str, document: str = DOCUMENT, **texts: str) -> PairTexts:
    return pair(f"Use this text to answer.\n{document}\nQuestion: {question}\nAnswer:", **texts)


def similarity(folder: Path, one: PairTexts, other: PairTexts, threshold: float = 0.8) -> float:
    """Of two pairs, the same whichever comes first and whichever round it is of; 0 if below."""
    found = set[float]()
    for first, second in ((one, other), (other, one)):
        same_round = NearIndex(folder, 1, [], lambda _: [], threshold, 3)
        before = NearIndex(folder, 1, [], lambda _: [], threshold, 3)
        hit = same_round.keep(["a", "b"], [first, second])[1]
        before.keep(["a"], [first])
        before.write(["a"])
        later = NearIndex(folder, 2, [1], lambda _: [], threshold, 3).keep(["b"], [second])[0]
        found |= {hit.jaccard if hit else 0.0, later.jaccard if later else 0.0}
    [only] = found
    return only


ASKED = "What does the text say about the bridge?"

DISTINCT = {
    "two questions about one document": (rag(ASKED), rag("Who met at the mill each year?")),
    "the question before the document": (
        pair(f"{ASKED}\n\n{DOCUMENT}"),
        pair(f"Who met at the mill?\n\n{DOCUMENT}"),
    ),
    "a document with a question and without": (pair(DOCUMENT), pair(f"{DOCUMENT}\n{ASKED}")),
    "questions that differ in a word": (rag("What is the budget?"), rag("What is the date?")),
    "other answers to a long prompt": (rag(ASKED), rag(ASKED, chosen="A bridge, I think.")),
    "another rejected answer": (rag(ASKED), rag(ASKED, rejected="It was built of stone.")),
    "answers that changed sides": (rag(ASKED), rag(ASKED, chosen=BAD, rejected=GOOD)),
    "two personas": (pair(ASKED, system=PIRATE), pair(ASKED, system="You are a poet.")),
    "a persona and none": (pair(ASKED, system=PIRATE), pair(ASKED)),
    "long personas that differ in a word": (
        pair(ASKED, system=f"You are a chef. {DOCUMENT}"),
        pair(ASKED, system=f"You are a clerk. {DOCUMENT}"),
    ),
    "two follow-ups": (
        pair("Say it in one word.", earlier=f"{ASKED}\n{DOCUMENT}"),
        pair("Say it in French.", earlier=f"{ASKED}\n{DOCUMENT}"),
    ),
    "one follow-up to two conversations": (
        pair("Why?", earlier=f"{DOCUMENT}\nIs the bridge old?\nYes."),
        pair("Why?", earlier=f"{DOCUMENT}\nMay the market close?\nNo."),
    ),
    "an operator": (pair("Which x have x < 3?"), pair("Which x have x > 3?")),
    "an operator in a long question": (
        pair("Which of all the whole numbers between one and a hundred that I could think of in "
             "an hour of walking through the fields near our house have x < 3, if any at all do?"),
        pair("Which of all the whole numbers between one and a hundred that I could think of in "
             "an hour of walking through the fields near our house have x > 3, if any at all do?"),
    ),
    "a number in a long text": (
        rag("How many of all the people of the town had a boat in the year 1912?"),
        rag("How many of all the people of the town had a boat in the year 1921?"),
    ),
    "a decimal": (rag("Is it more than 3.5 metres long?"), rag("Is it more than 3.6 metres long?")),
    "code": (
        pair("What is printed?\n```python\nnumbers = [1, 2, 3]\nprint(numbers[1:])\n```"),
        pair("What is printed?\n```python\nnumbers = [1, 2, 3]\nprint(numbers[:1])\n```"),
    ),
    "a formula": (pair(f"{DOCUMENT}\nSolve a - b = 2."), pair(f"{DOCUMENT}\nSolve a + b = 2.")),
    "a sign outside ASCII": (pair("Is 3x ≤ 5 for all?"), pair("Is 3x ≥ 5 for all?")),
}  # fmt: skip

REPEATED = {
    "case, space and marks": (
        rag(ASKED, system=PIRATE, earlier="Hello!\nGood day."),
        rag(ASKED.lower(), system=f" {PIRATE.upper()}", earlier="hello\ngood  day"),
    ),
    "a document with edits": (rag(ASKED), rag(ASKED, EDITED)),
    "an answer with an edit": (rag(ASKED), rag(ASKED, chosen=GOOD.replace("every", "each"))),
    "edits in what a follow-up follows and in an answer to it": (
        pair("Why?", earlier=DOCUMENT),
        pair("Why?", earlier=EDITED, chosen=GOOD.replace("every", "each")),
    ),
    "a formula with other spaces": (pair("Which x have x < 3?"), pair("Which x have x<3 ?")),
    "the marks of a list": (pair("1) mix\n2) bake\nWhich?"), pair("1) mix\n2) bake\nwhich")),
}  # fmt: skip


@pytest.mark.parametrize("what", DISTINCT)
def test_these_are_two_pairs(tmp_path: Path, what: str) -> None:
    assert similarity(tmp_path, *DISTINCT[what]) == 0
    assert similarity(tmp_path, *DISTINCT[what], threshold=0.7) == 0


@pytest.mark.parametrize("what", REPEATED)
def test_these_are_one(tmp_path: Path, what: str) -> None:
    assert similarity(tmp_path, *REPEATED[what]) >= 0.8


def test_pairs_without_a_system_turn_or_earlier_turns_are_alike_in_that(tmp_path: Path) -> None:
    assert similarity(tmp_path, pair(ASKED), pair(ASKED)) == 1
    assert similarity(tmp_path, pair(ASKED), pair(ASKED, earlier="Hello there!\nGood day.")) == 0
