"""Prefect's server: one that is configured and silent, and several runs that start one at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from small_run import ROOT, environment, write_config

from flows import server
from flows.server import making_database
from rounds.errors import WorkFailed

STARTS = """
import sys
from pathlib import Path
from flows.server import prefect_server
with prefect_server(Path(sys.argv[1])) as wait, wait():
    pass
"""


def test_only_one_at_a_time_makes_the_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    home, order = tmp_path / "home", []
    inside = threading.Event()

    def second() -> None:
        assert inside.wait(10)
        with making_database(home):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with making_database(home):
        inside.set()
        thread.join(0.5)
        order.append("first")
        (home / "prefect.db").touch()
    thread.join(10)
    assert order == ["first", "second"]
    assert (
        f"waiting for another run to make Prefect's database in {home}" in capsys.readouterr().err
    )
    with making_database(home), making_database(home):  # it is made: nobody waits
        pass


def test_a_start_that_failed_leaves_the_making_to_the_next(tmp_path: Path):
    with pytest.raises(OSError), making_database(tmp_path):
        raise OSError
    assert not list(tmp_path.glob(".prefloop-*"))
    with making_database(tmp_path):
        pass
    assert len(list(tmp_path.glob(".prefloop-*"))) == 1


def test_a_server_that_does_not_start_names_the_way_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(server, "STARTUP_SECONDS", 0)
    with (
        temporary_settings({PREFECT_API_URL: None}),
        pytest.raises(WorkFailed, match="Prefect's server was not healthy after 0 s") as failed,
        server.prefect_server(tmp_path / "server.log") as wait,
        wait(),
    ):
        pass
    assert failed.value.then == (
        "run the same command again, or without a Prefect server (--without-prefect-server)"
    )


@pytest.mark.slow
def test_three_first_runs_at_once_behind_a_proxy_all_get_their_server(tmp_path: Path):
    env = environment(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
    env |= {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    env = {name: value for name, value in env.items() if name.lower() != "no_proxy"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", STARTS, str(tmp_path / f"{number}.log")],
            env=env,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    said = [run.communicate(timeout=300)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert sum("waiting for another run" in each for each in said) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env", "says"),
    [
        (
            {"PREFECT_API_URL": "http://127.0.0.1:9/api"},
            "PREFECT_API_URL: no Prefect server answers at http://127.0.0.1:9/api (",
        ),
        (
            {"PREFECT_HOME": "/proc/nowhere"},
            "PREFECT_HOME: /proc/nowhere cannot be written (/proc: ",
        ),
    ],
)
def test_a_server_that_is_configured_and_silent_or_cannot_be_is_one_message_at_once(
    tmp_path: Path, env: dict[str, str], says: str
):
    config = write_config(tmp_path)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "prefloop", "run", str(config)],
        cwd=tmp_path,
        env=environment(tmp_path / "prefect") | {"PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    *_, message = done.stderr.splitlines()
    assert message.startswith(f"error: {says}"), done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()
