"""The stages of `million_rows.py`: what each is given, and the stage itself, by name.

A function of PREPARED writes what a stage finds, one of MEASURED imports its stage and returns it.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count as numbers
from pathlib import Path
from pydoc_data.topics import topics
from time import time
from typing import Any
from unittest.mock import patch
from urllib.request import urlopen
from zlib import crc32

import yaml

from rounds.files import write_text
from rounds.folder import run_of, write_round_start
from rounds.ids import digest, text_hash
from rounds.rows import CANDIDATES, HELD_OUT, Candidate, Prompt
from rounds.tables import iter_rows, replace_splits
from rounds.weights import Policy

ANSWERS = 4
WORDS = 150
TOKENS = WORDS * 4 // 3
HELD_OUT_PROMPTS = 200
RUN, ROUND = "runs/million", "rounds/0001"
POLICY: dict[str, Any] = {"model": "m", "adapter": None, "policy_id": "p0", "served": None}

Work = Callable[[Path, int], object]
"""Something done in a round's folder, which has so many train prompts."""


def worth(prompt: Prompt, answer: str) -> float:
    """The judge: what it likes has no reason, but it always likes the same."""
    return 1 + crc32(answer.encode()) % 10


def phrase(rng: random.Random, words: list[str], count: int) -> str:
    """English of some kind: stretches of one to five words from anywhere."""
    said: list[str] = []
    while len(said) < count:
        start = rng.randrange(len(words))
        said += words[start : start + rng.randint(1, 5)]
    return " ".join(said[:count])


def vocabulary() -> list[str]:
    """The words of Python's own documentation."""
    return " ".join(topics.values()).split()


def config(folder: Path) -> Any:
    """The config of the run."""
    from flows.config import Config

    return Config.model_validate(yaml.safe_load((run_of(folder) / "run.yaml").read_text()))


def sources(folder: Path, count: int) -> None:
    """Prompts as files, the config that names them, and a round that is begun."""
    from flows.config import Config, dump_config

    rng, words, files = random.Random(1), vocabulary(), run_of(folder).parent
    of_split = {"train": count, **dict.fromkeys(HELD_OUT, HELD_OUT_PROMPTS)}
    write_round_start(folder, {"policy": POLICY, "initial": POLICY, "seed": 0})
    for split, wanted in of_split.items():
        with (files / f"{split}.jsonl").open("w") as file:
            for place in range(wanted):
                text = f"{phrase(rng, words, 12)} ({split} {place})"
                file.write(json.dumps({"prompt": text}) + "\n")
    tree: dict[str, Any] = {
        "name": "million",
        "seed": 0,
        "policy": "prefloop:starter/policy",
        "prompts": {split: str(files / f"{split}.jsonl") for split in of_split},
        "endpoints": {"desk": {"base_url": "http://127.0.0.1:9/v1", "model": "m"}},
        "sampler": {"n": ANSWERS},
        "judge": {"endpoint": "desk", "health": {"sample": 0}},
        "trainer": None,
    }
    tree["prompts"]["per_round"] = count
    write_text(run_of(folder) / "run.yaml", dump_config(Config.model_validate(tree)))


def prompts() -> Work:
    """Deal every prompt of the files."""
    from endpoints.open import Endpoints
    from sampler.dealing.deal import deal

    return lambda folder, _: deal(folder, config(folder).prompts, 0, Endpoints({}, folder / "logs"))


def sampling(folder: Path) -> Callable[[], object]:
    """The sampler stage of the round."""
    from endpoints.open import Endpoints
    from sampler.stage import sample

    place = Policy(**POLICY)
    return lambda: sample(folder, config(folder).sampler, place, 0, Endpoints({}, folder / "logs"))


