"""The `policy` and `sampler` sections: who answers, and how."""

from typing import Any

from pydantic import Field, model_validator

from rounds.section import Section


class PolicyConfig(Section):
    """The first policy: weights on this machine or the hub, or a model at an endpoint."""

    model: str | None = None
    """A folder, a hub id, or a shipped model; a LoRA folder works as well."""
    adapter: str | None = None
    """A LoRA folder on top of `model`."""
    endpoint: str | None = None
    """Name of an entry of `endpoints`, for a policy served elsewhere. It cannot be trained here."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_kind(self) -> "PolicyConfig":
        if (self.model is None) == (self.endpoint is None):
            raise ValueError("needs exactly one of model (weights) or endpoint")
        return self


class SamplerConfig(Section):
    """How candidates are drawn."""

    n: int = Field(4, ge=2, le=1024)
    """Candidates for a train prompt."""
    sampling: dict[str, Any] = Field(
        default_factory=lambda: {"temperature": 1.0, "max_tokens": 512}
    )
    """vLLM's SamplingParams by name (an endpoint policy: chat-completion arguments). The model's
    own generation_config is not used."""
    vllm: dict[str, Any] = Field(default_factory=dict)
    """Engine arguments of vllm.LLM by name."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment of the sampling process, CUDA_VISIBLE_DEVICES for one."""
    chunk: int = Field(256, ge=1)
    """Prompts sampled between two writes to disk: what a kill can cost."""

    @model_validator(mode="after")
    def _ours(self) -> "SamplerConfig":
        taken = sorted({"n", "seed", "logprobs"} & self.sampling.keys())
        if taken:
            raise ValueError(f"sampling.{taken[0]} is set by prefloop (n is sampler.n)")
        return self
