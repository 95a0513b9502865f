"""What the stages of `million_rows.py` find: prompts, chunks of answers, the judge's replies."""

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count as numbers
from pathlib import Path
from pydoc_data.topics import topics
from time import time
from typing import Any
from unittest.mock import patch
from zlib import crc32

import yaml

from rounds.files import write_text
from rounds.folder import run_of, write_round_start
from rounds.ids import text_hash
from rounds.rows import HELD_OUT, Candidate, Prompt
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


def sampling(folder: Path) -> Callable[[], object]:
    """The sampler stage of the round."""
    from endpoints.open import Endpoints
    from sampler.stage import sample

    place = Policy(**POLICY)
    return lambda: sample(folder, config(folder).sampler, place, 0, Endpoints({}, folder / "logs"))


def answered(requests: Iterable[Any], writer: Any) -> Iterator[Any]:
    """What each prompt asks for, as a child of the sampler gives it; nothing is drawn."""
    from sampler.answers import AnsweredPrompt
    from sampler.requests import candidate_id

    rng, words = random.Random(2), vocabulary()
    tokens = [rng.randrange(150_000) for _ in range(100_000)]

    def answer(request: Any, index: int) -> Candidate:
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

    for request in requests:
        n = sum(one.n for one in request.writer_requests)
        rows = [answer(request, index) for index in range(n)]
        yield AnsweredPrompt(request.prompt_id, rows, [])


def chunks(folder: Path, count: int) -> None:
    """Answers in chunks as the sampler's children leave them."""
    import sampler.stage
    from sampler.chunks import ChunkWriter

    class Drawn(Exception):
        """All chunks are there."""

    def draw(work: Path, requests: Any, writers: list[Any], *_: object) -> None:
        into = ChunkWriter(work, numbers(), config(folder).sampler.chunk, ["current"])
        for one in answered(requests(), writers[0]):
            into.add(one)
        into.flush()
        raise Drawn

    with patch.object(sampler.stage, "sample_with_vllm", draw), suppress(Drawn):
        sampling(folder)()


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


def beside(folder: Path) -> Path:
    """A round that has the tables of this one, for a policy to be judged in."""
    return run_of(folder).with_name("gate") / ROUND


def trained(folder: Path, count: int) -> None:
    """A round whose policy was trained, with the tables of the first."""
    other = beside(folder)
    write_round_start(other, {"policy": POLICY, "initial": POLICY, "seed": 0})
    for path in folder.glob("*.parquet"):
        os.link(path, other / path.name)


PREPARED: dict[str, Work] = {
    "sources": sources,
    "chunks": chunks,
    "replies": replies,
    "trained": trained,
}
"""What is written for the stages that follow."""
