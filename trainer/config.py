"""The `trainer` section: pairs to the next policy, by TRL."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from preferences.config import Data
from rounds.settings import Section
from trainer.hosted_config import DPO, OpenAITuning, check_hyperparameters
from trainer.presets import with_preset

ROUNDS = "rounds"
"""Value of `replay.data` that stands for the pairs of the earlier rounds."""
FROM_GOLD = "from_gold"
"""Value of `args.label_smoothing` that takes the judge's error rate on its gold set."""


class Replay(Section):
    """Pairs trained on once more, or that another made, beside the round's own."""

    share: float = Field(gt=0, lt=1)
    """Share of the pairs trained on that are replayed; fewer where there are not so many."""
    data: list[Data] = Field([Data(data=ROUNDS)], min_length=1)
    """`rounds` for the pairs of the earlier rounds, preference data of any known shape, or a list;
    several take turns. Which ones is by hash, and others in each round."""

    @field_validator("data", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    @model_validator(mode="after")
    def _rounds_alone(self) -> "Replay":
        for source in self.data:
            if source.data == ROUNDS and source != Data(data=ROUNDS):
                raise ValueError(f"data: {ROUNDS} takes no other key")
        return self


NEWER = {"method", "preset", "kto", "openai"}
"""Keys that runs of before have not: at their defaults they change no key of a stage."""


class ScoreLines(Section):
    """Which single answers KTO learns from, by the score of the judge's screen."""

    above: float
    """Answers of this score or more are desirable."""
    below: float
    """Answers of this score or less are not; those between are not trained on."""

    @model_validator(mode="after")
    def _apart(self) -> "ScoreLines":
        if self.above <= self.below:
            raise ValueError(f"above: {self.above:g} must exceed below: {self.below:g}")
        return self

    def label(self, score: float) -> bool | None:
        """Whether an answer of this score is desirable; None between the lines."""
        return True if score >= self.above else False if score <= self.below else None


class TrainerConfig(Section):
    """Training on preferences, with TRL's own argument names."""

    method: Literal["dpo", "kto", "orpo", "cpo", "sft", "openai"] = "dpo"
    """How the policy learns from the pairs, each by TRL: `dpo` with every loss_type; `kto`, chosen
    answers desirable and rejected ones not; `orpo` and `cpo` (SimPO by `loss_type: simpo`), without
    a reference model and experimental in TRL; `sft` on the chosen answers (rejection sampling).
    `openai` trains a policy at an endpoint there, by OpenAI's fine-tuning jobs."""
    preset: Literal["iterative", "olmo", "smol", "simpo"] | None = None
    """A published recipe by name: it sets the method and some of `args`, and what you set yourself
    stays. `iterative`, `olmo` and `smol` are DPO, `simpo` is CPO; each run prints the values."""
    kto: ScoreLines | None = None
    """For `method: kto`: single answers by their score, such as `{above: 7, below: 3}`, in the
    place of the round's pairs; null takes the pairs, chosen desirable and rejected not."""
    reference: Literal["previous", "initial"] = "previous"
    """The reference model: the policy that wrote the answers (larger gains, wants the gate), or
    the run's first policy (a leash that never moves; RLHF Workflow, arXiv 2405.07863)."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the method's TRL config (DPOConfig, KTOConfig, ...) by name; without a GPU,
    use_cpu and bf16 are set to fit. For `loss_type: robust`, `label_smoothing: from_gold` is the
    judge's error rate on its gold set."""
    lora: dict[str, Any] | None = None
    """peft.LoraConfig arguments by name; null trains all weights."""
    accelerate: dict[str, Any] | None = None
    """`accelerate launch` arguments by name, for several GPUs; null is one plain process."""
    trial: bool = True
    """Whether the training is tried in small before the judge is asked, once for each config."""
    held_out_pairs: float = Field(0.05, ge=0, lt=1)
    """Share of the round's pairs kept from training to measure preference accuracy."""
    warm_start: Data | None = None
    """Preferences that a round is trained on beside its pairs, until a policy trained with them is
    in place."""
    replay: Replay | None = None
    """What every round is trained on beside its pairs."""
    openai: OpenAITuning | None = None
    """How `method: openai` trains; its `args` are n_epochs, beta, batch_size and
    learning_rate_multiplier."""

    @model_validator(mode="after")
    def _trained_there(self) -> "TrainerConfig":
        if self.method != "openai":
            if self.openai is not None:
                raise ValueError("openai: goes with method: openai")
            return self
        for name, why in (
            ("lora", "the endpoint decides what it trains"),
            ("accelerate", "the endpoint trains on machines of its own"),
        ):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}: is not for method: openai; {why}")
        if self.reference != "previous":
            raise ValueError(
                f"reference: {self.reference} is not for method: openai, whose reference model is "
                "the policy that the job begins from; leave it out"
            )
        check_hyperparameters("args", self.args, DPO)
        return self

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, section: Any) -> Any:
        return with_preset(section)

    @model_validator(mode="after")
    def _no_output_dir(self) -> "TrainerConfig":
        if "output_dir" in self.args:
            raise ValueError("args.output_dir is set by prefloop: the round's folder")
        return self

    @model_validator(mode="after")
    def _of_method(self) -> "TrainerConfig":
        if self.kto is not None and self.method != "kto":
            raise ValueError(f"kto: is for method: kto (it is {self.method})")
        return self

    @property
    def compares(self) -> bool:
        """Whether the training compares with a reference model."""
        return self.method in ("dpo", "kto")

    def keyed(self, leave_out: set[str]) -> dict[str, Any]:
        """The section without these keys, and without newer ones that are at their defaults."""
        fields = type(self).model_fields
        default = {name for name in NEWER if getattr(self, name) == fields[name].default}
        return self.model_dump(exclude=leave_out | default)

    @property
    def imported(self) -> list[tuple[str, Data]]:
        """The preference data to be read, each with the key that names it."""
        named = [("trainer.warm_start", self.warm_start)] if self.warm_start else []
        replayed = self.replay.data if self.replay else []
        return named + [
            ("trainer.replay.data", source) for source in replayed if source.data != ROUNDS
        ]
