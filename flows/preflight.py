"""Everything that can be found wrong before anything is spent."""

from collections.abc import Collection
from pathlib import Path

from endpoints.check import check_endpoint, check_sampling
from endpoints.config import EndpointConfig
from endpoints.hooks import check_hook
from endpoints.hub import named_policy
from endpoints.open import api_key
from endpoints.ray_driver import check_cluster
from endpoints.settled import recall
from endpoints.vllm_names import SERVER, check_names
from flows.config import Config
from flows.display import Display
from flows.plan_disk import disk_text, estimate_disk
from flows.plan_memory import estimate_memory, memory_text
from flows.plan_text import gate_prompts, gate_text, too_few
from flows.preflight_judge import check_judge, label_notes
from flows.preflight_training import check_trained
from flows.secrets import read_secret_block
from flows.suites import check_suites
from gate.metrics import load_metric
from pairs.index.embedding import load_embedding
from pairs.index.embedding_check import check_embedding
from pairs.language import check_language
from preferences.data_files import left_out
from rounds.disk import DiskFull, require_room, size_text
from rounds.errors import UserError
from rounds.folder import finished_rounds
from rounds.rows import Prompt
from rounds.scratch import scratch
from rounds.weights import Policy
from sampler.check import check_sampler, check_sampler_names
from sampler.dealing.config import generate_section
from sampler.dealing.sources.read import source_rows, unread_columns
from sampler.dealing.sources.recipes import read_material
from sampler.dealing.splits import (
    held_out_of_run,
    not_taken,
    read_sources,
    read_supply,
    train_sources,
)
from sampler.writers import served_policy
from trainer.argument_names import check_argument_names
from trainer.config import REFERENCES
from trainer.hosted_estimate import check_hosted
from trainer.reference import find_reference


def check(config: Config, display: Display, run_dir: Path, stages_here: bool = True) -> None:
    """Raise UserError for the first thing that cannot work.

    Where the GPU stages are not done here (`stages_here`), what this machine's own hardware and
    clusters can do says nothing: the trial, which is sent as well, finds out.
    """
    supply = read_supply(config.prompts, near=False)
    if supply.pool.merged:
        display.warn(f"{supply.pool.merged} duplicate prompts merged")
    if supply.held_out_again:
        display.warn(
            f"{supply.held_out_again} train prompts left out: they are gate or test prompts"
        )
    for key, source in read_sources(config.prompts):
        if names := unread_columns(source, key):
            display.tell(f"{key}: not read of {source.title}: {', '.join(names)}")
        if files := left_out(source.dataset, source.config) if source.dataset else "":
            display.tell(f"{key}: {files}")
    if (gold := config.judge.gold) and (files := left_out(gold.path.data, gold.path.config)):
        display.tell(f"judge.gold.path: {files}")
    for sentence in label_notes(config, run_dir):
        display.tell(sentence)
    check_held_out(config, supply.held_out, display, run_dir)
    check_files(config)
    check_sampler(
        config.sampler,
        config.policy.endpoint is not None,
        lambda: _any_reference(config),
        config.trainer is not None,
    )
    if stages_here:
        check_clusters(config)
    if config.pairs.semantic is not None:
        with scratch("embedding") as work:
            check_embedding(config.pairs.semantic.embed, work)
    prompts = min(len(supply.pool.keys), config.prompts.per_round)
    check_room(config, display, run_dir, prompts)
    check_memory(config, display, len(supply.pool.keys), prompts)
    for sentence in check_endpoints(config, config.used_endpoints, run_dir):
        display.warn(sentence)
    if config.trainer is not None:
        check_trained(config, config.trainer, display, run_dir, len(supply.pool.keys), stages_here)


def check_held_out(config: Config, given: list[Prompt], display: Display, run_dir: Path) -> None:
    """Raise UserError where the gate has no prompts, and warn where it has too few to promote by,
    and where the config names other prompts (`given`) than its run has.
    """
    held_out = held_out_of_run(finished_rounds(run_dir)) or given
    for split in not_taken(config.prompts, held_out, given):
        display.warn(
            f"prompts.{split}: these are others than in round 1, whose prompts the run keeps, so "
            "that its rounds can be compared; only a run of another name takes them"
        )
    if config.trainer is None:
        return
    gate = gate_prompts(held_out)
    if not gate:
        raise UserError(
            "prompts.gate: every prompt of it is in prompts.test as well and stays there, which "
            "leaves the gate nothing to decide on; name prompts that test does not have"
        )
    if too_few(gate, config.gate):
        display.warn(f"no policy can be promoted: {gate_text(config, gate)}")


