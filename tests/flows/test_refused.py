"""Rounds that are refused one after the other end the loop, and say what to look at."""

from pathlib import Path

import pytest
import yaml
from builders import REFUSED, begun, finished

from flows.cli import print_end
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


def test_what_a_run_prints_at_its_end_says_whether_a_further_round_will_be_begun(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
):
    after_two = config(stop_after=2)
    refused(run_dir, 1, after_two)
    print_end(run_dir, after_two)
    assert "the next round, from the policy in place" in capsys.readouterr().out
    refused(run_dir, 2, after_two)
    print_end(run_dir, after_two)
    said = capsys.readouterr().out
    assert "the next round" not in said and "no further round: rounds 1, 2 were refused" in said


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


@pytest.mark.parametrize(
    "change",
    [
        {
            "endpoints": {
                "desk": {"max_in_flight": 3, "rpm": 60, "timeout": 5, "price": {"input": 1}}
            }
        },
        {"on_promotion": [{"command": ["true"]}]},
        {"mirror": "s3://bucket/folder"},
        {"keep": {"refused": 3}},
        {"trainer": {"args": {"report_to": ["tensorboard"], "logging_steps": 1}}},
        {"sampler": {"chunk": 9, "devices": ["0"], "vllm": {"gpu_memory_utilization": 0.5}}},
        {"judge": {"budget": {"calls": 99}, "health": {"sample": 2}}},
        {"judge": {"ahead": True}},
        {"sampler": {"engine": {"ray": {"workers": 2}}}},
        {"gate": {"stop_after": 2}},
    ],
)
def test_a_change_of_pace_of_trackers_or_of_who_is_told_is_the_same_config(
    run_dir: Path, change: dict
):
    before = config(stop_after=2)
    refused(run_dir, 1, before)
    refused(run_dir, 2, merged(before, change))
    with pytest.raises(Stopped, match="rounds 1, 2 were refused"):
        check_refused(before, run_dir)


@pytest.mark.parametrize(
    "change",
    [
        {"endpoints": {"desk": {"model": "other"}}},
        {"sampler": {"n": 6}},
        {"sampler": {"sampling": {"temperature": 0.5}}},
        {"judge": {"tau": 0.8}},
        {"pairs": {"min_margin": 0.5}},
        {"prompts": {"per_round": 9}},
        {"trainer": {"args": {"beta": 0.5}}},
        {"trainer": {"lora": {"r": 8}}},
        {"gate": {"stop_after": 2, "confidence": 0.9}},
        {"seed": 1},
    ],
)
def test_a_change_of_what_decides_is_another_config(run_dir: Path, change: dict):
    before = config(stop_after=2)
    refused(run_dir, 1, before)
    refused(run_dir, 2, merged(before, change))
    check_refused(before, run_dir)


def test_a_round_of_a_config_that_is_none_any_more_is_one_of_another(run_dir: Path):
    before = config(stop_after=1)
    refused(run_dir, 1, before)
    facts = read_json(run_dir / "rounds" / "0001" / MANIFEST)
    facts["config"]["gone"] = 1
    del facts[SEAL]
    write_sealed(run_dir / "rounds" / "0001" / MANIFEST, facts)
    check_refused(before, run_dir)


def merged(before: Config, change: dict) -> Config:
    """The config with some keys set."""

    def within(tree: dict, given: dict) -> dict:
        return tree | {
            name: within(tree[name] or {}, one) if isinstance(one, dict) and name in tree else one
            for name, one in given.items()
        }

    return Config.model_validate(within(before.model_dump(mode="json"), change))
