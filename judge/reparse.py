"""Reading the judge's stored replies again: a changed parser without one new call."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from endpoints.config import BudgetConfig
from endpoints.open import Endpoints, read_endpoints
from judge.config import JudgeConfig
from judge.inputs import answered_prompts
from judge.labels import label, labels
from rounds.folder import manifest
from rounds.rows import VERDICTS
from rounds.stages import forget, stage_stamps
from rounds.tables import Row, iter_rows, replace_splits
from rounds.usage import NEVER_SENT

READ = ("outcome", "reason", "score", "probability")
HELD = ("verdict_id", "prompt_id", "threshold", *READ)
"""What is held in memory of all verdict rows."""
READING = ("gold", "judge", "health", "judge_held_out")
"""Stages that read replies: run again, from the journal, where the parser reads otherwise."""


def reparse(folder: Path, tree: dict[str, Any]) -> dict[str, Any]:
    """Read a round's labelling verdicts again from the journal, by the config that asked them.

    Returns {"round", "verdicts", "changed": [{"verdict_id", "before", "now"}, ...], "written"}. A
    round under way gets the new verdicts, and its next run asks what is now missing; a finished
    round stays as it is, its hashes are in the manifest.
    """
    finished = manifest(folder)
    tree = finished["config"] if finished else tree
    config = JudgeConfig.model_validate(tree["judge"]).model_copy(update={"budget": BudgetConfig()})
    before = list(iter_rows(folder, VERDICTS, ["train"], HELD))
    tau = next((row["threshold"] for row in before if row["threshold"] is not None), 0.5)
    judged = {row["prompt_id"] for row in before}  # a budget may have left others out
    ids = [name for name in answered_prompts(folder) if name in judged]
    with TemporaryDirectory(prefix=".reparse-", dir=folder) as scratch:
        into = Path(scratch)
        with Endpoints(read_endpoints(tree), folder / "work") as endpoints:
            asyncio.run(label(folder, into, ids, config, endpoints, tau, offline=True))
        changed = _changes(before, labels(into, ids))
        written = finished is None and "judge" in stage_stamps(folder) and bool(changed)
        if written:
            for stage in READING:
                forget(folder, stage)
            replace_splits(folder, VERDICTS, ["train"], labels(into, ids))
    return {
        "round": int(folder.name),
        "verdicts": len(before),
        "changed": changed,
        "written": written,
    }


def _changes(before: Iterable[Row], now: Iterable[Row]) -> list[dict[str, Any]]:
    old, new = (
        {row["verdict_id"]: {name: row[name] for name in READ} for row in rows}
        for rows in (before, now)
    )
    return [
        {"verdict_id": name, "before": _read(old.get(name)), "now": _read(new.get(name))}
        for name in dict.fromkeys([*old, *new])
        if _read(old.get(name)) != _read(new.get(name)) and not _was_no_reply(old, new, name)
    ]


def _was_no_reply(old: dict[str, Row], new: dict[str, Row], name: str) -> bool:
    """A call that failed left no reply, so that there is nothing to read again."""
    return (
        name in old
        and name in new
        and new[name]["reason"] == "not_asked"
        and old[name]["outcome"] == "abstain"
    )


def _read(row: Row | None) -> dict[str, Any] | None:
    """What was read in a reply; whatever the reason, what was never sent was not read."""
    if row is None:
        return None
    return {name: row[name] for name in READ} | (
        {"reason": "not_asked"} if row["reason"] in NEVER_SENT else {}
    )
