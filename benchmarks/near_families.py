"""Pairs that share much and are different ones: python benchmarks/near_families.py FILE

FILE holds AlpacaEval prompts with the answers of models (JSONL, may be gzipped). Of its natural
texts four families of sixty pairs are put together, no two the same: three questions about each of
twenty long documents, six follow-ups to each of ten conversations, thirty questions under two
personas each, and thirty questions with an operator or a number in two ways (written here). Told
is how many of each are dropped as near duplicates, and how many are found of their copies with one
word in fifty of every text replaced, which are duplicates.
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recorded_rows import recorded_rows

from pairs.index.near_duplicates import NearIndex
from pairs.pair import PairTexts

EACH = 60
LONGEST_ANSWER, SHORTEST_DOCUMENT = 400, 1500
PERSONAS = (
    "You are a patient teacher who explains everything to children of ten in short sentences.",
    "You are a busy lawyer who answers in three formal sentences and never guesses.",
)
IN_TWO_WAYS = (
    ("Which whole numbers x fulfil {} for n = {{}}?", ("x < 3", "x > 3")),
    ("What does `if ({}) return {{}};` do in C?", ("a == b", "a != b")),
    ("What is printed by `print(values[{}][:{{}}])` in Python?", ("1:", ":1")),
    ("How many days lie between the 3rd of May {} and today, give or take {{}}?", ("1912", "1921")),
    ("Simplify 4{}2 as far as you can, and then add {{}} to it.", ("+", "-")),
)


def asked(rows: list[dict[str, Any]], share: random.Random) -> Iterator[tuple[str, str, str]]:
    """Natural questions with two answers of models, none of them long."""
    for row in share.sample(rows, len(rows)):
        short = [one["text"] for one in row["candidates"] if len(one["text"]) < LONGEST_ANSWER]
        if len(short) >= 2 and short[0] != short[1]:
            yield row["prompt"], short[0], short[1]


def families(rows: list[dict[str, Any]]) -> dict[str, list[PairTexts]]:
    """The pairs of each family."""
    chance = random.Random(0)
    longs = (one["text"] for row in rows for one in row["candidates"][:1])
    documents = [text for text in longs if len(text) >= SHORTEST_DOCUMENT][: EACH // 3]
    source = list(asked(rows, chance))
    parts = {name: iter(source) for name in ("documents", "follow-ups", "personas", "two ways")}
    made: dict[str, list[PairTexts]] = {name: [] for name in parts}
    for document in documents:
        for _ in range(3):
            question, *answers = next(parts["documents"])
            text = f"{document}\n\nQuestion: {question}"
            made["documents"].append(PairTexts("", "", text, *answers))
    for document in documents[: EACH // 6]:
        for _ in range(6):
            question, *answers = next(parts["follow-ups"])
            made["follow-ups"].append(PairTexts("", document, question, *answers))
    for _ in range(EACH // 2):
        question, *answers = next(parts["personas"])
        made["personas"] += [PairTexts(persona, "", question, *answers) for persona in PERSONAS]
    for number in range(EACH // 2):
        text, ways = IN_TWO_WAYS[number % len(IN_TWO_WAYS)]
        _, *answers = next(parts["two ways"])
        made["two ways"] += [
            PairTexts("", "", text.format(way).format(number), *answers) for way in ways
        ]
    return made


def edited(text: str, chance: random.Random) -> str:
    """The text with one word in fifty replaced, no number or sign among them; short ones stay."""
    words = text.split(" ")
    plain = [place for place, word in enumerate(words) if word.isalpha() and len(word) > 3]
    for place in chance.sample(plain, min(len(plain), len(words) // 50)):
        words[place] = "indeed"
    return " ".join(words)


def found(pairs: list[PairTexts], threshold: float) -> list[bool]:
    """Which of the pairs repeat an earlier one."""
    with tempfile.TemporaryDirectory() as folder:
        index = NearIndex(Path(folder), 1, [], lambda _: [], threshold, 3)
        hits = index.keep([f"{place:016x}" for place in range(len(pairs))], pairs)
    return [hit is not None for hit in hits]


def main() -> None:
    """Print a line for each family and threshold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("file", type=Path)
    rows = recorded_rows(parser.parse_args().file)
    chance = random.Random(1)
    for name, pairs in families(rows).items():
        copies = [
            PairTexts(pair.system, *(edited(text, chance) for text in pair[1:])) for pair in pairs
        ]
        for threshold in (0.8, 0.7):
            flags = found([*pairs, *copies], threshold)
            dropped, caught = sum(flags[: len(pairs)]), sum(flags[len(pairs) :])
            print(
                f"{name:11} at {threshold}: {dropped} of {len(pairs)} different pairs dropped, "
                f"{caught} of {len(copies)} copies found"
            )


if __name__ == "__main__":
    main()
