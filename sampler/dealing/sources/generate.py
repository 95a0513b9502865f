"""New prompts from an endpoint, asked through the run's journal."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import takewhile
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.budget import Budget
from endpoints.client import asking
from endpoints.concurrency import run_concurrently
from endpoints.identity import identity
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import EndpointLost, Reply
from rounds.errors import UserError
from rounds.folder import round_number, run_of
from rounds.ids import digest, text_hash
from rounds.rows import Messages, Prompt
from rounds.stages import Progress
from rounds.usage import AMOUNTS
from sampler.dealing.sources.config import Generate, SourceConfig
from sampler.dealing.sources.filter import NEAR_DUPLICATE, PromptFilter
from sampler.dealing.sources.recipes import (
    Material,
    draw_call,
    material_key_parts,
    read_material,
)
from sampler.dealing.sources.replies import RESPONSE_FORMAT
from sampler.dealing.sources.rows import SourcePrompt
from texts.leaks import LeakFinder, LeakLimits
from texts.near import NearDuplicateFinder

FIRST_WAVE = 16
"""Calls before it is known how many new prompts a call gives."""
CALLS_A_ROUND = 1_000_000
"""More calls than a round has: what keeps the calls of two rounds apart in the journal."""


class GenerationRequest(NamedTuple):
    """What is to be generated for a round: so many prompts by the source at the config key."""

    source: SourceConfig
    key: str
    prompts: int
    seed: int
    near_held_out: float

    @property
    def config(self) -> Generate:
        """How they are asked for."""
        assert self.source.generate is not None, "only a source that generates writes prompts"
        return self.source.generate


class GeneratedPrompts(NamedTuple):
    """The new prompts, and what they took."""

    rows: list[SourcePrompt]
    facts: dict[str, Any]


def generate(
    folder: Path,
    request: GenerationRequest,
    endpoints: Endpoints,
    others: Callable[[], Iterable[Messages]],
    held_out: list[Prompt],
    progress: Progress,
) -> GeneratedPrompts:
    """Ask for prompts until enough are there that come near to no seed, none of `others` (those of
    earlier rounds and of all other sources, dealt or not), none of the held-out ones and none of
    each other.

    Call i of a round asks the same whenever it is asked, and replies are looked at in the order of
    the calls: a round that is continued takes what was answered from the journal and comes to the
    same prompts. A reply that cannot be read gives none. `ended` in the facts says why there are
    fewer: calls, tokens or cost of the budget, or nothing_new. Raises EndpointLost when the
    endpoint stops answering.
    """
    material = _without_held_out_seeds(
        read_material(request.config, request.key), held_out, request
    )
    leaks = LeakFinder(held_out, LeakLimits(min(NEAR_DUPLICATE, request.near_held_out), None))
    seeds = NearDuplicateFinder(NEAR_DUPLICATE)
    seeds.add(material.seeds)
    prompt_filter = PromptFilter(request.source, request.prompts, others)
    prompt_filter.reject(
        "near_held_out", lambda text: leaks.leaks_of_prompts([_as_prompt(text)])[0]
    )
    prompt_filter.reject("repeats_a_seed", lambda text: seeds.find([text])[0])
    try:
        return asyncio.run(
            _ask_in_waves(folder, request, material, prompt_filter, endpoints, progress)
        )
    except EndpointLost:
        endpoints.close(request.config.endpoint)
        raise


def generation_key_parts(request: GenerationRequest, endpoints: Endpoints) -> list[Any]:
    """What the generated prompts follow from, beside the other prompts: for the stage's key."""
    endpoint = identity(endpoints.config(request.config.endpoint))
    material = read_material(request.config, request.key)
    follows = request.prompts, request.seed, request.near_held_out
    source = request.source.model_dump(
        exclude={"ignore": True, "generate": {"budget": {"estimates"}}}
    )
    return [source, *follows, endpoint, material_key_parts(material)]


def nothing_generated(facts: dict[str, Any]) -> str:
    """What to say of a generation that brought no prompt at all."""
    reasons = ", ".join(f"{reason} {n}" for reason, n in facts["rejected"].items())
    return (
        f"no prompt was generated in {facts['calls']} calls ({reasons or facts['ended']}); look at "
        "the replies in journal.sqlite, and try other seeds, recipes or another endpoint"
    )


