"""Tokens per second of the sampler beside a bare `LLM.chat`, on the starter's policy.

    python -m benchmarks.sampling [--prompts 1000] [--times 3] [--chunk 256]

One vLLM in this process draws by turns for both, with the same SamplingParams (n, seeds, logprobs)
and prompts and an empty prefix cache. The sampler's turn is what its child process does once vLLM
is loaded: it reads its share of the prompts, draws, and writes candidate rows in chunks. Start-up
is counted apart, and so is putting the chunks in order. CPU seconds are those of this process, for
machines where others work at the same time. Texts are compared one by one.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from endpoints.serve import cpu_arguments, cpu_settings
from rounds.folder import policy_facts, round_dir, write_round_start
from rounds.ids import prompt_id
from rounds.rows import CANDIDATES, PROMPTS, Prompt
from rounds.settings import locate
from rounds.stages import silent
from rounds.tables import iter_rows, write_rows
from rounds.weights import local_policy
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.loadings import loadings, requests_path, share_out
from sampler.requests import PromptRequest, train_requests
from sampler.vllm_child import answer_all
from sampler.writers import Writer, writer_in_place


def main() -> None:
    """Draw by turns and print the medians; the speed of a machine may change from turn to turn."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--prompts", type=int, default=1000)
    arguments.add_argument("--times", type=int, default=3)
    arguments.add_argument("--chunk", type=int, default=256)
    given = arguments.parse_args()
    tree = yaml.safe_load(locate("prefloop:examples/starter.yaml").read_text())["sampler"]
    config = SamplerConfig.model_validate({**tree, "chunk": given.chunk})
    policy = local_policy(locate("prefloop:starter/policy"))
    writer = writer_in_place(config, policy)
    os.environ.update({**cpu_settings(), **config.env, "VLLM_ENABLE_V1_MULTIPROCESSING": "0"})
    os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"
    began = time.monotonic()
    from vllm import LLM

    llm = LLM(model=policy.model, **{**cpu_arguments(config.vllm), **config.vllm})
    print(f"start-up {time.monotonic() - began:.1f} s")
    rates: dict[str, list[float]] = {
        name: [] for name in ("sampler", "bare", "sampler CPU", "bare CPU")
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = begin(round_dir(Path(scratch), 1), writer, given.prompts)
        every = requests_of_round(folder, writer)
        by_chat(llm, every[:50], writer)  # what a first use costs is no part of either
        for turn in range(given.times):
            work = folder / "work" / str(turn)
            work.mkdir()
            job = share(work, every, writer, config)
            draws = {
                "sampler": partial(by_sampler, llm, work, job, writer),
                "bare": partial(by_chat, llm, every, writer),
            }
            # each is first in every second turn
            drawn = {
                name: timed(rates, name, draws[name]) for name in sorted(draws, reverse=turn % 2)
            }
            began = time.monotonic()
            chunks = ChunkReader(work)
            rows = (row for request in every for row in chunks.candidates(request.prompt_id))
            write_rows(folder, CANDIDATES, rows)
            print(f"  chunks put in order in {time.monotonic() - began:.2f} s")
            same = list(drawn["bare"]) == [row["text"] for row in iter_rows(folder, CANDIDATES)]
            print("  texts are equal" if same else "  TEXTS DIFFER", flush=True)
    for kind in ("", " CPU"):
        ours, bare = rates[f"sampler{kind}"], rates[f"bare{kind}"]
        ratios = sorted(one / other for one, other in zip(ours, bare, strict=True))
        print(
            f"tokens a{kind} second: sampler {statistics.median(ours):,.0f}, bare "
            f"{statistics.median(bare):,.0f}; of one turn {statistics.median(ratios):.3f} "
            f"(median of {len(ratios)}, {ratios[0]:.3f} to {ratios[-1]:.3f})"
        )


def timed(
    rates: dict[str, list[float]], name: str, draw: Callable[[], tuple[list[str], int]]
) -> list[str]:
    """The texts that `draw` gives; its tokens a second and a CPU second go to `rates`."""
    began, cpu = time.monotonic(), time.process_time()
    texts, tokens = draw()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    rates[name].append(tokens / seconds)
    rates[f"{name} CPU"].append(tokens / cpu)
    print(f"{name}: {tokens:,} tokens in {seconds:.1f} s, {cpu:.1f} s of CPU", flush=True)
    return texts


def share(
    work: Path, every: list[PromptRequest], writer: Writer, config: SamplerConfig
) -> dict[str, Any]:
    """The job of one child process that is to answer everything."""
    counts, _ = share_out(work, lambda: iter(every), loadings([writer])[0], 1)
    numbers = {"first_number": 0, "every_number": 1}
    path = requests_path(work, 0).name
    return {"requests": path, "prompts": counts[0], "chunk": config.chunk, **numbers}


def by_sampler(llm: Any, work: Path, job: dict[str, Any], writer: Writer) -> tuple[list[str], int]:
    """As the child process does; the texts are in its chunks."""
    from rounds.tokenizers import spelling_of
    from sampler.vllm_engine import Engine

    assert writer.policy is not None
    spellings = {writer.policy: spelling_of(writer.policy)}
    llm.reset_prefix_cache()

    async def run() -> None:
        engine = Engine(llm, spellings)
        draw, at_once = engine.draw, 2 * engine.max_num_seqs
        task = asyncio.ensure_future(
            answer_all(job, work, {writer.name: writer}, draw, at_once, silent)
        )
        await engine.run(task)
        await task

    asyncio.run(run())
    chunks = [pq.read_table(path, columns=["n_tokens"]) for path in work.glob("chunk-*.parquet")]
    return [], sum(sum(chunk["n_tokens"].to_pylist()) for chunk in chunks)


def by_chat(llm: Any, every: list[PromptRequest], writer: Writer) -> tuple[list[str], int]:
    """All prompts given to LLM.chat at once."""
    from vllm import SamplingParams

    llm.reset_prefix_cache()
    params = [
        SamplingParams(**writer.sampling, n=writer.n, seed=one.seed, logprobs=0) for one in every
    ]
    outputs = llm.chat([one.messages for one in every], params, use_tqdm=False)
    answers = [
        answer
        for output in outputs
        for answer in sorted(output.outputs, key=lambda answer: answer.index)
    ]
    return [answer.text for answer in answers], sum(len(answer.token_ids) for answer in answers)


def requests_of_round(folder: Path, writer: Writer) -> list[PromptRequest]:
    """What a round requests."""
    return list(train_requests(folder, [writer], 0))


def begin(folder: Path, writer: Writer, prompts: int) -> Path:
    """A round with so many of the starter's train prompts."""
    assert writer.policy is not None
    facts = policy_facts(folder, writer.policy)
    write_round_start(folder, {"policy": facts, "initial": facts, "seed": 0})
    lines = locate("prefloop:prompts/starter/train.jsonl").read_text().splitlines()
    write_rows(folder, PROMPTS, [prompt_row(json.loads(line)) for line in lines[:prompts]])
    return folder


def prompt_row(line: dict[str, str]) -> Prompt:
    """A train prompt."""
    messages = [{"role": "user", "content": line["prompt"]}]
    empty = dict.fromkeys(("set_aside", "reference", "guidelines", "tags"))
    given = {"messages": messages, "source": "benchmark", "split": "train"}
    return {"prompt_id": prompt_id(messages), **given, **empty}


if __name__ == "__main__":
    main()
