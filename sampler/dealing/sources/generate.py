"""New prompts from an endpoint, asked through the run's journal."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import takewhile
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.budget import Budget
from endpoints.client import asking
from endpoints.each import each
from endpoints.identity import identity
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import EndpointLost, Reply
from rounds.errors import UserError
from rounds.folder import round_number, run_of
from rounds.ids import digest, text_hash
from rounds.stages import Progress
from rounds.tables import Row
from sampler.dealing.sources.config import Generate, SourceConfig
from sampler.dealing.sources.filter import NEAR, PromptFilter
from sampler.dealing.sources.recipes import Material, described, drawn_call, read_material
from sampler.dealing.sources.replies import SCHEMA
from texts.leaks import LeakFinder, LeakLimits, Messages
from texts.near import NearDuplicates

FIRST_WAVE = 16
"""Calls before it is known how many new prompts a call gives."""
CALLS_A_ROUND = 1_000_000
"""More calls than a round has: what keeps the calls of two rounds apart in the journal."""


class Wanted(NamedTuple):
    """What is to be written for a round: so many prompts by the source at the config key."""

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


class Made(NamedTuple):
    """Prompt rows without their split, and what it took."""

    rows: list[Row]
    facts: dict[str, Any]


def generate(
    folder: Path,
    wanted: Wanted,
    endpoints: Endpoints,
    others: Callable[[], Iterable[Row]],
    held_out: list[Row],
    progress: Progress,
) -> Made:
    """Ask for prompts until enough are there that come near to no seed, none of `others` (those of
    earlier rounds and of all other sources, dealt or not), none of the held-out ones and none of
    each other.

    Call i of a round asks the same whenever it is asked, and replies are looked at in the order of
    the calls: a round that is continued takes what was answered from the journal and comes to the
    same prompts. A reply that cannot be read gives none. `ended` in the facts says why there are
    fewer: calls, tokens or cost of the budget, or nothing_new. Raises EndpointLost when the
    endpoint stops answering.
    """
    material = _apart(read_material(wanted.config, wanted.key), held_out, wanted)
    leaks = LeakFinder(held_out, LeakLimits(min(NEAR, wanted.near_held_out), None))
    seeds = NearDuplicates(NEAR)
    seeds.add(material.seeds)
    sieve = PromptFilter(wanted.source, wanted.prompts, others)
    sieve.avoid("near_held_out", lambda text: leaks.asked_in([_asking(text)])[0])
    sieve.avoid("repeats_a_seed", lambda text: seeds.find([text])[0])
    try:
        return asyncio.run(_until_enough(folder, wanted, material, sieve, endpoints, progress))
    except EndpointLost:
        endpoints.close(wanted.config.endpoint)
        raise


def depends_on(wanted: Wanted, endpoints: Endpoints) -> list[Any]:
    """What the generated prompts follow from, beside the other prompts: for the stage's key."""
    endpoint = identity(endpoints.config(wanted.config.endpoint))
    material = read_material(wanted.config, wanted.key)
    return [wanted.source.model_dump(), *wanted[2:], endpoint, described(material)]


def nothing_generated(facts: dict[str, Any]) -> str:
    """What to say of a generation that brought no prompt at all."""
    reasons = ", ".join(f"{reason} {n}" for reason, n in facts["rejected"].items())
    return (
        f"no prompt was generated in {facts['calls']} calls ({reasons or facts['ended']}); look at "
        "the replies in journal.sqlite, and try other seeds, recipes or another endpoint"
    )


def _asking(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def _apart(material: Material, held_out: list[Row], wanted: Wanted) -> Material:
    """The material without the seeds that are held-out prompts or come near to one: a writer that
    sees one would rewrite it into a train prompt.
    """
    leaks = LeakFinder(held_out, LeakLimits(wanted.near_held_out, None))
    found = leaks.asked_in([_asking(seed) for seed in material.seeds])
    seeds = [seed for seed, leak in zip(material.seeds, found, strict=True) if leak is None]
    if not seeds:
        raise UserError(
            f"{wanted.key}.seeds: every seed is a gate or test prompt or comes near to one; "
            "name other seeds"
        )
    return material._replace(seeds=seeds)


async def _until_enough(
    folder: Path,
    wanted: Wanted,
    material: Material,
    sieve: PromptFilter,
    endpoints: Endpoints,
    progress: Progress,
) -> Made:
    """Ask in waves: how many calls the next one has follows from what the last ones gave."""
    name = wanted.config.endpoint
    endpoint, live = endpoints.config(name), endpoints.live(name)
    budget = Budget(**wanted.config.budget.model_dump())
    number = round_number(folder)
    answers: list[Reply] = []
    wave = min(FIRST_WAVE, ceil(wanted.prompts / 4))
    with Journal(run_of(folder) / "journal.sqlite") as journal:
        async with asking(name, endpoint, live, journal, budget) as ask:

            async def one(call: int) -> tuple[str, Reply]:
                recipe, messages = drawn_call(material, wanted.seed, number, call)
                body = _body(wanted.config, messages, [wanted.seed, number, call])
                # an endpoint that ignores the seed must still be asked each time
                rubric, repeat = text_hash(recipe.template.text), number * CALLS_A_ROUND + call
                return recipe.name, await ask(body, rubric, repeat)

            async def all_of(calls: range) -> dict[int, tuple[str, Reply]]:
                found: dict[int, tuple[str, Reply]] = {}

                def heard(call: int, answered: tuple[str, Reply]) -> None:
                    found[call] = answered
                    progress(len(sieve.rows), wanted.prompts, f"{calls.start + len(found)} calls")

                await each(calls, one, endpoint.max_in_flight, heard)
                return found

            while not sieve.full and sieve.ended is None:
                calls = range(len(answers), len(answers) + wave)
                found = await all_of(calls)
                in_order = (found[call] for call in calls)
                replies = list(takewhile(lambda one: one[1].failure != "budget", in_order))
                answers += [answer for _, answer in replies]
                sieve.take(replies)
                if len(replies) < wave:
                    sieve.ended = budget.refused
                progress(len(sieve.rows), wanted.prompts, f"{len(answers)} calls")
                wave = _next_wave(wave, sieve, wanted.prompts - len(sieve.rows))
    return Made(sieve.rows, _facts(wanted, sieve, answers))


def _body(config: Generate, messages: list[dict[str, str]], drawn: list[int]) -> dict[str, Any]:
    """The chat-completion arguments of a call."""
    schema = {"response_format": SCHEMA} if config.channel == "json" else {}
    seed = int(digest("seed", *drawn), 16) % 2**31
    body = {"messages": messages, **schema, "seed": seed, **config.arguments}
    left_out = [name for name, value in config.sampling.items() if value is None]
    return {name: value for name, value in body.items() if name not in left_out}


def _next_wave(wave: int, sieve: PromptFilter, missing: int) -> int:
    """Calls that bring what is missing if they give as much as those before, twice the last wave at
    most: recipes that no longer give anything are noticed before many calls are paid.
    """
    a_call = max(len(sieve.rows), 1) / max(sieve.replies, 1)
    return max(1, min(ceil(missing / a_call), 2 * wave))


def _facts(wanted: Wanted, sieve: PromptFilter, answers: list[Reply]) -> dict[str, Any]:
    return {
        "prompts": len(sieve.rows),
        "wanted": wanted.prompts,
        "ended": None if sieve.full else sieve.ended,
        "calls": len(answers),
        "rejected": dict(sorted(sieve.rejected.items())),
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "completion_tokens": sum(answer.completion_tokens for answer in answers),
        "cost": sum(answer.cost for answer in answers),
    }
