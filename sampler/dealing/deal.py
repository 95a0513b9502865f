"""Dealing prompts: each round takes the next ones, held-out ones are fixed by the first round."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from rounds.errors import Stopped, UserError
from rounds.folder import finished_rounds, round_number, run_of
from rounds.ids import digest
from rounds.rows import PROMPTS
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import Row, iter_rows, replace_splits, rows_hash
from sampler.dealing.config import PromptsConfig, written_by
from sampler.dealing.cursor import Deal, next_deal
from sampler.dealing.pool import all_rows, fetch, used_prompts
from sampler.dealing.sources.generate import Wanted, depends_on, generate, nothing_generated
from sampler.dealing.splits import Stock, fixed_held_out, take_stock, train_sources


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
    earlier = [done for done in finished_rounds(run_of(folder)) if done != folder]
    stock = take_stock(config, fixed_held_out(earlier))
    dealt = next_deal(config, stock.pool, used_prompts(earlier), seed)
    keys = list(chain(*dealt.keys))
    if not keys and not dealt.generated:
        raise UserError(_used_up(config, stock, len(earlier)))
    train = _labelled(fetch(train_sources(config), keys).values(), "train")
    wanted = _wanted(config, dealt, seed)
    # a row's place in its file is no reason to deal anew
    said = [{**row, "source": ""} for row in _mixed([*train, *stock.held_out], seed)]
    writer = depends_on(wanted, endpoints) if wanted and endpoints else None
    key = stage_key(round_number(folder), rows_hash("prompts", said), writer)

    def others() -> Iterator[Row]:
        for done in earlier:
            yield from iter_rows(done, PROMPTS, ["train"], ["messages"])
        yield from all_rows(train_sources(config))

    def run() -> dict[str, Any]:
        written, facts = [], None
        if wanted:
            assert endpoints is not None, "prompts are written by an endpoint"
            made = generate(folder, wanted, endpoints, others, stock.held_out, progress)
            written, facts = _labelled(made.rows, "train"), made.facts
            if not train and not written:
                raise Stopped(f"{wanted.key}: {nothing_generated(facts)}")
        aside = {row["prompt_id"]: row["set_aside"] for row in iter_rows(folder, PROMPTS)}
        rows = (
            {**row, "set_aside": aside.get(row["prompt_id"])}
            for row in [*_mixed([*train, *written], seed), *stock.held_out]
        )
        replace_splits(folder, PROMPTS, ["train", "gate", "test"], rows)
        return {
            "train": len(train) + len(written),
            "left": sum(dealt.left),
            "merged": stock.pool.merged,
            "held_out_again": stock.held_out_again,
            "near_held_out": stock.near_held_out,
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
    said = []
    if near := facts["near_held_out"]:
        said.append(f"{near} train prompts left out: they come near to gate or test prompts")
    if facts["used_up"] and facts["left"]:
        gone = ", ".join(facts["used_up"])
        said.append(f"{gone}: the last new prompts are dealt, the other sources take over")
    elif facts["used_up"]:
        said.append("the last prompts of all sources are dealt; prompts.at_end says what is next")
    generated = facts["generated"]
    if generated and generated["ended"]:
        why = "nothing new came any more"
        if generated["ended"] != "nothing_new":
            why = f"the budget's {generated['ended']} are used up"
        said.append(
            f"{generated['prompts']} of {generated['wanted']} prompts generated: {why}; the round "
            "is smaller"
        )
    return said


def _wanted(config: PromptsConfig, dealt: Deal, seed: int) -> Wanted | None:
    """What is to be generated."""
    writer = written_by(config)
    if not dealt.generated or config.writer is None or writer is None:
        return None
    return Wanted(config.writer, writer[0], dealt.generated, seed, config.near_held_out)


def _used_up(config: PromptsConfig, stock: Stock, rounds: int) -> str:
    sources = ", ".join(source.file or source.title for source in config.finite)
    return (
        f"prompts.train: all {len(stock.pool.keys)} prompts are used up after {rounds} rounds; add "
        f"prompts to {sources}, or set prompts.at_end to reshuffle or generate"
    )


def _mixed(rows: list[Row], seed: int) -> list[Row]:
    """Rows by hash: where a budget ends a round early, no source is the one that is left out."""
    return sorted(rows, key=lambda row: digest("mixed", seed, row["prompt_id"]))


def _labelled(rows: Iterable[Row], split: str) -> list[Row]:
    return [{**row, "split": split} for row in rows]
