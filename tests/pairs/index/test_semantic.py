"""Duplicates by an embedding that the user names."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from pairs.index import semantic
from pairs.index.semantic import SemanticDuplicate, SemanticIndex
from pairs.pair import PairTexts
from rounds.errors import UserError

MODULE = """
import numpy
TOPICS = {"cat": [2.0, 0.0, 0.0], "feline": [1.9, 0.1, 0.0], "dog": [0.0, 1.0, 0.0]}
def topics(texts):
    return [TOPICS.get(text.split()[0], [0.0, 0.0, text.strip() != "none"]) for text in texts]
def fewer(texts):
    return [[1.0, 2.0]] * (len(texts) - 1)
def ragged(texts):
    return [[1.0] * (1 + place) for place, text in enumerate(texts)]
def flat(texts):
    return [1.0] * len(texts)
def nothing(texts):
    return [[]] * len(texts)
def endless(texts):
    return [[1.0, float("inf" if text == "b" else 1)] for text in texts]
def words(texts):
    return ["vector"] * len(texts)
def fails(texts):
    raise KeyError("no model")
def moody(texts):
    return [[1.0] * len(texts)] * len(texts)
def random(texts):
    return numpy.stack([numpy.random.default_rng(len(text)).normal(size=8) for text in texts])
"""


@pytest.fixture(autouse=True)
def embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user with embeddings, good and bad."""
    (tmp_path / "embeddings_of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


def index(folder: Path, number: int, embed: str = "topics", **changed: Any) -> SemanticIndex:
    """The index for a round after all those before it."""
    arguments = {"texts_of": lambda number: [], "threshold": 0.9} | changed
    rows_of = arguments["texts_of"]
    arguments["texts_of"] = lambda done: [(name, *alike([text])) for name, text in rows_of(done)]
    named = f"embeddings_of_mine:{embed}"
    return SemanticIndex(folder / "index", number, list(range(1, number)), embed=named, **arguments)


def alike(texts: list[str]) -> list[PairTexts]:
    """Pairs that say nothing else."""
    return [PairTexts("", "", text, text, "") for text in texts]


def test_what_means_the_same_is_a_hit_in_the_round_and_in_later_ones(tmp_path: Path) -> None:
    first = index(tmp_path, 1)
    texts = ["cat one", "feline two", "dog three", "cat four"]
    near = SemanticDuplicate("a", 1, pytest.approx(0.9986, abs=1e-4))
    assert first.keep(list("abcd"), alike(texts)) == [
        None,
        near,
        None,
        SemanticDuplicate("a", 1, 1.0),
    ]
    first.write(["a", "c"])
    second = index(tmp_path, 2)
    assert second.keep(["e"], alike(["feline five"])) == [near]
    assert second.keep(["f", "g"], alike(["other", "dog"])) == [
        None,
        SemanticDuplicate("c", 1, 1.0),
    ]


def test_the_name_that_was_not_written_is_no_hit_later(tmp_path: Path) -> None:
    first = index(tmp_path, 1)
    first.keep(["a", "c"], alike(["cat", "dog"]))
    first.write(["c"])
    assert index(tmp_path, 2).keep(["e", "f"], alike(["cat", "dog"])) == [
        None,
        SemanticDuplicate("c", 1, 1.0),
    ]


def test_the_earliest_round_then_the_first_name_is_the_hit(tmp_path: Path) -> None:
    rows = {1: [("b", "cat"), ("a", "cat"), ("c", "cat")], 2: [("0", "cat")], 3: []}
    ours = index(tmp_path, 4, texts_of=rows.__getitem__)
    assert ours.keep(["x"], alike(["feline"])) == [
        SemanticDuplicate("a", 1, pytest.approx(0.9986, abs=1e-4))
    ]


def test_a_text_whose_vector_is_nothing_is_near_nothing(tmp_path: Path) -> None:
    hits = index(tmp_path, 1).keep(["a", "b", "c", "d"], alike(["none", "none", "cat", "cat"]))
    assert hits == [None, None, None, SemanticDuplicate("c", 1, 1.0)]


def test_batches_make_no_difference_and_every_hit_is_over_the_threshold(tmp_path: Path) -> None:
    lengths = np.random.default_rng(3).integers(1, 60, size=150).tolist()
    names, texts = [str(place) for place in range(150)], ["x" * length for length in lengths]
    whole = index(tmp_path, 1, "random").keep(names, alike(texts))
    with (
        patch.object(semantic, "PAIRS_AT_ONCE", 7),
        patch.object(semantic, "VECTORS_AT_ONCE", 5),
    ):
        parts = index(tmp_path, 1, "random").keep(names, alike(texts))
    assert [hit and hit[:2] for hit in parts] == [hit and hit[:2] for hit in whole]
    first = {length: name for name, length in reversed(list(zip(names, lengths, strict=True)))}
    for name, length, hit in zip(names, lengths, whole, strict=True):
        if name != first[length]:
            assert hit and hit.cosine > 0.9


def test_only_rounds_without_a_file_of_this_embedding_are_embedded(tmp_path: Path) -> None:
    read: list[int] = []

    def texts_of(number: int) -> list[tuple[str, str]]:
        read.append(number)
        return [(f"r{number}", "cat" if number == 1 else "dog")]

    for _ in range(2):
        ours = index(tmp_path, 3, texts_of=texts_of)
        assert ours.keep(["x", "y"], alike(["cat", "dog"])) == [
            SemanticDuplicate("r1", 1, 1.0),
            SemanticDuplicate("r2", 2, 1.0),
        ]
        assert read == [1, 2]
    (tmp_path / "index" / "0001.semantic").unlink()
    index(tmp_path, 3, texts_of=texts_of)
    assert read == [1, 2, 1]
    index(tmp_path, 3, "random", texts_of=texts_of)
    assert read == [1, 2, 1, 1, 2]


def test_an_embedding_that_was_edited_embeds_earlier_rounds_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def embed(texts):\n    return [[1.0, len(text)] for text in texts]\n")
    read: list[int] = []

    def texts_of(number: int) -> list[tuple[str, PairTexts]]:
        read.append(number)
        return [("a", *alike(["cat"]))]

    def similar(folder: Path) -> list[SemanticDuplicate | None]:
        named = f"{folder}/mine.py:embed"
        return SemanticIndex(tmp_path / "index", 2, [1], texts_of, named, 0.99).keep(
            ["b"], alike(["horses"])
        )

    assert similar(tmp_path) == similar(tmp_path) == [None]
    assert read == [1]
    file.write_text("def embed(texts):\n    return [[1.0, 0.0] for text in texts]\n")
    assert similar(tmp_path) == [SemanticDuplicate("a", 1, 1.0)]
    assert read == [1, 1]
    (tmp_path / "elsewhere").mkdir()
    file.rename(tmp_path / "elsewhere" / "mine.py")
    similar(tmp_path / "elsewhere")
    assert read == [1, 1]  # the same function, wherever its file lies


@pytest.mark.parametrize(
    ("embed", "said"),
    [
        ("fewer", "shape (5, 2) for 6 texts"),
        ("flat", "shape (6,) for 6 texts"),
        ("nothing", "shape (6, 0) for 6 texts"),
        ("ragged", "failed (ValueError: "),
        ("words", "failed (ValueError: "),
        ("fails", "failed (KeyError: 'no model'; "),
        ("endless", "gave a number that is not finite for 'b'"),
        ("missing", "cannot load"),
    ],
)
def test_what_the_function_does_wrong_is_said(tmp_path: Path, embed: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        index(tmp_path, 1, embed).keep(list("xyz"), alike(list("abc")))
    assert str(error.value).startswith("pairs.semantic.embed: ")
    assert f"embeddings_of_mine:{embed}" in str(error.value)
    assert said in str(error.value)


def test_vectors_that_change_their_length_are_refused(tmp_path: Path) -> None:
    ours = index(tmp_path, 1, "moody")
    ours.keep(["a", "b"], alike(["x", "y"]))
    with pytest.raises(UserError, match=r"shape \(6, 6\) for 6 texts"):
        ours.keep(["c", "d", "e"], alike(["x", "y", "z"]))
    ours.write(["a"])
    with pytest.raises(UserError, match="vectors of 6 numbers, 4 in round 1; remove "):
        index(tmp_path, 2, "moody").keep(["c", "d", "e"], alike(["x", "y", "z"]))
