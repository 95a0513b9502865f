"""A finished round with given pairs, to be exported."""

from pathlib import Path
from typing import Any

from builders import REFUSED, begun, stamped, user

from rounds.finish import finish_round
from rounds.ids import prompt_id
from rounds.rows import Pair
from rounds.schema import TABLES


def pair_row(prompt: list[dict[str, str]], chosen: str, rejected: str, **given: object) -> Pair:
    """A kept pair; its id is what `given` says, or follows from the texts."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in TABLES["pairs"])
    return row | {
        "pair_id": f"{abs(hash((chosen, rejected))):x}",
        "prompt_id": prompt_id(prompt),
        "round": 1,
        "prompt": prompt,
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "chosen_id": "c",
        "rejected_id": "r",
        "candidate_ids": ["c", "r"],
        "policy_id": "p0",
        "judge_id": "desk/m",
        "verdict_ids": ["v"],
        "chosen_source": "current",
        "rejected_source": "hot",
        **given,
    }


def round_of(run_dir: Path, pairs: list[Pair], number: int = 1) -> Path:
    """A finished round with these pairs and nothing else."""
    tables: dict[str, list[Any]] = dict.fromkeys(TABLES, [])
    folder = begun(run_dir, number, **tables | {"pairs": pairs})
    (run_dir / "run.yaml").write_text("name: demo\n")
    stamped(folder)
    finish_round(folder, "name: demo\n", None, REFUSED)
    return folder


def some_pairs(count: int, number: int = 1) -> list[Pair]:
    """Plain pairs, each with a prompt of its own."""
    return [
        pair_row(user(f"Q{number}.{i}?"), f"good {i}", f"bad {i}", round=number, pair_id=f"{i}")
        for i in range(count)
    ]
