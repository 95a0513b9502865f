"""The `sampler.also` section: whose answers are candidates beside those of the policy in place."""

from typing import Any, Literal

from pydantic import Field, model_validator

from rounds.settings import Section

Kind = Literal["policy", "model", "endpoint", "reference", "revise"]

KEYS_OF_KIND: dict[Kind, tuple[str, ...]] = {
    "policy": ("n", "sampling", "vllm", "env"),
    "model": ("adapter", "n", "sampling", "vllm", "env"),
    "endpoint": ("n", "sampling"),
    "reference": (),
    "revise": ("principles", "by", "sampling"),
}
"""The keys that go with each kind of source."""

RUN_POLICIES = ("current", "initial", "previous")
"""The policies of a run that have a name; the others have the number of a round."""


class AlsoConfig(Section):
    """One more source of candidates: a policy of this run unless it says otherwise."""

    policy: str | int | None = None
    """current (the default: the one in place), initial, previous (the last other one that was in
    place), or a number: the one in place after that round. While there is none, no candidates."""
    model: str | None = None
    """Another model: a folder, a hub id or a shipped model; its text becomes candidates, its tokens
    are not the policy's."""
    adapter: str | None = None
    """A LoRA folder on top of `model`."""
    endpoint: str | None = None
    """Name of an entry of `endpoints`."""
    reference: bool = False
    """The prompt row's reference answer; prompts without one give none."""
    revise: str | None = None
    """current, or a source above this one: each of its answers is criticised by a principle and
    rewritten (constitutional AI, arXiv 2212.08073)."""
    principles: str = "prefloop:prompts/principles.txt"
    """Text file, one principle a line; the hash of an answer picks its principle."""
    by: str | None = None
    """Endpoint that criticises and rewrites; null is whoever wrote the answer (for a reference the
    policy in place)."""
    n: int = Field(1, ge=1, le=1024)
    """Candidates for a train prompt."""
    sampling: dict[str, Any] | None = None
    """As sampler.sampling, which null takes; temperature and max_tokens that are not given are its
    own."""
    vllm: dict[str, Any] | None = None
    """As sampler.vllm, which null takes. Sources of the same weights, vllm and env share one
    loading."""
    env: dict[str, str] | None = None
    """As sampler.env, which null takes."""

    @model_validator(mode="after")
    def _one_kind(self) -> "AlsoConfig":
        kinds = [kind for kind in KEYS_OF_KIND if self._is_set(kind)]
        if len(kinds) > 1:
            raise ValueError(
                f"is one of {', '.join(KEYS_OF_KIND)}, and not {' and '.join(kinds)} at once"
            )
        for name in type(self).model_fields:
            if name != self.kind and name not in KEYS_OF_KIND[self.kind] and self._is_set(name):
                raise ValueError(f"{name} does not go with {self.kind}")
        return self

    @model_validator(mode="after")
    def _known_policy(self) -> "AlsoConfig":
        wanted = self.policy
        if isinstance(wanted, str) and wanted not in RUN_POLICIES:
            raise ValueError(
                f"policy: {wanted!r} is none of {', '.join(RUN_POLICIES)} or the number of a "
                "round; other weights go under model"
            )
        if isinstance(wanted, int) and wanted < 1:
            raise ValueError("policy: rounds count from 1")
        return self

    @property
    def kind(self) -> Kind:
        """Which of the five it is."""
        return next((kind for kind in KEYS_OF_KIND if self._is_set(kind)), "policy")

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)
