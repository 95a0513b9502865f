"""Labels by people, made as the label page makes them."""

from pathlib import Path
from typing import Any

from builders import candidate_row, prompt_row

from rounds.labels import Label, append_label
from rounds.rows import Candidate, Prompt


def given(prompt: Prompt, a: Candidate, b: Candidate, verdict: str, **changes: Any) -> dict:
    """What the page says of a label on two candidate rows."""
    return {
        "round": 1,
        "split": prompt["split"],
        "prompt_id": prompt["prompt_id"],
        "prompt": prompt["messages"],
        "candidate_a": a["candidate_id"],
        "candidate_b": b["candidate_id"],
        "answer_a": a["text"],
        "answer_b": b["text"],
        "shown_first": "b",
        "verdict": verdict,
        "by": "ada",
        "queue": "random",
        **changes,
    }


def labelled(path: Path, text: str, verdict: str, **changes: Any) -> Label:
    """A label on the two answers to a prompt of this text."""
    prompt = prompt_row(text)
    rows = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
    return append_label(path, given(prompt, *rows, verdict, **changes))