def _as_prompt(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def _without_held_out_seeds(
    material: Material, held_out: list[Prompt], request: GenerationRequest
) -> Material:
    """The material without the seeds that are held-out prompts or come near to one: a writer that
    sees one would rewrite it into a train prompt.
    """
    leaks = LeakFinder(held_out, LeakLimits(request.near_held_out, None))
    of_seeds = leaks.leaks_of_prompts([_as_prompt(seed) for seed in material.seeds])
    seeds = [seed for seed, leak in zip(material.seeds, of_seeds, strict=True) if leak is None]
    if not seeds:
        raise UserError(
            f"{request.key}.seeds: every seed is a gate or test prompt or comes near to one; "
            "name other seeds"
        )
    return material._replace(seeds=seeds)


async def _ask_in_waves(
    folder: Path,
    request: GenerationRequest,
    material: Material,
    prompt_filter: PromptFilter,
    endpoints: Endpoints,
    progress: Progress,
) -> GeneratedPrompts:
    """Ask in waves: how many calls the next one has follows from what the last ones gave."""
    name = request.config.endpoint
    endpoint, live = endpoints.config(name), endpoints.live(name)
    budget = Budget(**request.config.budget.model_dump())
    number = round_number(folder)
    replies: list[Reply] = []
    wave = min(FIRST_WAVE, ceil(request.prompts / 4))
    with Journal(run_of(folder) / "journal.sqlite") as journal:
        async with asking(name, endpoint, live, journal, budget) as ask:

            async def ask_for_prompts(call: int) -> tuple[str, Reply]:
                recipe, messages = draw_call(material, request.seed, number, call)
                body = call_body(request.config, messages, [request.seed, number, call])
                # an endpoint that ignores the seed must still be asked each time
                rubric, repeat = text_hash(recipe.template.text), number * CALLS_A_ROUND + call
                return recipe.name, await ask(body, rubric, repeat)

            async def ask_wave(calls: range) -> dict[int, tuple[str, Reply]]:
                answered: dict[int, tuple[str, Reply]] = {}

                def on_reply(call: int, reply: tuple[str, Reply]) -> None:
                    answered[call] = reply
                    progress(
                        len(prompt_filter.rows),
                        request.prompts,
                        f"{calls.start + len(answered)} calls",
                    )

                await run_concurrently(calls, ask_for_prompts, endpoint.in_flight, on_reply)
                return answered

            while not prompt_filter.full and prompt_filter.ended is None:
                calls = range(len(replies), len(replies) + wave)
                answered = await ask_wave(calls)
                in_order = (answered[call] for call in calls)
                paid = list(takewhile(lambda item: item[1].failure != "budget", in_order))
                replies += [reply for _, reply in paid]
                prompt_filter.take(paid)
                if len(paid) < wave:
                    prompt_filter.ended = budget.refused
                progress(len(prompt_filter.rows), request.prompts, f"{len(replies)} calls")
                wave = _next_wave(wave, prompt_filter, request.prompts - len(prompt_filter.rows))
    return GeneratedPrompts(prompt_filter.rows, _facts(request, prompt_filter, replies))


def call_body(config: Generate, messages: Messages, seeded_by: list[int]) -> dict[str, Any]:
    """The chat-completion arguments of a call."""
    schema = {"response_format": RESPONSE_FORMAT} if config.channel == "json" else {}
    seed = int(digest("seed", *seeded_by), 16) % 2**31
    body = {"messages": messages, **schema, "seed": seed, **config.arguments}
    left_out = [name for name, value in config.sampling.items() if value is None]
    return {name: value for name, value in body.items() if name not in left_out}


def _next_wave(wave: int, prompt_filter: PromptFilter, missing: int) -> int:
    """Calls that bring what is missing if they give as much as those before, twice the last wave at
    most: recipes that no longer give anything are noticed before many calls are paid.
    """
    prompts_a_call = max(len(prompt_filter.rows), 1) / max(prompt_filter.replies, 1)
    return max(1, min(ceil(missing / prompts_a_call), 2 * wave))


def _facts(
    request: GenerationRequest, prompt_filter: PromptFilter, replies: list[Reply]
) -> dict[str, Any]:
    return {
        "prompts": len(prompt_filter.rows),
        "wanted": request.prompts,
        "ended": None if prompt_filter.full else prompt_filter.ended,
        "calls": len(replies),
        "rejected": dict(sorted(prompt_filter.rejected.items())),
        **{name: sum(getattr(reply, name) for reply in replies) for name in AMOUNTS},
    }
