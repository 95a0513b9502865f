"""The trainer stage for a policy at an endpoint: pairs to the next policy by fine-tuning jobs."""

import asyncio
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from endpoints.journal import JOURNAL, Journal
from endpoints.open import Endpoints
from endpoints.tuning import Tuned, fine_tune
from endpoints.tuning_begin import Tuning
from preferences.preference import Preference, RawRow
from preferences.read import Malformed, read_preferences
from preferences.write import json_line, openai_fault, openai_row
from rounds.errors import Stopped, UserError
from rounds.files import write_json
from rounds.folder import policy_facts, round_number, run_of
from rounds.rows import EXTRA, PAIRS
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import iter_rows, remove_table, rows_hash, table_path, write_rows
from rounds.weights import Policy, served_model
from texts.leaks import DEFAULT_LIMITS, LeakLimits
from trainer.config import TrainerConfig
from trainer.extra import extra_pairs
from trainer.hosted_config import LEAST_PAIRS, OpenAITuning, hyperparameters
from trainer.hosted_estimate import BYTES_A_TOKEN, estimated_tokens


class Rows(NamedTuple):
    """The lines of both kinds of job, how many there are, tokens of one epoch (estimated) by kind,
    and how many pairs are no rows of OpenAI's format, by reason.
    """

    dpo: bytes
    supervised: bytes
    n: int
    dpo_tokens: int
    supervised_tokens: int
    unfit: dict[str, int]


def train_hosted(
    folder: Path,
    config: TrainerConfig,
    policy: Policy,
    initial: Policy,
    seed: int,
    endpoints: Endpoints,
    progress: Progress = silent,
    limits: LeakLimits = DEFAULT_LIMITS,
) -> tuple[Policy, dict[str, Any]]:
    """Have the endpoint train the next policy on the round's pairs; returns it and what is known of
    the training.

    The reference model is the policy in place, from which the job begins. Raises Stopped where the
    pairs are too few or too dear, and as `endpoints.tuning.fine_tune` does.
    """
    assert policy.served is not None, "a policy that is trained elsewhere is served there"
    name, tuning = policy.served, config.openai or OpenAITuning()
    own = pq.read_metadata(table_path(folder, PAIRS)).num_rows
    extra = extra_pairs(folder, config, own, seed, limits)
    if extra.rows:
        write_rows(folder, EXTRA, extra.rows)
    else:
        remove_table(folder, EXTRA)
    first = tuning.supervised_first and policy.policy_id == initial.policy_id
    own_pairs = iter_rows(folder, PAIRS)
    key = stage_key(
        "hosted",
        rows_hash("pairs", own_pairs),
        rows_hash("extra", extra.rows),
        config.args,
        tuning.supervised_args if first else None,
        policy.policy_id,
        seed,
    )

    def run() -> dict[str, Any]:
        rows = job_rows(chain(iter_rows(folder, PAIRS), extra.rows))
        if rows.n < LEAST_PAIRS:
            raise Stopped(
                f"{folder}: {rows.n} pairs, and a fine-tuning job takes {LEAST_PAIRS} at least; "
                "nothing was sent",
                "raise prompts.per_round, or give trainer.replay, and run the same command again",
            )
        _check_cost(config, tuning, rows, first)
        jobs = asyncio.run(
            _jobs(folder, config, tuning, policy, seed, endpoints, rows, first, progress)
        )
        facts = _facts(tuning, rows, jobs)
        return facts | ({"extra": extra.facts} if extra.facts else {})

    facts = run_stage(folder, "train", key, run)
    model = facts["jobs"][-1]["model"]
    trained = Policy(model, None, f"{name}/{model}", served=name)
    write_json(folder / "work" / "trained.json", policy_facts(run_of(folder), trained))
    return trained, facts


