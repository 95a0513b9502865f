"""Arguments of TRL that need so many rows: judged by numbers alone, before anything is spent and
again when the rows are there.
"""

from typing import Any

from rounds.errors import UserError

BATCH = 8
"""TRL's own per_device_train_batch_size."""


def check_row_counts(
    args: dict[str, Any], share: float, own: int, rows: float, processes: int
) -> None:
    """Raise UserError for an argument that needs more rows than any round can have.

    `own` is the most pairs that a round can make, `share` of which are held out, `rows` the most
    that it can train on.
    """
    wants = [name for name in ("eval_strategy", "load_best_model_at_end") if _wants(args, name)]
    if wants and not int(own * share):
        raise UserError(
            f"trainer.args.{wants[0]}: needs held-out pairs, and trainer.held_out_pairs: {share:g} "
            f"of at most {own} pairs a round is none; raise it, or leave {wants[0]} out"
        )
    if args.get("dataloader_drop_last") and rows < (batch := batch_size(args) * processes):
        raise UserError(
            f"trainer.args.dataloader_drop_last: a batch has {batch} pairs "
            f"(per_device_train_batch_size), a round {rows:.0f} at most, so nothing would be left "
            "to train on; lower the batch, or leave dataloader_drop_last out"
        )


def fitted(
    args: dict[str, Any], train: int, held_out: int, processes: int
) -> tuple[dict[str, Any], list[str]]:
    """The arguments as so many rows allow, and a sentence about each that had to change.

    A round can turn out small; its labels are paid, so it is trained on all the same.
    """
    fitting, changed = dict(args), []
    if not held_out and (_wants(args, "eval_strategy") or _wants(args, "load_best_model_at_end")):
        fitting |= {"eval_strategy": "no", "load_best_model_at_end": False}
        changed.append("no evaluation while training: the round has no held-out pairs")
    if args.get("dataloader_drop_last") and train < (batch := batch_size(args) * processes):
        fitting["dataloader_drop_last"] = False
        changed.append(f"the last batch was kept: {train} pairs are fewer than one of {batch}")
    return fitting, changed


def _wants(args: dict[str, Any], name: str) -> bool:
    return args.get(name) not in (None, False, "no")


def batch_size(args: dict[str, Any]) -> int:
    """Pairs that one process has in a batch."""
    return int(args.get("per_device_train_batch_size") or BATCH)
