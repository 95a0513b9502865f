"""JSON on disk: every parser takes it, and what an older prefloop wrote is read."""

import json
from pathlib import Path

import pytest

from preferences.write import json_line
from rounds.files import json_text, read_json, write_json

NAN, INF = float("nan"), float("inf")


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_a_number_that_is_not_finite_is_null(tmp_path: Path):
    path = tmp_path / "facts.json"
    write_json(path, {"loss": NAN, "curves": [{"loss": -INF}, (1.5, INF)], "n": 3, "text": "NaN"})
    strict = json.loads(path.read_text(), parse_constant=refuse)
    assert strict == {"loss": None, "curves": [{"loss": None}, [1.5, None]], "n": 3, "text": "NaN"}
    assert read_json(path) == strict


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity"])
def test_what_older_files_hold_is_read_as_null(tmp_path: Path, written: str):
    path = tmp_path / "metrics.json"
    path.write_text(f'{{"train": {{"kl_per_token": {written}}}}}')
    assert read_json(path) == {"train": {"kl_per_token": None}}


def test_exports_and_what_is_printed_hold_none_either():
    for text in (json_line({"score": NAN}), json_text({"score": INF}, indent=2)):
        assert json.loads(text, parse_constant=refuse) == {"score": None}
