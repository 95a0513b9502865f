"""Whether a round has anything to train on."""

from pathlib import Path

from texts.leaks import LeakLimits
from trainer.answers import judged_answers
from trainer.config import TrainerConfig
from trainer.hosted_estimate import least_pairs

LEAST_ANSWERS = 2
"""Single answers: against the KL of one KTO holds another of its batch."""


def nothing_to_train(config: TrainerConfig | None, kept: int, answers: int) -> str | None:
    """Why a round of so many pairs, and so many single answers that the screen scored beyond a line
    of `trainer.kto`, trains nothing; None where it does.
    """
    if config is None:
        return "trainer is null"
    least = least_pairs(config)
    if kept >= least:
        return None
    if kept:
        return f"{kept} pairs were kept, and a fine-tuning job takes {least} at least"
    if config.kto is None:
        return "no pair was kept"
    if answers >= LEAST_ANSWERS:
        return None
    return (
        f"no pair was kept, and {answers} answers scored beyond a line of trainer.kto, of which it "
        f"takes {LEAST_ANSWERS} at least"
    )


def nothing_to_train_in(
    folder: Path, config: TrainerConfig | None, kept: int, limits: LeakLimits
) -> str | None:
    """The same of a round's folder, which is read only where the pairs do not suffice."""
    answers = 0
    if not kept and config is not None and config.kto is not None:
        answers = len(judged_answers(folder, config.kto, limits).labels)
    return nothing_to_train(config, kept, answers)
