"""A damaged run is refused when it is opened, before anything is looked at or started."""

import shutil
from pathlib import Path

import pytest
from scripted import scripted
from typer.testing import CliRunner
from verified import config_at, judge_script, two_finished_rounds

import flows.session
from flows.cli import app
from flows.session import session
from rounds.errors import UserError
from rounds.folder import round_dir
from rounds.rows import VERDICTS
from rounds.tables import read_rows, table_path, write_rows


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("honest")
    with scripted(judge_script) as at:
        return two_finished_rounds(home / "runs" / "demo", at.base_url)


@pytest.fixture
def run_dir(honest: Path, tmp_path: Path) -> Path:
    """A copy of the run beside its first policy, to damage."""
    shutil.copytree(honest.parent, tmp_path / "runs")
    return tmp_path / "runs" / "demo"


def opened(run_dir: Path, monkeypatch: pytest.MonkeyPatch, thorough: bool = False) -> None:
    """Open the run; nothing of it is looked at but its record."""

    def looked(*_: object, **__: object) -> None:
        raise LookupError("the checks of the config have begun")

    monkeypatch.setattr(flows.session, "check", looked)
    config = config_at("http://127.0.0.1:9/v1", run_dir.parent / "first")
    with session(config, run_dir.parent, thorough=thorough):
        raise AssertionError("opened")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rounds/0001/manifest.json", "manifest.json: cannot be read"),
        ("rounds/0002/metrics.json", "metrics.json: has other bytes"),
        ("rounds/0001/pairs.parquet", "pairs.parquet: has other bytes"),
        ("rounds/0002/policy/model.safetensors", "policy: weights hash"),
        ("journal.sqlite", "journal.sqlite: is damaged"),
    ],
)
def test_a_damaged_file_is_one_message_at_once(run_dir: Path, monkeypatch, name: str, said: str):
    with pytest.raises(LookupError):
        opened(run_dir, monkeypatch)
    cut(run_dir / name)
    with pytest.raises(UserError, match=said):
        opened(run_dir, monkeypatch)


@pytest.mark.parametrize("name", ["policy.json", "README.md", "run.yaml", "index", ".proven.json"])
def test_what_can_be_made_again_is_missed_by_nobody(run_dir: Path, monkeypatch, name: str):
    path = run_dir / name
    if path.is_dir():
        for file in path.iterdir():
            cut(file)
    else:
        cut(path)
    with pytest.raises(LookupError):
        opened(run_dir, monkeypatch)


def test_a_round_under_way_misses_its_journal(run_dir: Path, monkeypatch):
    folder = round_dir(run_dir, 3)
    rows = read_rows(round_dir(run_dir, 2), VERDICTS)
    (run_dir / "journal.sqlite").unlink()
    with pytest.raises(LookupError):
        opened(run_dir, monkeypatch)
    folder.mkdir()
    write_rows(folder, VERDICTS, rows)
    with pytest.raises(UserError, match=r"journal.sqlite: is not there, and the round under way"):
        opened(run_dir, monkeypatch)


def test_an_export_takes_nothing_that_was_changed(run_dir: Path, tmp_path: Path):
    folder = round_dir(run_dir, 1)
    swapped = [
        {**row, "chosen": row["rejected"], "rejected": row["chosen"]}
        for row in read_rows(folder, "pairs")
    ]
    write_rows(folder, "pairs", swapped)
    to = tmp_path / "out"
    given = ["export", str(run_dir), "--format", "trl", "--to", str(to)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 2 and not to.exists()
    assert f"{table_path(folder, 'pairs')}: has other bytes than were written" in done.output
    assert CliRunner().invoke(app, [*given, "--rounds", "2", "--verify"]).exit_code == 0


def test_status_and_show_name_the_damaged_file(run_dir: Path):
    cut(run_dir / "rounds/0001/manifest.json")
    for given in (["status", str(run_dir)], ["show", str(run_dir), "1"]):
        done = CliRunner().invoke(app, given)
        assert done.exit_code == 2, done.output
        assert "manifest.json: cannot be read" in done.output
