"""Rows in the order of their keys, through files where they are many."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpoints.open import Endpoints
from rounds.folder import round_dir, write_round_start
from sampler.dealing import in_order
from sampler.dealing.config import PromptsConfig
from sampler.dealing.deal import deal
from sampler.dealing.in_order import InOrder


@settings(deadline=None)
@given(st.lists(st.integers(0, 5)))
def test_equal_keys_stay_in_the_order_in_which_they_came(tmp_path_factory, keys: list[int]):
    given = list(zip(keys, range(len(keys)), strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_order, "ROWS_AT_ONCE", 3)
        rows = InOrder(tmp_path_factory.mktemp("work") / "rows")
        for key, row in given:
            rows.add(key, row)
        assert len(rows) == len(given)
        assert list(rows) == list(rows) == sorted(given, key=lambda keyed: keyed[0])


def test_what_fits_in_memory_makes_no_file(tmp_path: Path):
    rows = InOrder(tmp_path / "rows")
    rows.add("b", {"text": "\ud7ff\u2028"})
    rows.add("a", None)
    assert [key for key, _ in rows] == ["a", "b"] and not (tmp_path / "rows").exists()


def dealt(folder: Path, prompts: Path) -> bytes:
    """The table of a round of 40 prompts, some of which stand twice in other words' spelling."""
    write_round_start(folder, {"policy": {}, "initial": {}, "seed": 0})
    config = PromptsConfig.model_validate(
        {"train": str(prompts), "per_round": 40, "gate": 3, "test": 3}
    )
    deal(folder, config, 0, Endpoints({}, folder / "logs"))
    return (folder / "prompts.parquet").read_bytes()


def test_a_deal_through_files_is_the_same_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lines = [{"prompt": f"Question {n}?", "tags": [f"t{n % 3}"]} for n in range(60)]
    lines += [{"prompt": f"question {n}? ", "reference": f"answer {n}"} for n in range(0, 60, 4)]
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    at_once = dealt(round_dir(tmp_path / "whole", 1), prompts)
    written: list[Path] = []
    read = in_order._read
    monkeypatch.setattr(in_order, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(in_order, "_read", lambda path: written.append(path) or read(path))
    assert dealt(round_dir(tmp_path / "files", 1), prompts) == at_once
    assert {path.parent.name for path in written} == {"alike", "mixed"}
    assert not any(path.exists() for path in written), "the files go with the deal"
