"""Whatever a round holds: everything is accounted for once, and the order of rows is nothing."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from builders import begun, both, candidate_row, prompt_row, scored
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pairs import stage
from pairs.config import PairsConfig
from pairs.index.near_duplicates import NearIndex
from pairs.outcomes import outcomes_of
from pairs.pair import pair_key, pair_texts
from pairs.stage import build_pairs
from rounds.files import write_json
from rounds.folder import round_dir
from rounds.rows import DroppedPair
from rounds.tables import read_rows, write_rows

pytestmark = pytest.mark.long

WORDS = "kettle lamp river stone garden window paper music winter silver apple road".split()
LONG = " ".join(f"{one} {other}" for one in WORDS[:6] for other in WORDS)
PROMPTS = [
    "Why is the river cold?",
    "why is  the river cold?",
    "How do I clean a silver kettle without a scratch?",
    "How do I clean a silver kettle without any scratch?",
    "Where does the road to the garden end?",
    f"Shorten this text for me, please: {LONG}",
    f"Shorten this text for me, please: {LONG.replace('stone', 'rock')}",
    "Is music louder in winter?",
]
GOOD = [
    "It comes from the mountains.", "it comes from  the mountains!", "Nobody knows.", LONG,
    LONG.replace("paper", "linen"), "Rub it with a soft cloth and a little soap.",
    "Use vinegar, then rinse.", "At the old mill, past the second bridge.",
]  # fmt: skip
BAD = [
    "", " \n", "I'm sorry, but I can't help with that.", "I cannot assist with this request.",
    "The road is long. " * 40, "Done.<|im_end|>", PROMPTS[5],
]  # fmt: skip

DECIDED, UNDECIDED = [("a", "a"), ("b", "b")], [("a", "b"), ("tie", "tie"), ("a", "abstain")]
OUTCOMES = st.sampled_from([*DECIDED * 3, *UNDECIDED])
ANSWER = st.tuples(st.sampled_from(GOOD * 2 + BAD), st.sampled_from(["stop"] * 9 + ["length"]))
CANDIDATES = st.lists(ANSWER, max_size=1) | st.lists(ANSWER, min_size=2, max_size=5)
SCORES = st.lists(st.none() | st.integers(1, 9), min_size=5, max_size=5)
PROMPT = st.tuples(CANDIDATES, SCORES, st.lists(OUTCOMES, max_size=2))
ROUND = st.one_of(
    st.dictionaries(st.sampled_from(PROMPTS), PROMPT),
    PROMPT.map(lambda same: dict.fromkeys(PROMPTS, same)),  # many duplicates
)
HELD_OUT = st.lists(st.sampled_from(PROMPTS), max_size=1)

WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # the stage takes 50 ms
slowly = settings(deadline=None, max_examples=10, phases=WITHOUT_SHRINKING)


def tables_of(drawn: dict[str, Any], held_out: list[str], number: int = 1) -> dict[str, list[Any]]:
    """The tables of a round, as sampler and judge would have written them."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    tables["prompts"] += [prompt_row(text, "gate") for text in held_out]
    for text, (drafts, scores, outcomes) in drawn.items():
        prompt = prompt_row(text)
        rows = [
            candidate_row(prompt, answer, index, policy=f"p{number}", finish=end)
            for index, (answer, end) in enumerate(drafts)
        ]
        tables["prompts"].append(prompt)
        tables["candidates"] += rows
        tables["verdicts"] += [
            scored(row, score, None if score else "refused")
            for row, score in zip(rows, scores, strict=False)
        ]
        for (a, b), said in zip(zip(rows[::2], rows[1::2], strict=False), outcomes, strict=False):
            tables["verdicts"] += both(a, b, *said, reason="refused")
    return tables


