"""KTO: answers that are desirable or not, each by itself; TRL's KTOTrainer.

Kahneman-Tversky Optimization, arXiv 2402.01306.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datasets import Dataset
from trl import KTOConfig, KTOTrainer

from rounds.errors import UserError
from rounds.ids import digest
from trainer.methods import Method, Row, Sequences
from trainer.resuming import Resuming

WITHOUT_KL = "apo_zero_unpaired"
"""The one loss of TRL's that estimates no KL from other answers of the batch."""


class TokenTrainer(Resuming, KTOTrainer):
    """KTOTrainer whose dataset holds prompt_ids, completion_ids, label and KL_completion_ids."""

    def _prepare_dataset(self, dataset: Any, *given: Any) -> Dataset:
        return dataset


def rows(taught: Sequence[Row], config: Any) -> list[dict[str, Any]]:
    """The chosen answers as desirable and the rejected as not; single answers as they are labelled.

    TRL goes through them in this order in every epoch, so it is one by hash. Against the KL an
    answer of the same batch is held, the one before it, as TRL's own preparation does; a last batch
    of one takes the one of the batch before.
    """
    answers = [answer for row in taught for answer in _answers(row)]
    answers.sort(key=lambda answer: digest("kto", config.seed, answer["name"], answer["label"]))
    size = config.per_device_train_batch_size
    made = []
    for place, answer in enumerate(answers):
        first = place - place % size
        last = min(first + size, len(answers)) - 1
        before = last if place == first and last > first else max(place - 1, 0)
        made.append(
            {
                "prompt_ids": answer["prompt_ids"],
                "completion_ids": answer["completion_ids"],
                "label": answer["label"],
                "KL_completion_ids": answers[before]["completion_ids"],
            }
        )
    if config.loss_type == WITHOUT_KL:
        for row in made:
            del row["KL_completion_ids"]
    return made


def _answers(row: Row) -> Iterator[dict[str, Any]]:
    sides = {"chosen_ids": True, "rejected_ids": False}
    if "label" in row:  # a single answer, which stands on both sides
        sides = {"chosen_ids": row["label"]}
    for side, label in sides.items():
        yield {
            "prompt_ids": row["prompt_ids"],
            "completion_ids": row[side],
            "label": label,
            "name": row["pair_id"],
        }


def sequences(batch: Mapping[str, Any]) -> Iterator[Sequences]:
    """Every answer once."""
    yield Sequences(batch["input_ids"], batch["attention_mask"], batch["completion_mask"])


def check(config: Any) -> None:
    """What TRL refuses only once it has the data."""
    if config.loss_type == WITHOUT_KL:
        return
    if config.per_device_train_batch_size < 2:
        raise UserError(
            "trainer.args.per_device_train_batch_size: KTO estimates the KL from the other answers "
            "of a batch, so it takes two at least"
        )
    if config.train_sampling_strategy != "sequential":
        raise UserError(
            "trainer.args.train_sampling_strategy: KTO estimates the KL from neighbours in a fixed "
            "order; leave it out (sequential)"
        )


METHOD = Method(KTOConfig, TokenTrainer, rows, sequences, True, check=check)
