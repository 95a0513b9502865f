"""What a round's rows say of themselves: ids that follow from content, and whose they are."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rounds.checks import Looked
from rounds.folder import finished_rounds, read_round_start, round_number, run_of
from rounds.ids import digest, prompt_id, prompt_seed, text_hash
from rounds.places import Places
from rounds.rows import (
    CANDIDATES,
    DROPPED,
    HELD_OUT,
    PAIRS,
    PROMPTS,
    VERDICTS,
    Table,
    Verdict,
)
from rounds.tables import iter_rows

LIVE = ("train", *HELD_OUT)
"""The splits whose prompts are answered; of the others the judge itself is tested on."""

VERDICT_COLUMNS = (
    *("verdict_id", "prompt_id", "split", "kind", "candidate_a", "candidate_b", "shown_first"),
    *("judge_id", "rubric_hash", "repeat", "shown"),
)


def check_ids(looked: Looked, folder: Path) -> None:
    """Ids and hashes that follow from a row alone, and seeds from the run's."""
    start, number = read_round_start(folder), round_number(folder)
    for row in iter_rows(folder, PROMPTS, LIVE, ["prompt_id", "messages"]):
        right = prompt_id(row["messages"]) == row["prompt_id"]
        looked.must(right, "prompts", row["prompt_id"], "its id is not the hash of its messages")
    columns = ["candidate_id", "prompt_id", "split", "text", "text_hash", "seed"]
    for answer in iter_rows(folder, CANDIDATES, columns=columns):
        name = answer["candidate_id"]
        right = text_hash(answer["text"]) == answer["text_hash"]
        looked.must(right, "candidates", name, "its text is not the one that its hash names")
        if answer["split"] in LIVE and answer["seed"] is not None:
            purpose = f"round {number}" if answer["split"] == "train" else "held-out"
            seed = prompt_seed(start["seed"], purpose, answer["prompt_id"])
            looked.must(seed == answer["seed"], "candidates", name, "its seed is not its prompt's")
    for verdict in iter_rows(folder, VERDICTS, columns=VERDICT_COLUMNS):
        right = _verdict_id(verdict) == verdict["verdict_id"]
        what = "its id is not the hash of judge, question and order"
        looked.must(right, "verdicts", verdict["verdict_id"], what)
    tables: tuple[Table[Any], ...] = (PAIRS, DROPPED)
    for table in tables:
        for pair in iter_rows(folder, table, columns=["pair_id", "prompt_id", "candidate_ids"]):
            made = digest("pair", pair["prompt_id"], sorted(pair["candidate_ids"] or []))
            what = "its id is not the hash of its prompt and candidates"
            looked.must(made == pair["pair_id"], table, pair["pair_id"], what)


def check_belonging(looked: Looked, folder: Path) -> None:
    """Every row is of a prompt of its split, and every prompt of one split, in all rounds.

    Holds 24 bytes of each prompt of the run in memory.
    """
    rounds, split_of = finished_rounds(run_of(folder)), array("b")
    kinds: dict[str, int] = {}

    def ids() -> Iterator[str]:
        for other in rounds:
            for row in iter_rows(other, PROMPTS, columns=["prompt_id", "split"]):
                split_of.append(kinds.setdefault(row["split"], len(kinds)))
                yield row["prompt_id"]

    places = Places(ids())

    def belongs(name: str) -> str | None:
        """The split of a prompt in the first round that has it."""
        place = places.place(name)
        return None if place < 0 else names[split_of[place]]

    names = list(kinds)
    for other in rounds:
        for row in iter_rows(other, PROMPTS, columns=["prompt_id", "split"]):
            kind, first = row["split"], belongs(row["prompt_id"])
            if other == folder or first != kind:
                what = f"is of split {kind} in round {round_number(other)} and of {first} elsewhere"
                looked.must(first == kind, "prompts", row["prompt_id"], what)
    tables: tuple[tuple[Table[Any], str], ...] = (
        (CANDIDATES, "candidate_id"),
        (VERDICTS, "verdict_id"),
    )
    for table, name in tables:
        for row in iter_rows(folder, table, columns=[name, "prompt_id", "split"]):
            here = belongs(row["prompt_id"])
            right = here is not None if row["split"] == "health" else here == row["split"]
            what = f"its prompt {row['prompt_id']} is in no prompts.parquet with its split"
            looked.must(right, table, row[name], what)


def _verdict_id(row: Verdict) -> str:
    ids: Sequence[str | None] = row["shown"] or [row["candidate_a"], row["candidate_b"]]
    if row["kind"] == "questions":  # about the prompt, whatever answered it
        ids = [row["prompt_id"], None]
    call = [row["judge_id"], row["rubric_hash"], row["kind"], *ids]
    shown_first = None if row["shown"] else row["shown_first"]
    return digest("verdict", *call, shown_first, row["repeat"])
