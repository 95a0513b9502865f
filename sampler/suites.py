"""Answers to the gate's regression suites: by the policy in place, from several seeds, and the new.

The policy in place is asked once for all: what an earlier round has of it, or of the policy that it
was then, is taken from there.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.folder import finished_rounds, run_of
from rounds.ids import prompt_seed
from rounds.rows import SUITES, Candidate, SuiteAnswer
from rounds.stages import (
    Progress,
    remove_stamp,
    run_stage,
    silent,
    stage_key,
    stage_of,
    work_dir,
)
from rounds.tables import iter_rows, remove_table, rows_hash, write_rows
from rounds.weights import Policy
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows
from sampler.dealing.sources.rows import SourcePrompt
from sampler.endpoint_engine import sample_from_endpoints
from sampler.requests import PromptRequest, WriterRequest, candidate_id, requests_hash
from sampler.vllm_parent import sample_with_vllm
from sampler.writers import Writer, writer_in_place

FEWEST = 8
"""Prompts of a suite, at least: of fewer, chance alone loses any."""


class SuitePrompts(NamedTuple):
    """The prompts of a suite, and from how many seeds the policy in place answers each."""

    prompts: list[SourcePrompt]
    seeds: int


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


def answer_suites(
    folder: Path,
    config: SamplerConfig,
    suites: Mapping[str, SuitePrompts],
    current: Policy,
    trained: Policy,
    seed: int,
    endpoints: Endpoints,
    progress: Progress = silent,
) -> None:
    """Both policies' answers to all suites, in suites.parquet: of the one in place from as many
    seeds as each suite says, of the trained one from the first of them.

    One stage a policy, in chunks: a kill repeats little.
    """
    if not suites or current.policy_id == trained.policy_id:
        remove_table(folder, SUITES)
        return
    for policy, once in ((current, False), (trained, True)):
        _answer(folder, config, suites, policy, once, seed, endpoints, progress)
    kept = {current.policy_id, trained.policy_id}
    others = {row["policy_id"] for row in iter_rows(folder, SUITES)} - kept
    if others:  # a change of config, which has trained another policy
        for other in others:
            remove_stamp(folder, stage_of("sample_suites", other))  # it may be taken back
        write_rows(folder, SUITES, [r for r in iter_rows(folder, SUITES) if r["policy_id"] in kept])


def _answer(
    folder: Path,
    config: SamplerConfig,
    suites: Mapping[str, SuitePrompts],
    policy: Policy,
    once: bool,
    seed: int,
    endpoints: Endpoints,
    progress: Progress,
) -> None:
    writer = writer_in_place(config, policy)
    wanted = list(_requests(suites, once, seed))
    places = {
        candidate_id(request, writer, index): (request.prompt_id, index)
        for request in wanted
        for index in range(request.writer_requests[0].n)
    }
    known = _from_earlier(folder, places.keys())
    unanswered = list(_left(wanted, writer, known))
    stage = stage_of("sample_suites", policy.policy_id)
    key = stage_key(
        requests_hash(wanted), suites_key(suites), policy.policy_id, writer.sampling_key
    )

    def run() -> dict[str, Any]:
        work = work_dir(folder, stage, key)
        requests = partial(iter, unanswered)
        usage: dict[str, float] = {}
        if unanswered:
            sample_with_vllm(work, requests, [writer], config, progress)
            usage = sample_from_endpoints(
                folder, work, requests, [writer], config.chunk, endpoints, progress
            )
        chunks = ChunkReader(work, work / "endpoints")
        fresh: list[Candidate] = [
            row for request in unanswered for row in chunks.candidates(request.prompt_id)
        ]
        rows = list(_rows(suites, once, {**known, **{one["candidate_id"]: one for one in fresh}}))
        others = [one for one in iter_rows(folder, SUITES) if one["policy_id"] != policy.policy_id]
        write_rows(folder, SUITES, [*others, *rows])
        return {
            "answers": len(rows),
            "candidates": len(fresh),
            "known": len(known),
            "tokens": sum(row["n_tokens"] or 0 for row in fresh),
            "sampler_usage": usage or None,
            "rows": rows_hash(SUITES, rows),
        }

    run_stage(folder, stage, key, run)


def suites_key(suites: Mapping[str, SuitePrompts]) -> list[Any]:
    """What the rows of suites follow from beside the answers."""
    return [
        [name, one.seeds, [[row["prompt_id"], row["reference"]] for row in one.prompts]]
        for name, one in suites.items()
    ]


def _requests(suites: Mapping[str, SuitePrompts], once: bool, seed: int) -> Iterator[PromptRequest]:
    """Each prompt once, for as many answers as some suite that has it wants."""
    rows: dict[str, SourcePrompt] = {}
    most: dict[str, int] = {}
    for suite in suites.values():
        for row in suite.prompts:
            rows.setdefault(row["prompt_id"], row)
            n = 1 if once else suite.seeds
            most[row["prompt_id"]] = max(n, most.get(row["prompt_id"], 0))
    for prompt_id, row in rows.items():
        asked = [WriterRequest("current", most[prompt_id], 0)]
        drawn_from = prompt_seed(seed, "suites", prompt_id)
        yield PromptRequest(
            prompt_id, "suite", row["messages"], drawn_from, asked, [], row["source"]
        )


def _from_earlier(folder: Path, wanted: Any) -> dict[str, Any]:
    """The answers of these ids that earlier rounds have. This round's own are no reason to ask
    less: the stage must stay the same stage.
    """
    known: dict[str, Any] = {}
    for earlier in finished_rounds(run_of(folder)):
        if earlier != folder:
            for row in iter_rows(earlier, SUITES):
                if row["candidate_id"] in wanted:
                    known[row["candidate_id"]] = row
    return known


def _left(
    requests: list[PromptRequest], writer: Writer, known: Mapping[str, Any]
) -> Iterator[PromptRequest]:
    """What is still to be asked: of each prompt the answers from the first unknown one on."""
    for request in requests:
        n = request.writer_requests[0].n
        missing = [at for at in range(n) if candidate_id(request, writer, at) not in known]
        if missing:
            first = missing[0]
            asked = [WriterRequest("current", n - first, first)]
            yield request._replace(writer_requests=asked)


def _rows(
    suites: Mapping[str, SuitePrompts], once: bool, answers: Mapping[str, Any]
) -> Iterator[SuiteAnswer]:
    """The rows of every suite, in the order of its prompts."""
    of_prompt: dict[str, list[Any]] = {}
    for answer in answers.values():
        of_prompt.setdefault(answer["prompt_id"], []).append(answer)
    for name, suite in suites.items():
        for prompt in suite.prompts:
            for answer in sorted(of_prompt.get(prompt["prompt_id"], ()), key=lambda a: a["index"]):
                if answer["index"] < (1 if once else suite.seeds):
                    yield _row(name, prompt, answer)


def _row(name: str, prompt: SourcePrompt, answer: Mapping[str, Any]) -> SuiteAnswer:
    return {
        "suite": name,
        "prompt_id": prompt["prompt_id"],
        "messages": prompt["messages"],
        "reference": prompt["reference"],
        "source": prompt["source"],
        "candidate_id": answer["candidate_id"],
        "policy_id": answer["policy_id"],
        "index": answer["index"],
        "text": answer["text"],
        "text_hash": answer["text_hash"],
        "n_tokens": answer["n_tokens"],
        "finish_reason": answer["finish_reason"],
        "seed": answer["seed"],
    }
