"""Near duplicates by true n-gram Jaccard, beside a plain account of what that is."""

import random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_jaccard import edited, jaccard

from texts import key_index, overlap, shingles
from texts.near import NearDuplicateFinder, NearMatch
from texts.sentences import no_sentences


def nearest(added: list[str], text: str, threshold: float, ngram: int) -> NearMatch | None:
    """The answer that is right, by comparing with all."""
    best: NearMatch | None = None
    for place, there in enumerate(added):
        found = jaccard(text, there, ngram)
        if found >= threshold and found > (best.jaccard if best else 0.0):
            best = NearMatch(place, found)
    return best


WORDS = st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join)
THRESHOLDS = st.sampled_from([0.3, 0.5, 0.7, 0.8, 1.0])


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=5), THRESHOLDS, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_nearest_is_that_of_comparing_with_all(
    added: list[str], texts: list[str], threshold: float, ngram: int
) -> None:
    near = NearDuplicateFinder(threshold, ngram)
    near.add(added[:5])
    near.add(added[5:])
    assert near.find(texts) == [nearest(added, text, threshold, ngram) for text in texts]


@pytest.mark.parametrize("at_once", [3, 2000])
def test_batches_and_merged_blocks_make_no_difference(at_once: int) -> None:
    chance = random.Random(3)
    vocabulary = [f"w{number}" for number in range(40)]
    added = [" ".join(chance.choices(vocabulary, k=chance.randint(1, 30))) for _ in range(90)]
    texts = added[::9] + [edited(text, 0.1, chance) for text in added]
    near = NearDuplicateFinder(0.5, 2)
    with (
        patch.object(shingles, "TEXTS_AT_ONCE", at_once),
        patch.object(key_index, "MAX_TEXTS", 20),
        patch.object(key_index, "POSTINGS_AT_ONCE", 3),
        patch.object(overlap, "PAIRS_AT_ONCE", 2),
        patch.object(overlap, "HASHES_AT_ONCE", 50),
    ):
        for at in range(0, 90, 7):
            near.add(added[at : at + 7])
        found = near.find(texts)
    assert found == [nearest(added, text, 0.5, 2) for text in texts]
    assert [near.find([text])[0] for text in texts[::-1]] == found[::-1]


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("The cat, the DOG!", "the cat -- the dog", 1.0),
        ("straße heißt", "STRASSE HEISST", 1.0),
        ("two words", "two words", 1.0),
        ("two words", "two words more", 0.0),
        ("?!", " ?! ", 1.0),
        ("?!", "!?", 0.0),
        ("", "", 0.0),
        (" \n", "\t", 0.0),
        ("我今天去北京看朋友", "我今天去上海看朋友", 3 / 11),
        ("naïve café — naïve", "naïve café naïve", 1.0),
        ("half \ud800 a pair", "half \ud800 a pair", 1.0),
        ("ab c", "a bc", 0.0),
        ("a b c", "c b a", 0.0),
        ("x < 3", "x > 3", 0.0),
        ("x < 3", "x<3", 1.0),
        ("naïve: x < 3", "naïve: x<3", 1.0),
        ("naïve: x ≤ 3", "naïve: x ≥ 3", 0.0),
        ("5 - 2", "5, 2", 0.0),
        ("(5 - 2)", "(5-2)", 1.0),
        ("width * height", "width / height", 0.0),
        ("it is -5", "it is 5", 0.0),
        ("C++", "C#", 0.0),
        ("`a[1:]`", "`a[:1]`", 0.0),
        ("- well-known **words**, and so on - more", "well known words and so on more", 1.0),
        ("it costs $5 or 5 %", "it costs 5% or $5", 0.0),
    ],
)
def test_what_counts_as_a_word(text: str, other: str, expected: float) -> None:
    near = NearDuplicateFinder(0.01)
    near.add([other])
    hit = near.find([text])[0]
    assert hit == (NearMatch(0, expected) if expected else None)


def test_a_hash_is_the_same_on_every_machine() -> None:
    (sets,) = shingles.ngram_sets(["the quick brown fox", "", "\u00e4"], 3)
    assert sets.offsets.tolist() == [0, 2, 2, 3]
    assert sets.hashes.tolist() == [
        h >> 3 for h in (518511514826978, 4092321207937480, 2013569219013714)
    ]


def test_a_text_longer_than_a_batch_is_one_text() -> None:
    chance = random.Random(5)
    long = " ".join(str(chance.random()) for _ in range(300))
    near = NearDuplicateFinder(0.9)
    with patch.object(shingles, "CHARACTERS_AT_ONCE", 100):
        near.add(["short", long, "short too"])
        found = near.find([long + " end", "short"])
    assert found == [NearMatch(1, 598 / 599), NearMatch(0, 1.0)]


def test_prompts_of_one_template_are_hardly_compared() -> None:
    chance = random.Random(7)
    vocabulary = [f"w{number}" for number in range(5000)]
    texts = [
        "write a {} story about a {} and a {} set in the city of {} with a happy ending".format(
            *chance.choices(vocabulary, k=4)
        )
        for _ in range(600)
    ]
    near = NearDuplicateFinder(0.7)
    near.add(texts[:300])
    compared = []
    count = key_index.jaccards
    with patch.object(key_index, "jaccards", lambda *of: compared.append(len(of[1])) or count(*of)):
        assert near.find(texts[300:]) == [None] * 300
    assert sum(compared) < 10


def test_bitmaps_lose_no_pair_and_tell_most_others() -> None:
    chance = random.Random(9)
    vocabulary = [f"w{number}" for number in range(3000)]
    texts = [" ".join(chance.choices(vocabulary, k=150)) for _ in range(40)]
    others = [edited(text, chance.uniform(0, 0.3), chance) for text in texts]
    (left,), (right,) = shingles.ngram_sets(texts, 3), shingles.ngram_sets(others, 3)
    ours, theirs = (
        overlap.ComparedTexts(sets, overlap.bitmaps(sets), no_sentences(40))
        for sets in (left, right)
    )
    rows = np.arange(40)
    found = overlap.jaccards(ours, rows, theirs, rows, 0.7)
    true = np.array([jaccard(*both, 3) for both in zip(texts, others, strict=True)])
    assert found.tolist() == np.where(true >= 0.7, true, 0).tolist()
    possible = overlap._possible(ours, rows, theirs, rows, 0.7)
    assert possible.sum() < (true >= 0.6).sum() < 40
