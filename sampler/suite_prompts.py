"""The prompts of the gate's regression suites, and how many answers a round will take of them."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from rounds.errors import UserError
from rounds.folder import finished_rounds
from rounds.ids import digest, prompt_seed
from rounds.rows import SUITES
from rounds.tables import iter_rows
from sampler.config import SamplerConfig
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows
from sampler.dealing.sources.rows import SourcePrompt

FEWEST = 8
"""Prompts of a suite, at least: of fewer, chance alone loses any."""


class SuitePrompts(NamedTuple):
    """The prompts of a suite, and from how many seeds the policy in place answers each; or that
    none is answered, and it is asked how likely each one's reference is (`reads`).
    """

    prompts: list[SourcePrompt]
    seeds: int
    reads: bool = False


def read_suite(name: str, path: str) -> list[SourcePrompt]:
    """The prompts of a suite's file. Raises UserError where one is wrong, stands there twice, or
    there are too few.
    """
    key = f"gate.suites.{name}.prompts"
    rows = list(source_rows(SourceConfig(file=path), key))
    seen: dict[str, str] = {}
    for row in rows:
        if row["prompt_id"] in seen:
            raise UserError(
                f"{key}: {row['source']} is the prompt of {seen[row['prompt_id']]} again; leave "
                "one of them out"
            )
        seen[row["prompt_id"]] = row["source"]
    if len(rows) < FEWEST:
        raise UserError(
            f"{key}: {path} holds {len(rows)} prompts, and a drop on fewer than {FEWEST} may well "
            "be chance; give more"
        )
    return rows


class Wanted(NamedTuple):
    """Answers that a round takes at most for its suites, and references that are read; the tokens
    of an answer as earlier rounds measured them, None where none did.
    """

    answers: int
    readings: int
    tokens_an_answer: float | None


def answers_wanted(
    suites: Mapping[str, SuitePrompts],
    config: SamplerConfig,
    seed: int,
    run_dir: Path,
    policy_id: str | None,
    served: bool,
) -> Wanted:
    """What the next round asks of the policy in place, `policy_id`, and of the new one. What
    finished rounds have of the first is not asked again; None is a run's first policy, of which
    there is nothing.
    """
    seeds: Counter[str] = Counter()
    read: set[tuple[str, str]] = set()
    for suite in suites.values():
        for row in suite.prompts:
            if suite.reads:
                read.add((row["prompt_id"], row["reference"] or ""))
            else:
                seeds[row["prompt_id"]] = max(suite.seeds, seeds[row["prompt_id"]])
    known: set[str] = set()
    read_before: set[tuple[str, str]] = set()
    tokens: list[int] = []
    for folder in finished_rounds(run_dir):
        columns = ["candidate_id", "policy_id", "n_tokens", "logprob", "prompt_id", "text"]
        for answer in iter_rows(folder, SUITES, None, columns):
            if answer["logprob"] is None and answer["n_tokens"] is not None:
                tokens.append(answer["n_tokens"])
            if answer["policy_id"] == policy_id:
                known.add(answer["candidate_id"])
                if answer["logprob"] is not None:
                    read_before.add((answer["prompt_id"], answer["text"]))
    sampling = config.sampling_of("current", served)
    left = 0
    for name, n in seeds.items():
        drawn_from = prompt_seed(seed, "suites", name)
        ids = [digest("candidate", name, policy_id, drawn_from, at, sampling) for at in range(n)]
        first = next((at for at, one in enumerate(ids) if one not in known), n)
        left += n - first
    readings = 2 * len(read) - len(read & read_before)
    return Wanted(left + len(seeds), readings, fmean(tokens) if tokens else None)
