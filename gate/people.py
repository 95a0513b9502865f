"""The decision made with people: what they and the judge say together, or what is still missing."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gate.config import GateConfig, People
from rounds.contests import Contest
from rounds.deciding import PROMOTE, UNDECIDED, Standing
from rounds.errors import Waiting
from rounds.folder import read_round_start, run_of
from rounds.labels import labels_file, read_labels
from rounds.people import Opinion, opinions
from rounds.question import ask, figures, missing_text
from rounds.rows import Candidate

Said = Mapping[frozenset[str], Opinion]

PAGE = "/label?queue=gate"


def people_said(folder: Path, people: People, candidates: Iterable[Candidate]) -> Said:
    """What people said of the round's held-out answers. Raises UserError naming a wrong line."""
    known = {row["candidate_id"] for row in candidates}
    read = read_labels(labels_file(run_of(folder), people.labels))
    return {ids: opinion for ids, opinion in opinions(read.labels).items() if ids <= known}


def said_key(said: Said) -> list[Any]:
    """What a decision follows from of these opinions."""
    return sorted(
        [sorted(ids), *opinion[1:], opinion.label["candidate_a"]] for ids, opinion in said.items()
    )


def ask_people(
    folder: Path, config: GateConfig, contests: list[Contest], said: Said
) -> tuple[bool, str, dict[str, Any]]:
    """Whether the new policy is promoted by judge and people together, the reason, and the figures.

    Raises Waiting where more labels are to come before that can be said.
    """
    assert config.people is not None, "people are asked"
    question = ask(contests, read_round_start(folder)["seed"], config.model_dump())
    now = question.standing(said)
    facts = {"labels": config.people.labels, **figures(question, now)}
    if now.decision is None:
        run_dir = run_of(folder)
        command = f"prefloop inspect {shlex.quote(str(run_dir))}"
        raise Waiting(
            f"round {int(folder.name)} waits for {missing_text(now)}; {now.answered} of its gate "
            f"prompts are labelled so far, in {labels_file(run_dir, config.people.labels)}",
            f"label with `{command}`, page {PAGE}, and run the same command again",
            {**facts, "command": command, "page": PAGE},
        )
    return now.decision == PROMOTE, _reason(config, now, len(contests)), facts


def _reason(config: GateConfig, now: Standing, prompts: int) -> str:
    """Why judge and people together decide as they do."""
    if now.both is None:
        return "people answered nothing that was asked of the gate prompts"
    low, high = now.both.interval(now.level)
    told = (
        f"win rate {now.both.value:.3f} [{low:.3f}, {high:.3f}] by the judge on {prompts} gate "
        f"prompts and people on {len(now.used)} of them (look {now.look} of {len(now.looks)}, "
        f"interval at {now.level:.1%})"
    )
    if config.must_exceed == "value":
        relation = "exceeds" if now.decision == PROMOTE else "does not exceed"
        return f"{told}: the win rate {relation} {config.threshold}"
    if now.decision == UNDECIDED:
        return (
            f"{told}: after the last look the interval still holds {config.threshold}, and what is "
            "not shown to be better does not take over"
        )
    if now.decision == PROMOTE:
        return f"{told}: the lower end of its interval exceeds {config.threshold}"
    return f"{told}: the upper end of its interval does not exceed {config.threshold}"