def check_clusters(config: Config) -> None:
    """Raise UserError for a Ray cluster that is not there or too small, at every start: one that
    was there in an earlier round may be gone.
    """
    engine, trainer = config.sampler.engine, config.trainer
    named = {
        "sampler.engine.ray": engine.ray if engine is not None else None,
        "trainer.ray": trainer.ray if trainer is not None else None,
    }
    for where, ray in named.items():
        if ray is not None:
            with scratch("ray") as work:
                check_cluster(ray, where, work)


def check_room(config: Config, display: Display, run_dir: Path, prompts: int) -> None:
    """Raise DiskFull where a round cannot even begin or keep its policy, and warn where it may not
    end.
    """
    require_room(run_dir)
    disk = estimate_disk(config, run_dir, prompts, config.most_pairs(prompts))
    if disk.free < disk.policy:
        raise DiskFull(run_dir, f"the policy alone takes {size_text(disk.policy)}")
    if disk.free < disk.most:
        display.warn(f"{run_dir}: the round may not have room: it takes {disk_text(disk)}")


def check_memory(config: Config, display: Display, source: int, prompts: int) -> None:
    """Warn where a round of so many of the sources' prompts may not have the memory."""
    memory = estimate_memory(source, prompts, prompts * config.sampler.candidates)
    if not memory.suffices:
        display.warn(f"the round may not have the memory: it takes {memory_text(memory)}")


def check_files(config: Config) -> None:
    """Raise UserError for a file, a function or a name that is wrong, where neither an endpoint nor
    a model has to be asked.
    """
    if (section := generate_section(config.prompts)) is not None:
        key, generated = section
        read_material(generated, key)
        check_sampling(f"{key}.sampling", generated.sampling)
    for where, judge in (("judge", config.judge), ("gate.judge", config.held_out_judge)):
        check_judge(where, judge)
    check_sampler_names(config.sampler, config.policy.endpoint is not None)
    for name in sorted(config.used_endpoints):
        check_served_names(name, config.endpoints[name])
    for name, reference in config.gate.metrics.items():
        load_metric(name, reference)
    if config.trainer is not None and not config.trains_here:
        check_hosted(config.trainer, config.most_pairs())
    elif config.trainer is not None:
        check_argument_names(config.trainer)
    for number, hook in enumerate(config.on_promotion):
        check_hook(f"on_promotion.{number}", hook)
    check_suites(config)
    check_language(config.pairs.language)
    if config.trainer is not None and config.trainer.reference not in REFERENCES:
        find_reference(config.trainer.reference)
    if config.pairs.semantic is not None:
        load_embedding(config.pairs.semantic.embed)


def check_endpoints(
    config: Config, names: Collection[str], run_dir: Path | None = None
) -> list[str]:
    """Raise UserError for an endpoint that cannot be reached, or takes no such argument.

    Returns a sentence for each that has answered in this run before and is away for now.
    """
    away = []
    for name in sorted(names):
        endpoint = config.endpoints[name]
        check_served_names(name, endpoint)
        key = api_key(name, endpoint, read_secret_block)
        known = run_dir is not None and bool(recall(run_dir, name, endpoint).asked)
        away.append(check_endpoint(name, endpoint, key, known))
    return [sentence for sentence in away if sentence]


def check_served_names(name: str, endpoint: EndpointConfig) -> None:
    """Raise UserError for an argument that vLLM's server does not have."""
    if endpoint.serve is not None:
        check_names(f"endpoints.{name}.serve.args", endpoint.serve.args, SERVER)


def _any_reference(config: Config) -> bool:
    sources = train_sources(config.prompts)
    return any(row["reference"] for key, source in sources for row in source_rows(source, key))


def first_policy(config: Config) -> Policy:
    """The policy a run begins with, its weights found and hashed."""
    policy = config.policy
    if policy.endpoint is not None:
        return served_policy(policy.endpoint, config.endpoints[policy.endpoint])
    return named_policy(str(policy.model), policy.adapter)