def chunks(folder: Path, count: int) -> None:
    """Answers in chunks as the sampler's children leave them; nothing is drawn."""
    import sampler.stage
    from sampler.answers import AnsweredPrompt
    from sampler.chunks import ChunkWriter
    from sampler.requests import PromptRequest, candidate_id

    rng, words = random.Random(2), vocabulary()
    tokens = [rng.randrange(150_000) for _ in range(100_000)]

    class Drawn(Exception):
        """All chunks are there."""

    def answer(request: PromptRequest, writer: Any, index: int) -> Candidate:
        text, start = phrase(rng, words, WORDS), rng.randrange(len(tokens) - TOKENS)
        return {
            "candidate_id": candidate_id(request, writer, index),
            "prompt_id": request.prompt_id,
            "split": request.split,
            "policy_id": "p0",
            "index": index,
            "text": text,
            "text_hash": text_hash(text),
            "token_ids": tokens[start : start + TOKENS],
            "n_tokens": TOKENS,
            "logprob": -1.5 * WORDS,
            "finish_reason": "stop",
            "seed": request.seed,
            "source": "current",
            "revised_from": None,
            "prompt_token_ids": None,
            "critique": None,
        }

    def draw(work: Path, requests: Any, writers: list[Any], *_: object) -> None:
        into = ChunkWriter(work, numbers(), config(folder).sampler.chunk, ["current"])
        for request in requests():
            n = sum(one.n for one in request.writer_requests)
            rows = [answer(request, writers[0], index) for index in range(n)]
            into.add(AnsweredPrompt(request.prompt_id, rows, []))
        into.flush()
        raise Drawn

    with patch.object(sampler.stage, "sample_with_vllm", draw), suppress(Drawn):
        sampling(folder)()


def sample() -> Work:
    """Chunks to the table: the vLLM side is asked for nothing that is left."""
    import sampler.stage  # noqa: F401

    return lambda folder, _: sampling(folder)()


def replies(folder: Path, count: int) -> None:
    """What the judge has answered, in the journal, as if the round had been judged before."""
    from endpoints.hosts import model_there
    from endpoints.journal import Journal, request_key
    from judge.asking.channel import Request, request_body
    from judge.asking.questions import ORDERS, Question, compare_request, score_request
    from judge.asking.rows import Judge
    from judge.asking.rubric import load_rubrics
    from judge.inputs import answered_prompt_ids, judge_inputs
    from judge.panel import nonce_secret, run_journal
    from judge.strategies.select import Scored, choose

    whole = config(folder)
    judge = Judge(whole.judge, load_rubrics(whole.judge), nonce_secret(0), [])
    columns = "(key, endpoint, model, request, answer, prompt_tokens, completion_tokens, cost, at)"

    def row(request: Request, said: dict[str, Any]) -> tuple[Any, ...]:
        body = request_body(judge.config, request)
        message = {"role": "assistant", "content": json.dumps({"rationale": "It is so.", **said})}
        usage = {"prompt_tokens": 500, "completion_tokens": 20}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        reply = {"object": "chat.completion", "choices": [choice], "usage": usage}
        key = request_key("desk", "m", body, text_hash(request.rubric.text))
        return key, "desk", "m", json.dumps(body), json.dumps(reply), 500, 20, 0.0, time()

    def of_round() -> Iterator[tuple[Any, ...]]:
        for prompt, candidates in judge_inputs(folder, answered_prompt_ids(folder)):
            scored = [Scored(one, worth(prompt, one["text"])) for one in candidates]
            for one in scored:
                yield row(score_request(judge, prompt, one.candidate), {"score": int(one.score)})
            for better, worse in choose(scored, judge.config.select, 1):
                for first in ORDERS:
                    asked = Question("pairwise", prompt, better, worse, first, "confirm")
                    said = {"verdict": "A" if first == "a" else "B"}
                    yield row(compare_request(judge, asked), said)

    with Journal(run_journal(folder).path) as journal:
        model_there(journal, "desk", whole.endpoints["desk"], "m")
        with journal.at_once():
            journal.db.executemany(
                f"INSERT INTO answers {columns} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", of_round()
            )


def judge() -> Work:
    """Select and confirm, each answer read from the journal."""
    from endpoints.open import Endpoints
    from judge.stage import judge_candidates

    def work(folder: Path, _: int) -> None:
        whole = config(folder)
        at = Endpoints(whole.endpoints, folder / "logs")
        judge_candidates(folder, whole.judge, at, float(whole.judge.tau))

    return work


def health() -> Work:
    """Measure the judge."""
    from endpoints.open import Endpoints
    from judge.health.examine import judge_health

    def work(folder: Path, _: int) -> None:
        whole = config(folder)
        judge_health(folder, whole.judge, Endpoints(whole.endpoints, folder / "logs"))

    return work


def pairs() -> Work:
    """Clean, and compare with all others."""
    from pairs.stage import build_pairs

    def work(folder: Path, _: int) -> None:
        found = build_pairs(folder, config(folder).pairs)
        print(f"    kept {found['kept']:,}, dropped {found['dropped']}")

    return work


