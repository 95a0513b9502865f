"""CPO, and SimPO by `loss_type: simpo`, by TRL's CPOTrainer: no reference model. Experimental in
TRL.

Contrastive Preference Optimization, arXiv 2401.08417; SimPO, arXiv 2405.14734.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # the docs say so

from trl.experimental.cpo import CPOConfig, CPOTrainer

from trainer.methods import Method, Row, Sequences
from trainer.resuming import Resuming

REFUSED = {
    "generate_during_eval": "would generate from texts that a training on ids does not have; the "
    "gate answers the held-out prompts",
}


class TokenTrainer(Resuming, CPOTrainer):
    """CPOTrainer whose dataset holds prompt_ids, chosen_ids and rejected_ids."""

    @staticmethod
    def tokenize_row(feature: dict[str, Any], *given: Any) -> dict[str, Any]:
        """The columns of TRL's own, of ids that are there already."""
        return labelled(feature)


def labelled(pair: Row) -> dict[str, list[int]]:
    """A pair in the columns of TRL's paired collator: each side with its prompt, which -100 keeps
    out of the loss.
    """
    prompt, made = pair["prompt_ids"], {}
    for side in ("chosen", "rejected"):
        answer = pair[f"{side}_ids"]
        made[f"{side}_input_ids"] = prompt + answer
        made[f"{side}_attention_mask"] = [1] * (len(prompt) + len(answer))
        made[f"{side}_labels"] = [-100] * len(prompt) + answer
    return made | {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}


def rows(pairs: Sequence[Row], config: Any) -> list[dict[str, Any]]:
    """The ids of the pairs."""
    return [{name: pair[name] for name in IDS} for pair in pairs]


IDS = ("prompt_ids", "chosen_ids", "rejected_ids")


def sequences(batch: Mapping[str, Any]) -> Iterator[Sequences]:
    """The chosen sides, then the rejected ones."""
    for side in ("chosen", "rejected"):
        ids, mask = batch[f"{side}_input_ids"], batch[f"{side}_attention_mask"]
        yield Sequences(ids, mask, batch[f"{side}_labels"] != -100)


def accuracies(trainer: Any) -> list[float]:
    """Of each batch evaluated, how many pairs have the higher reward on the chosen side."""
    return list(trainer._stored_metrics["eval"]["eval_rewards/accuracies"])


METHOD = Method(CPOConfig, TokenTrainer, rows, sequences, False, accuracies, REFUSED)
