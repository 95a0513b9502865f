"""The run folder: where things lie, which rounds are finished, and which a user names.

    runs/<name>/rounds/0001/...   a round is finished when its manifest.json is there

A round in progress also has `work/` (chunks and stage stamps) and `logs/`; `work/` goes when the
manifest is written.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.ids import file_hash
from rounds.weights import Policy

RUN_FILES = "*/run.yaml"
"""What a run's folder may be called."""
JOURNAL_LOG = "journal.sqlite-wal"
"""Where SQLite has written what of the journal is not yet in journal.sqlite."""
WRITTEN_ANEW = "`prefloop run` with the run's config writes it anew"
A_COPY = "put a copy of it back (a backup, the mirror)"
MANIFEST = "manifest.json"
DECISIONS = "decisions.jsonl"
"""What people decided by hand, a line each, in the run's folder; rounds/by_people.py writes it."""
BY_HAND = ("action", "round", "policy", "replaced", "by", "why", "at", "after", "manifest")
ROUND_RANGE = re.compile(r"\s*(\d+)\s*(?:(-)\s*(\d*)\s*)?")


def round_dir(run_dir: Path, number: int) -> Path:
    """The folder of round `number`, counted from 1."""
    return run_dir / "rounds" / f"{number:04d}"


def round_number(folder: Path) -> int:
    """The number of a round folder."""
    return int(folder.name)