def beside(folder: Path) -> Path:
    """A round that has the tables of this one, for a policy to be judged in."""
    return run_of(folder).with_name("gate") / ROUND


def trained(folder: Path, count: int) -> None:
    """A round whose policy was trained, with the tables of the first."""
    other = beside(folder)
    write_round_start(other, {"policy": POLICY, "initial": POLICY, "seed": 0})
    for path in folder.glob("*.parquet"):
        os.link(path, other / path.name)


def gate() -> Work:
    """The trained policy's held-out answers put in, compared, and decided upon."""
    from endpoints.open import Endpoints
    from gate.config import GateConfig
    from gate.stage import decide
    from judge.config import JudgeConfig
    from judge.held_out import judge_held_out

    own = JudgeConfig(endpoint="python:million_stages:worth")

    def work(folder: Path, _: int) -> None:
        other = beside(folder)
        old = list(iter_rows(other, CANDIDATES, HELD_OUT))
        new: list[Candidate] = []
        for row in old:
            text = row["text"][::-1]
            named = {"candidate_id": digest("new", row["candidate_id"]), "policy_id": "p1"}
            new.append({**row, **named, "text": text, "text_hash": text_hash(text)})  # type: ignore[typeddict-item]
        replace_splits(other, CANDIDATES, HELD_OUT, [*old, *new])
        judge_held_out(other, own, Endpoints({}, other / "logs"), "p1")
        decide(other, GateConfig(), "p1", "p0", "p0")

    return work


def finish() -> Work:
    """metrics.json, hashes, the sealed manifest and the card."""
    from rounds.finish import finish_round

    def work(folder: Path, _: int) -> None:
        decision = {"promoted": False, "reasons": ["no trainer"]}
        finish_round(folder, (run_of(folder) / "run.yaml").read_text(), None, decision)

    return work


def report() -> Work:
    """The page of the round that is left in it, and the card with its plots."""
    from viewer.report import leave_report

    return lambda folder, _: leave_report(folder)


def prove() -> Work:
    """The seal, and every file against its hash."""
    from rounds.proven import prove_rounds

    return lambda folder, _: prove_rounds([folder], thorough=True)


def verify() -> Work:
    """Every check of `prefloop verify`, replies read again and pairs made again."""
    from flows.verify.run import verify as checks
    from rounds.stages import silent

    def work(folder: Path, _: int) -> None:
        for check in checks(run_of(folder).resolve(), [folder.resolve()], None, lambda _: silent):
            if check.faults:
                print(f"    {check.name}: {check.n_faults} faults, {check.faults[0]}")

    return work


def export() -> Work:
    """The pairs as a data set for TRL."""
    from preferences.export import export as write

    return lambda folder, _: write([folder], "trl", run_of(folder) / "exports/trl", "benchmark")


def inspect() -> Work:
    """`prefloop inspect` in a process of its own, asked for the run, the round and its pairs."""

    def work(folder: Path, _: int) -> int:
        command = ["-m", "prefloop", "inspect", str(run_of(folder)), "--no-browser"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([sys.executable, *command], **pipes, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            for page in ("", "round/1", "round/1/plots", "round/1/pairs?sort=-margin"):
                with urlopen(address + page) as answer:
                    answer.read()
            return peak(server.pid)
        finally:
            server.terminate()
            server.wait()

    return work


def peak(process: int | str = "self") -> int:
    """The most memory a process has held so far, bytes (Linux's VmHWM)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


PREPARED: dict[str, Work] = {
    "sources": sources,
    "chunks": chunks,
    "replies": replies,
    "trained": trained,
}
"""What is written for the stages that follow."""

MEASURED: dict[str, Callable[[], Work]] = {
    "prompts": prompts,
    "sample": sample,
    "judge": judge,
    "health": health,
    "pairs": pairs,
    "gate": gate,
    "finish": finish,
    "report": report,
    "prove": prove,
    "verify": verify,
    "export": export,
    "inspect": inspect,
}
"""Each imports its stage, and returns it; it may return the peak memory of a process of its own."""

ORDER = [
    *("sources", "prompts", "chunks", "sample", "replies", "judge", "health", "pairs"),
    *("trained", "gate", "finish", "report", "prove", "verify", "export", "inspect"),
]
