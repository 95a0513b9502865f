"""The child process that finds what cannot be trained: `python -m trainer.check job.json`

Raises UserError for the first argument that TRL or peft would refuse and for imported data that is
wrong. Writes found.json beside the job: a sentence about each source.
"""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from endpoints.child_main import child_main, report_progress
from preferences.config import Data
from preferences.preference import Preference
from preferences.read import Malformed, read_preferences
from rounds.errors import UserError
from rounds.files import read_json, write_json
from trainer.arguments import dpo_config, lora_config, prompt_limit

REPORT_EVERY = 5000
"""Rows between two lines of progress."""


def main(job_path: Path) -> None:
    """Check the job's arguments, then its data."""
    job = read_json(job_path)
    with tempfile.TemporaryDirectory() as folder:
        args = dpo_config(job["args"], folder)
        lora_config(job["lora"])
    limit = prompt_limit(args)
    sentences = []
    for key, source in job["imported"]:
        tokenizer = AutoTokenizer.from_pretrained(job["model"])
        sentences.append(check_data(Data(**source), key, tokenizer, limit))
    write_json(job_path.parent / "found.json", sentences)


def check_data(source: Data, key: str, tokenizer: Any, limit: float) -> str:
    """What a source of preferences holds, in a sentence.

    Raises UserError for a row that is malformed or that the chat template refuses, and where no
    row is left: TRL drops, without a word, a prompt of `limit` tokens or more.
    """
    shape, rows = read_preferences(source, key)
    counts: Counter[str] = Counter()
    too_long: list[str] = []
    for row in rows:
        if isinstance(row, Preference):
            counts["preferences"] += 1
            if _prompt_tokens(row, tokenizer) >= limit:
                too_long.append(row.where)
        else:
            counts["malformed" if isinstance(row, Malformed) else row.reason] += 1
        if counts.total() % REPORT_EVERY == 0:
            report_progress(counts.total(), 0, f"checking {source}")
    if not counts["preferences"]:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(counts.items()))
        raise UserError(f"{key}: {source} holds no preference ({reasons})")
    if len(too_long) == counts["preferences"]:
        raise UserError(
            f"{key}: every prompt of {source} has {limit} tokens or more, and TRL drops those "
            "(trainer.args.max_length)"
        )
    kinds = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
    sentence = f"{key}: {source} is of the shape {shape}: {kinds}"
    if too_long:
        sentence += (
            f"; with a prompt of {limit} tokens or more (trainer.args.max_length) and so not "
            f"trained on: {len(too_long)}, the first is {too_long[0]}"
        )
    return sentence


def _prompt_tokens(preference: Preference, tokenizer: Any) -> int:
    """Tokens of the prompt in the policy's chat template."""
    try:
        ids = tokenizer.apply_chat_template(
            preference.prompt, add_generation_prompt=True, return_dict=False
        )
    except Exception as error:  # a template raises what it likes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{preference.where}: the policy's chat template refuses the prompt ({reason})"
        ) from error
    return len(ids)


if __name__ == "__main__":
    child_main(main)
