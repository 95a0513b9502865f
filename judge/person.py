"""A judge that is a person: the verdicts in a file, of labels or in a form of its own."""

from pathlib import Path
from typing import Any

from judge.asking.rows import Juror
from judge.config import HUMAN
from rounds.errors import UserError
from rounds.ids import digest, text_hash
from rounds.kappa import TURNED
from rounds.labels import holds_labels, parse_labels
from rounds.people import Opinion, opinions
from rounds.rows import Candidate, Prompt
from texts.json_lines import NOT_UTF8, json_lines
from texts.packed import DamagedArchive, open_unpacked

Outcomes = dict[tuple[str, str], str]
"""Verdicts by the two candidates, in both orders of naming them."""


def load_person(where: str, name: str) -> Juror:
    """Judges by the verdicts that people wrote into a file, whichever candidate is called a.

    `name` is human:FILE, `where` the config key that says so. Of labels what more than half of the
    people say counts; two that are both bad are a tie; what was skipped, taken back or contradicted
    was not judged. Raises UserError where the file is not there or is wrong.
    """
    path = _file(where, name)
    if (said := read_opinions(path)) is not None:
        outcomes = _of_labels(said)
        # what was labelled besides changes no verdict, and so not who judged
        of = digest(sorted(outcomes.items()))
    else:
        outcomes = _of_lines(where, path)
        with open_unpacked(path) as file:
            of = text_hash(file.read().decode("utf-8-sig"))

    def rule(prompt: Prompt, a: Candidate, b: Candidate | None) -> str | None:
        return outcomes.get((a["candidate_id"], b["candidate_id"])) if b else None

    return Juror(f"{name}@{of}", None, rule)


def read_opinions(path: Path) -> dict[frozenset[str], Opinion] | None:
    """What people say by a file of labels, packed or not; None where it holds no labels.

    Raises UserError naming the line that is wrong.
    """
    try:
        with open_unpacked(path) as file:
            if not holds_labels(file):
                return None
        with open_unpacked(path) as file:
            return opinions(parse_labels(path, file).labels)
    except DamagedArchive:  # which every reader of files tells in its own words
        return None


def person_told(name: str) -> str:
    """What is not judged by the labels behind human:FILE; nothing where that holds none."""
    path = _file("", name)
    said = read_opinions(path)
    if said is None:
        return ""
    contradicted = sum(opinion.contradicted for opinion in said.values())
    skipped = sum(opinion.outcome is None for opinion in said.values()) - contradicted
    return (
        f"{path}: {len(said) - contradicted - skipped} comparisons labelled; left out as not "
        f"judged: {skipped} skipped, {contradicted} on which people contradict each other"
    )


def _file(where: str, name: str) -> Path:
    try:
        path = Path(name.removeprefix(HUMAN)).expanduser()
        is_file = path.is_file()
    except (OSError, RuntimeError, ValueError):  # a text of any kind where a path is expected
        raise UserError(f"{where}: {name[:60]!r} is no path of a file") from None
    if not is_file:
        raise UserError(f"{where}: no such file {path.resolve()}")
    return path


def _of_labels(said: dict[frozenset[str], Opinion]) -> Outcomes:
    outcomes: Outcomes = {}
    for opinion in said.values():
        if opinion.outcome is not None:
            a, b = opinion.label["candidate_a"], opinion.label["candidate_b"]
            outcomes |= {(a, b): opinion.outcome, (b, a): TURNED[opinion.outcome]}
    return outcomes


def _of_lines(where: str, path: Path) -> Outcomes:
    """The verdicts of lines with candidate_a, candidate_b and verdict alone."""
    outcomes: Outcomes = {}
    for line in json_lines(path):
        if line.fault is not None and line.fault.startswith(NOT_UTF8):
            reason = line.fault.removeprefix(NOT_UTF8).strip()
            raise UserError(f"{where}: {path} is not text in UTF-8 {reason}")
        a, b, outcome = _verdict_line(f"{path}, line {line.number}", line.value, line.fault)
        if outcomes.get((a, b), outcome) != outcome:
            raise UserError(f"{path}, line {line.number}: contradicts an earlier line on the two")
        outcomes |= {(a, b): outcome, (b, a): TURNED[outcome]}
    return outcomes


def _verdict_line(where: str, value: Any, fault: str | None) -> tuple[str, str, str]:
    """The two candidates and the verdict of a line."""
    fields = value if isinstance(value, dict) else {}
    a, b, outcome = (fields.get(key) for key in ("candidate_a", "candidate_b", "verdict"))
    if not (isinstance(a, str) and isinstance(b, str) and a != b and outcome in tuple(TURNED)):
        raise UserError(
            f"{where}: {f'{fault}; ' if fault else ''}expected "
            '{"candidate_a": id, "candidate_b": id, "verdict": ...} with a, b or tie, or a label '
            "of prefloop's"
        )
    return a, b, outcome
