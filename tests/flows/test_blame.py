"""`prefloop blame` where nothing can be looked at: one message."""

from pathlib import Path

import pytest
import yaml
from builders import REFUSED, finished
from typer.testing import CliRunner

from flows.cli import app
from flows.config import dump_config
from flows.load import load_config
from rounds.files import read_json
from rounds.folder import MANIFEST
from rounds.rows import PAIRS, PROMPTS
from rounds.seal import SEAL, write_sealed
from rounds.tables import read_rows


def said(run_dir: Path, *given: str) -> str:
    done = CliRunner().invoke(app, ["blame", str(run_dir), *given])
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


@pytest.fixture
def refused(run_dir: Path) -> Path:
    """A round of the starter's config, with one pair."""
    folder = finished(run_dir, 1, REFUSED)
    facts = read_json(folder / MANIFEST)
    config = yaml.safe_load(dump_config(load_config("starter", ["judge.gold=null"])))
    facts = {name: value for name, value in facts.items() if name != SEAL} | {"config": config}
    facts["policy"] = facts["initial"] = facts["trained"]
    (folder / "policy" / "config.json").write_text("{}")
    (folder / "policy" / "model.safetensors").write_bytes(b"weights")
    write_sealed(folder / MANIFEST, facts)
    return folder


def test_a_round_that_is_not_there_or_too_small_or_trained_nothing(run_dir: Path, refused: Path):
    assert "round 2 is not there" in said(run_dir, "2")
    assert "the round made 1 pairs; blame trains on halves of them" in said(run_dir, "1")
    facts = {name: value for name, value in read_json(refused / MANIFEST).items() if name != SEAL}
    write_sealed(refused / MANIFEST, facts | {"trained": None})
    assert "round 1 trained nothing" in said(run_dir, "1", "--json")


def test_the_planted_copy_has_one_tag_reversed_and_the_original_stays(run_dir: Path, refused: Path):
    from benchmarks.planted_pairs import OTHER, PLANTED, copied, tag

    before = read_rows(refused, PAIRS)
    copy = copied(run_dir, 1, run_dir.parent / "copy") / "rounds" / "0001"
    tag(copy, 0, 1.0, reverse=True)
    [row], [was] = read_rows(copy, PAIRS), before
    assert (row["chosen"], row["rejected_id"]) == (was["rejected"], was["chosen_id"])
    assert row["margin"] == was["margin"] and read_rows(refused, PAIRS) == before
    assert {name for one in read_rows(copy, PROMPTS) for name in one["tags"] or ()} == {PLANTED}
    tag(copy, 0, 0.0, reverse=True)
    assert read_rows(copy, PROMPTS)[0]["tags"] == [OTHER]
