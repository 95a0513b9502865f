"""Queues of comparisons that a person is asked about: which, in what order, and with what chance.

A queue is built of small entries; the texts are read for those that are about to be shown.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple, TypedDict

from rounds.drawn import chance_by
from rounds.folder import read_manifest, round_folders, round_number, run_config
from rounds.grouped import grouped
from rounds.ids import digest
from rounds.labels import Label, standing_labels
from rounds.people import opinions, outcome_for
from rounds.question import NAME, Question, question_of
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS, Messages
from rounds.tables import iter_rows
from rounds.verdicts import (
    SETTLED_BY,
    CandidateIds,
    Settled,
    comparisons,
    margin,
    screen_scores,
    settle,
)

SPLITS = ("train", "gate")
"""Splits whose comparisons people may be asked about; the test split is for nobody."""


class Entry(NamedTuple):
    """A comparison that may be asked about: what the judge says of it, and no texts.

    `outcome` to `judge_id` are as in rounds.verdicts.Settled. `margin` is how far the judge's
    probability is from one half or, without probabilities, how far its screen preferred the
    favourite; None where neither says so. `chance` is the probability to be among those asked about
    by the time it is; None in queues that choose.
    """

    round: int
    split: str
    prompt_id: str
    pair: CandidateIds
    outcome: str
    reason: str | None
    probability: float | None
    judge_id: str
    margin: float | None
    chance: float | None = None


class Item(TypedDict):
    """What a page shows of an entry, and what a label says of it. `judge` (outcome, reason,
    probability, judge_id) is for after the vote."""

    queue: str
    chance: float | None
    round: int
    split: str
    prompt_id: str
    prompt: Messages
    candidate_a: str
    candidate_b: str
    answer_a: str
    answer_b: str
    judge: dict[str, Any]


class GateQueue(NamedTuple):
    """The gate's question of a round, and the name or path of the labels that answer it."""

    folder: Path
    question: Question
    labels: str


def entries_of(folder: Path, splits: Iterable[str] = SPLITS) -> list[Entry]:
    """Every comparison of a round that the judge was asked to confirm, in order."""
    number, entries = round_number(folder), []
    for split in splits:
        ids = [row["prompt_id"] for row in iter_rows(folder, PROMPTS, [split], ["prompt_id"])]
        for rows in grouped(folder, VERDICTS, ids, [split], SETTLED_BY):
            scores = screen_scores(rows)
            for pair, on in comparisons(rows).items():
                entries.append(_entry(number, split, on[0]["prompt_id"], pair, settle(on), scores))
    return entries


def at_random(entries: list[Entry], seed: int) -> list[Entry]:
    """All of them in an order by chance that stays the run's own."""
    order = sorted(entries, key=lambda entry: digest("random queue", seed, *entry.pair))
    n = len(order)
    return [entry._replace(chance=place / n) for place, entry in enumerate(order, start=1)]


def disagreements(entries: list[Entry], labels: Iterable[Label], by: str) -> list[Entry]:
    """Those of which other people say another thing than the judge."""
    said = opinions(label for label in standing_labels(labels) if label["by"] != by)

    def differs(entry: Entry) -> bool:
        opinion = said.get(frozenset(entry.pair))
        outcome = opinion and outcome_for(opinion, entry.pair)
        return outcome is not None and outcome != entry.outcome

    return [entry for entry in entries if differs(entry)]


def undecided(entries: list[Entry]) -> list[Entry]:
    """Those that the judge did not decide, the flips first."""
    found = [entry for entry in entries if entry.outcome == "abstain"]
    return sorted(found, key=lambda entry: (entry.reason != "flip", entry.reason or ""))


def closest(entries: list[Entry]) -> list[Entry]:
    """The decided ones with the shortest margin first; those that have none are left out."""
    found = [entry for entry in entries if entry.outcome in ("a", "b")]
    if any(entry.probability is not None for entry in found):
        found = [entry for entry in found if entry.probability is not None]
    with_margin = [(entry.margin, entry) for entry in found if entry.margin is not None]
    return [entry for _, entry in sorted(with_margin, key=lambda one: one[0])]


