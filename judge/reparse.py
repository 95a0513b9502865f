"""Reading the judge's stored replies again: a changed parser without one new call."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from endpoints.config import BudgetConfig
from endpoints.open import Endpoints, read_endpoints
from judge.config import JudgeConfig
from judge.inputs import answered_prompt_ids
from judge.labels import read_labels, write_labels
from rounds.folder import read_manifest
from rounds.rows import VERDICTS, Verdict
from rounds.stages import remove_stamp, stage_stamps
from rounds.tables import iter_rows, replace_splits
from rounds.usage import NEVER_SENT

COLUMNS = ("verdict_id", "prompt_id", "threshold", "outcome", "reason", "score", "probability")
"""What is held in memory of all verdict rows."""

PARSING_STAGES = ("gold", "judge", "health", "judge_held_out")
"""Stages that read replies: run again, from the journal, where the parser reads otherwise."""

Parsed = dict[str, Any]
"""What was read in a reply: outcome, reason, score and probability."""


def reparse(folder: Path, tree: dict[str, Any]) -> dict[str, Any]:
    """Read a round's labelling verdicts again from the journal, by the config that asked them.

    Returns {"round", "verdicts", "changed": [{"verdict_id", "before", "now"}, ...], "written"}. A
    round under way gets the new verdicts, and its next run asks what is now missing; a finished
    round stays as it is, its hashes are in the manifest.
    """
    finished = read_manifest(folder)
    tree = finished["config"] if finished else tree
    config = JudgeConfig.model_validate(tree["judge"]).model_copy(update={"budget": BudgetConfig()})
    before = list(iter_rows(folder, VERDICTS, ["train"], COLUMNS))
    tau = next((row["threshold"] for row in before if row["threshold"] is not None), 0.5)
    judged = {row["prompt_id"] for row in before}  # a budget may have left others out
    ids = [prompt_id for prompt_id in answered_prompt_ids(folder) if prompt_id in judged]
    with TemporaryDirectory(prefix=".reparse-", dir=folder) as scratch:
        into = Path(scratch)
        with Endpoints(read_endpoints(tree), folder / "work") as endpoints:
            asyncio.run(write_labels(folder, into, ids, config, endpoints, tau, offline=True))
        changed = _changes(before, read_labels(into, ids))
        written = finished is None and "judge" in stage_stamps(folder) and bool(changed)
        if written:
            for stage in PARSING_STAGES:
                remove_stamp(folder, stage)
            replace_splits(folder, VERDICTS, ["train"], read_labels(into, ids))
    return {
        "round": int(folder.name),
        "verdicts": len(before),
        "changed": changed,
        "written": written,
    }


def _changes(before: Iterable[Verdict], now: Iterable[Verdict]) -> list[dict[str, Any]]:
    old, new = ({row["verdict_id"]: _parsed(row) for row in rows} for rows in (before, now))
    return [
        {"verdict_id": verdict_id, "before": old.get(verdict_id), "now": new.get(verdict_id)}
        for verdict_id in dict.fromkeys([*old, *new])
        if old.get(verdict_id) != new.get(verdict_id)
        and not _never_had_a_reply(old.get(verdict_id), new.get(verdict_id))
    ]


def _parsed(row: Verdict) -> Parsed:
    """Whatever the reason, what was never sent was not read."""
    return {
        "outcome": row["outcome"],
        "reason": "not_asked" if row["reason"] in NEVER_SENT else row["reason"],
        "score": row["score"],
        "probability": row["probability"],
    }


def _never_had_a_reply(before: Parsed | None, now: Parsed | None) -> bool:
    """A call that failed left no reply, so that there is nothing to read again."""
    return (
        before is not None
        and now is not None
        and now["reason"] == "not_asked"
        and before["outcome"] == "abstain"
    )
