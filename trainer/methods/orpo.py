"""ORPO by TRL's ORPOTrainer: SFT and preferences in one loss, no reference model. Experimental in
TRL.

Odds Ratio Preference Optimization, arXiv 2403.07691.
"""

import os
from typing import Any

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # the docs say so

from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from trainer.methods import Method
from trainer.methods.cpo import REFUSED, accuracies, labelled, rows, sequences
from trainer.resuming import Resuming


class TokenTrainer(Resuming, ORPOTrainer):
    """ORPOTrainer whose dataset holds prompt_ids, chosen_ids and rejected_ids."""

    @staticmethod
    def tokenize_row(feature: dict[str, Any], *given: Any) -> dict[str, Any]:
        """The columns of TRL's own, of ids that are there already."""
        return labelled(feature)


METHOD = Method(ORPOConfig, TokenTrainer, rows, sequences, False, accuracies, REFUSED)
