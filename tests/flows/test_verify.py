"""`prefloop verify` finds what a forger did, and names the row."""

import json
import shutil
from pathlib import Path

import pytest
from scripted import scripted
from typer.testing import CliRunner
from verified import (
    checks,
    edit,
    edit_manifest,
    edit_replies,
    failed,
    hashes_put_right,
    judge_script,
    recounted,
    table_bytes,
    two_finished_rounds,
)

from flows.cli import app
from rounds.checks import OK
from rounds.files import read_json, write_json
from rounds.folder import round_dir
from rounds.ids import text_hash
from rounds.tables import read_rows, table_path


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("honest")
    with scripted(judge_script) as at:
        return two_finished_rounds(home / "runs" / "demo", at.base_url)


@pytest.fixture
def run_dir(honest: Path, tmp_path: Path) -> Path:
    """A copy of the run beside its first policy, to forge."""
    shutil.copytree(honest.parent, tmp_path / "runs")
    return tmp_path / "runs" / "demo"


def test_an_honest_run_passes_and_is_left_as_it_was(run_dir: Path):
    before = dict(table_bytes(run_dir))
    found = checks(run_dir)
    assert {check.state for check in found} == {OK}, [one for one in found if one.state != OK]
    assert [check.n for check in found if check.name == "verdicts"] == [28, 28]
    assert [check.n for check in found if check.name == "derived"] == [8, 8]
    assert dict(table_bytes(run_dir)) == before