@contextmanager
def a_run() -> Iterator[Path]:
    """The folder of a run that goes at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "runs" / "demo"


def built(folder: Path) -> tuple[dict[str, Any], list[DroppedPair]]:
    """The facts of the stage, and all rows of both tables by id."""
    facts = build_pairs(folder, PairsConfig())
    pairs = [{**row, "reason": None, "detail": None} for row in read_rows(folder, "pairs")]
    rows = pairs + read_rows(folder, "dropped")
    return facts, sorted(rows, key=lambda row: (row["pair_id"], str(row["reason"])))


@given(ROUND, HELD_OUT)
@slowly
def test_everything_is_accounted_for_exactly_once(drawn, held_out: list[str]):
    tables = tables_of(drawn, held_out)
    with a_run() as run_dir:
        folder = begun(run_dir, **tables)
        facts, rows = built(folder)
    train = [row for row in tables["prompts"] if row["split"] == "train"]
    compared = {
        (row["candidate_a"], row["candidate_b"])
        for row in tables["verdicts"]
        if row["candidate_b"] is not None
    }
    # a row for each comparison, and one for each prompt that has none; each one's reason or none
    assert len(rows) == len({row["pair_id"] for row in rows})
    considered = [tuple(row["candidate_ids"]) for row in rows]
    assert compared <= set(considered) and len(considered) == len(rows)
    assert {row["prompt_id"] for row in rows} == {row["prompt_id"] for row in train}
    left_over = [row for row in rows if tuple(row["candidate_ids"]) not in compared]
    assert len(left_over) == len({row["prompt_id"] for row in left_over})
    assert facts["kept"] + sum(facts["dropped"].values()) == len(rows)
    # every candidate once
    assert sum(facts["candidates"].values()) == len(tables["candidates"])
    kept = [row for row in rows if row["reason"] is None]
    sides = {row[side] for row in kept for side in ("chosen_id", "rejected_id")}
    assert facts["candidates"].get("pair", 0) == len(sides)


@given(ROUND, HELD_OUT, st.randoms())
@slowly
def test_the_order_of_rows_changes_nothing(drawn, held_out: list[str], rng: random.Random):
    tables = tables_of(drawn, held_out)
    with a_run() as run_dir:
        first = built(begun(run_dir, **tables))
        shuffled = {table: rng.sample(rows, len(rows)) for table, rows in tables.items()}
        assert built(begun(run_dir, **shuffled)) == first


def segments(run_dir: Path) -> dict[str, bytes]:
    """The index on disk."""
    return {path.name: path.read_bytes() for path in sorted((run_dir / "index").iterdir())}


@given(ROUND, ROUND, HELD_OUT, st.sampled_from(["pairs", "dropped", "index", None]))
@slowly
def test_a_round_repeats_nothing_of_those_before_it_and_killed_it_leaves_their_index(
    first: Any, second: Any, held_out: list[str], killed_at: str | None
):
    with a_run() as run_dir, pytest.MonkeyPatch.context() as patched:
        one = begun(run_dir, 1, **tables_of(first, held_out))
        built(one)
        write_json(one / "manifest.json", {})
        before = segments(run_dir)
        two = begun(run_dir, 2, **tables_of(second, held_out, 2))
        if killed_at is not None:
            killed(patched, killed_at)
            with pytest.raises(KeyboardInterrupt):
                built(two)
            assert {name: kept for name, kept in segments(run_dir).items() if "1" in name} == before
            patched.undo()
        facts, rows = built(two)
        assert {name: kept for name, kept in segments(run_dir).items() if "1" in name} == before
        earlier, pairs = read_rows(one, "pairs"), read_rows(two, "pairs")
        near = NearIndex(run_dir / "other", 1, [], lambda done: [], 0.8, 3)
        for row in [*earlier, *pairs]:
            assert near.keep([row["pair_id"]], [pair_texts(row)]) == [None]
        keys = [pair_key(row) for row in [*earlier, *pairs]]
        assert len(set(keys)) == len(keys)
        shutil.rmtree(run_dir / "index")  # lost, it is made again from the pairs of the rounds
        forgotten(two)
        assert built(two) == (facts, rows) and segments(run_dir).keys() >= before.keys()


def killed(patched: pytest.MonkeyPatch, at: str) -> None:
    """The stage dies as it is about to write this table, or the index."""

    def dies(*given: object) -> None:
        raise KeyboardInterrupt

    def writes(folder: Path, table: str, rows: Any) -> None:
        write_rows(folder, table, rows)
        if table == at and folder.name != "work" and folder.parent.name == "rounds":
            raise KeyboardInterrupt

    if at == "index":
        patched.setattr(stage.Duplicates, "write", dies)
    else:
        patched.setattr(stage, "write_rows", writes)


def forgotten(folder: Path) -> None:
    """The stage is run again."""
    (folder / "work" / "pairs.json").unlink()


def test_a_candidate_has_one_outcome_the_best_of_what_became_of_it():
    def row(pair_id: str, ids: str, reason: str, decided: bool = True) -> dict[str, Any]:
        chosen = ids[0] if decided else None
        return {
            "pair_id": pair_id,
            "candidate_ids": list(ids),
            "reason": reason,
            "chosen_id": chosen,
        }

    kept = [{"chosen_id": "a", "rejected_id": "b"}]
    dropped = [
        row("1", "cd", "tie", decided=False),
        row("3", "de", "loop"),
        row("2", "ea", "empty"),
    ]
    assert outcomes_of("abcdef", kept, dropped) == {
        "a": "pair", "b": "pair", "c": "tie", "d": "loop", "e": "empty", "f": "not_compared",
    }  # fmt: skip


def test_a_lost_segment_alone_is_made_again(run_dir: Path):
    drawn = {PROMPTS[4]: ([(GOOD[0], "stop"), (GOOD[2], "stop")], [9, 3] * 3, [("a", "a")])}
    one = begun(run_dir, 1, **tables_of(drawn, []))
    assert built(one)[0]["kept"] == 1
    write_json(one / "manifest.json", {})
    before = segments(run_dir)
    (run_dir / "index" / "0001.exact").unlink()
    two = begun(run_dir, 2, **tables_of(drawn, [], 2))
    facts, [row] = built(two)
    [first] = read_rows(round_dir(run_dir, 1), "pairs")
    assert facts["dropped"] == {"duplicate": 1}
    assert row["detail"] == f"{first['pair_id']} of round 1"
    assert {name: kept for name, kept in segments(run_dir).items() if "1" in name} == before
