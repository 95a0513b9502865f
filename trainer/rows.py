"""The rows that TRL is given: the round's pairs and what is trained on beside them."""

from pathlib import Path

from preferences.conversational import fault
from rounds.errors import UserError
from rounds.folder import round_dir as folder_of
from rounds.folder import run_of
from rounds.ids import digest
from rounds.rows import CANDIDATES
from rounds.tables import Row, iter_rows, table_path


def training_rows(round_dir: Path) -> list[Row]:
    """The pairs to train on, with the tokens that were sampled where a policy of the run sampled.

    Raises UserError naming a bad row.
    """
    pairs = []
    for table in ("pairs", "extra"):
        for number, pair in enumerate(iter_rows(round_dir, table), start=1):
            if wrong := fault(pair):
                raise UserError(
                    f"{table_path(round_dir, table)}, row {number} ({pair['pair_id']}): {wrong}"
                )
            pairs.append(pair | {"extra": table == "extra"})
    tokens = sampled_tokens(round_dir, pairs)
    return [
        {
            "prompt": pair["prompt"],
            "chosen": pair["chosen"],
            "rejected": pair["rejected"],
            "chosen_token_ids": tokens.get(pair["chosen_id"]),
            "rejected_token_ids": tokens.get(pair["rejected_id"]),
            "prompt_id": pair["prompt_id"],
            "pair_id": pair["pair_id"],
            "extra": pair["extra"],
        }
        for pair in pairs
    ]


def sampled_tokens(round_dir: Path, pairs: list[Row]) -> dict[str, list[int]]:
    """The token ids of the pairs' answers by candidate, each from the round that sampled it."""
    wanted = {pair[f"{side}_id"] for pair in pairs for side in ("chosen", "rejected")} - {None}
    run_dir = run_of(round_dir)
    folders = [folder_of(run_dir, number) for number in {row["round"] for row in pairs} - {None}]
    return {
        row["candidate_id"]: row["token_ids"]
        for folder in folders
        for row in iter_rows(folder, CANDIDATES, ["train"], ["candidate_id", "token_ids"])
        if row["candidate_id"] in wanted
    }


def split(rows: list[Row], share: float) -> tuple[list[Row], list[Row]]:
    """Training rows and the held-out share of the round's own, chosen by the prompt's hash.

    Nothing is trained on whose prompt is held out. Raises UserError where that leaves nothing.
    """
    own = [row for row in rows if not row["extra"]]
    order = sorted(own, key=lambda row: digest("held-out pair", row["prompt_id"]))
    held = {row["prompt_id"] for row in order[: int(len(own) * share)]}
    train = [row for row in rows if row["prompt_id"] not in held]
    if not train:
        raise UserError(
            f"trainer.held_out_pairs: {share:g} of {len(own)} pairs leaves none to train on"
        )
    return train, [row for row in own if row["prompt_id"] in held]
