"""Dealing over many rounds, with files that grow, shrink and move between them."""

import json
import re
import tempfile
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from builders import begun
from hypothesis import given, settings
from hypothesis import strategies as st

from rounds.errors import UserError
from rounds.files import write_json
from rounds.tables import read_rows
from sampler.dealing.config import PromptsConfig
from sampler.dealing.deal import deal
from sampler.dealing.shares import shares

pytestmark = pytest.mark.long

NEAR = 0.8
WORDS = " ".join("{0}" + letter for letter in "abcdefghijklmnopqr")
ENDINGS = ("", " again", "  AGAIN", " please")
"""What follows the words: the same prompt in other letters, and prompts near to it."""

PROMPTS = st.tuples(st.integers(0, 11), st.integers(0, len(ENDINGS) - 1))
LINES = st.lists(PROMPTS, min_size=5, max_size=18)
HELD_OUT = st.one_of(st.integers(0, 4), st.lists(PROMPTS, min_size=1, max_size=5))


class Case(NamedTuple):
    """What a run is given."""

    sources: list[list[tuple[int, int]]]
    weights: list[int]
    gate: int | list[tuple[int, int]]
    test: int | list[tuple[int, int]]
    per_round: int
    added: list[list[tuple[int, int]]]
    """Lines that are added to the first source after each round."""
    killed: list[bool]
    """Whether a round is begun, and begun again."""
    systems: list[str | None]
    """The system turn of all sources, round by round."""


CASES = st.builds(
    Case,
    sources=st.lists(LINES.filter(bool), min_size=1, max_size=3),
    weights=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    gate=HELD_OUT,
    test=HELD_OUT,
    per_round=st.integers(4, 12),
    added=st.lists(LINES, max_size=2),
    killed=st.lists(st.booleans(), min_size=1, max_size=4),
    systems=st.lists(st.sampled_from((None, "Be brief.", "Be kind.")), min_size=1, max_size=3),
)


def text(prompt: tuple[int, int]) -> str:
    return WORDS.format(f"p{prompt[0]}") + ENDINGS[prompt[1]]


def same(text: str) -> str:
    return " ".join(text.casefold().split())


def jaccard(one: str, other: str) -> float:
    sets = []
    for words in (re.findall(r"\w+", one.casefold()), re.findall(r"\w+", other.casefold())):
        sets.append({tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


class Run:
    """A run of rounds over files in a folder; `shuffled` moves their lines before each round."""

    def __init__(self, folder: Path, case: Case, shuffled: bool) -> None:
        self.folder, self.case, self.random = folder, case, Random(0) if shuffled else None
        self.lines = [list(lines) for lines in case.sources]
        held = {
            split: self.write(split, given) if isinstance(given, list) else given
            for split, given in (("gate", case.gate), ("test", case.test))
        }
        train = [
            {"file": self.write(str(place), lines), "weight": case.weights[place]}
            for place, lines in enumerate(self.lines)
        ]
        self.config = PromptsConfig(train=train, **held, per_round=case.per_round)
        self.rounds: list[dict[str, list[str]]] = []
        self.facts: list[dict] = []

    def write(self, name: str, lines: list[tuple[int, int]]) -> str:
        path = self.folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(text(line)) + "\n" for line in lines))
        return str(path)

    def deal(self) -> None:
        """One round, killed before its end where the case says so."""
        number = len(self.rounds) + 1
        for place, lines in enumerate(self.lines):
            moved = self.random.sample(lines, len(lines)) if self.random else lines
            self.write(str(place), moved)
        system = {"system": self.case.systems[number % len(self.case.systems)]}
        train = [source.model_copy(update=system) for source in self.config.train]
        config = self.config.model_copy(update={"train": train})
        folder = begun(self.folder / "run", number)
        for _ in range(1 + self.case.killed[number % len(self.case.killed)]):
            self.facts.append(deal(folder, config, 0))
        write_json(folder / "manifest.json", {})
        found: dict[str, list[str]] = {"train": [], "gate": [], "test": []}
        for row in read_rows(folder, "prompts"):
            found[row["split"]].append(row["messages"][-1]["content"])
        self.rounds.append(found)
        if number <= len(self.case.added):
            self.lines[0] += self.case.added[number - 1]

    def deal_all(self) -> str:
        """Rounds until one is refused; what that one said."""
        while True:
            try:
                self.deal()
            except UserError as error:
                return str(error)


@settings(max_examples=20, deadline=None)
@given(case=CASES)
def test_each_prompt_is_dealt_once_and_none_comes_near_to_a_held_out_one(case: Case):
    with tempfile.TemporaryDirectory() as there:
        run = Run(Path(there), case, shuffled=False)
        ended = run.deal_all()
        if not run.rounds:
            assert "to train on" in ended
            return
        assert "used up" in ended or "to train on" in ended
        held = [*run.rounds[0]["gate"], *run.rounds[0]["test"]]
        assert len(held) == len(set(map(same, held)))
        trained = [text for each in run.rounds for text in each["train"]]
        assert len(trained) == len(set(map(same, trained))), "a prompt was dealt twice"
        for each in run.rounds:
            assert (each["gate"], each["test"]) == (run.rounds[0]["gate"], run.rounds[0]["test"])
        for one in trained:
            assert all(jaccard(one, other) < NEAR for other in held)
        if "used up" in ended:
            there_was = {same(text(line)) for lines in run.lines for line in lines}
            allowed = {one for one in there_was if all(jaccard(one, h) < NEAR for h in held)}
            assert set(map(same, trained)) == allowed, "a prompt was never dealt"


@settings(max_examples=12, deadline=None)
@given(case=CASES)
def test_the_order_of_lines_changes_nothing_in_any_round(case: Case):
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        runs = [
            Run(Path(there), case, shuffled) for there, shuffled in ((first, False), (second, True))
        ]
        ends = [run.deal_all().replace(str(run.folder), "") for run in runs]
        assert ends[0] == ends[1] and runs[0].rounds == runs[1].rounds
        assert runs[0].facts == runs[1].facts


@settings(max_examples=12, deadline=None)
@given(case=CASES)
def test_every_round_is_shared_by_weight_as_far_as_the_sources_reach(case: Case):
    with tempfile.TemporaryDirectory() as there:
        run = Run(Path(there), case._replace(added=[], killed=[False]), shuffled=False)
        run.deal_all()
        weights = case.weights[: len(case.sources)]
        for facts in run.facts:
            counts = [one["dealt"] for one in facts["sources"].values()]
            had = [one["dealt"] + one["left"] for one in facts["sources"].values()]
            assert counts == shares(case.per_round, weights, had)
            assert sum(counts) == min(case.per_round, sum(had)) == facts["train"]


@given(
    places=st.integers(0, 200),
    sources=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 120)), min_size=1, max_size=6),
)
def test_shares_fill_what_can_be_filled_and_keep_to_the_weights(places, sources):
    weights, supply = zip(*sources, strict=True)
    given_out = shares(places, weights, supply)
    assert sum(given_out) == min(places, sum(supply))
    assert all(0 <= count <= there for count, there in zip(given_out, supply, strict=True))
    for i, first in enumerate(given_out):
        for j, second in enumerate(given_out):
            if first < supply[i] and second < supply[j]:  # neither is short: as their weights
                assert (
                    abs(first / weights[i] - second / weights[j]) < 1 / weights[i] + 1 / weights[j]
                )
