"""A policy for a conversation: served here by vLLM, or where it is."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openai.resources.chat.completions import Completions

from endpoints.chat import Conversation
from endpoints.config import Serve
from endpoints.dialect import PLAIN
from endpoints.open import Endpoints
from endpoints.serve import LiveEndpoint, serve
from endpoints.settled import known_dialect
from rounds.stages import Progress
from rounds.tokenizers import tokenizer_folder
from rounds.weights import Policy, require_weights, served_model
from sampler.config import SamplerConfig
from sampler.vllm_child import lora_arguments

ADAPTER = "policy"
"""What a served adapter is called beside its base."""


@contextmanager
def conversation(
    run_dir: Path, policy: Policy, config: SamplerConfig, endpoints: Endpoints, progress: Progress
) -> Iterator[Conversation]:
    """A conversation with a policy of a run, sampled as the run's config says.

    Raises UserError where its weights are gone, ChildFailed where vLLM does not serve it.
    """
    if policy.served is not None:
        at, live = endpoints.config(policy.served), endpoints.live(policy.served)
        live = live._replace(model=served_model(policy) or live.model)
        dialect = known_dialect(run_dir, policy.served, at)
        given = config.sampling_of("current", True)
        yield from _opened(Conversation(live, given, dialect, at.timeout))
        return
    require_weights(Path(policy.adapter or policy.model))
    section = Serve(model=policy.model, args=server_arguments(policy, config), env=config.env)
    log = run_dir / "logs" / "chat.log"
    with serve(section, log, progress) as live:
        named: LiveEndpoint = live._replace(model=ADAPTER) if policy.adapter else live
        given = chat_arguments(config.sampling_of("current", False))
        yield from _opened(Conversation(named, given, PLAIN, 600.0))


def _opened(talk: Conversation) -> Iterator[Conversation]:
    try:
        yield talk
    finally:
        talk.close()


def server_arguments(policy: Policy, config: SamplerConfig) -> dict[str, Any]:
    """What vLLM's server is told of a policy, with the engine arguments of the config."""
    arguments = {"tokenizer": tokenizer_folder(policy), **config.vllm}
    if policy.adapter is not None:
        modules = {"lora_modules": f"{ADAPTER}={policy.adapter}"}
        arguments |= lora_arguments([policy.adapter]) | modules
    return arguments


def chat_arguments(sampling: dict[str, Any]) -> dict[str, Any]:
    """vLLM's SamplingParams as arguments of a chat: what only vLLM takes goes under extra_body."""
    known = set(inspect.signature(Completions.create).parameters)
    given = {name: value for name, value in sampling.items() if value is not None}
    chat = {name: value for name, value in given.items() if name in known}
    beyond = {name: value for name, value in given.items() if name not in known}
    return chat | ({"extra_body": beyond} if beyond else {})
