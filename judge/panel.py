"""The judges of a round, ready to be asked: endpoints through the journal, rules as they are."""

import hashlib
import inspect
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.budget import Budget
from endpoints.client import asking, from_journal
from endpoints.identity import identity, model_id
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import Ask, EndpointLost
from judge.asking.rows import Judge, Juror
from judge.asking.rubric import load_rubrics
from judge.config import JudgeConfig
from rounds.errors import UserError
from rounds.folder import round_start, run_of
from rounds.functions import load_function
from rounds.ids import text_hash
from rounds.tables import Row


class RunJournal(NamedTuple):
    """Where a run's answers are kept, and the seed that its nonces follow from."""

    journal: Path
    seed: int


def run_journal(folder: Path) -> RunJournal:
    """The desk of a round."""
    return RunJournal(run_of(folder) / "journal.sqlite", round_start(folder)["seed"])


@asynccontextmanager
async def panel(
    desk: RunJournal,
    config: JudgeConfig,
    endpoints: Endpoints,
    names: list[str],
    tau: float = 0.5,
    level: int = 0,
    budget: Budget | None = None,
    tally: Counter[str] | None = None,
    offline: bool = False,
) -> AsyncIterator[Judge]:
    """The judges `names`, ready to be asked; `offline` they answer from the journal alone.

    Raises EndpointLost when one stops answering; its server is let go, so that a retry starts it
    anew.
    """
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal(desk.journal))
        jury = []
        for name in names:
            if not is_endpoint(name):
                jury.append(load_rule("judge.endpoint", name))
            elif offline:
                model = model_id(endpoints.config(name))
                ask = from_journal(name, model, journal)
                jury.append(Juror(f"{name}/{model}", ask))
            else:
                jury.append(await _live(stack, endpoints, name, journal, budget, tally))
        secret = hashlib.sha256(f"prefloop nonce {desk.seed}".encode()).digest()
        try:
            yield Judge(config, load_rubrics(config), secret, jury, tau, level)
        except EndpointLost:
            for name in filter(is_endpoint, names):
                endpoints.close(name)
            raise


def depends_on(config: JudgeConfig, endpoints: Endpoints, names: list[str]) -> list[Any]:
    """What verdicts of these judges follow from, beside the questions: for the stage's key."""
    asked: list[Any] = []
    for name in names:
        if is_endpoint(name):
            asked.append([name, identity(endpoints.config(name))])
        else:
            asked.append(load_rule("judge.endpoint", name).judge_id)
    rubrics = [rubric.text for rubric in load_rubrics(config) if rubric]
    section = config.model_dump(exclude={"health": {"bounds"}})
    return [section, asked, rubrics]


async def _live(
    stack: AsyncExitStack,
    endpoints: Endpoints,
    name: str,
    journal: Journal,
    budget: Budget | None,
    tally: Counter[str] | None,
) -> Juror:
    live, config = endpoints.live(name), endpoints.config(name)
    ask: Ask = await stack.enter_async_context(asking(name, config, live, journal, budget, tally))
    return Juror(f"{name}/{live.model_id}", ask)


PYTHON, HUMAN = "python:", "human:"
OUTCOMES = ("a", "b", "tie")


def is_endpoint(name: str) -> bool:
    """Whether a judge's name is that of an endpoint."""
    return not name.startswith((PYTHON, HUMAN))


def load_rule(where: str, name: str) -> Juror:
    """The voice behind a name that is no endpoint.

    Raises UserError where the function or the file is not there or is wrong.
    """
    if name.startswith(PYTHON):
        return _python(where, name)
    return _human(where, name)


def _python(where: str, name: str) -> Juror:
    function = load_function(where, name.removeprefix(PYTHON), PYTHON)
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = ""
    return Juror(f"{name}@{text_hash(source)}", None, _scorer(where, name, function))


def _scorer(where: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A rule from `function(prompt, answer)`, which gives a number, or None for no verdict."""

    def scored(prompt: Row, answer: Row) -> float | None:
        try:
            value = function(prompt, answer["text"])
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise UserError(f"{where}: {name} failed ({fault})") from error
        if value is None:
            return None
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError(f"{where}: {name} gave {value!r}, neither a number nor None")
        return float(value)

    def rule(prompt: Row, a: Row, b: Row | None) -> str | float | None:
        first = scored(prompt, a)
        if b is None or first is None:
            return first
        second = scored(prompt, b)
        if second is None:
            return None
        return "a" if first > second else "b" if second > first else "tie"

    return rule


def _human(where: str, name: str) -> Juror:
    path = Path(name.removeprefix(HUMAN)).expanduser()
    if not path.is_file():
        raise UserError(f"{where}: no such file {path.resolve()}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except ValueError as error:
        raise UserError(f"{where}: {path} is not text in UTF-8 ({error})") from None
    verdicts: dict[tuple[str, str], str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            a, b, outcome = _human_line(f"{path}, line {number}", line)
            swapped = {"a": "b", "b": "a"}.get(outcome, outcome)
            if verdicts.get((a, b), outcome) != outcome:
                raise UserError(f"{path}, line {number}: contradicts an earlier line on the two")
            verdicts |= {(a, b): outcome, (b, a): swapped}

    def rule(prompt: Row, a: Row, b: Row | None) -> str | None:
        return verdicts.get((a["candidate_id"], b["candidate_id"])) if b else None

    return Juror(f"{name}@{text_hash(text)}", None, rule)


def _human_line(where: str, line: str) -> tuple[str, str, str]:
    try:
        row = json.loads(line)
        a, b, outcome = row["candidate_a"], row["candidate_b"], row["verdict"]
    except (ValueError, KeyError, TypeError, RecursionError):
        a = b = outcome = None
    if not (isinstance(a, str) and isinstance(b, str) and a != b and outcome in OUTCOMES):
        raise UserError(
            f'{where}: expected {{"candidate_a": id, "candidate_b": id, "verdict": ...}} with a, b '
            "or tie"
        )
    return a, b, outcome
