"""Who answers in a round: the writers of candidates, with their weights found."""

from pathlib import Path
from typing import Any, NamedTuple

from endpoints.config import EndpointConfig
from endpoints.hub import named_policy
from endpoints.identity import model_id
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.folder import (
    finished_rounds,
    policy_here,
    policy_of,
    read_manifest,
    read_round_start,
    round_number,
    run_of,
)
from rounds.ids import digest
from rounds.lineage import ancestry
from rounds.weights import Policy, require_weights
from sampler.also import AlsoConfig
from sampler.config import SamplerConfig
from sampler.revise import Constitution, load_constitution

READING = "reading"
"""The name of who writes nothing, and is no name of `sampler.also`: it is asked of suites alone."""


class Writer(NamedTuple):
    """Who writes candidates: a source of the config with its policy found. A child process is told
    this as JSON.
    """

    name: str
    policy: Policy | None
    """The policy that is sampled; None for the prompt's own reference."""
    n: int
    first_index: int
    """Index of its first candidate among those of a prompt."""
    sampling: dict[str, Any]
    vllm: dict[str, Any]
    env: dict[str, str]
    own_tokens: bool
    """Whether the tokens it samples are the trained policy's: a trainer takes them as they are."""
    revises: str | None
    """The writer whose answers it revises."""
    constitution: Constitution | None
    reads: bool = False
    """It writes nothing: of the texts that it would revise it says how likely they are."""

    @property
    def sampling_key(self) -> list[Any]:
        """What tells its candidates from others of the same prompt, policy, seed and index."""
        name = [] if self.name == "current" else [self.name]
        return [self.sampling, *name, *([digest(*self.constitution)] if self.constitution else [])]


def writer_in_place(config: SamplerConfig, policy: Policy) -> Writer:
    """The writer `current`: a policy as the config samples the one in place."""
    here = policy.served is None
    arguments = config.sampling_of("current", not here), config.vllm, config.env
    return Writer("current", policy, config.n, 0, *arguments, here, None, None)


def reader_of(writer: Writer) -> Writer:
    """Who says, by the same weights, how likely the references of a prompt are."""
    return writer._replace(name=READING, n=1, sampling={}, revises="reference", reads=True)


def writers_of_round(
    folder: Path, config: SamplerConfig, policy: Policy, endpoints: Endpoints
) -> list[Writer]:
    """The writers of a round in the order of the config's sources.

    One whose policy is not there yet (the previous of the first), and what would revise it, is left
    out. Raises UserError for weights that should be there and are not.
    """
    counts = config.counts()
    writers = {"current": writer_in_place(config, policy)}
    first_index = config.n
    for name, source in config.also.items():
        where = f"sampler.also.{name}"
        revised = writers.get(source.revise) if source.revise else None
        written_by = _policy_of(folder, where, source, policy, revised, endpoints)
        present = written_by is not None or source.reference
        if present and (revised is not None or source.revise is None):
            engine = revised or writers["current"]
            writers[name] = Writer(
                name,
                written_by,
                counts[name],
                first_index,
                config.sampling_of(name, (written_by or policy).served is not None),
                engine.vllm if source.vllm is None else source.vllm,
                engine.env if source.env is None else source.env,
                _own_tokens(source, revised, written_by),
                source.revise,
                load_constitution(f"{where}.principles", source.principles)
                if source.revise
                else None,
            )
        first_index += counts[name]
    return list(writers.values())


def served_policy(name: str, endpoint: EndpointConfig) -> Policy:
    """The policy behind an endpoint; a served model is known by the hash of its weights."""
    return Policy(name, None, f"{name}/{model_id(endpoint)}", served=name)


def _policy_of(
    folder: Path,
    where: str,
    source: AlsoConfig,
    policy: Policy,
    revised: Writer | None,
    endpoints: Endpoints,
) -> Policy | None:
    """The policy that writes for a source; `policy` is the one in place, `revised` the writer whose
    answers it revises.
    """
    if endpoint := source.endpoint or source.by:
        return served_policy(endpoint, endpoints.config(endpoint))
    if source.kind == "revise":
        return (revised.policy or policy) if revised else None
    if source.kind == "model":
        return named_policy(str(source.model), source.adapter)
    if source.kind == "reference":
        return None
    return _policy_of_run(folder, where, source.policy or "current", policy)


def _policy_of_run(folder: Path, where: str, wanted: str | int, policy: Policy) -> Policy | None:
    """A policy of this run; None while there is none."""
    start, run_dir = read_round_start(folder), run_of(folder)
    if wanted == "current":
        return policy
    if wanted == "initial":
        return policy_of(run_dir, start["initial"])
    rounds = finished_rounds(run_dir)
    if wanted == "previous":
        line = ancestry(run_dir, policy.policy_id)  # one that was rolled back is none of them
        facts = [(read_manifest(done) or {})["policy"] for done in line[-1:]]
    else:
        facts = [
            (read_manifest(done) or {})["in_place"]
            for done in rounds
            if round_number(done) == wanted
        ]
    if not facts:
        return None
    earlier = policy_here(run_dir, facts[0], policy_of(run_dir, start["initial"]))
    if earlier.served is None:
        try:
            require_weights(Path(earlier.adapter or earlier.model))
        except UserError as error:
            raise UserError(f"{where}.policy: {error}") from None
    return earlier


def _own_tokens(source: AlsoConfig, revised: Writer | None, policy: Policy | None) -> bool:
    if policy is None or policy.served is not None:
        return False
    if revised is not None and revised.policy is not None:
        return revised.own_tokens
    return source.kind in ("policy", "revise")
