"""What a run does with its mirror before it begins and after a round."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from configs import TREE, load, refused
from mirrors import everything, run_of_rounds
from small_run import typed
from typer.testing import CliRunner

from flows.cli import app
from flows.config import Config
from flows.display import Display
from flows.mirrored import send_to_mirror, start_from_mirror
from rounds.errors import LeaseLost, UserError
from rounds.fence import fenced
from rounds.folder import finished_rounds, policy_here
from rounds.mirror import store as store_module
from rounds.mirror.store import MirrorDamaged
from rounds.mirror.there import MirrorConflict
from rounds.weights import Policy

pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store_module, "WAITS", (0.0, 0.0))


@pytest.fixture
def mirrored(tmp_path: Path) -> Callable[..., Config]:
    """The config of a run with a mirror; further overrides as given."""
    (tmp_path / "train.jsonl").write_text('{"prompt": "Why?"}\n')

    def configured(*overrides: str) -> Config:
        return load(tmp_path, TREE, f"mirror=file://{tmp_path}/mirror", *overrides)

    return configured


def begun_elsewhere(run_dir: Path, config: Config, display: Display) -> Path:
    other = run_dir.parent.parent / "other" / run_dir.name
    start_from_mirror(config, other, display)
    return other


def test_a_round_that_ends_is_sent_and_another_machine_goes_on(run_dir, mirrored, capsys):
    config = mirrored()
    run_of_rounds(run_dir)
    with Display() as display:
        send_to_mirror(config, run_dir, display)
        assert "rounds 1, 2; 22 files" in capsys.readouterr().err
        other = begun_elsewhere(run_dir, config, display)
        assert "fetching the rounds up to 2" in capsys.readouterr().err
        assert len(finished_rounds(other)) == 2
        start_from_mirror(config, other, display)  # and a second time nothing is to be done
        start_from_mirror(config, run_dir, display)
        assert capsys.readouterr().err == ""


def test_who_lost_the_run_sends_nothing(run_dir, tmp_path, mirrored):
    run_of_rounds(run_dir)
    with Display() as display, fenced(run_dir, 1), pytest.raises(LeaseLost):
        send_to_mirror(mirrored(), run_dir, display)
    assert not (tmp_path / "mirror").exists()


def test_nothing_is_done_without_a_mirror(run_dir, tmp_path):
    with Display() as display:
        start_from_mirror(load(tmp_path), run_dir, display)
        send_to_mirror(load(tmp_path), run_dir, display)
    assert not run_dir.exists()


def test_a_mirror_that_is_away_stops_only_a_run_that_has_nothing(
    run_dir, mirrored, tmp_path, capsys
):
    config = mirrored()
    (tmp_path / "mirror").write_text("a file where a folder was")
    with Display() as display:
        with pytest.raises(UserError, match="nothing is asked before it can be reached"):
            start_from_mirror(config, run_dir, display)
        run_of_rounds(run_dir)
        start_from_mirror(config, run_dir, display)
        assert "the run goes on" in capsys.readouterr().err
        send_to_mirror(config, run_dir, display)
        said = capsys.readouterr().err
        assert "warning: mirror file://" in said and f"prefloop mirror {run_dir}" in said
        (tmp_path / "mirror").unlink()
        send_to_mirror(config, run_dir, display)
        assert "rounds 1, 2; 22 files" in capsys.readouterr().err


def test_a_machine_whose_mirror_went_on_is_refused_before_its_round(run_dir, mirrored):
    config = mirrored()
    run_of_rounds(run_dir, 3)
    with Display() as display:
        send_to_mirror(config, run_dir, display)
        shutil.rmtree(run_dir / "rounds/0003")
        with pytest.raises(MirrorConflict, match=r"has not \(round 3\)"):
            start_from_mirror(config, run_dir, display)
        shutil.rmtree(run_dir / "rounds")
        (run_dir / "rounds/0001/work").mkdir(parents=True)  # its own first round is under way
        with pytest.raises(MirrorConflict, match=r"has not \(round 1, 2, 3\)"):
            start_from_mirror(config, run_dir, display)


def test_a_damaged_mirror_stops_the_start_and_leaves_it_to_be_tried_again(
    run_dir, mirrored, tmp_path
):
    config = mirrored()
    with Display() as display:
        send_to_mirror(config, run_of_rounds(run_dir), display)
        (table,) = (tmp_path / "mirror/demo").glob("rounds/0002/*/verdicts.parquet")
        right = table.read_bytes()
        table.write_bytes(right[:-1] + b"?")
        with pytest.raises(MirrorDamaged, match=r"0002/\w+/verdicts\.parquet has other bytes"):
            begun_elsewhere(run_dir, config, display)
        table.write_bytes(right)
        assert len(finished_rounds(begun_elsewhere(run_dir, config, display))) == 2


def test_weights_that_a_sampler_names_are_fetched_too(run_dir, mirrored):
    plain, config = mirrored(), mirrored('sampler.also={"early": {"policy": 1}}')
    run_of_rounds(run_dir, 3)
    manifest = run_dir / "rounds/0003/manifest.json"
    text = manifest.read_text().replace("rounds/0001/policy", "rounds/0003/policy")
    manifest.write_text(text)  # round 3 put its own in place
    with Display() as display:
        send_to_mirror(plain, run_dir, display)
        other = begun_elsewhere(run_dir, plain, display)
        assert not (other / "rounds/0001/policy").exists()
        start_from_mirror(config, other, display)
    assert (other / "rounds/0001/policy/model.safetensors").read_bytes() == bytes([1]) * 3000
    assert not (other / "rounds/0002/policy").exists()


def test_the_first_policy_and_a_base_lie_where_this_machine_has_them(tmp_path: Path):
    initial = Policy("/here/base", None, "first")
    first = {"model": "/there/base", "adapter": None, "policy_id": "first", "served": None}
    assert policy_here(tmp_path, first, initial) == initial
    (tmp_path / "rounds/0002/policy").mkdir(parents=True)
    adapter = {**first, "adapter": "rounds/0002/policy", "policy_id": "second"}
    found = policy_here(tmp_path, adapter, initial)
    assert found == Policy("/here/base", str(tmp_path / "rounds/0002/policy"), "second")
    full = {**first, "model": "rounds/0002/policy", "policy_id": "third"}
    assert policy_here(tmp_path, full, initial).model == str(tmp_path / "rounds/0002/policy")


def test_by_hand_what_is_missing_is_sent_and_weights_are_fetched(run_dir, tmp_path):
    run_of_rounds(run_dir)
    (run_dir / "run.yaml").write_text("name: demo\n")
    done = CliRunner().invoke(app, ["mirror", str(run_dir)])
    assert done.exit_code == 2 and "names no mirror" in done.stderr
    (run_dir / "run.yaml").write_text(yaml.safe_dump({"mirror": str(tmp_path / "mirror")}))
    assert "rounds 1, 2; 22 files" in typed(tmp_path, "mirror", str(run_dir)).stdout
    (damaged,) = (tmp_path / "mirror/demo").glob("rounds/0002/*/pairs.parquet")
    damaged.write_bytes(b"")
    assert "no new round; 0 files" in typed(tmp_path, "mirror", str(run_dir)).stdout
    said = typed(tmp_path, "mirror", str(run_dir), "--verify").stdout
    assert "no new round; 1 files" in said
    assert re.search(r"; \d+ files read back, 1 of them damaged, sent again: rounds/0002/", said), (
        said
    )
    shutil.rmtree(run_dir / "rounds/0002/policy")
    fetched = typed(tmp_path, "mirror", str(run_dir), "--weights", "2-").stdout
    assert "fetched the weights of rounds 2" in fetched
    assert "rounds/0002/policy/config.json" in everything(run_dir)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("s3://key:secret@bucket/x", "mirror: holds what may be a key"),
        ('""', "mirror: names no place"),
        ("7", "mirror: "),
    ],
)
def test_a_mirror_that_cannot_be_one_is_refused_by_its_key(tmp_path, given, why):
    assert why in (said := refused(tmp_path, TREE, f"mirror={given}"))
    assert "secret@" not in said
