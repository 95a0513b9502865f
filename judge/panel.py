"""The judges of a round, by name and ready to be asked: an endpoint of the config,
`python:path/to/file.py:function` (or `python:module:function`), or `human:FILE`.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.budget import Budget
from endpoints.client import asking, from_journal
from endpoints.hosts import model_there, placed
from endpoints.identity import identity, model_id
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import Ask, EndpointLost, Reply
from endpoints.settled import dialects_spoken
from judge.asking.rows import ANSWERS, QUESTIONS, Judge, Juror
from judge.asking.rubric import load_rubrics
from judge.config import PYTHON, YOUNG, JudgeConfig, is_endpoint
from judge.person import load_person
from rounds.folder import finished_rounds, read_round_start, run_of
from rounds.functions import is_number, load_function, short_reference
from rounds.rows import VERDICTS, Candidate, Prompt
from rounds.settings import as_begun
from rounds.tables import iter_rows


class RunJournal(NamedTuple):
    """Where a run's answers are kept, and what its questions follow from beside their texts: the
    seed of its nonces, and the control tokens of its tokenizers.
    """

    path: Path
    seed: int
    own: tuple[str, ...] = ()


def run_journal(folder: Path) -> RunJournal:
    """The journal of the run that a round belongs to."""
    start = read_round_start(folder)
    own = tuple(start.get("control_tokens", ()))
    return RunJournal(run_of(folder) / "journal.sqlite", start["seed"], own)


@asynccontextmanager
async def panel(
    journal: RunJournal,
    config: JudgeConfig,
    endpoints: Endpoints,
    names: list[str],
    tau: float = 0.5,
    level: int = 0,
    budget: Budget | None = None,
    traffic: Counter[str] | None = None,
    offline: bool = False,
    unusable: dict[str, Reply] | None = None,
    beside: bool = False,
) -> AsyncIterator[Judge]:
    """The judges `names`, ready to be asked; `offline` they answer from the journal alone. What an
    endpoint is asked with is as `asking` takes it.

    Raises EndpointLost when one stops answering; its server is let go, so that a retry starts it
    anew, but for one that is asked `beside` a sampling, which may ask it as well.
    """
    async with AsyncExitStack() as stack:
        answers = stack.enter_context(Journal(journal.path))

        async def juror(name: str) -> Juror:
            if not is_endpoint(name):
                return load_rule("judge.endpoint", name)
            if offline:
                config_of = endpoints.config(name)
                model = model_there(answers, name, config_of, model_id(config_of))
                dialects = dialects_spoken(answers.folder, name, config_of)
                return Juror(f"{name}/{model}", from_journal(name, model, answers, dialects))
            return await _live(stack, endpoints, name, answers, budget, traffic, unusable)

        jury = [await juror(name) for name in names]
        writer: Juror | None = None
        paid_before: frozenset[str] = frozenset()
        if config.writer is not None and names == config.jury:
            known = dict(zip(names, jury, strict=True)).get(config.writer)
            writer = known or await juror(config.writer)
            paid_before = _paid_before(journal.path.parent)
        try:
            rubrics, secret = load_rubrics(config, journal.own), nonce_secret(journal.seed)
            yield Judge(config, rubrics, secret, jury, tau, level, writer, paid_before)
        except EndpointLost:
            for name in filter(is_endpoint, [*names, config.writer or ""] if not beside else ()):
                endpoints.close(name)
            raise


def _paid_before(run_dir: Path) -> frozenset[str]:
    """Keys of the calls for questions and answers that finished rounds have paid for."""
    columns = ["kind", "request_key"]
    return frozenset(
        row["request_key"]
        for folder in finished_rounds(run_dir)
        for row in iter_rows(folder, VERDICTS, None, columns)
        if row["kind"] in (QUESTIONS, ANSWERS)
    )


def nonce_secret(seed: int) -> bytes:
    """What the nonces of a run follow from, so that a resumed call is the same call."""
    return hashlib.sha256(f"prefloop nonce {seed}".encode()).digest()


def panel_identity(config: JudgeConfig, endpoints: Endpoints, names: list[str]) -> list[Any]:
    """What verdicts of these judges follow from, beside the questions: for the key of a stage."""
    judges: list[Any] = []
    for name in names:
        if is_endpoint(name):
            judges.append([name, identity(endpoints.config(name))])
        else:
            judges.append(load_rule("judge.endpoint", name).judge_id)
    rubrics = [rubric.text for rubric in load_rubrics(config) if rubric]
    ours: Any = {"health": {"bounds"}, "budget": {"estimates"}, "batch_failed": True, "ahead": True}
    if config.writer is None:
        section = config.model_dump(exclude=ours | {"questions": True})  # these change no verdict
        return [as_begun(section, YOUNG), judges, rubrics]
    judges.append(["writer", config.writer, identity(endpoints.config(config.writer))])
    section = as_begun(config.model_dump(exclude=ours), YOUNG)
    return [section | {"questions": config.asked.model_dump()}, judges, rubrics]


def load_rule(where: str, name: str) -> Juror:
    """The juror behind a name that is no endpoint; `where` is the config key that names it.

    Raises UserError where the function or the file is not there or is wrong.
    """
    return _function(where, name) if name.startswith(PYTHON) else load_person(where, name)


async def _live(
    stack: AsyncExitStack,
    endpoints: Endpoints,
    name: str,
    answers: Journal,
    budget: Budget | None,
    traffic: Counter[str] | None,
    unusable: dict[str, Reply] | None,
) -> Juror:
    config = endpoints.config(name)
    live = placed(answers, name, config, endpoints.live(name))
    line = asking(name, config, live, answers, budget, traffic, unusable=unusable)
    ask: Ask = await stack.enter_async_context(line)
    return Juror(f"{name}/{live.model_id}", ask)


def _function(where: str, name: str) -> Juror:
    """Judges by `function(prompt, answer)`, which gives a number, or None for no verdict."""
    reference = name.removeprefix(PYTHON)
    function = load_function(where, reference, PYTHON).taking("prompt row", "answer")

    def value_of(prompt: Prompt, answer: Candidate) -> float | None:
        value = function(prompt, answer["text"])
        if value is None:
            return None
        if not is_number(value):
            raise function.fault(f"gave {value!r}, neither a number nor None")
        return float(value)

    def rule(prompt: Prompt, a: Candidate, b: Candidate | None) -> str | float | None:
        first = value_of(prompt, a)
        if b is None or first is None:
            return first
        second = value_of(prompt, b)
        if second is None:
            return None
        return "a" if first > second else "b" if second > first else "tie"

    return Juror(f"{PYTHON}{short_reference(reference)}@{function.source}", None, rule)