def of_gate(gate: GateQueue, labels: Iterable[Label]) -> list[Entry]:
    """What is left to be asked for the gate to decide, in the order drawn; nothing where it is
    clear already, or will not be any more."""
    now = gate.question.standing(opinions(labels))
    if now.decision is not None:
        return []
    number, order = round_number(gate.folder), gate.question.order
    left = {drawn.contest.ids for drawn in now.left}
    found = []
    for place, (one, *_) in enumerate(order, start=1):
        if one.ids in left:
            of, chance = one.prompt["prompt_id"], chance_by(order, place)
            found.append(_entry(number, "gate", of, one.ids, one.settled, {}, chance))
    return found


QUEUES: dict[str, Callable[[list[Entry], list[Label], str, int], list[Entry]]] = {
    "random": lambda entries, labels, by, seed: at_random(entries, seed),
    "disagreement": lambda entries, labels, by, seed: disagreements(entries, labels, by),
    "undecided": lambda entries, labels, by, seed: undecided(entries),
    "margin": lambda entries, labels, by, seed: closest(entries),
}
"""The queues over a round's comparisons by name. Beside them is `gate`: `gate_queue`, `of_gate`."""


def left_for(entries: Iterable[Entry], labels: Iterable[Label], by: str) -> list[Entry]:
    """Those that this person has not answered or skipped, in order."""
    done = {
        frozenset((label["candidate_a"], label["candidate_b"]))
        for label in standing_labels(labels)
        if label["by"] == by
    }
    return [entry for entry in entries if frozenset(entry.pair) not in done]


def gate_queue(run_dir: Path) -> GateQueue | None:
    """The gate's question of the round under way, or of the last one that asked it; None where no
    trained policy has been judged yet."""
    gate = run_config(run_dir).get("gate") or {}
    labels = (gate.get("people") or {}).get("labels", NAME)
    for folder in reversed(round_folders(run_dir)):
        begun = read_manifest(folder) is not None or (folder / "work" / "start.json").exists()
        if begun and (question := question_of(folder, gate)) is not None:
            return GateQueue(folder, question, labels)
    return None


def items(folder: Path, queue: str, entries: list[Entry]) -> list[Item]:
    """The entries of one round with their texts; few at a time.

    One whose answers are not in the round's tables is left out.
    """
    ids = list(dict.fromkeys(entry.prompt_id for entry in entries))
    prompts: dict[str, Messages] = {
        row["prompt_id"]: row["messages"]
        for rows in grouped(folder, PROMPTS, ids, SPLITS)
        for row in rows
    }
    columns = ("prompt_id", "candidate_id", "text")
    texts: dict[str, str] = {
        row["candidate_id"]: row["text"]
        for rows in grouped(folder, CANDIDATES, ids, SPLITS, columns)
        for row in rows
    }
    return [
        _item(queue, entry, prompts[entry.prompt_id], texts)
        for entry in entries
        if entry.prompt_id in prompts and set(entry.pair) <= texts.keys()
    ]


def _item(queue: str, entry: Entry, prompt: Messages, texts: Mapping[str, str]) -> Item:
    a, b = entry.pair
    return {
        "queue": queue,
        "chance": entry.chance,
        "round": entry.round,
        "split": entry.split,
        "prompt_id": entry.prompt_id,
        "prompt": prompt,
        "candidate_a": a,
        "candidate_b": b,
        "answer_a": texts[a],
        "answer_b": texts[b],
        "judge": {
            "outcome": entry.outcome,
            "reason": entry.reason,
            "probability": entry.probability,
            "judge_id": entry.judge_id,
        },
    }


def _entry(
    number: int,
    split: str,
    prompt_id: str,
    pair: CandidateIds,
    judged: Settled,
    scores: dict[str, float],
    chance: float | None = None,
) -> Entry:
    sure = judged.probability
    favourite = pair if judged.outcome == "a" else pair[::-1]
    short = margin(scores, *favourite) if sure is None else abs(sure - 0.5)
    said = judged.outcome, judged.reason, sure, intern(judged.judge_id)
    return Entry(number, split, prompt_id, pair, *said, short, chance)
