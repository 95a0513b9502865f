"""Every endpoint tried out before a round, on each kind of question that the round asks of it."""

import asyncio
from pathlib import Path

from endpoints.hosts import placed
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.settle import DryQuestion, Settlement, settle
from flows.config import Config
from flows.display import Display
from judge.dry import judge_questions
from rounds.errors import UserError
from sampler.dry import generate_questions, writer_questions


def settle_endpoints(config: Config, endpoints: Endpoints, run_dir: Path, display: Display) -> None:
    """Find out how each endpoint of a round wants to be asked, where that is not known yet.

    Says in a line what is special about one. Raises UserError where one cannot do what it is asked
    for. One that is down for now is left to the round, which waits for it.
    """
    questions = [
        *asked_of_judges(config),
        *writer_questions(config.policy.endpoint, config.sampler),
        *generate_questions(config.prompts, config.seed),
    ]
    for name, settlement in tried(questions, endpoints, run_dir).items():
        for answer in settlement.answers:
            if answer.fault:
                raise UserError(answer.fault)
            if answer.down:
                display.warn(
                    f"endpoint {name} was to be tried out and did not answer: {answer.down}"
                )
        if settlement.special and settlement.answers:
            display.tell(f"endpoint {name} takes {settlement.special}")


def asked_of_judges(config: Config) -> list[tuple[str, DryQuestion]]:
    """The kinds of question that a round asks of the judges, each with its endpoint."""
    questions = judge_questions("judge", config.judge, config.seed)
    if config.gate.judge is not None and config.trainer is not None:
        questions += judge_questions("gate.judge", config.gate.judge, config.seed)
    return questions


def tried(
    questions: list[tuple[str, DryQuestion]],
    endpoints: Endpoints,
    run_dir: Path,
    again: bool = False,
) -> dict[str, Settlement]:
    """What each endpoint that is not ours answered, by name, in the order of the questions.

    `again` asks also what is known: the journal has the answers.
    """
    by_name: dict[str, list[DryQuestion]] = {}
    for name, question in questions:
        if endpoints.config(name).serve is None:
            by_name.setdefault(name, []).append(question)
    if not by_name:
        return {}
    with Journal(run_dir / "journal.sqlite") as journal:
        return {
            name: asyncio.run(
                settle(name, config, placed(journal, name, config, live), journal, asked, again)
            )
            for name, asked in by_name.items()
            for config, live in [(endpoints.config(name), endpoints.live(name))]
        }
