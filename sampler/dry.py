"""The calls that a round makes of endpoints that write: answers, and new prompts.

They are what `endpoints.settle` tries an endpoint out with.
"""

from typing import Any

from endpoints.reply import Reply
from endpoints.settle import DryCall, DryQuestion
from rounds.ids import text_hash
from sampler.config import SamplerConfig
from sampler.dealing.config import PromptsConfig, generate_section
from sampler.dealing.sources.config import Generate
from sampler.dealing.sources.generate import CALLS_A_ROUND, call_body
from sampler.dealing.sources.recipes import draw_call, read_material
from sampler.dealing.sources.replies import read_prompts

PROMPT = "What is the capital of Australia?"
CALLS = 3


def writer_questions(policy: str | None, config: SamplerConfig) -> list[tuple[str, DryQuestion]]:
    """What a round asks of the policy at an endpoint and of the other writers at one."""
    asked = [(policy, "sampler.sampling", config.sampling)] if policy else []
    for name, source in config.also.items():
        own = source.sampling is not None
        where = f"sampler.also.{name}.sampling" if own else "sampler.sampling"
        arguments = source.sampling if source.sampling is not None else config.sampling
        asked += [(at, where, arguments) for at in (source.endpoint, source.by) if at is not None]
    return [
        (at, DryQuestion(f"{where.removesuffix('.sampling')}, answers", where, calls, {}))
        for at, where, arguments in asked
        for calls in [[_answer(arguments, seed) for seed in range(CALLS)]]
    ]


def generate_questions(config: PromptsConfig, seed: int) -> list[tuple[str, DryQuestion]]:
    """What is asked of the endpoint that writes prompts: the first calls of round 1."""
    if (section := generate_section(config)) is None:
        return []
    key, generated = section
    calls = [_generation(generated, key, seed, call) for call in range(CALLS)]
    question = DryQuestion(f"{key}, prompts", f"{key}.sampling", calls, {})
    return [(generated.endpoint, question)]


def _answer(arguments: dict[str, Any], seed: int) -> DryCall:
    body = {"messages": [{"role": "user", "content": PROMPT}], "seed": seed, **arguments}
    return DryCall(body, "", 0, [PROMPT], _no_answer)


def _no_answer(reply: Reply) -> str | None:
    return None if reply.failure in (None, "truncated") else reply.failure


def _generation(config: Generate, key: str, seed: int, call: int) -> DryCall:
    recipe, messages = draw_call(read_material(config, key), seed, 1, call)
    body = call_body(config, messages, [seed, 1, call])

    def no_prompts(reply: Reply) -> str | None:
        if reply.failure is not None or config.channel == "text":
            return reply.failure
        return None if read_prompts(reply.text) is not None else "not_json"

    repeat = CALLS_A_ROUND + call
    return DryCall(
        body, text_hash(recipe.template.text), repeat, [messages[-1]["content"]], no_prompts
    )
