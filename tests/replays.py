"""Rounds with pairs, files of preferences, and trainer configs that take them."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from builders import POLICY, begun, candidate_row, prompt_row, user

from rounds.files import write_json
from rounds.folder import policy_history, read_round_start, write_round_start
from rounds.ids import digest
from rounds.rows import Candidate, Pair
from rounds.schema import TABLES
from rounds.weights import Policy
from trainer.config import TrainerConfig

FIRST = Policy("m", None, "p0")


def pair_row(text: str, number: int = 1) -> tuple[Pair, list[Candidate]]:
    """A pair on a prompt, and its two candidates with tokens that tell the round."""
    prompt = prompt_row(text)
    sides = [candidate_row(prompt, said, place) for place, said in enumerate(("good", "bad"))]
    sides = [row | {"token_ids": [number, row["index"]]} for row in sides]
    row = dict.fromkeys(column.name for column in TABLES["pairs"])
    return row | {
        "pair_id": digest("pair", text),
        "prompt_id": prompt["prompt_id"],
        "round": number,
        "prompt": user(text),
        "chosen": [{"role": "assistant", "content": "good"}],
        "rejected": [{"role": "assistant", "content": "bad"}],
        "chosen_id": sides[0]["candidate_id"],
        "rejected_id": sides[1]["candidate_id"],
    }, sides


def round_of(run_dir: Path, number: int, pairs: int, held_out: tuple[str, ...] = ()) -> Path:
    """A round under way that kept so many pairs."""
    made = [pair_row(f"question {place} of round {number}", number) for place in range(pairs)]
    history = None
    with suppress(KeyError):  # a test may have written a manifest of less
        history = policy_history(run_dir)
    folder = begun(
        run_dir,
        number,
        prompts=[prompt_row(text, "gate") for text in held_out],
        pairs=[row for row, _ in made],
        candidates=[row for _, sides in made for row in sides],
    )
    start = {"policy": history["current"] if history else POLICY, "initial": POLICY, "seed": 0}
    write_round_start(folder, start)
    return folder


def done(
    run_dir: Path, number: int, pairs: int, promoted: bool = False, warm: str | None = None
) -> Path:
    """A finished round, of a run whose config has this warm start."""
    folder = round_of(run_dir, number, pairs)
    start = read_round_start(folder)
    trained = {**POLICY, "policy_id": f"p{number}"}
    facts = {
        "round": number,
        "decision": {"promoted": promoted, "reasons": []},
        "config": {"trainer": {"warm_start": warm}},
        **start,
        "trained": trained,
        "in_place": trained if promoted else start["policy"],
    }
    write_json(folder / "manifest.json", facts)
    return folder


def lines(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return str(path)


def prefers(prompt: str, chosen: str = "yes", rejected: str = "no") -> dict[str, Any]:
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def imported(path: Path, *prompts: str) -> str:
    return lines(path, *map(prefers, prompts))


def config(**given: Any) -> TrainerConfig:
    return TrainerConfig.model_validate(given)
