"""`--set a.b=value` changes what the file says."""

from pathlib import Path

import pytest
import yaml
from configs import TREE, load, refused


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2e-4", 2e-4),
        ("5E-7", 5e-7),
        ("1.e3", 1000.0),
        ("-1e+2", -100.0),
        (".5e1", 5.0),
        ("3", 3),
        ("true", True),
        ("null", None),
        ("[1, 2e-3]", [1, 2e-3]),
        ("e5", "e5"),
        ("1e5x", "1e5x"),
        ("a=b", "a=b"),
        ("", None),
    ],
)
def test_an_override_is_read_as_yaml_with_its_numbers(tmp_path: Path, value: str, read: object):
    config = load(tmp_path, TREE, f"trainer.args.x={value}")
    found = config.trainer.args["x"]
    assert found == read and type(found) is type(read)


def test_a_number_in_the_file_is_read_like_one_on_the_command_line(tmp_path: Path):
    config = load(tmp_path, TREE + "trainer:\n  args: {learning_rate: 2e-4}\n")
    assert config.trainer.args == {"learning_rate": 2e-4}
    assert yaml.safe_load("2e-4") == "2e-4"  # what plain YAML 1.1 would have made of it


def test_an_override_reaches_into_a_short_form_and_a_null(tmp_path: Path):
    config = load(
        tmp_path, TREE + "trainer: null\n", "policy.adapter=lora", "trainer.reference=initial"
    )
    assert (config.policy.model, config.policy.adapter) == ("prefloop:starter/policy", "lora")
    assert config.trainer.reference == "initial"


def test_the_last_override_counts(tmp_path: Path):
    assert load(tmp_path, TREE, "sampler.n=8", "sampler.n=16").sampler.n == 16


@pytest.mark.parametrize("override", ["sampler.n", "=3", ""])
def test_an_override_of_another_shape_is_refused(tmp_path: Path, override: str):
    assert refused(tmp_path, TREE, override) == f"--set {override}: expected a.b=value"


def test_an_override_that_is_no_yaml_is_refused(tmp_path: Path):
    assert "--set name, line 1: not YAML (" in refused(tmp_path, TREE, "name={")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2001-99-99", "not a value of YAML (month must be in 1..12)"),
        ("&a [*a]", "not a value of YAML (an alias is inside of what it stands for)"),
        ("[" * 3000 + "]" * 3000, "nested too deeply to be a config"),
        ("{? 2001-01-01 : 1}", "not a value of YAML (keys must be str, "),
    ],
)
def test_a_value_that_no_config_can_have_is_one_message(tmp_path: Path, value: str, says: str):
    assert f": {says}" in refused(tmp_path, TREE, f"name={value}")
    in_file = refused(tmp_path, TREE.replace("name: demo", f"name: {value}"))
    assert in_file.startswith(f"{tmp_path / 'config.yaml'}: {says}")
