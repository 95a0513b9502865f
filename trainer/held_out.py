"""What the trainer says of the held-out rows, and how many pairs the trained policy gets right."""

from typing import Any

from transformers import TrainerCallback

from trainer.methods import Method

FIGURES = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins")
"""What is kept of TRL's evaluation, where the method has it."""


def held_out_figures(trainer: Any, method: Method) -> dict[str, Any]:
    """`held_out`: the loss and the rewards that TRL's evaluation gives, None without held-out rows;
    `held_out_accuracy`, where the method has rewards by pair: the share of the pairs whose chosen
    answer has the higher one; `held_out_n`: how many rows that is of.
    """
    of_pairs = {} if method.accuracies is None else {"held_out_accuracy": None}
    if not trainer.eval_dataset:
        return {"held_out": None, "held_out_n": 0, **of_pairs}
    batches = AccuracyOfBatches(trainer, method)
    trainer.add_callback(batches)
    trainer.args.dataloader_drop_last = False  # of the evaluation too: every pair counts
    said = trainer.evaluate()
    trainer.remove_callback(batches)
    figures = {name: said[f"eval_{name}"] for name in FIGURES if f"eval_{name}" in said}
    n = len(trainer.eval_dataset)
    if method.accuracies is None:
        return {"held_out": figures, "held_out_n": n}
    size = trainer.args.eval_batch_size * trainer.accelerator.num_processes
    accuracy, n = by_rows(batches.accuracies, size, n)
    return {"held_out": figures, "held_out_accuracy": accuracy, "held_out_n": n}


def by_rows(accuracies: list[float], size: int, rows: int) -> tuple[float | None, int]:
    """The mean of batches of `size` rows over rows, the last batch having what is left of `rows`;
    and how many rows that is. TRL's own mean gives a last batch of one the weight of a whole one.
    """
    counts = [min(size, rows - size * number) for number in range(len(accuracies))]
    counted = sum(counts)
    if not counted:
        return None, 0
    right = sum(accuracy * count for accuracy, count in zip(accuracies, counts, strict=True))
    return right / counted, counted


class AccuracyOfBatches(TrainerCallback):
    """The accuracy of each batch of an evaluation; TRL forgets them once it has averaged them."""

    def __init__(self, trainer: Any, method: Method) -> None:
        self._trainer, self._method = trainer, method
        self.accuracies: list[float] = []

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._method.accuracies is not None:
            self.accuracies = self._method.accuracies(self._trainer)
