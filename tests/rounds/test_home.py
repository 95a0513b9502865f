"""A home folder that cannot be written: what libraries keep there goes beside the runs."""

import os
from pathlib import Path

import pytest

from rounds.errors import UserError
from rounds.home import KEPT, READ, usable_home


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without the variables; what is set in it is taken back."""
    for name in ("HF_HOME", *KEPT, *READ):
        monkeypatch.setenv(name, "")  # so that monkeypatch takes it back
        monkeypatch.delenv(name)
    return monkeypatch


def test_a_home_that_can_be_written_is_used(tmp_path: Path, unset):
    unset.setenv("HOME", str(tmp_path / "to be made"))
    assert usable_home(tmp_path / "runs") is None
    assert not KEPT.keys() & os.environ.keys() and not list(tmp_path.iterdir())


def test_files_go_beside_the_runs_and_what_the_user_set_stays(tmp_path: Path, unset):
    unset.setenv("HOME", "/proc/nowhere")
    unset.setenv("PREFECT_HOME", "/elsewhere")
    said = usable_home(tmp_path / "runs")
    assert said is not None and said.startswith("the home folder cannot be written (/proc: ")
    assert os.environ["PREFECT_HOME"] == "/elsewhere"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "runs/.home/cache")
    assert not READ.keys() & os.environ.keys()


def test_what_is_in_such_a_home_is_still_read(tmp_path: Path, unset):
    (tmp_path / "home/.cache/huggingface/hub").mkdir(parents=True)
    unset.setenv("HOME", str(tmp_path / "home"))
    unset.setattr("rounds.home.unwritable", lambda folder: None if "runs" in str(folder) else "no")
    assert usable_home(tmp_path / "runs")
    assert os.environ["HF_HUB_CACHE"] == str(tmp_path / "home/.cache/huggingface/hub")
    assert "HF_TOKEN_PATH" not in os.environ


def test_where_the_runs_cannot_be_written_either_it_is_an_error(unset):
    unset.setenv("HOME", "/proc/nowhere")
    with pytest.raises(UserError, match=r"^/proc/runs: cannot be written \(/proc: "):
        usable_home(Path("/proc/runs"))


def test_a_user_without_a_home_is_no_folder_named_tilde(tmp_path: Path, unset):
    unset.setattr("os.path.expanduser", lambda path: path)
    said = usable_home(tmp_path / "runs")
    assert said is not None and "(this user has none)" in said
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "runs/.home/prefect")
