"""The judges of a round, ready to be asked: endpoints through the journal, rules as they are."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.budget import Budget
from endpoints.client import Ask, EndpointLost, asking, from_journal
from endpoints.hub import model_folder
from endpoints.journal import Journal
from endpoints.open import Endpoints
from judge.config import JudgeConfig
from judge.rows import Judge, Voice
from judge.rubric import load_rubrics
from judge.voices import is_endpoint, load_rule
from rounds.folder import round_start, run_of
from rounds.weights import weights_hash


class Desk(NamedTuple):
    """Where a run's answers are kept, and the seed that its nonces follow from."""

    journal: Path
    seed: int


def desk_of(folder: Path) -> Desk:
    """The desk of a round."""
    return Desk(run_of(folder) / "journal.sqlite", round_start(folder)["seed"])


@asynccontextmanager
async def panel(
    desk: Desk,
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
                model_id = model_of(endpoints, name)
                ask = from_journal(name, model_id, journal)
                jury.append(Voice(f"{name}/{model_id}", ask))
            else:
                jury.append(await _live(stack, endpoints, name, journal, budget, tally))
        secret = hashlib.sha256(f"prefloop nonce {desk.seed}".encode()).digest()
        try:
            yield Judge(config, load_rubrics(config), secret, jury, tau, level)
        except EndpointLost:
            for name in filter(is_endpoint, names):
                endpoints.close(name)
            raise


def model_of(endpoints: Endpoints, name: str) -> str:
    """The model behind an endpoint, as the journal knows it; a server need not be up for that."""
    config = endpoints.config(name)
    if config.serve is not None:
        return weights_hash(model_folder(config.serve.model))
    return str(config.model)


def depends_on(config: JudgeConfig, endpoints: Endpoints, names: list[str]) -> list[Any]:
    """What verdicts of these judges follow from, beside the questions: for the stage's key."""
    asked: list[Any] = []
    for name in names:
        if is_endpoint(name):
            described = endpoints.config(name).model_dump(
                include={"base_url": True, "model": True, "serve": {"model", "args"}}
            )
            asked.append([name, described])
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
) -> Voice:
    live, config = endpoints.live(name), endpoints.config(name)
    ask: Ask = await stack.enter_async_context(asking(name, config, live, journal, budget, tally))
    return Voice(f"{name}/{live.model_id}", ask)
