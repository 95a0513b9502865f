"""DPO and its kin: every `loss_type` of TRL's DPOTrainer, and mixes of them with `loss_weights`.

Direct Preference Optimization, arXiv 2305.18290.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from trainer.methods import Method, Row, Sequences
from trainer.resuming import Resuming


class TokenTrainer(Resuming, DPOTrainer):
    """DPOTrainer whose dataset holds prompt_ids, chosen_ids and rejected_ids."""

    def _prepare_dataset(self, dataset: Any, *given: Any) -> Dataset:
        return dataset


def rows(pairs: Sequence[Row], config: Any) -> list[dict[str, Any]]:
    """The pairs as they are."""
    return [dict(pair) for pair in pairs]


def sequences(batch: Mapping[str, Any]) -> Iterator[Sequences]:
    """Both sides of every pair."""
    yield Sequences(batch["input_ids"], batch["attention_mask"], batch["completion_mask"])


def accuracies(trainer: Any) -> list[float]:
    """Of each batch evaluated, how many pairs have the higher reward on the chosen side."""
    return list(trainer._metrics["eval"]["rewards/accuracies"])


METHOD = Method(DPOConfig, TokenTrainer, rows, sequences, True, accuracies)
