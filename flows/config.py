"""The whole config: one tree."""

import yaml
from pydantic import Field, field_validator, model_validator

from endpoints.config import EndpointConfig
from endpoints.hook_config import Hook
from flows.fits import check_fits
from gate.config import GateConfig
from judge.config import JudgeConfig
from judge.named import judged_by
from pairs.config import PairsConfig
from rounds.keep import Keep
from rounds.settings import FOLDER_NAME, Section
from sampler.config import PolicyConfig, SamplerConfig
from sampler.dealing.config import PromptsConfig, generate_section
from trainer.config import TrainerConfig


class GateSection(GateConfig):
    """The gate and, where it has one of its own, its judge."""

    judge: JudgeConfig | None = None
    """Judge of the held-out answers; null takes the labelling judge."""


class Config(Section):
    """A run: what it is called, who answers, who judges, what is trained."""

    name: str
    """What the run's folder is called: letters, digits, '.', '_' and '-'."""
    seed: int = Field(0, ge=0, lt=2**32)
    """What every choice by chance follows from: which prompts a round gets, and what is sampled."""
    policy: PolicyConfig
    """The first policy: a folder or a hub id of weights, or a section."""
    prompts: PromptsConfig
    endpoints: dict[str, EndpointConfig] = Field(default_factory=dict)
    sampler: SamplerConfig = SamplerConfig()
    judge: JudgeConfig
    pairs: PairsConfig = PairsConfig()
    trainer: TrainerConfig | None = TrainerConfig()
    """null makes pairs and trains nothing."""
    gate: GateSection = GateSection()
    keep: Keep = Keep()
    """What of finished rounds stays on the disk."""
    on_promotion: list[Hook] = Field(default_factory=list)
    """Commands and webhooks that are told when a policy has come into place; what fails is tried
    again at the next start and undoes no round."""
    mirror: str | None = None
    """Where finished rounds go, and what another machine goes on from: an fsspec address such as
    s3://bucket/folder. Keys come from the environment, never from here."""

    @field_validator("name")
    @classmethod
    def _folder_name(cls, name: str) -> str:
        if not FOLDER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no folder name; letters, digits, '.', '_' and '-'")
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        check_fits(self)
        return self

    @property
    def held_out_judge(self) -> JudgeConfig:
        """The judge of the gate."""
        return self.gate.judge or self.judge

    @property
    def trains_here(self) -> bool:
        """Whether rounds leave weights on this machine."""
        return self.trainer is not None and self.trainer.method != "openai"

    @property
    def secret_blocks(self) -> bool:
        """Whether a key is kept in a Prefect Secret block."""
        return any(self.endpoints[name].api_key_block for name in self.used_endpoints)

    def most_pairs(self, prompts: int | None = None) -> int:
        """The pairs that a round of so many train prompts keeps at most; of as many as a round may
        have for None.
        """
        made = (self.prompts.per_round if prompts is None else prompts) * self.judge.select.pairs
        return made if self.pairs.max_pairs is None else min(made, self.pairs.max_pairs)

    @property
    def used_endpoints(self) -> set[str]:
        """Names of the endpoints that this run calls."""
        return {name for _, name in self.named_endpoints}

    @property
    def named_endpoints(self) -> list[tuple[str, str]]:
        """The same, each with the key that names it."""
        named = judged_by("judge", self.judge)
        if self.gate.judge is not None:
            named += judged_by("gate.judge", self.gate.judge)
        if self.policy.endpoint:
            named.append(("policy.endpoint", self.policy.endpoint))
        if (section := generate_section(self.prompts)) is not None:
            key, generated = section
            named.append((f"{key}.endpoint", generated.endpoint))
        return [*named, *self.sampler.endpoints()]


def dump_config(config: Config) -> str:
    """The resolved config as YAML. It never holds a secret, only where one is kept."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
