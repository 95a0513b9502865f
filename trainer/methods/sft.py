"""SFT on the answers that the judge found best (rejection sampling), by TRL's SFTTrainer.

Each chosen answer once, as in RAFT (arXiv 2304.06767); what was rejected teaches nothing.
"""

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from trainer.methods import Method, Row
from trainer.resuming import Resuming

CUTS = "would cut answers and put them beside others; leave it out, and each answer stays whole"
OWN = "would train on another spelling than the policy is sampled with; leave it out"
REFUSED = {
    "packing": CUTS,
    "eval_packing": CUTS,
    "eos_token": OWN,
    "chat_template_path": OWN,
    "pad_token": OWN,
    "assistant_only_loss": "is for conversations as texts; the answers alone are trained on anyhow",
    "dataset_kwargs": "is for texts; the ids that were sampled are trained on as they are",
    "shuffle_dataset": "does nothing here: the rows are drawn at random in every epoch",
}


class TokenTrainer(Resuming, SFTTrainer):
    """SFTTrainer whose dataset holds input_ids and labels."""

    def _prepare_dataset(self, dataset: Any, *given: Any) -> Dataset:
        return dataset


def rows(pairs: Sequence[Row], config: Any) -> list[dict[str, Any]]:
    """Every chosen answer once, though several pairs have it; the prompt's labels are -100 unless
    `completion_only_loss` is false.
    """
    made: dict[tuple[tuple[int, ...], int], dict[str, Any]] = {}
    for pair in pairs:
        prompt, answer = pair["prompt_ids"], pair["chosen_ids"]
        unlabelled = prompt if config.completion_only_loss is False else [-100] * len(prompt)
        row = {"input_ids": prompt + answer, "labels": unlabelled + answer}
        made.setdefault((tuple(row["input_ids"]), len(prompt)), row)
    return list(made.values())


METHOD = Method(SFTConfig, TokenTrainer, rows, False, refused=REFUSED)
