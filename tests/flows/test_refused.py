"""Rounds that are refused one after the other end the loop, and say what to look at."""

from pathlib import Path

import pytest
import yaml
from builders import REFUSED, begun, finished

from flows.config import Config, dump_config
from flows.refused import check_refused
from rounds.errors import Stopped
from rounds.files import read_json
from rounds.folder import MANIFEST
from rounds.seal import SEAL, write_sealed


def config(**gate: object) -> Config:
    return Config.model_validate(
        {
            "name": "demo",
            "policy": "p",
            "prompts": {"train": "t.jsonl", "gate": 4, "test": 4},
            "endpoints": {"desk": {"base_url": "http://127.0.0.1:1/v1", "model": "m"}},
            "judge": {"endpoint": "desk"},
            "gate": gate,
        }
    )


def refused(run_dir: Path, number: int, of: Config, promoted: bool = False) -> None:
    """A finished round of a config."""
    decision = REFUSED | {"promoted": promoted}
    folder = finished(run_dir, number, decision)
    facts = read_json(folder / MANIFEST) | {"config": yaml.safe_load(dump_config(of))}
    del facts[SEAL]
    write_sealed(folder / MANIFEST, facts)


def test_after_so_many_refused_rounds_no_further_one_is_begun(run_dir: Path):
    after_two = config(stop_after=2)
    refused(run_dir, 1, after_two)
    check_refused(after_two, run_dir)
    refused(run_dir, 2, after_two)
    with pytest.raises(
        Stopped, match=r"rounds 1, 2 were refused one after the other.*too weak"
    ) as at:
        check_refused(after_two, run_dir)
    assert f"`prefloop blame {run_dir} 2` names the part" in str(at.value)
    check_refused(config(), run_dir)
    check_refused(config(stop_after=3), run_dir)


def test_a_changed_config_goes_on_and_a_promoted_round_begins_to_count_anew(run_dir: Path):
    after_two = config(stop_after=2)
    refused(run_dir, 1, after_two)
    refused(run_dir, 2, after_two)
    check_refused(config(stop_after=2, threshold=0.6), run_dir)
    refused(run_dir, 3, after_two, promoted=True)
    refused(run_dir, 4, after_two)
    check_refused(after_two, run_dir)


def test_a_round_under_way_is_finished_first(run_dir: Path):
    after_one = config(stop_after=1)
    refused(run_dir, 1, after_one)
    begun(run_dir, 2)
    check_refused(after_one, run_dir)
