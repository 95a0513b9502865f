"""The commented config that `prefloop init` writes, from a few answers."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from rounds.settings import locate

CONTEXT = 4096
"""Tokens of prompt and answer together, where the model's own number is not known here."""

NOTE = "  #  "
"""Where a note on a line begins, until all are written."""

ONE_THREAD = '{OMP_NUM_THREADS: "1", VLLM_CPU_OMP_THREADS_BIND: nobind}'


class Answers(NamedTuple):
    """What a config is made of. One of `judge_url` (with `judge_model`) and `judge_serve` is given.

    `n_prompts` are in the file; None where that is not known. `training` is lora, full or none.
    """

    name: str
    policy: str
    prompts: str
    n_prompts: int | None
    judge_url: str | None
    judge_model: str | None
    key_env: str | None
    judge_serve: str | None
    training: str
    gpu: bool


def config_text(answers: Answers, path: str, then: list[str]) -> str:
    """The YAML. `then` are the commands that its head names, `path` is where it will lie."""
    lines = [f"# {path}, written by prefloop init. Every key: docs/reference.md", "#"]
    lines += [f"#   {command}" for command in then]
    parts = [
        "\n".join(lines),
        f"name: {_yaml(answers.name)}\nseed: 0",
        f"policy: {_yaml(answers.policy)}" + _note("a hub id or a folder of weights"),
        _prompts(answers),
        _endpoints(answers),
        _sampler(answers),
        _judge(),
        _trainer(answers),
        "# mirror: s3://bucket/folder" + _note("finished rounds go there: docs/mirror.md"),
    ]
    return "\n".join(map(_aligned, "\n\n".join(parts).split("\n"))) + "\n"


def held_out(count: int | None) -> tuple[int, int]:
    """How many prompts each of gate and test holds out, and how many a round takes: a third of the
    others, so that there are three rounds of them.
    """
    if count is None:
        return 200, 256
    each = min(200, max(1, count // 4))
    return each, min(256, max(1, (count - 2 * each) // 3))


def _prompts(answers: Answers) -> str:
    held, per_round = held_out(answers.n_prompts)
    if is_dataset(answers.prompts):
        train = f"{{dataset: {_yaml(answers.prompts)}, split: train}}"
        said = "column: where the prompt stands, if not in `prompt` or `messages`"
    else:
        train, said = _yaml(answers.prompts), '{"prompt": "..."} or chat messages, one a line'
    return "\n".join(
        [
            "prompts:",
            f"  train: {train}" + _note(said),
            f"  gate: {held}" + _note("held out by hash: they decide on a new policy"),
            f"  test: {held}" + _note("held out as well: reported, and decide nothing"),
            f"  per_round: {per_round}" + _note("train prompts of a round; none is taken twice"),
            "  # at_end: reshuffle" + _note("deal them again when all were dealt"),
        ]
    )


def _endpoints(answers: Answers) -> str:
    lines = ["endpoints:", "  judge:"]
    if answers.judge_serve is not None:
        share = "gpu_memory_utilization: 0.5"
        args = share if answers.gpu else "dtype: float32, enforce_eager: true"
        lines += [
            "    serve:" + _note("prefloop starts vLLM's server for it, and ends it"),
            f"      model: {_yaml(answers.judge_serve)}",
            f"      args: {{{args}, max_model_len: {context_of(answers.judge_serve, 8192)}}}",
            *([] if answers.gpu else [f"      env: {ONE_THREAD}"]),
        ]
    else:
        lines += [
            f"    base_url: {_yaml(answers.judge_url)}",
            f"    model: {_yaml(answers.judge_model)}",
        ]
        if answers.key_env:
            said = "the variable that holds the key"
            lines.append(f"    api_key_env: {answers.key_env}" + _note(said))
        said = "your currency per million tokens, for costs and budgets"
        lines.append("    # price: {input: 0.4, output: 1.6}" + _note(said))
    lines.append("    max_in_flight: 64" + _note("calls open at once"))
    return "\n".join(lines)


def _sampler(answers: Answers) -> str:
    context = context_of(answers.policy)
    share = 0.35 if answers.judge_serve is not None else 0.85
    engine = f"gpu_memory_utilization: {share}" if answers.gpu else "dtype: float32"
    eager = "" if answers.gpu else ", enforce_eager: true"
    return "\n".join(
        [
            "sampler:",
            "  n: 4" + _note("answers to a train prompt; the judge picks two of them"),
            f"  sampling: {{temperature: 0.8, max_tokens: {min(1024, context // 2)}}}"
            + _note("vLLM's SamplingParams"),
            f"  vllm: {{{engine}{eager}, max_model_len: {context}}}"
            + _note("arguments of vllm.LLM"),
            *([] if answers.gpu else [f"  env: {ONE_THREAD}"]),
        ]
    )


def _judge() -> str:
    return "\n".join(
        [
            "judge:",
            "  endpoint: judge" + _note("how to choose one: docs/choosing-a-judge.md"),
            "  # rubrics: {pointwise: score.txt, pairwise: compare.txt}" + _note("what it values"),
            "  # gold: {path: gold.jsonl}" + _note("labelled pairs measure the judge"),
            "  # budget: {calls: 20000}" + _note("a round that reaches it ends its labels there"),
        ]
    )


def _trainer(answers: Answers) -> str:
    if answers.training == "none":
        return "trainer: null" + _note("make pairs, train nothing")
    lora, context = answers.training == "lora", context_of(answers.policy)
    lines = ["trainer:"]
    if lora:
        lines.append(
            "  lora: {r: 32, lora_alpha: 64, target_modules: all-linear}" + _note("peft.LoraConfig")
        )
    rate = "5e-6" if lora else "5e-7"
    said = "about ten times what all weights want" if lora else "LoRA wants about ten times that"
    dtype = "bfloat16" if answers.gpu else "float32"
    return "\n".join(
        [
            *lines,
            "  args:" + _note("trl.DPOConfig"),
            f"    learning_rate: {rate}" + _note(said),
            "    beta: 0.1",
            "    num_train_epochs: 1",
            "    per_device_train_batch_size: 2",
            f"    gradient_accumulation_steps: {16 if answers.gpu else 4}",
            f"    max_length: {min(2048, context)}",
            f"    model_init_kwargs: {{dtype: {dtype}}}",
        ]
    )


def context_of(model: str, most: int = CONTEXT) -> int:
    """The tokens that a model takes, `most` at most and where its folder is not on this machine."""
    try:
        facts: dict[str, Any] = json.loads((locate(model) / "config.json").read_text())
        return min(most, int(facts["max_position_embeddings"]))
    except (OSError, ValueError, KeyError, TypeError):
        return most


def is_dataset(prompts: str) -> bool:
    """Whether prompts are named by a dataset's id, owner/name, and not by a file."""
    path = Path(prompts)
    if prompts.startswith(("prefloop:", ".", "/", "~")) or path.exists():
        return False
    return len(path.parts) == 2 and not path.suffix


def _yaml(value: str | None) -> str:
    """A text as YAML reads it."""
    return yaml.safe_dump(value, width=10_000, allow_unicode=True).removesuffix("...\n").strip()


def _note(text: str) -> str:
    return f"{NOTE}{text}"


def _aligned(line: str) -> str:
    """The line with its note where those of the others stand."""
    said, note, text = line.partition(NOTE)
    return f"{said:<39}  # {text}" if note else line