async def _jobs(
    folder: Path,
    config: TrainerConfig,
    tuning: OpenAITuning,
    policy: Policy,
    seed: int,
    endpoints: Endpoints,
    rows: Rows,
    first: bool,
    progress: Progress,
) -> list[tuple[str, Tuned]]:
    """The jobs of a round one after the other, each by its method."""
    name = str(policy.served)
    at, live = endpoints.config(name), endpoints.live(name)
    model = served_model(policy) or live.model
    title = re.sub(r"[^A-Za-z0-9-]", "-", f"{run_of(folder).name}-{round_number(folder)}")
    done: list[tuple[str, Tuned]] = []
    wanted = [("supervised", rows.supervised, tuning.supervised_args)] if first else []
    wanted.append(("dpo", rows.dpo, config.args))
    with Journal(run_of(folder) / JOURNAL) as journal:
        for kind, content, args in wanted:
            given = hyperparameters(args)
            method = {"type": kind, kind: {"hyperparameters": given} if given else {}}
            job = Tuning(model, method, content, seed % 2**31, title, tuning.attempts)
            tuned = await fine_tune(name, at, live, journal, job, progress)
            model = tuned.model
            done.append((kind, tuned))
    return done


def job_rows(pairs: Any) -> Rows:
    """Pairs as JSON lines of OpenAI's two formats, without those that the format does not allow."""
    lines: list[tuple[RawRow, RawRow]] = []
    unfit: Counter[str] = Counter()
    for pair in pairs:
        row = openai_row(pair)
        if fault := openai_fault(row):
            unfit[fault] += 1
        else:
            lines.append((row, {"messages": [*pair["prompt"], *pair["chosen"]]}))
    dpo, supervised = ("".join(json_line(both[kind]) for both in lines).encode() for kind in (0, 1))
    tokens = [len(text) // BYTES_A_TOKEN for text in (dpo, supervised)]
    return Rows(dpo, supervised, len(lines), tokens[0], tokens[1], dict(sorted(unfit.items())))


def _check_cost(config: TrainerConfig, tuning: OpenAITuning, rows: Rows, first: bool) -> None:
    if tuning.max_cost is None or not tuning.price:
        return
    tokens = estimated_tokens(config, rows.dpo_tokens, rows.supervised_tokens, first)
    cost = tokens * tuning.price / 1e6
    if cost > tuning.max_cost:
        raise Stopped(
            f"trainer.openai.max_cost: {rows.n} pairs are about {tokens:,} trained tokens, "
            f"{cost:.2f} at the price of {tuning.price:g}, and {tuning.max_cost:g} is the most; "
            "nothing was sent",
            "raise trainer.openai.max_cost, or lower trainer.args.n_epochs, and run the same "
            "command again",
        )


def _facts(tuning: OpenAITuning, rows: Rows, jobs: list[tuple[str, Tuned]]) -> dict[str, Any]:
    """What metrics.json says of the training. Tokens are None where the endpoint names none."""
    named = [tuned.trained_tokens for _, tuned in jobs]
    tokens = None if None in named else sum(filter(None, named))
    curves = jobs[-1][1].curves
    priced = tuning.price is not None and tokens is not None
    return {
        "pairs": rows.n,
        "held_out_pairs": 0,
        "held_out_accuracy": None,
        "held_out_n": 0,
        "kl_per_token": None,
        "steps": int(curves[-1]["step"]) if curves else None,
        "curves": curves,
        "trained_tokens": tokens,
        "cost": tokens * tuning.price / 1e6 if priced and tokens and tuning.price else None,
        "adjusted": [f"{n} pairs left out: {why}" for why, n in rows.unfit.items()],
        "epoch_tokens": {"dpo": rows.dpo_tokens, "supervised": rows.supervised_tokens},
        "jobs": [
            {
                "id": tuned.job_id,
                "method": kind,
                "model": tuned.model,
                "trained_tokens": tuned.trained_tokens,
            }
            for kind, tuned in jobs
        ],
    }


def check_imported(config: TrainerConfig) -> list[str]:
    """Raise UserError for imported preferences that are wrong; a sentence about each source."""
    sentences = []
    for key, source in config.imported:
        shape, rows = read_preferences(source, key)
        counts = Counter(
            "preferences"
            if isinstance(row, Preference)
            else "malformed"
            if isinstance(row, Malformed)
            else row.reason
            for row in rows
        )
        kinds = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
        if not counts["preferences"]:
            raise UserError(f"{key}: {source} holds no preference ({kinds})")
        sentences.append(f"{key}: {source} is of the shape {shape}: {kinds}")
    return sentences
