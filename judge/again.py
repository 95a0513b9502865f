"""Every verdict that decides something read once more from its stored reply, and compared."""

import asyncio
from array import array
from collections.abc import Collection, Iterable, Iterator
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from endpoints.config import BudgetConfig
from endpoints.open import Endpoints
from judge.asking.questions import both_orders
from judge.config import JudgeConfig
from judge.early import Against
from judge.held_out import held_out_verdicts
from judge.inputs import answered_prompt_ids
from judge.labels import read_labels, write_labels
from judge.panel import panel, run_journal
from rounds.checks import Looked
from rounds.folder import round_number
from rounds.ids import digest
from rounds.places import Places
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS, Verdict
from rounds.schema import arrow_schema
from rounds.stages import Progress
from rounds.tables import by_prompt, iter_rows, read_rows
from rounds.usage import NEVER_SENT

ACCOUNTS = ("prompt_tokens", "completion_tokens", "cost", "cached_tokens", "estimated")
"""Columns of what a call took: a price list or a guess may have changed since."""

COMPARED = [name for name in arrow_schema(VERDICTS).names if name not in ACCOUNTS]


def check_labels(
    looked: Looked,
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    tau: float | None,
    progress: Progress,
) -> None:
    """The verdicts on train prompts. `tau` None: what the rows themselves name.

    Holds 24 bytes of every row in memory.
    """
    config = config.model_copy(update={"budget": BudgetConfig(), "batch": False})
    there = _Stored(folder, ["train"])
    if tau is None:
        rows = iter_rows(folder, VERDICTS, ["train"], ["threshold"])
        tau = next((row["threshold"] for row in rows if row["threshold"] is not None), 0.5)
    judged = {row["prompt_id"] for row in iter_rows(folder, VERDICTS, ["train"], ["prompt_id"])}
    answered = answered_prompt_ids(folder)
    ids = [prompt_id for prompt_id in answered if prompt_id in judged]
    if len(ids) < len(answered):
        looked.leave_out(f"{len(answered) - len(ids)} prompts without a verdict are not looked at")
    with TemporaryDirectory(prefix=".again-", dir=folder) as scratch:
        into = Path(scratch)
        read = write_labels(folder, into, ids, config, endpoints, tau, progress, offline=True)
        asyncio.run(read)
        _compare(looked, folder, there, read_labels(into, ids), ["train"])


def check_held_out_verdicts(
    looked: Looked,
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    trained: str,
    tau: float,
    progress: Progress,
    against: Against | None = None,
) -> None:
    """The verdicts of the gate, on gate and test prompts; `against` where it may stop early."""
    splits = ["gate", "test"]
    read = held_out_verdicts(
        folder, config, endpoints, trained, tau, progress, offline=True, against=against
    )
    rows = [row for verdicts in asyncio.run(read) for row in verdicts]
    _compare(looked, folder, _Stored(folder, splits), rows, splits)


def check_gold_verdicts(
    looked: Looked, folder: Path, config: JudgeConfig, endpoints: Endpoints
) -> None:
    """The verdicts on the gold set, as prompts and answers of it lie in the round's tables."""
    prompts = read_rows(folder, PROMPTS, ["gold"])
    answers = by_prompt(read_rows(folder, CANDIDATES, ["gold"]))
    repeat = round_number(folder) - 1

    async def read() -> list[Verdict]:
        journal, jury = run_journal(folder), config.jury
        async with panel(journal, config, endpoints, jury, offline=True) as judge:
            rows: list[Verdict] = []
            for prompt in prompts:
                a, b = answers[prompt["prompt_id"]]
                rows += await both_orders(judge, prompt, a, b, "gold", repeat)
            return rows

    rows = asyncio.run(read()) if prompts else []
    _compare(looked, folder, _Stored(folder, ["gold"]), rows, ["gold"])


class _Stored:
    """The verdicts that are there: 24 bytes of each."""

    def __init__(self, folder: Path, splits: Collection[str]) -> None:
        said = array("Q")

        def ids() -> Iterator[str]:
            for row in iter_rows(folder, VERDICTS, splits, COMPARED):
                said.append(_said(row))
                yield row["verdict_id"]

        self.places, self._said = Places(ids()), said
        self.seen = np.zeros(len(said), bool)

    def says(self, row: Verdict) -> bool | None:
        """Whether it says the same, and that it was asked; None where it is not there."""
        place = self.places.place(row["verdict_id"])
        if place < 0:
            return None
        self.seen[place] = True
        return self._said[place] == _said(row)


def _said(row: Verdict) -> int:
    return int(digest([row[name] for name in COMPARED]), 16)  # type: ignore[literal-required]


def _compare(
    looked: Looked,
    folder: Path,
    there: _Stored,
    again: Iterable[Verdict],
    splits: Collection[str],
) -> None:
    other: dict[str, Verdict] = {}
    for row in again:
        name, same = row["verdict_id"], there.says(row)
        if same is None:
            what = f"is missing: {row['outcome']} ({row['reason'] or 'read from its reply'})"
            looked.must(row["reason"] == "not_asked", VERDICTS, name, what)
        elif same:
            looked.n += 1
        else:
            other[name] = row
    if there.seen.all() and not other:
        return
    for row in iter_rows(folder, VERDICTS, splits):
        if not there.seen[there.places.place(row["verdict_id"])]:
            looked.must(False, VERDICTS, row["verdict_id"], "the judge's strategy does not ask it")
        elif again_row := other.get(row["verdict_id"]):
            _compare_row(looked, row, again_row)


def _compare_row(looked: Looked, row: Verdict, again: Verdict) -> None:
    name = row["verdict_id"]
    if again["reason"] == "not_asked" and row["outcome"] == "abstain":
        if row["reason"] not in NEVER_SENT:
            looked.leave_out("abstentions whose call failed and left no reply")
        return
    if again["reason"] == "not_asked":
        looked.must(False, VERDICTS, name, f"{row['outcome']}: no such reply in the journal")
        return
    differ = [name for name in COMPARED if not _same(row[name], again[name])]  # type: ignore[literal-required]
    shown = "; ".join(
        f"{column} is {_short(row[column])}, its reply says {_short(again[column])}"  # type: ignore[literal-required]
        for column in differ[:3]
    )
    looked.must(not differ, VERDICTS, name, shown)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
