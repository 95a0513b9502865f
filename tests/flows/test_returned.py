"""How a stage that was done elsewhere ended is raised in its round as it was raised there."""

from pathlib import Path

import pytest

from endpoints.children import ChildFailed, ChildKilled
from flows.failures import may_pass
from flows.returned import raise_returned, read_returned, returning
from rounds.errors import LeaseLost, Stopped, UserError, Waiting, WorkFailed
from rounds.lent import borrowed, lend, take_back
from rounds.lock import run_lock


def twice() -> ChildFailed:
    failure = ChildFailed("it ended with status 1")
    failure.twice = True
    return failure


@pytest.mark.parametrize(
    ("raised", "kind", "again"),
    [
        (UserError("sampler.vllm: wrong"), UserError, None),
        (Stopped("out of bounds", "change judge.health"), Stopped, False),
        (Waiting("for people", "label", {}), Stopped, False),
        (WorkFailed("the endpoint is gone"), WorkFailed, True),
        (ChildFailed("it ended with status 1"), ChildFailed, True),
        (twice(), ChildFailed, False),
        (ChildKilled("SIGKILL"), ChildKilled, True),
        (ValueError("a bug"), RuntimeError, None),
        (KeyboardInterrupt(), Stopped, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_the_same_error_there_and_here(
    tmp_path: Path, raised: BaseException, kind: type[Exception], again: bool | None
):
    with pytest.raises(type(raised)), returning(tmp_path, "00000001-0001.json"):
        raise raised
    returned = read_returned(tmp_path, "00000001-0001.json")
    assert returned is not None
    with pytest.raises(kind) as here:
        raise_returned(returned)
    assert type(here.value) is kind and str(raised) in str(here.value)
    if isinstance(raised, WorkFailed) and isinstance(here.value, WorkFailed):
        assert here.value.then == raised.then and may_pass(here.value) == again


def test_a_stage_that_was_done_raises_nothing_and_what_another_returned_is_not_read(tmp_path: Path):
    with returning(tmp_path, "00000001-0002.json"):
        pass
    assert read_returned(tmp_path, "00000001-0001.json") is None
    returned = read_returned(tmp_path, "00000001-0002.json")
    assert returned is not None
    raise_returned(returned)


def test_what_was_taken_back_returns_nothing(run_dir: Path):
    folder = run_dir / "rounds" / "0001"
    with run_lock(run_dir) as held:
        claim = lend(held)
        with pytest.raises(LeaseLost), borrowed(run_dir, claim, 60), returning(folder, claim):
            take_back(held)
        assert not (folder / "work" / "returned.json").exists()
