"""What a cap on a round's pairs took is derived again by `prefloop verify`."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders import begun, candidate_row, confirmed, prompt_row

from flows.verify.derive import check_derived_pairs
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.checks import Looked
from rounds.stages import silent


@pytest.mark.parametrize("number", [1, 3])
def test_what_the_cap_takes_is_derived_again(run_dir: Path, number: int):
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for name in ("oak", "elm", "ash", "fir"):
        prompt = prompt_row(f"What of {name}?")
        a, b = candidate_row(prompt, f"{name} is fine"), candidate_row(prompt, f"{name} not", 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a | {"n_tokens": 9}, b]
        tables["verdicts"] += confirmed(a, b)
    folder = begun(run_dir, **tables)
    made, other = (PairsConfig(max_pairs=most, max_length_gap=8) for most in (number, 2))
    assert build_pairs(folder, made)["dropped"] == {"max_pairs": 4 - number}
    for config, faults in ((made, 0), (other, abs(number - 2))):
        looked = Looked()
        check_derived_pairs(looked, folder, SimpleNamespace(pairs=config), silent)
        assert looked.n_faults == faults
