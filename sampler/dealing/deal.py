"""Dealing prompts: each round takes the next ones, held-out ones are fixed by the first round."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np

from endpoints.open import Endpoints
from rounds.errors import Stopped, UserError
from rounds.folder import finished_rounds, round_number, run_of
from rounds.ids import digest
from rounds.rows import HELD_OUT, PROMPTS, Messages, Prompt
from rounds.scratch import scratch
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import iter_rows, replace_splits, rows_hash
from sampler.dealing.config import PromptsConfig, generate_section
from sampler.dealing.cursor import Deal, next_deal
from sampler.dealing.in_order import KEY, InOrder
from sampler.dealing.pool import all_rows, dealt_keys, rows_of_keys
from sampler.dealing.sources.generate import (
    GenerationRequest,
    generate,
    generation_key_parts,
    nothing_generated,
)
from sampler.dealing.sources.rows import SourcePrompt
from sampler.dealing.splits import PromptSupply, held_out_of_run, read_supply, train_sources
from sampler.requests import held_out_aside


def deal(
    folder: Path,
    config: PromptsConfig,
    seed: int,
    endpoints: Endpoints | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write prompts.parquet of a round: the next `per_round` train prompts, all held-out ones.

    Which ones are next follows from their hashes, the seed and what finished rounds hold, never
    from the order of rows. `endpoints` are needed where prompts are generated. Raises UserError
    when the sources are used up, EndpointLost when the endpoint stops answering.
    """
    with scratch("deal") as work:
        return _deal(folder, config, seed, endpoints, progress, work)


def _deal(
    folder: Path,
    config: PromptsConfig,
    seed: int,
    endpoints: Endpoints | None,
    progress: Progress,
    work: Path,
) -> dict[str, Any]:
    earlier = [done for done in finished_rounds(run_of(folder)) if done != folder]
    supply = read_supply(config, held_out_of_run(earlier))
    dealt = next_deal(config, supply.pool, dealt_keys(earlier), seed)
    keys = np.concatenate([np.empty(0, np.uint64), *dealt.keys])
    if not len(keys) and not dealt.generated:
        raise UserError(_used_up(config, supply, len(earlier)))
    train = _mixed(rows_of_keys(train_sources(config), keys, work / "alike"), seed, work / "mixed")
    held_out = _mixed(supply.held_out, seed, work / "held out")
    request = _generation_request(config, dealt, seed)
    # a row's place in its file is no reason to deal anew
    mixed = merge(train, held_out, key=KEY)
    placeless = ({"split": "train", **row, "source": ""} for _, row in mixed)
    generation = generation_key_parts(request, endpoints) if request and endpoints else None
    key = stage_key(round_number(folder), rows_hash(PROMPTS, placeless), generation)

    def others() -> Iterator[Messages]:
        for done in earlier:
            for row in iter_rows(done, PROMPTS, ["train"], ["messages"]):
                yield row["messages"]
        for unlabelled in all_rows(train_sources(config)):
            yield unlabelled["messages"]

    def run() -> dict[str, Any]:
        generated: list[SourcePrompt] = []
        facts = None
        if request:
            assert endpoints is not None, "prompts are written by an endpoint"
            result = generate(folder, request, endpoints, others, supply.held_out, progress)
            generated, facts = result.rows, result.facts
            if not len(train) and not generated:
                raise Stopped(f"{request.key}: {nothing_generated(facts)}")
        aside = held_out_aside(earlier)
        now = iter_rows(folder, PROMPTS)
        aside |= {row["prompt_id"]: row["set_aside"] for row in now if row["set_aside"]}
        new = merge(train, _mixed(generated, seed, work / "generated"), key=KEY)
        whole = chain(({"split": "train", **row} for _, row in new), supply.held_out)
        rows = ({**row, "set_aside": aside.get(row["prompt_id"])} for row in whole)
        replace_splits(folder, PROMPTS, ["train", *HELD_OUT], cast(Iterator[Prompt], rows))
        return {
            "train": len(train) + len(generated),
            "left": sum(dealt.left),
            "merged": supply.pool.merged,
            "held_out_again": supply.held_out_again,
            "near_held_out": supply.near_held_out,
            "epoch": dealt.epoch,
            "sources": {
                source.title: {"dealt": len(keys), "left": left}
                for source, keys, left in zip(config.finite, dealt.keys, dealt.left, strict=True)
            },
            "used_up": dealt.used_up,
            "generated": facts,
        }

    return run_stage(folder, "prompts", key, run)


def deal_warnings(facts: dict[str, Any]) -> list[str]:
    """What a person should know of a deal that stops nothing."""
    warnings = []
    if near := facts["near_held_out"]:
        warnings.append(f"{near} train prompts left out: they come near to gate or test prompts")
    if facts["used_up"] and facts["left"]:
        sources = ", ".join(facts["used_up"])
        warnings.append(f"{sources}: the last new prompts are dealt, the other sources take over")
    elif facts["used_up"]:
        warnings.append(
            "the last prompts of all sources are dealt; prompts.at_end says what is next"
        )
    generated = facts["generated"]
    if generated and generated["ended"]:
        reason = "nothing new came any more"
        if generated["ended"] != "nothing_new":
            reason = f"the budget's {generated['ended']} are used up"
        warnings.append(
            f"{generated['prompts']} of {generated['wanted']} prompts generated: {reason}; the "
            "round is smaller"
        )
    return warnings


def _generation_request(config: PromptsConfig, dealt: Deal, seed: int) -> GenerationRequest | None:
    section = generate_section(config)
    if not dealt.generated or config.generator is None or section is None:
        return None
    return GenerationRequest(
        config.generator, section[0], dealt.generated, seed, config.near_held_out
    )


def _used_up(config: PromptsConfig, supply: PromptSupply, rounds: int) -> str:
    sources = ", ".join(source.file or source.title for source in config.finite)
    return (
        f"prompts.train: all {len(supply.pool.keys)} prompts are used up after {rounds} rounds; "
        f"add prompts to {sources}, or set prompts.at_end to reshuffle or generate"
    )


def _mixed(rows: Iterable[SourcePrompt | Prompt], seed: int, work: Path) -> InOrder:
    """Rows by hash: where a budget ends a round early, no source is the one that is left out."""
    mixed = InOrder(work)
    for row in rows:
        mixed.add(digest("mixed", seed, row["prompt_id"]), row)
    return mixed
