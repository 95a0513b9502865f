"""The reference's log-probabilities of all pairs, before the training: sampled, or by one pass."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object

from rounds.files import read_json, write_json
from trainer.sampled_logps import (
    SIDES,
    TOLERANCE,
    Errors,
    logit_error,
    rows_to_measure,
    why_not_sampled,
)
from trainer.spread import as_main_sees

Logps = list[list[float]]
"""Those of the chosen answers, and those of the rejected ones."""


def reference_logps(
    trainer: Any,
    reference: Any,
    dataset: Any,
    batch_size: int,
    measure: bool,
    kept: Path | None = None,
) -> tuple[Logps, dict[str, Any]]:
    """The sums of every row, and what training.json says of them.

    The rows to train on come first and decide: with `measure` the sampled sums of some are held
    against the reference's own, and where these lie further off than TOLERANCE none is used. `kept`
    is a file that holds a pass over all rows, for the next training on them.
    """
    rows = list(dataset)
    known = [number for number, row in enumerate(rows) if _known(row)]
    if measure:
        facts = _measured(trainer, reference, rows, known, batch_size)
    else:
        facts = dict(trainer.reference_facts)
    if facts["logprobs"] != "sampled":
        known = []
    taken = set(known)
    passed = [number for number in range(len(rows)) if number not in taken]
    whole = kept if not taken else None
    held: Logps | None = None
    if whole is not None:
        held = as_main_sees(trainer, lambda: read_json(whole) if whole.exists() else None)
    if held is not None:
        by_pass = held
    else:
        by_pass = one_pass(trainer, reference, [rows[number] for number in passed], batch_size)
        if whole is not None and trainer.accelerator.is_main_process:
            write_json(whole, by_pass)
    place = {number: index for index, number in enumerate(passed)}
    logps = [
        [
            float(rows[number][f"sampled_{side}_logps"])
            if number in taken
            else values[place[number]]
            for number in range(len(rows))
        ]
        for side, values in zip(SIDES, by_pass, strict=True)
    ]
    return logps, facts | {"pairs_sampled": len(known), "pairs_passed": len(passed)}


def one_pass(trainer: Any, reference: Any, rows: Sequence[Any], batch_size: int) -> Logps:
    """What the reference gives the answers of these rows. Every process does its share."""
    order = sorted(range(len(rows)), key=lambda number: _length(rows[number]))  # least padding
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    accelerator = trainer.accelerator
    mine: list[tuple[int, float, float]] = []
    for batch in batches[accelerator.process_index :: accelerator.num_processes]:
        bare = [_bare(rows[number]) for number in batch]
        inputs = {
            name: tensor.to(accelerator.device)
            for name, tensor in trainer.data_collator(bare).items()
        }
        sums = trainer.compute_ref_log_probs(reference, inputs)
        mine += zip(batch, *(tensor.float().tolist() for tensor in sums), strict=True)
    every = sorted(gather_object(mine) if accelerator.num_processes > 1 else mine)
    return [[row[side] for row in every] for side in (1, 2)]


def _measured(
    trainer: Any, reference: Any, rows: Sequence[Any], known: Sequence[int], batch_size: int
) -> dict[str, Any]:
    """Whether the sampled sums are used, and by what measure."""
    if (why := why_not_sampled(trainer.args)) is not None:
        return {"logprobs": "one pass", "why": why}
    if not known:
        return {"logprobs": "one pass", "why": "the reference sampled none of the pairs"}
    some = [rows[number] for number in rows_to_measure(known)]
    own = one_pass(trainer, reference, some, batch_size)
    errors = [
        Errors(
            row["sampled_chosen_logps"] - chosen,
            row["sampled_rejected_logps"] - rejected,
            len(row["chosen_ids"]),
            len(row["rejected_ids"]),
        )
        for row, chosen, rejected in zip(some, *own, strict=True)
    ]
    nats = [abs(error) for one in errors for error in one[:2]]
    error = logit_error(errors, trainer.beta, trainer.loss_types)
    gap = {
        "pairs": len(some),
        "nats_an_answer": sum(nats) / len(nats),
        "logit_error": error,
        "tolerance": TOLERANCE,
    }
    if not error <= TOLERANCE:  # nor where it is none
        why = f"the sampled log-probabilities are off by {error:.3g}, more than {TOLERANCE}"
        return {"logprobs": "one pass", "why": why, "gap": gap}
    return {"logprobs": "sampled", "gap": gap}


def _known(row: Any) -> bool:
    return all(row.get(f"sampled_{side}_logps") is not None for side in SIDES)


def _bare(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("prompt_ids", "chosen_ids", "rejected_ids")}


def _length(row: Any) -> int:
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
