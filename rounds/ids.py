"""Names that follow from content: equal content, equal id, on every machine."""

import hashlib
import json
from pathlib import Path

SEED_SPACING = 4096
"""Distance between the seeds of two prompts: vLLM gives child i of a request `seed + i`."""

CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(*parts: object) -> str:
    """16 hex digits of the SHA-256 of the parts as canonical JSON."""
    return hashlib.sha256(CANONICAL.encode(parts).encode()).hexdigest()[:16]


def prompt_id(messages: list[dict[str, str]]) -> str:
    """The id of a prompt: what it says, and nothing about where it stood."""
    return digest("prompt", [[message["role"], message["content"]] for message in messages])


def prompt_seed(run_seed: int, purpose: str, prompt: str) -> int:
    """A sampling seed for one prompt, SEED_SPACING or more from any other prompt's (48-bit hash).

    `purpose` tells rounds apart ("round 3"), so that a policy that stays in place does not
    give the same answers twice.
    """
    return int(digest("seed", run_seed, purpose, prompt)[:12], 16) * SEED_SPACING


def text_hash(text: str) -> str:
    """16 hex digits for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_hash(path: Path) -> str:
    """16 hex digits for the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
