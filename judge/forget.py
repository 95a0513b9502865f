"""Replies that are dropped on purpose, so that the judge is asked again: one that was mended under
its old name, or that failed in form.

The replies stay in the journal, as paid ones that are no answer; what finished rounds rest on is
never dropped.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from endpoints.journal import Journal
from endpoints.open import Endpoints, read_endpoints
from judge.config import JudgeConfig
from judge.health.bounds import crossed_bounds
from judge.inputs import answered_prompt_ids
from judge.labels import read_labels, write_labels
from rounds.folder import finished_rounds, run_of
from rounds.rows import VERDICTS, Verdict
from rounds.stages import remove_stamp, stage_stamps
from rounds.tables import iter_rows
from rounds.usage import note_forgotten, was_sent

COLUMNS = ("split", "kind", "reason", "judge_id", "request_key")
"""What a reply is chosen by."""

STAGE_OF = {
    "train": "judge",
    "gold": "gold",
    "health": "health",
    "gate": "judge_held_out",
    "test": "judge_held_out",
}
"""The stage that asked for the verdicts of a split."""

FORM = ("not_json", "off_menu", "no_verdict", "two_verdicts", "missing_logprobs")
"""Reasons of verdict rows whose reply came and could not be read as a verdict."""


class Which(NamedTuple):
    """Which calls: those that all that is given holds for."""

    failed: bool = False
    """Calls that gave no verdict, for any reason but the budget."""
    reasons: tuple[str, ...] = ()
    judge: str | None = None
    """An endpoint's name, or a whole judge_id."""
    kind: str | None = None

    def holds(self, row: Verdict) -> bool:
        """Whether the call behind a verdict row is one of them."""
        name, judge_id = self.judge, row["judge_id"]
        return (
            was_sent(row)
            and not (self.failed and row["reason"] is None)
            and not (self.reasons and row["reason"] not in self.reasons)
            and (name is None or judge_id == name or judge_id.startswith(f"{name}/"))
            and self.kind in (None, row["kind"])
        )


def forget(folder: Path, rows: Iterable[Verdict], which: Which, why: str) -> dict[str, Any]:
    """Drop the replies behind these verdict rows of a round under way; the stages that asked for
    them are to run again.

    Returns {"round", "forgotten": answers dropped, "cost": what they had cost, "unanswered": calls
    without an answer that are asked again as well, "kept": those that finished rounds rest on,
    "reasons": counts}.
    """
    run_dir = run_of(folder)
    found = [row for row in rows if which.holds(row)]
    kept = _behind_finished(run_dir, (row["request_key"] for row in found))
    dropped = {row["request_key"]: row for row in found if row["request_key"] not in kept}
    for stage in {STAGE_OF[row["split"]] for row in found if row["request_key"] in dropped}:
        remove_stamp(folder, stage)
    with Journal(run_dir / "journal.sqlite") as journal:
        gone = journal.forget(dropped, why)
    note_forgotten(folder, gone.calls, gone.cost)
    reasons = Counter(row["reason"] or "verdict" for row in dropped.values())
    return {
        "round": int(folder.name),
        "forgotten": gone.calls,
        "cost": gone.cost,
        "unanswered": len(dropped) - gone.calls,
        "kept": len(kept),
        "reasons": dict(sorted(reasons.items())),
    }


def verdicts_so_far(folder: Path, tree: dict[str, Any]) -> Iterator[Verdict]:
    """The verdict rows of a round under way; of labels that are being made, from the journal.

    `tree` is the config that asks for them.
    """
    if "judge" in stage_stamps(folder):
        yield from iter_rows(folder, VERDICTS, columns=COLUMNS)
        return
    yield from (
        row for row in iter_rows(folder, VERDICTS, columns=COLUMNS) if row["split"] != "train"
    )
    config = JudgeConfig.model_validate(tree["judge"])
    gold = stage_stamps(folder).get("gold", {}).get("facts", {})
    tau = gold.get("tau") or (config.tau if isinstance(config.tau, float) else 0.5)
    ids = answered_prompt_ids(folder)
    with TemporaryDirectory(prefix=".forget-", dir=folder) as scratch:
        with Endpoints(read_endpoints(tree), folder / "work") as endpoints:
            labels = write_labels(folder, Path(scratch), ids, config, endpoints, tau, offline=True)
            asyncio.run(labels)
        yield from read_labels(Path(scratch), ids)


def forget_unreadable(journal: Path, rows: Iterable[Verdict], why: str) -> None:
    """Have calls asked again whose reply could not be read as a verdict."""
    keys = {row["request_key"] for row in rows if row["reason"] in FORM}
    with Journal(journal) as answers:
        answers.forget(keys - _behind_finished(journal.parent, keys), why)


def ask_failures_again(folder: Path, config: JudgeConfig) -> int:
    """Where the judge of a round under way is out of its bounds, drop what it failed at; how many.

    The bounds are those of today: where they were loosened, the round goes on as it is.
    """
    facts = {name: stamp["facts"] for name, stamp in stage_stamps(folder).items()}
    health, gold = facts.get("health", {}).get("health"), facts.get("gold", {}).get("gold")
    gold = gold if config.gold else None
    if not crossed_bounds(health, gold, config.health.bounds):
        return 0
    rows = iter_rows(folder, VERDICTS, columns=COLUMNS)
    done = forget(folder, rows, Which(failed=True), "the round's judge was out of bounds")
    return int(done["forgotten"] + done["unanswered"])


def _behind_finished(run_dir: Path, keys: Iterable[str]) -> set[str]:
    """The calls that a finished round has verdicts of."""
    asked = set(keys)
    return {
        row["request_key"]
        for folder in (finished_rounds(run_dir) if asked else [])
        for row in iter_rows(folder, VERDICTS, columns=["request_key"])
        if row["request_key"] in asked
    }
