"""The `trainer` section: pairs to the next policy, by TRL."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from endpoints.ray_config import RayConfig
from preferences.config import Data
from rounds.settings import SHIPPED, Section, as_begun
from trainer.hosted_config import DPO, OpenAITuning, check_hyperparameters
from trainer.presets import with_preset
from trainer.taught_config import ROUNDS, Replay, ScoreLines, Weights
from trainer.variants import settings_of

FROM_GOLD = "from_gold"
"""Value of `args.label_smoothing` that takes the judge's error rate on its gold set."""
REFERENCES = ("previous", "initial", "average")
"""Reference models by name; any other is a policy by its folder or hub id."""


MIXING = ("aot", "aot_unpaired")
"""Losses of TRL's DPOTrainer that sort the rows of a batch against each other."""

RATED = ("dpo", "cpo", "orpo")
"""Methods with rewards by pair, and so a preference accuracy on held-out pairs."""

OF_DATA = ("max_length", "model_init_kwargs")
"""Arguments by which the rows that are trained on differ."""

NEWER = {"method", "preset", "kto", "weights", "sweep", "openai", "ray"}
"""Keys that runs of before have not: at their defaults they change no key of a stage."""
NEWER_BELOW = ("replay.last",)
"""The same of keys further down, whose default is null."""


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
    reference: str = "previous"
    """The reference model: `previous`, the policy that wrote the answers (larger gains, wants the
    gate); `initial`, the run's first policy (a leash that never moves; RLHF Workflow, arXiv
    2405.07863); `average`, the mean of the weights of the policy in place and of those that it came
    from (a leash that moves slowly; WARP, arXiv 2406.16768); or a policy by its folder or hub id,
    with the tokens of the one that is trained."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the method's TRL config (DPOConfig, KTOConfig, ...) by name; without a GPU,
    use_cpu and bf16 are set to fit. For `loss_type: robust`, `label_smoothing: from_gold` is the
    judge's error rate on its gold set."""
    lora: dict[str, Any] | None = None
    """peft.LoraConfig arguments by name; null trains all weights."""
    accelerate: dict[str, Any] | None = None
    """`accelerate launch` arguments by name, for several GPUs of one machine (its own names for
    FSDP and DeepSpeed among them); null is one plain process."""
    ray: RayConfig | None = None
    """The same training over hosts, by Ray Train on a cluster that is there: a worker a rank."""
    trial: bool = True
    """Whether the training is tried in small before the judge is asked, once for each config."""
    held_out_pairs: float = Field(0.05, ge=0, lt=1)
    """Share of the round's pairs kept from training to measure preference accuracy."""
    warm_start: Data | None = None
    """Preferences that a round is trained on beside its pairs, until a policy trained with them is
    in place."""
    replay: Replay | None = None
    """What every round is trained on beside its pairs."""
    weights: Weights | None = None
    """How much each pair teaches; null lets all count alike. For method dpo."""
    sweep: dict[str, list[Any]] | list[dict[str, Any]] | None = None
    """Variants of `args` that a round trains on the same pairs: lists by argument, all combinations
    of them, or a list of settings. The one that is right most often on the held-out pairs goes to
    the gate; of those within one standard error of it the first that is listed."""
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
            ("ray", "the endpoint trains on machines of its own"),
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

    @model_validator(mode="after")
    def _one_launcher(self) -> "TrainerConfig":
        if self.ray is not None and self.accelerate is not None:
            raise ValueError(
                "ray: starts the training's processes itself, over hosts, and accelerate on one; "
                "leave one of them out"
            )
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

    @field_validator("reference")
    @classmethod
    def _named_reference(cls, reference: str) -> str:
        if reference in REFERENCES or "/" in reference or reference.startswith(SHIPPED):
            return reference
        raise ValueError(
            f"expected {', '.join(REFERENCES)}, or a policy by its folder (./NAME) or hub id "
            "(OWNER/NAME)"
        )

    @field_validator("sweep", mode="before")
    @classmethod
    def _lists_or_settings(cls, sweep: Any) -> Any:
        lists = isinstance(sweep, dict) and all(isinstance(one, list) for one in sweep.values())
        settings = isinstance(sweep, list) and all(isinstance(one, dict) for one in sweep)
        if sweep is not None and not lists and not settings:
            raise ValueError(
                "takes lists of values by argument, {beta: [0.1, 0.5]}, or a list of settings, "
                "[{beta: 0.1}, {beta: 0.5, loss_type: ipo}]"
            )
        return sweep

    @model_validator(mode="after")
    def _rows_can_be_weighed(self) -> "TrainerConfig":
        if self.weights is None:
            return self
        if self.method != "dpo":
            raise ValueError(f"weights: are for method dpo (it is {self.method})")
        if self.weights.sources.get("pairs") == 0 and not self.taught_beside:
            raise ValueError(
                "weights: sources.pairs: 0 leaves a round nothing that teaches where it has no "
                "other pairs; give it a replay of data, or a warm_start and a replay"
            )
        given = [variant.get("loss_type") or [] for variant in self.variants]
        losses = {name for one in given for name in ([one] if isinstance(one, str) else one)}
        if mixing := [name for name in MIXING if name in losses]:
            raise ValueError(
                f"weights: loss_type {mixing[0]} sorts the pairs of a batch, so that a weight "
                "would fall on another pair; leave out one of the two"
            )
        return self

    @model_validator(mode="after")
    def _variants_can_be_told_apart(self) -> "TrainerConfig":
        if self.sweep is None:
            return self
        settings, variants = settings_of(self.sweep), self.variants
        if len(variants) < 2 or any(one in variants[:place] for place, one in enumerate(variants)):
            raise ValueError("sweep: needs two variants at least, and none of them twice with args")
        for name in ("output_dir", *OF_DATA):
            if any(name in one for one in settings):
                why = "is set by prefloop" if name == "output_dir" else "changes what is trained on"
                raise ValueError(f"sweep: {name} {why}; the variants have the same pairs")
        if self.method not in RATED:
            raise ValueError(
                f"sweep: {self.method} has no preference accuracy to choose by; it is for "
                f"{', '.join(RATED)}"
            )
        if not self.held_out_pairs:
            raise ValueError(
                "sweep: the variants are told apart on held-out pairs, and held_out_pairs is 0"
            )
        return self

    @model_validator(mode="after")
    def _of_method(self) -> "TrainerConfig":
        if self.kto is not None and self.method != "kto":
            raise ValueError(f"kto: is for method: kto (it is {self.method})")
        return self

    @property
    def variants(self) -> list[dict[str, Any]]:
        """The arguments of every training of a round: one, or those of the sweep in their order."""
        if self.sweep is None:
            return [self.args]
        return [{**self.args, **one} for one in settings_of(self.sweep)]

    @property
    def taught_beside(self) -> bool:
        """Whether every round is trained on pairs that it did not make, and that teach."""
        factors = self.weights.sources if self.weights else {}
        replay = self.replay if factors.get("replay", 1.0) else None
        data = replay is not None and any(source.data != ROUNDS for source in replay.data)
        warm = self.warm_start is not None and factors.get("warm_start", 1.0) > 0
        return data or (warm and replay is not None)

    @property
    def smooths_from_gold(self) -> bool:
        """Whether a variant smooths labels by the judge's error rate on its gold set."""
        return any(args.get("label_smoothing") == FROM_GOLD for args in self.variants)

    @property
    def compares(self) -> bool:
        """Whether the training compares with a reference model."""
        return self.method in ("dpo", "kto")

    @property
    def processes(self) -> int:
        """How many processes train; 1 where accelerate is not told and starts one for each GPU."""
        if self.ray is not None:
            return self.ray.workers
        return int((self.accelerate or {}).get("num_processes") or 1)

    @property
    def counted(self) -> bool:
        """Whether the config says how many processes train."""
        given = self.accelerate
        return given is None or bool(given.get("num_processes") or given.get("cpu"))

    def keyed(self, leave_out: set[str]) -> dict[str, Any]:
        """The section without these keys, and without newer ones that are at their defaults. Of
        `ray` only how many processes share a batch: where they run decides nothing.
        """
        fields = type(self).model_fields
        default = {name for name in NEWER if getattr(self, name) == fields[name].default}
        if self.ray is not None and self.ray.workers == 1:
            default.add("ray")
        known = as_begun(self.model_dump(exclude=leave_out | default), NEWER_BELOW)
        if self.ray is not None and "ray" in known:
            known["ray"] = {"workers": self.ray.workers}
        return known

    @property
    def imported(self) -> list[tuple[str, Data]]:
        """The preference data to be read, each with the key that names it."""
        named = [("trainer.warm_start", self.warm_start)] if self.warm_start else []
        replayed = self.replay.data if self.replay else []
        return named + [
            ("trainer.replay.data", source) for source in replayed if source.data != ROUNDS
        ]
