"""The cleaners on natural answers, by labels given by hand.

    python benchmarks/natural_cleaning.py ALPACA [--prompts ARENA] [--labels FOLDER]

ALPACA holds AlpacaEval prompts with the answers of eight models (JSONL, may be gzipped), ARENA
prompts of real users in many languages (JSONL: prompt). FOLDER holds what was read by hand, one
text a line: `prompt` (its line in the file from 0), `generator`, `label` (true: it is one) and
`weight`, the number of texts that it stands for, since rare kinds were read in full and others by a
random sample. `doubtful` ones are left out; what they can change at most is printed beside. `part`
tells what was read when the cleaner was written from what was read after it.

Languages: natural answers in a wrong language hardly occur, so that recall is measured on pairs of
natural texts that do not belong together: a prompt of AlpacaEval with a user's text in another
language as its answer, and a user's prompt in another language with an English answer.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from recorded_rows import recorded_rows

from pairs.language import expected, foreign
from pairs.languages import language_of
from pairs.loops import loop
from pairs.refusals import refuses
from rounds.rates import rate

LABELS = Path(__file__).parent / "labels"
CROSSED = 3
"""Texts that each prompt is crossed with."""


class Judged(NamedTuple):
    """A labelled text and what the cleaner says of it."""

    label: dict[str, Any]
    found: bool


def main() -> None:
    """Print precision and recall of each cleaner."""
    parser = argparse.ArgumentParser(description="the cleaners on natural answers")
    parser.add_argument("file", type=Path, help="alpaca_eval_8x803.jsonl.gz")
    parser.add_argument("--prompts", type=Path, help="arena_hard_v2_750.jsonl.gz")
    parser.add_argument("--labels", type=Path, default=LABELS)
    args = parser.parse_args()
    rows = recorded_rows(args.file)
    texts = {
        (line, one["generator"]): one["text"]
        for line, row in enumerate(rows)
        for one in row["candidates"]
    }
    prompts = [row["prompt"] for row in rows]
    cleaners: dict[str, Callable[[int, str], Any]] = {
        "refusals": lambda _, text: refuses(text),
        "loops": lambda _, text: loop(text),
        "language": lambda line, text: in_wrong_language(prompts[line], text),
    }
    for name, cleaner in cleaners.items():
        judged = [
            Judged(label, bool(cleaner(label["prompt"], text)))
            for label in read(args.labels / f"{name}.jsonl")
            if (text := texts.get((label["prompt"], label["generator"]))) is not None
        ]
        report(name, judged)
        for part in sorted({one.label["part"] for one in judged}):
            report(f"  {part}", [one for one in judged if one.label["part"] == part])
    if args.prompts:
        users = [row["prompt"] for row in recorded_rows(args.prompts)]
        languages(
            read(args.labels / "prompt_languages.jsonl"), users, prompts, list(texts.values())
        )


def read(path: Path) -> list[dict[str, Any]]:
    """The labels of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def in_wrong_language(prompt: str, answer: str) -> bool:
    """What the language cleaner says of one side."""
    wanted, allowed = expected(prompt)
    return wanted is not None and foreign(answer, allowed) is not None


def report(name: str, judged: list[Judged]) -> None:
    """One line: what there is of a kind in all texts, and what of it is found."""
    sure = [one for one in judged if "doubtful" not in one.label]
    doubtful = [one for one in judged if "doubtful" in one.label]
    true = weight(one for one in sure if one.label["label"])
    right = weight(one for one in sure if one.label["label"] and one.found)
    found = weight(one for one in sure if one.found)
    missed = sum(one.label["label"] and not one.found for one in doubtful)
    taken = sum(one.found and not one.label["label"] for one in doubtful)
    print(
        f"{name:12}{len(judged):5} read for {weight(judged):6.0f} texts, {true:4.0f} such: recall "
        f"{share(right, true)}, precision {share(right, found)}; {len(doubtful)} doubtful "
        f"({missed} missed, {taken} taken)"
    )


def weight(judged: Iterable[Judged]) -> float:
    """How many texts these stand for."""
    return sum(one.label["weight"] for one in judged)


def share(hits: float, of: float) -> str:
    """A share with its interval."""
    measured = rate(round(hits), round(of))
    if measured["value"] is None:
        return "-"
    return f"{measured['value']:.3f} [{measured['low']:.2f}, {measured['high']:.2f}]"


def languages(
    labels: list[dict[str, Any]], users: list[str], prompts: list[str], answers: list[str]
) -> None:
    """Languages of prompts, and pairs of texts that do and do not belong together."""
    rng = random.Random(0)
    english = [text for text in answers if len(text) > 100]
    for part in sorted({label["part"] for label in labels}):
        ours = [label for label in labels if label["part"] == part and label["prompt"] < len(users)]
        told = [(label["language"], language_of(users[label["prompt"]])) for label in ours]
        clear = [(true, said) for true, said in told if said]
        other = [label for label in ours if label["language"] != "en"]
        crossed = [
            in_wrong_language(prompt, users[label["prompt"]])
            for prompt in prompts
            for label in shown(rng, other)
        ]
        crossed += [
            in_wrong_language(users[label["prompt"]], text)
            for label in other
            for text in shown(rng, english)
        ]
        kept = [
            in_wrong_language(users[one["prompt"]], text)
            for one in ours
            for text in shown(rng, own_language(one, ours, users, english))
        ]
        print(
            f"  {part}: {len(ours)} prompts of users, language told of {len(clear)}, right "
            f"{share(sum(true == said for true, said in clear), len(clear))}; crossed with another "
            f"language: recall {share(sum(crossed), len(crossed))}; with its own: taken "
            f"{sum(kept)} of {len(kept)}"
        )


def own_language(
    one: dict[str, Any], labels: list[dict[str, Any]], users: list[str], english: list[str]
) -> list[str]:
    """Texts in the language of a user's prompt: answers, or what others asked in it."""
    if one["language"] == "en":
        return english
    return [
        users[two["prompt"]]
        for two in labels
        if two["language"] == one["language"] and two is not one
    ]


def shown(rng: random.Random, some: list[Any]) -> list[Any]:
    """CROSSED of them."""
    return rng.sample(some, min(CROSSED, len(some)))


if __name__ == "__main__":
    main()
