"""Answers to the gate's regression suites: by the policy in place, from several seeds, and the new.

The policy in place is asked once for all: what an earlier round has of it, or of the policy that it
was then, is taken from there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from rounds.folder import finished_rounds, run_of
from rounds.ids import digest, prompt_seed, text_hash
from rounds.rows import SUITES, Candidate, SuiteAnswer, written_candidate
from rounds.stages import (
    Progress,
    remove_stamp,
    run_stage,
    silent,
    stage_key,
    stage_of,
    stage_stamps,
    work_dir,
)
from rounds.tables import iter_rows, remove_table, rows_hash, write_rows
from rounds.weights import Policy
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.dealing.sources.rows import SourcePrompt
from sampler.endpoint_engine import sample_from_endpoints
from sampler.requests import (
    PromptRequest,
    WriterRequest,
    candidate_id,
    reading_id,
    requests_hash,
)
from sampler.suite_prompts import SuitePrompts
from sampler.vllm_parent import sample_with_vllm
from sampler.writers import READING, Writer, reader_of, writer_in_place

STAGE = "sample_suites"


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
    seeds as each suite says, of the trained one from the first of them. Where a suite reads, the
    references with how likely each policy finds them.

    One stage a policy, in chunks: a kill repeats little.
    """
    if not suites or current.policy_id == trained.policy_id:
        _forget_others(folder, set())
        remove_table(folder, SUITES)
        return
    for policy, once in ((current, False), (trained, True)):
        _answer(folder, config, suites, policy, once, seed, endpoints, progress)
    kept = {current.policy_id, trained.policy_id}
    _forget_others(folder, kept)
    rows = list(iter_rows(folder, SUITES))
    if any(row["policy_id"] not in kept for row in rows):  # of a training before a change of config
        write_rows(folder, SUITES, [row for row in rows if row["policy_id"] in kept])


def _forget_others(folder: Path, kept: set[str]) -> None:
    """Take away the stamps of policies beside these, whose answers go: the change of config that
    took both away may be taken back.
    """
    stages = {stage_of(STAGE, policy_id) for policy_id in kept}
    for stage in stage_stamps(folder):
        if stage.startswith(f"{STAGE}_") and stage not in stages:
            remove_stamp(folder, stage)


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
    writers = [writer, reader_of(writer)] if any(s.reads for s in suites.values()) else [writer]
    wanted = list(_requests(suites, once, seed))
    ids = {name for request in wanted for name in _ids(request, writer)}
    known = _from_earlier(folder, ids)
    unanswered = list(_left(wanted, writer, known))
    stage = stage_of(STAGE, policy.policy_id)
    key = stage_key(
        requests_hash(wanted), suites_key(suites), policy.policy_id, writer.sampling_key
    )

    def run() -> dict[str, Any]:
        work = work_dir(folder, stage, key)
        requests = partial(iter, unanswered)
        usage: dict[str, float] = {}
        if unanswered:
            sample_with_vllm(work, requests, writers, config, progress)
            usage = sample_from_endpoints(
                folder, work, requests, [writer], config.chunk, endpoints, progress
            )
        chunks = ChunkReader(work, work / "endpoints")
        fresh: list[Candidate] = [
            row for request in unanswered for row in chunks.candidates(request.prompt_id)
        ]
        answers = {**known, **{one["candidate_id"]: one for one in fresh}}
        rows = list(_rows(suites, once, policy.policy_id, answers))
        others = [one for one in iter_rows(folder, SUITES) if one["policy_id"] != policy.policy_id]
        write_rows(folder, SUITES, [*others, *rows])
        drawn = [row for row in fresh if row["source"] != READING]
        return {
            "answers": len(rows),
            "candidates": len(drawn),
            "known": len(known),
            "tokens": sum(row["n_tokens"] or 0 for row in drawn),
            "sampler_usage": usage or None,
            "rows": rows_hash(SUITES, rows),
        }

    run_stage(folder, stage, key, run)


def suites_key(suites: Mapping[str, SuitePrompts]) -> list[Any]:
    """What the rows of suites follow from beside the answers."""
    return [
        [
            name,
            one.seeds,
            [[row["prompt_id"], row["reference"]] for row in one.prompts],
            *(["reads"] if one.reads else []),
        ]
        for name, one in suites.items()
    ]


def _requests(suites: Mapping[str, SuitePrompts], once: bool, seed: int) -> Iterator[PromptRequest]:
    """Each prompt once, for as many answers as some suite that has it wants, and with every
    reference of it that is read.
    """
    rows: dict[str, SourcePrompt] = {}
    most: Counter[str] = Counter()
    texts: dict[str, dict[str, None]] = {}
    for suite in suites.values():
        for row in suite.prompts:
            name = row["prompt_id"]
            rows.setdefault(name, row)
            if suite.reads:
                texts.setdefault(name, {})[row["reference"] or ""] = None
            else:
                most[name] = max(1 if once else suite.seeds, most[name])
    for name, row in rows.items():
        given = [
            written_candidate(digest("suite", name, text), name, "suite", at, text, "reference")
            for at, text in enumerate(texts.get(name, ()))
        ]
        asked = [WriterRequest("current", most[name], 0)] if most[name] else []
        asked += [WriterRequest(READING, len(given), 0)] if given else []
        drawn_from = prompt_seed(seed, "suites", name)
        yield PromptRequest(name, "suite", row["messages"], drawn_from, asked, given, row["source"])


def _ids(request: PromptRequest, writer: Writer) -> list[str]:
    """The ids of all that is asked for: the answers of `writer`, then what is read."""
    assert writer.policy is not None, "a reference is not sampled"
    drawn = [
        candidate_id(request, writer, index)
        for one in request.writer_requests
        if one.writer == writer.name
        for index in range(one.n)
    ]
    return drawn + [
        reading_id(request.prompt_id, writer.policy.policy_id, row["text_hash"])
        for row in request.existing
    ]


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
    """What is still to be asked: of each prompt the answers from the first unknown one on, and the
    references that were not read.
    """
    for request in requests:
        n = sum(one.n for one in request.writer_requests if one.writer == writer.name)
        ids = _ids(request, writer)
        missing = [at for at, name in enumerate(ids[:n]) if name not in known]
        unread = [
            row for row, name in zip(request.existing, ids[n:], strict=True) if name not in known
        ]
        asked = [WriterRequest("current", n - missing[0], missing[0])] if missing else []
        asked += [WriterRequest(READING, len(unread), 0)] if unread else []
        if asked:
            yield request._replace(writer_requests=asked, existing=unread)


def _rows(
    suites: Mapping[str, SuitePrompts], once: bool, policy_id: str, answers: Mapping[str, Any]
) -> Iterator[SuiteAnswer]:
    """The rows of every suite, in the order of its prompts."""
    of_prompt: dict[str, list[Any]] = {}
    read = {
        (name, prompt["prompt_id"]): reading_id(
            prompt["prompt_id"], policy_id, text_hash(prompt["reference"] or "")
        )
        for name, suite in suites.items()
        if suite.reads
        for prompt in suite.prompts
    }
    of_reading = set(read.values())
    for answer in answers.values():
        if answer["candidate_id"] not in of_reading:
            of_prompt.setdefault(answer["prompt_id"], []).append(answer)
    for name, suite in suites.items():
        for prompt in suite.prompts:
            if suite.reads:
                if found := answers.get(read[name, prompt["prompt_id"]]):
                    logprob = found["logprob"]
                    yield {**_row(name, prompt, found), "index": 0, "logprob": logprob}
                continue
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
        "logprob": None,
    }
