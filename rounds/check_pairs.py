"""Pairs against what they name: the texts of their candidates, and two replies that agree."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rounds.checks import Looked
from rounds.folder import finished_rounds, round_number, run_of
from rounds.grouped import grouped
from rounds.rows import (
    CANDIDATES,
    DROPPED,
    EXTRA,
    PAIRS,
    PROMPTS,
    VERDICTS,
    Pair,
    Prompt,
    Table,
    Verdict,
)
from rounds.tables import iter_rows
from rounds.verdicts import SETTLED_BY, by_judge, settle

JUDGED: tuple[Table[Any], ...] = (PAIRS, DROPPED)

Rows = list[tuple[Table[Any], Any]]
"""The pairs and drops of a prompt, each with its table."""

Texts = dict[str, str]
"""Texts of a prompt's candidates by id."""


def check_pairs(looked: Looked, folder: Path) -> None:
    """The texts of pairs are those of the prompt and candidates that they name, and each pair rests
    on replies that agree in both orders. A stream by prompt.
    """
    for prompt, texts, verdicts, rows in _by_prompt(folder):
        for table, pair in rows:
            _check_texts(looked, table, pair, prompt, texts)
            if table == PAIRS:
                fault = disagreement(pair, verdicts)
                looked.must(fault is None, table, pair["pair_id"], str(fault))
    known = {row["prompt_id"] for row in iter_rows(folder, PROMPTS, ["train"], ["prompt_id"])}
    for table in JUDGED:
        for pair in iter_rows(folder, table, columns=["pair_id", "prompt_id"]):
            if pair["prompt_id"] not in known:
                what = f"its prompt {pair['prompt_id']} is no train prompt of the round"
                looked.must(False, table, pair["pair_id"], what)


def check_extra(looked: Looked, folder: Path) -> None:
    """Pairs of earlier rounds that were trained on again are as those rounds have them."""
    by_round: dict[str, list[Mapping[str, Any]]] = {}
    for row in iter_rows(folder, EXTRA):
        by_round.setdefault(row["origin"], []).append(row)
    earlier = {f"round {round_number(one)}": one for one in finished_rounds(run_of(folder))}
    for origin, again in by_round.items():
        if origin not in earlier:
            looked.leave_out(f"{len(again)} pairs of extra.parquet: imported from {origin}")
            continue
        wanted = {row["pair_id"] for row in again}
        there = {
            row["pair_id"]: row
            for row in iter_rows(earlier[origin], PAIRS)
            if row["pair_id"] in wanted
        }
        for one in again:
            own = {name: value for name, value in one.items() if name != "origin"}
            same = own == there.get(one["pair_id"])
            looked.must(same, EXTRA, one["pair_id"], f"is not a pair of {origin}")


def disagreement(pair: Pair, verdicts: list[Verdict]) -> str | None:
    """Why the verdicts do not carry a pair; None where a judge that was shown both orders names
    chosen in each, and all judges together settle on it.
    """
    sides = {pair["chosen_id"], pair["rejected_id"]}
    named = set(pair["verdict_ids"])
    rows = [
        row
        for row in verdicts
        if row["purpose"] == "confirm"
        and {row["candidate_a"], row["candidate_b"]} == sides
        and row["verdict_id"] in named
    ]
    if not rows:
        return "no verdict that it names compares its two sides"
    agreeing = [
        said
        for said in by_judge(rows).values()
        if {row["shown_first"] for row in said} in ({"a", "b"}, {None})
        and all(_winner(row) == pair["chosen_id"] for row in said)
    ]
    if not agreeing:
        return "no judge that saw both orders named its chosen side in each"
    settled = settle(rows)
    if settled.outcome not in ("a", "b"):
        return f"its verdicts settle nothing: {settled.reason or settled.outcome}"
    return (
        None
        if _winner({**rows[0], "outcome": settled.outcome}) == pair["chosen_id"]
        else ("its verdicts settle on the rejected side")
    )


def _winner(row: Verdict) -> str | None:
    return {"a": row["candidate_a"], "b": row["candidate_b"]}.get(row["outcome"])


def _check_texts(
    looked: Looked, table: Table[Any], pair: Pair, prompt: Prompt, texts: Texts
) -> None:
    name = pair["pair_id"]
    looked.must(pair["prompt"] == prompt["messages"], table, name, "its prompt is another text")
    for side in ("chosen", "rejected"):
        of_side: str | None = pair[f"{side}_id"]  # type: ignore[literal-required]
        content: Any = pair[side]  # type: ignore[literal-required]
        if of_side is None:
            looked.must(content is None, table, name, f"its {side} has a text and no candidate")
        elif of_side not in texts:
            looked.must(False, table, name, f"its {side} {of_side} is no candidate of its prompt")
        else:
            right = content == [{"role": "assistant", "content": texts[of_side]}]
            looked.must(right, table, name, f"its {side} is not the text of {of_side}")


def _by_prompt(
    folder: Path,
) -> Iterator[tuple[Prompt, Texts, list[Verdict], Rows]]:
    """Each train prompt with the texts of its candidates, its verdicts, its pairs and drops."""
    train = ["train"]
    ids = [row["prompt_id"] for row in iter_rows(folder, PROMPTS, train, ["prompt_id"])]
    columns = ["prompt_id", "candidate_id", "text"]
    tables = zip(
        iter_rows(folder, PROMPTS, train),
        grouped(folder, CANDIDATES, ids, train, columns),
        grouped(folder, VERDICTS, ids, train, SETTLED_BY),
        grouped(folder, PAIRS, ids),
        grouped(folder, DROPPED, ids),
        strict=True,
    )
    for prompt, candidates, verdicts, pairs, dropped in tables:
        texts: Texts = {row["candidate_id"]: row["text"] for row in candidates}
        rows: Rows = [*((PAIRS, row) for row in pairs), *((DROPPED, row) for row in dropped)]
        yield prompt, texts, verdicts, rows
