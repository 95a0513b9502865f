"""What can be found wrong in the sampler's sources before anything is spent."""

from collections.abc import Callable
from typing import Any

from endpoints.check import check_sampling
from endpoints.hub import model_folder
from endpoints.vllm_names import ENGINE, SAMPLING, check_names
from rounds.errors import UserError
from sampler.config import SamplerConfig
from sampler.revise import load_constitution


def check_sampler(
    config: SamplerConfig,
    policy_served: bool,
    any_reference: Callable[[], bool],
    trained: bool = True,
) -> None:
    """Raise UserError for an argument, a model, a file or a reference that is not there.

    `policy_served` says that the policy is at an endpoint, `trained` that rounds train it;
    `any_reference`, called where it matters, whether any train prompt has a reference answer.
    """
    check_sampler_names(config, policy_served)
    for name, source in config.also.items():
        where = f"sampler.also.{name}"
        if (
            policy_served
            and not trained
            and (source.policy == "previous" or isinstance(source.policy, int))
        ):
            raise UserError(
                f"{where}.policy: a policy at an endpoint is never trained with trainer: null; "
                "there is no earlier one"
            )
        for key, folder in (("model", source.model), ("adapter", source.adapter)):
            if folder is not None:
                _check_model(f"{where}.{key}", folder)
        if source.revise is not None:
            load_constitution(f"{where}.principles", source.principles)
        if source.reference and not any_reference():
            raise UserError(
                f"{where}.reference: no train prompt has a reference; give the prompts one, or "
                "leave the source out"
            )


def check_sampler_names(config: SamplerConfig, policy_served: bool) -> None:
    """Raise UserError for an argument that vLLM, or the API, does not have; nothing is loaded."""
    served = config.served(policy_served)
    own = config.sampling_of("current", policy_served)
    _check_names("sampler", own, config.vllm, policy_served)
    for name, source in config.also.items():
        if source.kind != "reference":
            sampling = config.sampling_of(name, served[name])
            vllm = config.vllm if source.vllm is None else source.vllm
            _check_names(f"sampler.also.{name}", sampling, vllm, served[name])


def vllm_samplings(config: SamplerConfig, policy_served: bool) -> list[tuple[str, Any, int]]:
    """What vLLM is told to draw, by its config key, and how many at once: of every source of the
    config, those that this round does not have included.
    """
    served = config.served(policy_served)
    own = config.sampling_of("current", policy_served)
    samplings = [] if policy_served else [("sampler.sampling", own, config.n)]
    for name, source in config.also.items():
        if source.kind != "reference" and not served[name]:
            sampling = config.sampling_of(name, False)
            samplings.append((f"sampler.also.{name}.sampling", sampling, source.n))
    return samplings


def _check_names(where: str, sampling: dict[str, Any], vllm: dict[str, Any], served: bool) -> None:
    if served:
        check_sampling(f"{where}.sampling", sampling)
    else:
        check_names(f"{where}.sampling", sampling, SAMPLING)
        check_names(f"{where}.vllm", vllm, ENGINE)


def _check_model(where: str, reference: str) -> None:
    try:
        model_folder(reference)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
