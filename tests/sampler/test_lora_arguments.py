"""What vLLM is told of adapters: room for the widest rank of any module."""

from pathlib import Path
from typing import Any

import pytest

from rounds.errors import UserError
from rounds.files import write_json
from sampler.vllm_child import lora_arguments


def adapter(folder: Path, **settings: Any) -> str:
    write_json(folder / "adapter_config.json", {"r": 8, **settings})
    return str(folder)


@pytest.mark.parametrize(
    ("settings", "rank"),
    [
        ({}, 8),
        ({"rank_pattern": None}, 8),
        ({"rank_pattern": {}}, 8),
        ({"r": 9}, 16),
        ({"rank_pattern": {"q_proj": 32, "v_proj": 4}}, 32),
        ({"r": 64, "rank_pattern": {"q_proj": 4}}, 64),
        ({"r": 512}, 512),
    ],
)
def test_the_rank_is_that_of_the_widest_module(tmp_path: Path, settings: dict, rank: int):
    told = {"enable_lora": True, "max_lora_rank": rank, "max_loras": 1}
    assert lora_arguments([adapter(tmp_path, **settings)]) == told
    assert lora_arguments([]) == {}


@pytest.mark.parametrize("settings", [{"r": 513}, {"rank_pattern": {"q_proj": 1024}}])
def test_a_rank_that_vllm_has_no_room_for_is_named(tmp_path: Path, settings: dict):
    folders = [adapter(tmp_path / "fits"), adapter(tmp_path / "wide", **settings)]
    with pytest.raises(UserError, match=r"wide: is of rank \d+; vLLM loads adapters up to 512"):
        lora_arguments(folders)
