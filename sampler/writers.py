"""Who answers in a round: the sources of the config with their weights found."""

from pathlib import Path
from typing import Any, NamedTuple

from endpoints.config import EndpointConfig
from endpoints.hub import model_folder
from endpoints.identity import model_id
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.folder import finished_rounds, manifest, policy_of, round_number, round_start, run_of
from rounds.ids import digest
from rounds.weights import Policy, adapter_base, local_policy, require_weights
from sampler.also import AlsoConfig
from sampler.config import SamplerConfig
from sampler.revise import Constitution, load_constitution


class Writer(NamedTuple):
    """A source of candidates, found. What a child process is told is this as JSON."""

    name: str
    policy: Policy | None
    """Who writes; None for the prompt's own reference."""
    n: int
    first: int
    """Index of its first candidate among those of a prompt."""
    sampling: dict[str, Any]
    vllm: dict[str, Any]
    env: dict[str, str]
    own_tokens: bool
    """Whether the tokens it samples are the trained policy's: a trainer takes them as they are."""
    revises: str | None
    recipe: Constitution | None

    @property
    def drawn_by(self) -> list[Any]:
        """What tells its candidates from others of the same prompt, policy, seed and index."""
        name = [] if self.name == "current" else [self.name]
        return [self.sampling, *name, *([digest(*self.recipe)] if self.recipe else [])]


def writer_in_place(config: SamplerConfig, policy: Policy) -> Writer:
    """The source `current`: a policy as the config samples the one in place."""
    here = config.sampling, config.vllm, config.env, policy.served is None
    return Writer("current", policy, config.n, 0, *here, None, None)


def writers_of_round(
    folder: Path, config: SamplerConfig, policy: Policy, endpoints: Endpoints
) -> list[Writer]:
    """The sources of a round in the order of the config.

    One whose policy is not there yet (the previous of the first), and what would revise it, is left
    out. Raises UserError for weights that should be there and are not.
    """
    counts = config.counts()
    found = {"current": writer_in_place(config, policy)}
    first = config.n
    for name, one in config.also.items():
        where = f"sampler.also.{name}"
        base = found.get(one.revise) if one.revise else None
        writer = _writer(folder, where, one, policy, base, endpoints)
        present = writer is not None or one.reference
        if present and (base is not None or one.revise is None):
            engine = base or found["current"]
            found[name] = Writer(
                name,
                writer,
                counts[name],
                first,
                config.sampling if one.sampling is None else one.sampling,
                engine.vllm if one.vllm is None else one.vllm,
                engine.env if one.env is None else one.env,
                _own_tokens(one, base, writer),
                one.revise,
                load_constitution(f"{where}.principles", one.principles) if one.revise else None,
            )
        first += counts[name]
    return list(found.values())


def named_policy(policy: str, adapter: str | None = None) -> Policy:
    """A policy by its folder, hub id or shipped name; a LoRA folder brings its base."""
    folder = model_folder(policy)
    if adapter is not None:
        return local_policy(folder, model_folder(adapter))
    base = adapter_base(folder)
    return local_policy(folder) if base is None else local_policy(model_folder(base), folder)


def served_policy(name: str, endpoint: EndpointConfig) -> Policy:
    """The policy behind an endpoint; a served model is known by the hash of its weights."""
    return Policy(name, None, f"{name}/{model_id(endpoint)}", served=name)


def _writer(
    folder: Path,
    where: str,
    one: AlsoConfig,
    policy: Policy,
    base: Writer | None,
    endpoints: Endpoints,
) -> Policy | None:
    if endpoint := one.endpoint or one.by:
        return served_policy(endpoint, endpoints.config(endpoint))
    if one.kind == "revise":
        return (base.policy or policy) if base else None
    if one.kind == "model":
        return named_policy(str(one.model), one.adapter)
    if one.kind == "reference":
        return None
    return _of_the_run(folder, where, one.policy or "current", policy)


def _of_the_run(folder: Path, where: str, wanted: str | int, policy: Policy) -> Policy | None:
    """A policy of this run; None while there is none."""
    start, run_dir = round_start(folder), run_of(folder)
    if wanted == "current":
        return policy
    if wanted == "initial":
        return policy_of(run_dir, start["initial"])
    done = finished_rounds(run_dir)
    if wanted == "previous":
        places = [(manifest(one) or {})["policy"] for one in done]
        facts = [place for place in places if place["policy_id"] != policy.policy_id][-1:]
    else:
        facts = [(manifest(one) or {})["in_place"] for one in done if round_number(one) == wanted]
    if not facts:
        return None
    found = policy_of(run_dir, facts[0])
    if found.served is None:
        try:
            require_weights(Path(found.adapter or found.model))
        except UserError as error:
            raise UserError(f"{where}.policy: {error}") from None
    return found


def _own_tokens(one: AlsoConfig, base: Writer | None, writer: Policy | None) -> bool:
    if writer is None or writer.served is not None:
        return False
    if base is not None and base.policy is not None:
        return base.own_tokens
    return one.kind in ("policy", "revise")
