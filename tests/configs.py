"""A small config and loading it, rightly or wrongly."""

from pathlib import Path

import pytest

from flows.config import Config
from flows.load import load_config
from rounds.errors import UserError

TREE = """\
name: demo
policy: prefloop:starter/policy
prompts:
  train: train.jsonl
endpoints:
  desk: {base_url: "http://127.0.0.1:1/v1", model: m}
judge:
  endpoint: desk
"""


def load(tmp_path: Path, text: str = TREE, *overrides: str) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load_config(str(path), list(overrides))


def refused(tmp_path: Path, text: str = TREE, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text, *overrides)
    return str(caught.value)
