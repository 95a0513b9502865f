"""The index of kept pairs: first come, first kept, over rounds and whatever is killed."""

import random
from collections.abc import Iterable
from mmap import mmap
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from plain_jaccard import edited, jaccard

from pairs.index import compared, parts
from pairs.index.bands import bands_for
from pairs.index.near_duplicates import NearDuplicate, NearIndex
from pairs.index.segments import read_segment, strings, write_segment
from pairs.pair import PairTexts
from texts import key_index

Named = list[tuple[str, str]]


def texts(count: int, seed: int, words: int = 60) -> Named:
    """Named texts; a third of them edits of one before."""
    chance = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(900)]
    made: list[str] = []
    for _ in range(count):
        new = " ".join(chance.choices(vocabulary, k=words))
        copy = edited(chance.choice(made), chance.choice([0, 0.03, 0.1]), chance) if made else new
        made.append(copy if chance.random() < 0.35 else new)
    return [(f"{seed}-{place}", text) for place, text in enumerate(made)]


def plainly(rounds: list[Named], threshold: float, ngram: int) -> list[list[NearDuplicate | None]]:
    """The answers that are right, by comparing each text with all that were kept."""
    kept: list[tuple[str, int, str]] = []
    answers = []
    for number, named in enumerate(rounds, start=1):
        found: list[NearDuplicate | None] = []
        for name, text in named:
            near = [
                NearDuplicate(other, at, jaccard(text, there, ngram)) for other, at, there in kept
            ]
            hits = [hit for hit in near if hit.jaccard >= threshold]
            found.append(min(hits, key=lambda hit: (-hit[2], hit[1], hit[0]), default=None))
            if not hits:
                kept.append((name, number, text))
        answers.append(found)
    return answers


def untouched(number: int) -> Iterable[tuple[str, str]]:
    """Stands for pairs that nobody should have to read."""
    raise AssertionError(f"round {number} was read")


def index(folder: Path, number: int, **changed: Any) -> NearIndex:
    """The index for a round after all those before it."""
    arguments = {"texts_of": untouched, "threshold": 0.7, "ngram": 3} | changed
    texts_of = arguments["texts_of"]
    arguments["texts_of"] = lambda done: [(name, answer(text)) for name, text in texts_of(done)]
    return NearIndex(folder, number, list(range(1, number)), **arguments)


def answer(text: str) -> PairTexts:
    """A pair that has this text alone."""
    return PairTexts("", "", "", text, "")


def keep(index: NearIndex, named: Named, at_once: int = 10_000) -> list[NearDuplicate | None]:
    """Keep texts, so many a call."""
    hits: list[NearDuplicate | None] = []
    for at in range(0, len(named), at_once):
        names, words = zip(*named[at : at + at_once], strict=True)
        hits += index.keep(list(names), list(map(answer, words)))
    return hits


def kept(named: Named, hits: list[NearDuplicate | None]) -> Named:
    """The texts without a hit."""
    return [each for each, hit in zip(named, hits, strict=True) if hit is None]


def names(named: Named) -> list[str]:
    """Their names."""
    return [name for name, _ in named]


