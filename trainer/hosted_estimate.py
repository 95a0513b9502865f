"""What a training elsewhere takes, by numbers alone: before anything is sent, and for a plan."""

from typing import Any

from rounds.errors import UserError
from trainer.config import TrainerConfig
from trainer.hosted_config import LEAST_PAIRS, OpenAITuning

BYTES_A_TOKEN = 3
"""Of text, as `endpoints.usage` estimates: on the high side for what is paid."""
EPOCHS = 3
"""Of a job whose n_epochs is left to the endpoint, for estimates."""


def estimated_tokens(config: TrainerConfig, dpo: float, supervised: float, first: bool) -> int:
    """Tokens that the jobs of a round train on, from those of one epoch of each."""
    tuning = config.openai or OpenAITuning()

    def epochs(args: dict[str, Any]) -> int:
        given = args.get("n_epochs")
        return given if isinstance(given, int) else EPOCHS

    total = dpo * epochs(config.args)
    return round(total + (supervised * epochs(tuning.supervised_args) if first else 0))


def least_pairs(config: TrainerConfig) -> int:
    """Of so many pairs a round trains its policy."""
    return LEAST_PAIRS if config.method == "openai" else 1


def check_hosted(config: TrainerConfig, most_pairs: int) -> None:
    """Raise UserError where no round can have as many pairs as a job takes."""
    if most_pairs < least_pairs(config):
        raise UserError(
            f"trainer.method: openai: a fine-tuning job takes {LEAST_PAIRS} pairs at least, and a "
            f"round makes {most_pairs} at most; raise prompts.per_round (pairs.max_pairs)"
        )
