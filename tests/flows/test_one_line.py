"""Of an error that a user is meant to read, a flow run's log has one line and no traceback."""

import logging
import sys
from collections.abc import Iterator

import pytest
from prefect.exceptions import SignatureMismatchError

from endpoints.children import ChildKilled
from flows.one_line import ENGINE, FLOWS, TASKS, OneLine
from rounds.errors import Stopped, UserError


class Kept(logging.Handler):
    """What passes the filter, as (level, text with its traceback)."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, self.format(record)))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    handler.addFilter(OneLine())
    names = (FLOWS, TASKS, ENGINE)
    for name in names:
        logging.getLogger(name).addHandler(handler)
    yield handler
    for name in names:
        logging.getLogger(name).removeHandler(handler)


def as_prefect_logs(error: Exception, began: bool = True) -> None:
    """What the engines of 3.7.7 log of a task's exception that goes up to the process."""
    flows, tasks, engine = map(logging.getLogger, (FLOWS, TASKS, ENGINE))
    try:
        raise error
    except Exception:
        if began:
            tasks.error(f"Task run failed with exception: {error!r}", exc_info=True)
            said = f"Task run encountered an exception {type(error).__name__}: {error}"
            tasks.error(f"Finished in state Failed({said!r})")
            flows.exception("Encountered exception during execution: %r", error)
            flows.exception("Encountered exception during execution: %r", error)
        flows.error("Engine execution exited with unexpected exception", exc_info=True)
        engine.error("Execution of flow run 'x' exited with unexpected exception", exc_info=True)


def test_the_round_and_the_loop_each_say_it_once(kept: Kept):
    as_prefect_logs(UserError("judge.tau: 7"))
    errors = [text for level, text in kept.lines if level == "ERROR"]
    assert errors == ["judge.tau: 7"] * 2, "the round's flow run, and the loop's"


def test_what_stopped_says_what_continues(kept: Kept):
    as_prefect_logs(Stopped("out of bounds", "change the judge"))
    as_prefect_logs(ChildKilled("vLLM was killed"))
    errors = [text for level, text in kept.lines if level == "ERROR"]
    assert errors[0] == "out of bounds; nothing is lost: change the judge to continue"
    assert errors[2].startswith("vLLM was killed; nothing is lost") and len(errors) == 4


def test_an_error_of_ours_keeps_its_traceback(kept: Kept):
    as_prefect_logs(KeyError("a bug"))
    assert len(kept.lines) == 6 and sum("Traceback" in text for _, text in kept.lines) == 5


def test_a_parameter_that_there_is_none_of_is_named(kept: Kept):
    known, given = ["config", "rounds"], ["config", "foo", "bar"]
    as_prefect_logs(SignatureMismatchError.from_bad_params(known, given), began=False)
    assert kept.lines == [("ERROR", "parameters: foo, bar: not among config, rounds")]


def test_the_filter_is_there_where_the_flow_is():
    import flows.loop  # noqa: F401

    for name in (FLOWS, TASKS, ENGINE):
        held = [one for one in logging.getLogger(name).filters if isinstance(one, OneLine)]
        assert len(held) == 1, name
    assert "flows.loop" in sys.modules
