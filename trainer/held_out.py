"""How many held-out pairs the trained policy gets right."""

from typing import Any

from transformers import TrainerCallback


def held_out_accuracy(trainer: Any) -> tuple[float | None, int]:
    """The share of the held-out pairs whose chosen answer has the higher reward, and how many
    pairs that is of; (None, 0) where there are none.
    """
    if not trainer.eval_dataset:
        return None, 0
    batches = AccuracyOfBatches(trainer)
    trainer.add_callback(batches)
    trainer.args.dataloader_drop_last = False  # of the evaluation too: every pair counts
    trainer.evaluate()
    trainer.remove_callback(batches)
    size = trainer.args.eval_batch_size * trainer.accelerator.num_processes
    return by_rows(batches.accuracies, size, len(trainer.eval_dataset))


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

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self.accuracies: list[float] = []

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.accuracies = list(self._trainer._metrics["eval"]["rewards/accuracies"])
