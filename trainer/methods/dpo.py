"""DPO and its kin: every `loss_type` of TRL's DPOTrainer, and mixes of them with `loss_weights`.

Direct Preference Optimization, arXiv 2305.18290.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from rounds.errors import UserError
from trainer.methods import Method, Row
from trainer.reference_logps import reference_logps
from trainer.resuming import Resuming
from trainer.sampled_logps import SIDES
from trainer.spread import asks_to_shard
from trainer.weighting import Weighting

SMOOTHED = {"robust", "exo_pair", "aot", "aot_unpaired"}
"""The losses of TRL's DPOTrainer that read `label_smoothing`."""


class TokenTrainer(Weighting, Resuming, DPOTrainer):
    """DPOTrainer whose dataset holds prompt_ids, chosen_ids and rejected_ids.

    With `precompute_ref_log_probs` it takes sampled_chosen_logps and sampled_rejected_logps for the
    reference's, where they are known and near enough, and the others in one pass before the
    training: then no second model is kept. Where none is known, `kept` is a folder in which
    trainings on the same rows share that pass.
    """

    def __init__(self, *given: Any, kept: Path | None = None, **named: Any) -> None:
        self.reference_facts: dict[str, Any] = {"logprobs": "each step"}
        self._kept, distinct = kept, named.get("ref_model") is not None
        super().__init__(*given, **named)
        self.reference_let_go = distinct and self.precompute_ref_logps
        if self.reference_let_go:
            self.ref_model = None
            self.accelerator.free_memory()

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        reference = (self.ref_model or self.model).eval()
        kept = self._kept / f"{name}-logps.json" if self._kept else None
        logps, facts = reference_logps(self, reference, dataset, batch_size, name == "train", kept)
        if name == "train":
            self.reference_facts = facts
        for side, values in zip(SIDES, logps, strict=True):
            dataset = dataset.add_column(f"ref_{side}_logps", values)
        return dataset

    def _prepare_dataset(self, dataset: Any, *given: Any) -> Dataset:
        return dataset


def rows(pairs: Sequence[Row], config: Any) -> list[dict[str, Any]]:
    """The pairs as they are."""
    return [dict(pair) for pair in pairs]


def accuracies(trainer: Any) -> list[float]:
    """Of each batch evaluated, how many pairs have the higher reward on the chosen side."""
    return list(trainer._metrics["eval"]["rewards/accuracies"])


def precomputes(config: Any) -> bool:
    """Not where the reference moves along, nor where the weights are spread over processes."""
    return not (config.sync_ref_model or asks_to_shard(config))


def check(config: Any) -> None:
    """That the label smoothing, where there is one, is read by a loss."""
    losses = config.loss_type if isinstance(config.loss_type, list) else [config.loss_type]
    if config.label_smoothing and not SMOOTHED.intersection(losses):
        raise UserError(
            f"trainer.args.label_smoothing: loss_type {', '.join(losses)} does not read it; it is "
            f"for {', '.join(sorted(SMOOTHED))} (robust: the share of pairs the wrong way round)"
        )


METHOD = Method(
    DPOConfig, TokenTrainer, rows, True, accuracies, check=check, precomputes=precomputes
)
