"""The child process that holds the policy in vLLM: `python -m sampler.vllm_child job.json`

Reads requests.jsonl beside the job, writes chunk-NNNNN.parquet (candidate rows) and
set_aside.json. Lines on stdout starting with "progress" say how far it is; everything else vLLM
prints goes to stderr, which the parent keeps as a log.
"""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from endpoints.child_main import child_main, say
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.ids import text_hash
from rounds.tables import Row, write_parquet
from rounds.weights import Policy, local_policy
from sampler.requests import Request, candidate_id


def main(job_path: Path) -> None:
    """Sample every request of the job that is not in a chunk yet."""
    job, work = read_json(job_path), job_path.parent
    os.environ.update(job["env"])
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    policy = Policy(**job["policy"])
    requests = [Request(**json.loads(line)) for line in (work / "requests.jsonl").open()]
    verify(policy)
    say(0, len(requests), "loading vllm")
    from vllm import LLM

    engine = {"enable_lora": True, "max_lora_rank": lora_rank(policy)} if policy.adapter else {}
    llm = LLM(model=policy.model, **{**engine, **job["vllm"]})
    fitting, set_aside = fit(llm, requests, job["sampling"])
    write_json(work / "set_aside.json", set_aside)
    chunks = left(work, fitting, job["chunk"])
    done = len(fitting) - sum(map(len, chunks.values()))
    say(done, len(fitting))
    for path, chunk in chunks.items():
        write_parquet(path, "candidates", sample(llm, policy, chunk, job["sampling"]))
        done += len(chunk)
        say(done, len(fitting))


def verify(policy: Policy) -> None:
    """Raise unless the weights on disk are the ones this round was told to sample."""
    adapter = Path(policy.adapter) if policy.adapter else None
    found = local_policy(Path(policy.model), adapter).policy_id
    if found != policy.policy_id:
        raise UserError(
            f"{policy.adapter or policy.model}: these are not the promoted weights "
            f"(found {found}, expected {policy.policy_id}); something changed the folder"
        )


def left(work: Path, requests: list[Request], size: int) -> dict[Path, list[Request]]:
    """The requests that are in no chunk yet, `size` to a chunk.

    What a chunk holds is read and not reckoned: the size may be another one since a kill.
    """
    there = sorted(work.glob("chunk-*.parquet"))
    tables = [pq.read_table(path, columns=["prompt_id"]) for path in there]
    done = {name for table in tables for name in table["prompt_id"].to_pylist()}
    rest = [request for request in requests if request.prompt_id not in done]
    return {
        work / f"chunk-{number:05d}.parquet": rest[start : start + size]
        for number, start in enumerate(range(0, len(rest), size), start=len(there))
    }


def lora_rank(policy: Policy) -> int:
    """The smallest rank vLLM offers that holds the adapter."""
    rank = read_json(Path(str(policy.adapter)) / "adapter_config.json")["r"]
    return next(size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank)


def fit(
    llm: Any, requests: list[Request], sampling: dict[str, Any]
) -> tuple[list[Request], dict[str, str]]:
    """Requests that fit the model's context with room for the answer, and the others' reasons.

    One over-long prompt would make vLLM refuse the whole batch.
    """
    tokenizer = llm.get_tokenizer()
    if not tokenizer.chat_template:
        raise UserError("the policy's tokenizer has no chat template; prefloop samples chat models")
    limit = llm.llm_engine.model_config.max_model_len
    answer = sampling.get("max_tokens", 16)
    fitting, set_aside = [], {}
    for request in requests:
        prompt = tokenizer.apply_chat_template(
            request.messages, add_generation_prompt=True, return_dict=False
        )
        if len(prompt) + answer <= limit:
            fitting.append(request)
        else:
            set_aside[request.prompt_id] = (
                f"{len(prompt)} tokens and {answer} for the answer; the model takes {limit}"
            )
    empty = {request.split for request in requests} - {request.split for request in fitting}
    if empty:
        raise UserError(
            f"no {min(empty)} prompt fits: none leaves room for {answer} answer tokens within "
            f"{limit}; lower sampler.sampling.max_tokens or raise sampler.vllm.max_model_len"
        )
    return fitting, set_aside


def sample(
    llm: Any, policy: Policy, requests: list[Request], sampling: dict[str, Any]
) -> list[Row]:
    """Candidate rows of some requests, in order."""
    from vllm import SamplingParams
    from vllm.lora.request import LoRARequest

    try:
        params = [
            SamplingParams(**sampling, n=request.n, seed=request.seed, logprobs=0)
            for request in requests
        ]
    except (TypeError, ValueError) as error:
        raise UserError(f"sampler.sampling: {error}") from error
    lora = LoRARequest("policy", 1, policy.adapter) if policy.adapter else None
    outputs = llm.chat(
        [request.messages for request in requests], params, lora_request=lora, use_tqdm=False
    )
    return [
        _row(request, policy, sampling, answer)
        for request, output in zip(requests, outputs, strict=True)
        for answer in sorted(output.outputs, key=lambda answer: answer.index)
    ]


def _row(request: Request, policy: Policy, sampling: dict[str, Any], answer: Any) -> Row:
    token_ids = list(answer.token_ids)
    logprobs = [step[token].logprob for step, token in zip(answer.logprobs, token_ids, strict=True)]
    return {
        "candidate_id": candidate_id(request, policy, sampling, answer.index),
        "prompt_id": request.prompt_id,
        "split": request.split,
        "policy_id": policy.policy_id,
        "index": answer.index,
        "text": answer.text,
        "text_hash": text_hash(answer.text),
        "token_ids": token_ids,
        "n_tokens": len(token_ids),
        "logprob": float(sum(logprobs)),
        "finish_reason": answer.finish_reason,
        "seed": request.seed,
        "source": "current",
        "revised_from": None,
    }


if __name__ == "__main__":
    child_main(main)
