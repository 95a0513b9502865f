"""Rows of a batch that count more or less than others, in TRL's DPOTrainer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

COLUMN = "weight"
"""A column of the rows to train on; without it they count alike."""


class Weighting:
    """What DPOTrainer has beside TRL's own: the loss of every row counts by the row's weight.

    A weight scales the gradient that comes back to the row's log-probabilities, which is the
    gradient of the weighted loss wherever a row's loss is a function of that row. The loss that is
    logged stays the mean over rows, so that trainings with and without weights can be compared;
    held-out rows have no weight.
    """

    def __init__(self: Any, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)  # type: ignore[misc]
        self.data_collator = WithWeights(self.data_collator)

    def _set_signature_columns_if_needed(self: Any) -> None:
        super()._set_signature_columns_if_needed()  # type: ignore[misc]
        if COLUMN not in self._signature_columns:
            self._signature_columns = [*self._signature_columns, COLUMN]

    def _compute_loss(self: Any, model: Any, inputs: Any, return_outputs: bool) -> Any:
        inputs = dict(inputs)
        weights = inputs.pop(COLUMN, None)
        if weights is None or not torch.is_grad_enabled():
            return super()._compute_loss(model, inputs, return_outputs)  # type: ignore[misc]
        rows = torch.cat([weights, weights])[:, None]  # chosen sides, then rejected ones

        def weighing(**given: Any) -> Any:
            outputs = model(**given)
            outputs.log_probs.register_hook(lambda gradient: gradient * rows)
            return outputs

        return super()._compute_loss(weighing, inputs, return_outputs)  # type: ignore[misc]


class WithWeights:
    """TRL's collator, and the weights beside what it makes."""

    def __init__(self, collator: Callable[[list[Any]], dict[str, Any]]) -> None:
        self._collator = collator

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        batch = self._collator(list(rows))
        if COLUMN in rows[0]:
            batch[COLUMN] = torch.tensor([row[COLUMN] for row in rows], dtype=torch.float32)
        return batch
