"""A judged round as it stands: its config, its threshold, and whether today's code makes the same
of it."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.config import Config
from flows.load import config_of
from flows.whatif.sides import Fates, read_fates
from judge.labels import read_labels
from judge.relabel import relabel
from rounds.errors import UserError
from rounds.folder import open_run, read_manifest, round_dir, round_folders, run_config
from rounds.rows import PAIRS, VERDICTS, Verdict
from rounds.stages import stage_stamps
from rounds.tables import iter_rows, table_path
from rounds.verdicts import SETTLED_BY


def judged_round(run_dir: Path, number: int) -> tuple[Path, Config]:
    """The folder of a round that is judged, finished or not, and the config that judged it.

    Raises UserError where there is none, or where today's code does not take its config.
    """
    folder = round_dir(open_run(run_dir), number)
    if not folder.is_dir():
        known = ", ".join(str(int(path.name)) for path in round_folders(run_dir)) or "none"
        raise UserError(f"{run_dir}: round {number} is not there (rounds there: {known})")
    manifest = read_manifest(folder)
    if manifest is None and "judge" not in stage_stamps(folder):
        raise UserError(
            f"{run_dir}: round {number} is under way and not judged yet; `prefloop run` goes on "
            "with it"
        )
    tree = manifest["config"] if manifest else dict(run_config(run_dir))
    where = folder / "manifest.json" if manifest else run_dir / "run.yaml"
    return folder, config_of(tree, f"{where}: the config of the round", Path.cwd())


def round_tau(folder: Path, config: Config) -> float:
    """The threshold that the round's labels had to reach."""
    rows = iter_rows(folder, VERDICTS, ["train"], ["threshold"])
    stored = next((row["threshold"] for row in rows if row["threshold"] is not None), None)
    given = config.judge.tau
    return stored if stored is not None else 0.5 if isinstance(given, str) else float(given)


def otherwise_made(folder: Path, now: Fates) -> list[str]:
    """A sentence where today's code makes other pairs of the round than it has."""
    if not table_path(folder, PAIRS).exists():
        return []
    then = read_fates(folder)
    moved = Counter(
        f"{then[name].became if name in then else 'not there'} -> "
        f"{now[name].became if name in now else 'not there'}"
        for name in {*then, *now}
        if name not in then or name not in now or then[name].became != now[name].became
    )
    if not moved:
        return []
    listed = ", ".join(f"{what} {n}" for what, n in sorted(moved.items()))
    return [
        f"the code of today makes {moved.total()} rows of this round otherwise than it has them "
        f"({listed}); before and after are both by the code of today"
    ]


def otherwise_asked(
    folder: Path, into: Path, ids: Sequence[str], config: Config, tau: float
) -> list[str]:
    """A sentence where today's strategy does not go through the verdicts as the round did."""
    asyncio.run(relabel(folder, into, ids, config.judge, tau))
    stored = _by_prompt(iter_rows(folder, VERDICTS, ["train"], SETTLED_BY))
    again = _by_prompt(read_labels(into, ids))
    other = sum(stored.get(name) != again.get(name) for name in {*stored, *again})
    if not other:
        return []
    return [
        f"by its own settings the judge of today would be asked otherwise on {other} prompts than "
        "it was in this round; what differs there is in the numbers of after too"
    ]


def _by_prompt(rows: Iterable[Verdict]) -> dict[str, set[tuple[str, str, int]]]:
    found: dict[str, set[tuple[str, str, int]]] = {}
    for row in rows:
        verdict = row["verdict_id"], row["purpose"], row["level"] or 0
        found.setdefault(row["prompt_id"], set()).add(verdict)
    return found