def run_of(folder: Path) -> Path:
    """The run folder that a round folder belongs to."""
    return folder.parent.parent


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a round, or None while it is not finished.

    Raises UserError where it is damaged.
    """
    path = folder / MANIFEST
    return _read_record(path, A_COPY) if path.exists() else None


def read_metrics(folder: Path) -> dict[str, Any]:
    """What was measured of a finished round. Raises UserError where it is gone or damaged."""
    return _read_record(folder / "metrics.json", A_COPY)


def _read_record(path: Path, way_out: str) -> dict[str, Any]:
    try:
        facts = read_json(path)
    except FileNotFoundError:
        raise UserError(f"{path}: is not there; {way_out}") from None
    except (ValueError, RecursionError, OSError) as error:
        raise UserError(f"{path}: cannot be read ({_one_line(error)}); {way_out}") from error
    if not isinstance(facts, dict):
        raise UserError(f"{path}: holds no object; {way_out}")
    return facts


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def round_folders(run_dir: Path) -> list[Path]:
    """All round folders, finished or not, in order; a copy such as 0002.bak is none."""
    paths = (run_dir / "rounds").glob("[0-9]*")
    folders = (path for path in paths if path.is_dir() and path.name.isdigit())
    return sorted(folders, key=round_number)


def finished_rounds(run_dir: Path) -> list[Path]:
    """The finished round folders, in order."""
    return [folder for folder in round_folders(run_dir) if (folder / MANIFEST).exists()]


def earlier_rounds(folder: Path) -> list[Path]:
    """The finished rounds before this one."""
    number = round_number(folder)
    rounds = finished_rounds(run_of(folder))
    return [earlier for earlier in rounds if round_number(earlier) < number]


def next_round(run_dir: Path) -> Path:
    """The round to work on: the one after the last finished one, earlier ones gone or not."""
    finished = finished_rounds(run_dir)
    return round_dir(run_dir, round_number(finished[-1]) + 1 if finished else 1)


def open_run(run_dir: Path) -> Path:
    """The run folder a user named, or a UserError that lists the runs nearby."""
    if (run_dir / "run.yaml").exists():
        return run_dir
    around = (run_dir, run_dir.parent, Path("runs"))
    runs = {str(path.parent) for folder in around for path in folder.glob(RUN_FILES)}
    hint = f"did you mean {', '.join(sorted(runs))}?" if runs else "nor near it"
    raise UserError(f"{run_dir}: no run here ({hint})")


class RunConfig(dict[str, Any]):
    """The tree of a run.yaml; a section that is not in it raises UserError."""

    def __init__(self, path: Path, tree: dict[str, Any]) -> None:
        super().__init__(tree)
        self._path = path

    def __missing__(self, section: str) -> Any:
        raise UserError(f"{self._path}: has no section {section}; {WRITTEN_ANEW}")


def run_config(run_dir: Path) -> RunConfig:
    """The resolved config of a run. Raises UserError where run.yaml is not what prefloop wrote."""
    path = run_dir / "run.yaml"
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        fault = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise UserError(f"{path}: cannot be read ({fault}); {WRITTEN_ANEW}") from error
    if not isinstance(tree, dict):
        raise UserError(f"{path}: holds no config; {WRITTEN_ANEW}")
    return RunConfig(path, tree)


def selected_rounds(run_dir: Path, selection: str | None) -> list[Path]:
    """The folders of the finished rounds a user names, in order; all of them for None.

    Raises UserError for a run or round that is not there or not finished, and for what names none.
    """
    finished = {round_number(folder): folder for folder in finished_rounds(open_run(run_dir))}
    if not finished:
        raise UserError(f"{run_dir}: no round is finished yet; `prefloop run` finishes one")
    if selection is None:
        return list(finished.values())
    wanted = _round_numbers(selection, max(finished))
    under_way = {round_number(folder) for folder in round_folders(run_dir)} - finished.keys()
    for number in sorted(wanted - finished.keys()):
        state = "is not finished" if number in under_way else "is not there"
        numbers = ", ".join(map(str, finished))
        raise UserError(f"{run_dir}: round {number} {state} (finished rounds: {numbers})")
    return [finished[number] for number in sorted(wanted)]


def write_round_start(folder: Path, facts: dict[str, Any]) -> None:
    """Write down what a round starts from, for its stages and for running one by hand."""
    write_json(folder / "work" / "start.json", facts)


def read_round_start(folder: Path) -> dict[str, Any]:
    """What the round started from: `policy`, `initial` and `seed`."""
    facts: dict[str, Any] | None = read_manifest(folder)
    if facts is None:
        path = folder / "work" / "start.json"
        if not path.exists():
            raise UserError(f"{folder}: no round here; `prefloop run` starts one")
        facts = _read_record(path, WRITTEN_ANEW)
    return facts


def policy_of(run_dir: Path, facts: dict[str, Any]) -> Policy:
    """A policy written into a manifest; paths inside the run are relative to it."""
    if facts.get("served"):  # what it is called at its endpoint is no path
        return Policy(**facts)
    located = {
        name: str(run_dir / facts[name])
        if facts[name] and ((run_dir / facts[name]).exists() or in_run(facts[name]))
        else facts[name]
        for name in ("model", "adapter")
    }
    return Policy(**{**facts, **located})


def policy_here(run_dir: Path, facts: dict[str, Any], initial: Policy) -> Policy:
    """A policy of a manifest that another machine may have written: weights outside of the run,
    which are those of the first policy or the base of adapters, lie where `initial` says.
    """
    placed = policy_of(run_dir, facts)
    if placed.policy_id == initial.policy_id:
        return initial
    if placed.adapter is None or in_run(facts["model"]):
        return placed
    return placed._replace(model=initial.model)


def in_run(path: str | None) -> bool:
    """Whether a manifest's path is a policy's in its run, there or removed."""
    return path is not None and re.fullmatch(r"rounds/\d+/policy", path) is not None


def policy_facts(run_dir: Path, policy: Policy) -> dict[str, Any]:
    """The opposite of `policy_of`: a run folder can be moved and its policies still be found."""

    def relative(path: str | None) -> str | None:
        if path is None or not Path(path).is_relative_to(run_dir):
            return path
        return str(Path(path).relative_to(run_dir))

    return policy._replace(
        model=str(relative(policy.model)), adapter=relative(policy.adapter)
    )._asdict()


def by_people(run_dir: Path) -> list[Any]:
    """The decisions that people made by hand (rounds.by_people.ByHand), in their order.

    Raises UserError naming a line that is none.
    """
    path = run_dir / DECISIONS
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append({name: json.loads(line)[name] for name in BY_HAND})
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UserError(f"{path}, line {number}: is no decision; {A_COPY}") from None
    return found


def put_by_hand(run_dir: Path) -> Any:
    """The decision by hand that holds after the last finished round; None where none does."""
    finished = finished_rounds(run_dir)
    if not finished:
        return None
    last, found = finished[-1], None
    for one in by_people(run_dir):
        if one["after"] == round_number(last) and one["manifest"] == file_hash(last / MANIFEST):
            found = one
    return found


def policy_history(run_dir: Path) -> dict[str, Any] | None:
    """The policy in place, the first one and every decision, from the manifests and, where people
    decided by hand, from what they did.
    """
    manifests = [read_manifest(folder) or {} for folder in finished_rounds(run_dir)]
    if not manifests:
        return None
    history = [
        {
            "round": facts["round"],
            "promoted": facts["decision"]["promoted"],
            "reasons": facts["decision"]["reasons"],
            "trained": facts["trained"],
        }
        for facts in manifests
    ]
    own, decided = put_by_hand(run_dir), by_people(run_dir)
    return {
        "current": own["policy"] if own else manifests[-1]["in_place"],
        "initial": manifests[0]["initial"],
        "history": history,
        **({"by_hand": decided} if decided else {}),
    }


def _round_numbers(selection: str, last_finished: int) -> set[int]:
    """The numbers that 3, 2-4, 2- or 1,3-4 name."""
    numbers: set[int] = set()
    for part in selection.split(","):
        match = ROUND_RANGE.fullmatch(part)
        if not match:
            raise UserError(f"--rounds {selection}: expected numbers such as 3, 2-4, 2- or 1,3-4")
        first = int(match[1])
        last = int(match[3] or last_finished) if match[2] else first
        if last < first:
            raise UserError(f"--rounds {selection}: there is no round from {first} to {last}")
        # of what lies beyond the last round its first number is enough to be named
        numbers |= {first, *range(first, min(last, last_finished + 1) + 1)}
    return numbers
