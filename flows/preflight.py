"""Everything that can be found wrong before anything is spent."""

import tempfile
from collections.abc import Collection
from pathlib import Path

from endpoints.hub import model_folder
from endpoints.open import api_key, check_endpoint, check_sampling
from endpoints.vllm_names import ENGINE, SAMPLING, SERVER, check_names
from flows.config import Config, named_judges
from flows.display import Display
from gate.metrics import load_metric
from judge.config import JudgeConfig
from judge.gold import read_gold
from judge.rubric import load_rubrics
from judge.trust import wanted_accuracy
from judge.voices import is_endpoint, load_rule
from rounds.errors import UserError
from rounds.weights import Policy, adapter_base, local_policy, weights_hash
from sampler.deal import read_source
from trainer.config import FROM_GOLD
from trainer.stage import check_arguments


def check(config: Config, display: Display) -> None:
    """Raise UserError for the first thing that cannot work."""
    source = read_source(config.prompts)
    if source.merged:
        display.warn(f"{source.merged} duplicate prompts merged")
    if source.held_out_again:
        display.warn(
            f"{source.held_out_again} train prompts left out: they are gate or test prompts"
        )
    for where, judge in (("judge", config.judge), ("gate.judge", config.held_out_judge)):
        check_judge(where, judge)
    if config.policy.endpoint is not None:
        check_sampling("sampler.sampling", config.sampler.sampling)
    else:
        check_names("sampler.sampling", config.sampler.sampling, SAMPLING)
        check_names("sampler.vllm", config.sampler.vllm, ENGINE)
    for name, reference in config.gate.metrics.items():
        load_metric(name, reference)
    check_endpoints(config, config.used_endpoints)
    if config.trainer is not None:
        if config.trainer.args.get("label_smoothing") == FROM_GOLD:
            _gold_suffices("judge", config.judge, f"trainer.args.label_smoothing: {FROM_GOLD}")
        with tempfile.TemporaryDirectory() as scratch:
            check_arguments(config.trainer, Path(scratch))


def check_endpoints(config: Config, names: Collection[str]) -> None:
    """Raise UserError for an endpoint that cannot be reached, or takes no such argument."""
    for name in sorted(names):
        endpoint = config.endpoints[name]
        if endpoint.serve is not None:
            check_names(f"endpoints.{name}.serve.args", endpoint.serve.args, SERVER)
        check_endpoint(name, endpoint, api_key(name, endpoint, read_secret_block))


def check_judge(where: str, judge: JudgeConfig) -> None:
    """Raise UserError for a rubric, a rule, a gold set or an argument that cannot work."""
    load_rubrics(judge)
    check_sampling(f"{where}.sampling", judge.sampling)
    for key, name in named_judges(where, judge):
        if not is_endpoint(name):
            load_rule(key, name)
    if judge.gold is not None:
        read_gold(judge.gold.path, f"{where}.gold.path")
        if wanted_accuracy(judge.tau) is not None:
            _gold_suffices(where, judge, f"tau: {judge.tau}")


def _gold_suffices(where: str, judge: JudgeConfig, wants: str) -> None:
    assert judge.gold is not None, "the config says that what is taken from gold needs a gold set"
    pairs = read_gold(judge.gold.path, f"{where}.gold.path")
    if len(pairs) < judge.gold.min_n:
        raise UserError(
            f"{where}.gold.path: {judge.gold.path} has {len(pairs)} pairs, and {wants} must rest "
            f"on {judge.gold.min_n} ({where}.gold.min_n)"
        )


def first_policy(config: Config) -> Policy:
    """The policy a run begins with, its weights found and hashed."""
    policy = config.policy
    if policy.endpoint is not None:
        endpoint = config.endpoints[policy.endpoint]
        model = str(endpoint.model)
        if endpoint.serve is not None:
            model = weights_hash(model_folder(endpoint.serve.model))
        return Policy(policy.endpoint, None, f"{policy.endpoint}/{model}", served=policy.endpoint)
    folder = model_folder(str(policy.model))
    if policy.adapter is not None:
        return local_policy(folder, model_folder(policy.adapter))
    base = adapter_base(folder)
    return local_policy(folder) if base is None else local_policy(model_folder(base), folder)


def read_secret_block(name: str) -> str:
    """The value of a Prefect Secret block. Raises UserError where there is none of that name."""
    from prefect.blocks.system import Secret

    try:
        return str(Secret.load(name).get())
    except ValueError as error:
        raise UserError(f"api_key_block: there is no Secret block {name!r} in Prefect") from error
