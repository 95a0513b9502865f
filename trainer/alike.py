"""Whether a training saves what it was given, in all but the values of the weights."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

from safetensors import safe_open

from rounds.files import read_json
from trainer.settings_files import settings_files

NO_MATTER = {"dtype", "torch_dtype", "use_cache", "transformers_version", "num_hidden_layers"}
"""Keys of a config.json that vLLM settles by itself, or that a policy in small has otherwise."""
NOTES = {"is_local", "local_files_only", "name_or_path"}
"""Keys of a tokenizer_config.json in which transformers notes how it was loaded."""


def saved_alike(saved: Path, given: Path) -> bool:
    """Whether the folder of a policy in small that was trained says all that the folder it was made
    from says: then vLLM, which samples that one, samples this one, and it is trained as that one.

    Both hold full weights; False where anything is in doubt.
    """
    files, before = ({path.name: path for path in settings_files(one)} for one in (saved, given))
    return (
        files.keys() == before.keys()
        and all(_content(path) == _content(before[name]) for name, path in files.items())
        and _tensors(saved) == _tensors(given)
    )


def _content(path: Path) -> Any:
    if path.name == "config.json":
        config = read_json(path)
        layers = config.get("num_hidden_layers")
        return {
            name: set(map(str, value))
            if isinstance(value, list) and len(value) == layers
            else value
            for name, value in config.items()
            if name not in NO_MATTER
        }
    if path.name == "tokenizer_config.json":
        return {name: value for name, value in read_json(path).items() if name not in NOTES}
    return path.read_bytes()


def _tensors(folder: Path) -> set[tuple[str, tuple[int, ...]]]:
    """The names of the tensors, of all layers as of one, with their shapes."""
    return set(chain.from_iterable(map(_of_file, folder.glob("*.safetensors"))))


def _of_file(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    with safe_open(path, "pt") as file:
        return [
            (re.sub(r"\.[0-9]+\.", ".N.", name), tuple(file.get_slice(name).get_shape()))
            for name in file.keys()  # noqa: SIM118
        ]
