"""The `policy` and `sampler` sections: who answers, and how."""

import re
from math import prod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from endpoints.ray_config import RayConfig
from rounds.settings import FOLDER_NAME, Section
from sampler.also import AlsoConfig

MAX_CANDIDATES = 2048
"""Candidates of a prompt: the other half of a prompt's seeds is for critiques."""

SAMPLING = {"temperature": 1.0, "max_tokens": 512}
"""What is drawn unless the config says otherwise; vLLM's own 16 tokens are no answer."""

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"

DEVICE = re.compile(r"[0-9]+|(?:GPU|MIG)-[0-9A-Za-z/-]+")
"""How CUDA_VISIBLE_DEVICES names a GPU, or a part of one: a number, or a UUID."""


def _devices(value: str) -> str:
    ids = [part.strip() for part in value.split(",")]
    if not all(map(DEVICE.fullmatch, ids)):
        raise ValueError("expected numbers of GPUs, GPU-... or MIG-..., with commas between them")
    return ",".join(str(int(gpu)) if gpu.isdigit() else gpu for gpu in ids)


DeviceIds = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_devices)]


class PolicyConfig(Section):
    """The first policy: weights on this machine or the hub, or a model at an endpoint."""

    model: str | None = None
    """A folder, a hub id, or a shipped model; a LoRA folder works as well."""
    adapter: str | None = None
    """A LoRA folder on top of `model`."""
    endpoint: str | None = None
    """Name of an entry of `endpoints`, for a policy served elsewhere: `trainer.method: openai`
    trains it there."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_kind(self) -> "PolicyConfig":
        if (self.model is None) == (self.endpoint is None):
            raise ValueError("needs exactly one of model (weights) or endpoint")
        if self.adapter is not None and self.model is None:
            raise ValueError("adapter: goes on model; an endpoint serves its own")
        return self


class EngineConfig(Section):
    """What draws, where it is not a process of this machine."""

    ray: RayConfig
    """A Ray cluster whose workers each hold a vLLM."""


class SamplerConfig(Section):
    """How candidates are drawn."""

    n: int = Field(4, ge=1, le=1024)
    """Candidates of the policy in place for a train prompt."""
    sampling: dict[str, Any] = Field(default_factory=SAMPLING.copy)
    """vLLM's SamplingParams by name over temperature 1 and max_tokens 512; null leaves one out, and
    max_tokens: null is as many as fit. The model's own generation_config is not used. A policy at
    an endpoint: chat-completion arguments, sent as they are given."""
    vllm: dict[str, Any] = Field(default_factory=dict)
    """Engine arguments of vllm.LLM by name."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment of the sampling process."""
    devices: list[DeviceIds] = Field(default_factory=list)
    """Values of CUDA_VISIBLE_DEVICES: one process each, at once, over split prompts. "0,1" is one
    process on two GPUs (with vllm.tensor_parallel_size: 2). Empty: one process."""
    engine: EngineConfig | None = None
    """null draws on this machine. The candidates are the same whatever draws them."""
    chunk: int = Field(256, ge=1)
    """Finished prompts between two writes to disk, for each process: what a kill can cost, and what
    a judge that is asked ahead waits for. What takes longer is written every ten seconds."""
    max_cut_off: float | None = Field(0.5, gt=0, le=1)
    """Share of the train answers that may be cut off at max_tokens: with more, the round stops
    before the judge is asked, or is asked on where it is asked ahead. null sets no bound."""
    unanswerable: Literal["set_aside", "stop"] = "set_aside"
    """A prompt that a source cannot answer, as one that is too long or that the chat template
    refuses: go on without it, or end there. Policies here are asked before they are loaded."""
    also: dict[str, AlsoConfig] = Field(default_factory=dict)
    """Further sources of candidates by name; candidates.source says which one wrote a row."""

    @model_validator(mode="after")
    def _sampling_arguments(self) -> "SamplerConfig":
        for where, sampling in self.samplings().items():
            reserved = sorted({"n", "seed", "logprobs"} & sampling.keys())
            if reserved:
                n = where.removesuffix("sampling") + "n"
                raise ValueError(f"{where}.{reserved[0]} is set by prefloop (n is sampler.{n})")
            most = sampling.get("max_tokens")
            if most is not None and (type(most) is not int or most < 1):
                raise ValueError(
                    f"{where}.max_tokens: {most!r}; expected a whole number of 1 or more, or null "
                    "for as many as fit"
                )
        return self

    @model_validator(mode="after")
    def _devices_once(self) -> "SamplerConfig":
        if self.devices and any(VISIBLE_DEVICES in env for env in self.envs()):
            raise ValueError(
                f"devices: {VISIBLE_DEVICES} stands under env as well; say it in one place"
            )
        ids = [gpu for value in self.devices for gpu in value.split(",")]
        if twice := [gpu for gpu in ids if ids.count(gpu) > 1]:
            raise ValueError(f"devices: {twice[0]} stands twice; each process needs its own")
        return self

    @model_validator(mode="after")
    def _engine_has_its_gpus(self) -> "SamplerConfig":
        if self.engine is None:
            return self
        if self.devices or any(VISIBLE_DEVICES in env for env in self.envs()):
            name = "devices" if self.devices else f"env.{VISIBLE_DEVICES}"
            raise ValueError(
                f"{name}: does not go with engine.ray, where Ray gives each worker its GPUs "
                "(engine.ray.resources)"
            )
        given = self.engine.ray.resources.get("GPU")
        for vllm in (self.vllm, *(one.vllm for one in self.also.values() if one.vllm)):
            parallel = [vllm.get(f"{kind}_parallel_size", 1) for kind in ("tensor", "pipeline")]
            wanted = prod(size for size in parallel if isinstance(size, int))
            if given is not None and given < wanted:
                raise ValueError(
                    f"engine.ray.resources.GPU: {given:g}, and vLLM is told to use {wanted} "
                    "(tensor_parallel_size x pipeline_parallel_size); give each worker as many"
                )
        return self

    @model_validator(mode="after")
    def _known_sources(self) -> "SamplerConfig":
        above = ["current"]
        for name, source in self.also.items():
            if not FOLDER_NAME.fullmatch(name) or name == "current":
                raise ValueError(
                    f"also.{name}: no name for a source; letters, digits, '.', '_' and '-'"
                )
            if source.revise is not None and source.revise not in above:
                raise ValueError(
                    f"also.{name}.revise: no source {source.revise!r} above it ({', '.join(above)})"
                )
            above.append(name)
        if self.candidates < 2:
            raise ValueError(
                "n: Input should be greater than or equal to 2, or name more sources under also"
            )
        if self.n < 2 and len(late := self.absent_at_first()) == len(self.also):
            raise ValueError(
                f"n: one answer a prompt has none beside it while also.{late[0]} has no policy, as "
                "in round 1; raise n to 2, or name a source that every round has"
            )
        if self.candidates > MAX_CANDIDATES:
            raise ValueError(
                f"also: {self.candidates} candidates a prompt; {MAX_CANDIDATES} at most"
            )
        return self

    def absent_at_first(self) -> list[str]:
        """The sources that early rounds do not have: earlier policies, and what revises them."""
        absent: list[str] = []
        for name, source in self.also.items():
            earlier = source.policy == "previous" or isinstance(source.policy, int)
            if earlier or source.revise in absent:
                absent.append(name)
        return absent

    def served(self, policy_served: bool) -> dict[str, bool]:
        """Whether an endpoint writes what each source gives."""
        served = {"current": policy_served}
        for name, source in self.also.items():
            if source.endpoint or source.by:
                served[name] = True
            elif source.revise is not None:
                served[name] = served[source.revise]
            else:  # a reference is written by nobody, and revised by the policy in place
                served[name] = policy_served and source.model is None
        return served

    def sampling_of(self, name: str, served: bool) -> dict[str, Any]:
        """What a source is told to draw: what it is given over the defaults, `also` sources over
        the temperature and max_tokens of the policy in place. A model that is `served` has defaults
        of its own and gets what is given, as it is.
        """
        given = self.also[name].sampling if name in self.also else None
        if served:
            return self.sampling if given is None else given
        own = SAMPLING | self.sampling
        return own if given is None else {key: own[key] for key in SAMPLING} | given

    def samplings(self) -> dict[str, dict[str, Any]]:
        """Every sampling section that is there, by its key below `sampler`."""
        own = {f"also.{name}.sampling": source.sampling for name, source in self.also.items()}
        given = {where: sampling for where, sampling in own.items() if sampling is not None}
        return {"sampling": self.sampling, **given}

    def envs(self) -> list[dict[str, str]]:
        """Every environment that is there."""
        return [self.env, *(one.env for one in self.also.values() if one.env is not None)]

    def endpoints(self) -> list[tuple[str, str]]:
        """The endpoints that sources beside the policy ask, each with the key that names it."""
        named = [
            (f"sampler.also.{name}.{key}", endpoint)
            for name, source in self.also.items()
            for key, endpoint in (("endpoint", source.endpoint), ("by", source.by))
        ]
        return [(key, endpoint) for key, endpoint in named if endpoint is not None]

    def counts(self) -> dict[str, int]:
        """Candidates that each source gives a prompt at most, in their order."""
        counts = {"current": self.n}
        for name, source in self.also.items():
            counts[name] = counts[source.revise] if source.revise else source.n
        return counts

    @property
    def candidates(self) -> int:
        """Candidates of a prompt, at most."""
        return sum(self.counts().values())
