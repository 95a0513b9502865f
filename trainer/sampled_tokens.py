"""TRL's DPOTrainer, trained on the tokens that were sampled.

TRL tokenises the text again. A tokenizer may cut the same text differently from how the policy
wrote it, and a chat template may add tokens after the end of turn that were never sampled; both
train the policy on sequences it did not produce.
"""

from typing import Any

from datasets import Dataset
from trl import DPOTrainer

from trainer.arguments import prompt_limit
from trainer.rows import TrainingRow


class SampledTokensTrainer(DPOTrainer):
    """DPOTrainer whose prepared dataset holds the sampled token ids, where they are known."""

    def _prepare_dataset(self, dataset: Any, tokenizing: Any, args: Any, name: str) -> Dataset:
        prepared = super()._prepare_dataset(dataset, tokenizing, args, name)
        tokenizer = self._tokenizer

        def with_sampled(row: TrainingRow) -> dict[str, list[int]]:
            """Columns that replace TRL's own: prompt_ids, chosen_ids, rejected_ids."""
            chosen, rejected = row["chosen_token_ids"], row["rejected_token_ids"]
            if chosen is None or rejected is None:
                return {}
            return {
                "prompt_ids": tokenizer.apply_chat_template(
                    row["prompt"], add_generation_prompt=True, return_dict=False
                ),
                "chosen_ids": ended(chosen, tokenizer.eos_token_id),
                "rejected_ids": ended(rejected, tokenizer.eos_token_id),
            }

        sampled = prepared.map(with_sampled, desc="Taking the sampled tokens")
        # as TRL does with its own tokens, which may be fewer
        limit = prompt_limit(args)
        return sampled.filter(lambda row: len(row["prompt_ids"]) < limit)


def ended(token_ids: list[int], end_of_turn: int) -> list[int]:
    """Sampled ids with the end of turn: vLLM leaves it out when a stop string ended the answer."""
    return token_ids if token_ids[-1:] == [end_of_turn] else [*token_ids, end_of_turn]
