"""The `trainer` section: pairs to the next policy, by TRL's DPOTrainer."""

from typing import Any, Literal

from pydantic import Field, model_validator

from rounds.section import Section

FROM_GOLD = "from_gold"
"""Value of `args.label_smoothing` that takes the judge's error rate on its gold set."""


class TrainerConfig(Section):
    """DPO, with TRL's own argument names."""

    reference: Literal["previous", "initial"] = "previous"
    """The reference model: the policy that wrote the answers (larger gains, wants the gate), or
    the run's first policy (a leash that never moves; RLHF Workflow, arXiv 2405.07863)."""
    args: dict[str, Any] = Field(default_factory=dict)
    """trl.DPOConfig arguments by name; without a GPU, use_cpu and bf16 are set to fit. For
    `loss_type: robust`, `label_smoothing: from_gold` is the judge's error rate on its gold set."""
    lora: dict[str, Any] | None = None
    """peft.LoraConfig arguments by name; null trains all weights."""
    accelerate: dict[str, Any] | None = None
    """`accelerate launch` arguments by name, for several GPUs; null is one plain process."""
    held_out_pairs: float = Field(0.05, ge=0, lt=1)
    """Share of the pairs kept from training to measure preference accuracy."""

    @model_validator(mode="after")
    def _ours(self) -> "TrainerConfig":
        if "output_dir" in self.args:
            raise ValueError("args.output_dir is set by prefloop: the round's folder")
        return self