def files(folder: Path) -> dict[str, bytes]:
    """Every file and what it holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("at_once", [1, 1000])
def test_over_rounds_each_text_meets_all_that_were_kept(tmp_path: Path, at_once: int) -> None:
    rounds = [texts(60, seed) for seed in (1, 2)]
    chance = random.Random(4)
    rounds.append([(f"x{name}", edited(text, 0.05, chance)) for name, text in sum(rounds, [])])
    with patch.object(key_index, "MAX_TEXTS", 30):
        for number, answer in enumerate(plainly(rounds, 0.7, 3), start=1):
            ours = index(tmp_path, number)
            assert keep(ours, rounds[number - 1], at_once) == answer
            ours.write(names(kept(rounds[number - 1], answer)))
    assert {hit.round for hit in answer if hit} >= {1, 2}


def test_equal_texts_are_hits_and_empty_ones_are_not(tmp_path: Path) -> None:
    ours = index(tmp_path, 1)
    words = ["a", "A.", "", "", "b a", "?!", "?!"]
    hits = keep(ours, list(zip("stuvwxy", words, strict=True)))
    assert hits == [
        None,
        NearDuplicate("s", 1, 1.0),
        None,
        None,
        None,
        None,
        NearDuplicate("x", 1, 1.0),
    ]
    ours.write("stuvwxy")
    assert keep(index(tmp_path, 2), [("z", ""), ("zz", "a")]) == [None, NearDuplicate("s", 1, 1.0)]


def test_the_best_hit_is_the_most_similar_then_of_the_earliest_round_then_name(
    tmp_path: Path,
) -> None:
    text = "one two three four five six seven eight"
    rounds = {1: [("b", text + " x"), ("a", text + " y")], 2: [("0", text + " z")]}
    ours = index(tmp_path, 3, threshold=0.5, texts_of=rounds.__getitem__)
    assert keep(ours, [("p", text), ("q", text + " new"), ("r", text + " Z")]) == [
        NearDuplicate("a", 1, 6 / 7),
        NearDuplicate("a", 1, 6 / 8),
        NearDuplicate("0", 2, 1.0),
    ]


def test_only_the_names_that_were_written_count_in_later_rounds(tmp_path: Path) -> None:
    named = texts(300, 5)
    ours = index(tmp_path, 1)
    with patch.object(key_index, "MAX_TEXTS", 40):
        left = kept(named, keep(ours, named, at_once=30))
    written = set(random.Random(6).sample(names(left), len(left) // 2))
    ours.write(written)
    again = keep(index(tmp_path, 2), left)
    assert again == [
        NearDuplicate(name, 1, 1.0) if name in written else None for name in names(left)
    ]


def test_a_killed_round_leaves_the_index_as_it_was_and_writes_the_same_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = index(tmp_path, 1)
    left = kept(texts(80, 6), keep(first, texts(80, 6)))
    first.write(names(left))
    before = files(tmp_path)
    killed = index(tmp_path, 2)
    keep(killed, texts(80, 7)[:40])
    assert files(tmp_path) == before
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", lambda *paths: untouched(2))
        with pytest.raises(AssertionError):
            killed.write(names(texts(80, 7)))
    assert files(tmp_path) == before
    for _ in range(2):
        whole = index(tmp_path, 2)
        left = kept(texts(80, 7), keep(whole, texts(80, 7)))
        whole.write(names(left))
        after = files(tmp_path)
        assert after["0001.near"] == before["0001.near"]
        assert before.setdefault("0002.near", after["0002.near"]) == after["0002.near"]


def test_a_missing_round_is_built_from_its_pairs_and_the_others_are_left(tmp_path: Path) -> None:
    rounds = [texts(60, seed) for seed in (1, 2, 3)]
    for number, named in enumerate(rounds, start=1):
        ours = index(tmp_path, number)
        rounds[number - 1] = kept(named, keep(ours, named))
        ours.write(names(rounds[number - 1]))
    whole = files(tmp_path)
    (tmp_path / "0002.near").unlink()
    read: list[int] = []

    def texts_of(number: int) -> Named:
        read.append(number)
        return rounds[number - 1]

    assert keep(index(tmp_path, 4, texts_of=texts_of), rounds[1])[0] == NearDuplicate("2-0", 2, 1.0)
    assert read == [2]
    assert files(tmp_path) == whole


@pytest.mark.parametrize(
    ("changed", "read"),
    [({"ngram": 2}, [1]), ({"threshold": 0.9}, [1]), ({"threshold": 0.701}, [])],
)
def test_a_round_of_other_parameters_is_built_again(
    tmp_path: Path, changed: dict[str, Any], read: list[int]
) -> None:
    named = texts(30, 8)
    ours = index(tmp_path, 1)
    named = kept(named, keep(ours, named))
    ours.write(names(named))
    asked: list[int] = []

    def texts_of(number: int) -> Named:
        asked.append(number)
        return named

    for _ in range(2):
        later = index(tmp_path, 2, texts_of=texts_of, **changed)
        assert keep(later, [("new", named[3][1])]) == [NearDuplicate(named[3][0], 1, 1.0)]
        assert asked == read


def test_a_file_that_is_cut_off_anywhere_counts_as_missing(tmp_path: Path) -> None:
    path, arrays = tmp_path / "0001.near", [np.arange(3), strings([b"a", b"bc"])]
    write_segment(path, {"ngram": 3}, arrays)
    whole = path.read_bytes()
    assert [each.tolist() for each in read_segment(path, {"ngram": 3}) or []] == [
        each.tolist() for each in arrays
    ]
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert read_segment(path, {"ngram": 3}) is None


def test_a_round_without_pairs_is_a_round(tmp_path: Path) -> None:
    index(tmp_path, 1).write([])
    ours = index(tmp_path, 2)
    assert ours.keep([], []) == []
    assert keep(ours, [("a", "some text")]) == [None]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_nearly_all_pairs_right_at_the_threshold_are_found(
    tmp_path: Path, threshold: float
) -> None:
    ours = index(tmp_path, 1, threshold=threshold)
    new = round(100 * (1 - threshold))
    words = [[f"{text}w{place}" for place in range(202 - new)] for text in range(1000)]
    first = [(str(text), " ".join(each)) for text, each in enumerate(words)]
    edits = [
        (f"e{text}", " ".join(each[:-new] + [word + "new" for word in each[-new:]]))
        for text, each in enumerate(words)
    ]
    assert jaccard(first[0][1], edits[0][1], 3) == threshold
    assert not any(keep(ours, first))
    assert sum(hit is not None for hit in keep(ours, edits)) >= 990


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_the_bands_find_a_pair_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_for(threshold)
    assert 1 - (1 - threshold**rows) ** bands >= 0.998
    assert bands * rows <= 150


def test_many_copies_of_one_text_are_compared_few_times(tmp_path: Path) -> None:
    chance = random.Random(11)
    text = " ".join(str(number) for number in range(200))
    named = [(str(place), edited(text, 0.01, chance)) for place in range(1000)]
    looked_at = []
    count = key_index.jaccards
    with (
        patch.object(key_index, "jaccards", lambda *of: looked_at.append(len(of[1])) or count(*of)),
        patch.object(compared, "TEXTS_AT_ONCE", 64),
    ):
        assert sum(hit is None for hit in keep(index(tmp_path, 1), named)) == 1
    assert sum(looked_at) < 64 * 64


def test_an_index_that_lies_in_files_finds_and_leaves_the_same(tmp_path: Path):
    named = texts(300, 5)
    found, left = [], []
    for place, large in (("memory", 1000), ("files", 20)):
        with patch.object(parts, "LARGE", large):
            own = index(tmp_path / place, 1)
            found.append(keep(own, named, 40))
            own.write([name for name, _ in named[::2]])
        left.append((tmp_path / place / "0001.near").read_bytes())
        assert [path.name for path in (tmp_path / place).iterdir()] == ["0001.near"]
    assert found[0] == found[1] and left[0] == left[1]
    assert isinstance(own._indexes[0].postings.base, mmap), "it was in memory all the time"
