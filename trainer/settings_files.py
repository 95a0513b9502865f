"""What lies beside the weights of a policy: its config, tokenizer, templates, adapter settings."""

import hashlib
from pathlib import Path

from rounds.ids import digest

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".index.json")


def settings_files(folder: Path) -> list[Path]:
    """The files of a policy's folder that are not weights, in order."""
    return sorted(
        path for path in folder.iterdir() if path.is_file() and not path.name.endswith(WEIGHTS)
    )


def settings_hash(folder: Path) -> str:
    """16 hex digits over all that a policy's folder holds beside weights."""
    files = ((path.name, path.read_bytes()) for path in settings_files(folder))
    return digest(*((name, hashlib.sha256(content).hexdigest()) for name, content in files))
