"""A strategy on answers of known quality, by a judge that is a function of what it is shown."""

import asyncio
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from builders import candidate_row, prompt_row

from endpoints.reply import Reply
from judge.asking.rows import Judge, Juror
from judge.asking.rubric import load_rubrics
from judge.config import JudgeConfig
from judge.strategies import STRATEGIES
from rounds.rows import Candidate, Prompt, Verdict
from rounds.verdicts import Settled, comparisons, settle

ScriptedJudge = Callable[[str, list[int]], Any]
"""From a field (score, verdict, ranking) and the qualities shown to its value; None refuses, and
probabilities by value are given as log-probabilities."""


class StrategyRun(NamedTuple):
    """The rows of a strategy and what it asked: fields and the qualities in the order shown."""

    rows: list[Verdict]
    questions: list[tuple[str, list[int]]]

    @property
    def settled(self) -> dict[tuple[int, int], Settled]:
        """The outcome of every comparison that was confirmed, by the qualities of the two."""
        return {
            (quality_of(a), quality_of(b)): settle(rows)
            for (a, b), rows in comparisons(self.rows).items()
        }

    @property
    def decided(self) -> list[tuple[int, int]]:
        """The pairs that were labelled, the chosen quality first."""
        return [
            pair if one.outcome == "a" else pair[::-1]
            for pair, one in self.settled.items()
            if one.outcome in ("a", "b")
        ]


def quality_of(candidate: Candidate | str) -> int:
    return IDS[candidate["candidate_id"] if isinstance(candidate, dict) else candidate]


IDS: dict[str, int] = {}


def candidates(qualities: Iterable[int], prompt: Prompt | None = None) -> list[Candidate]:
    rows = [candidate_row(prompt or prompt_row(), f"quality {value}", value) for value in qualities]
    IDS.update((row["candidate_id"], int(row["text"].split()[1])) for row in rows)
    return rows


def run_strategy(
    name: str,
    say: ScriptedJudge,
    rows: list[Candidate],
    prompt: Prompt | None = None,
    jury: int = 1,
    **config: Any,
) -> StrategyRun:
    questions: list[tuple[str, list[int]]] = []

    async def ask(body: dict[str, Any], rubric: str, repeat: int = 0, near: str = "") -> Reply:
        asked = body["messages"][-1]["content"]
        shown = re.findall(r"\[[A-Z] \w{8}\]\nquality (\d+)\n", asked)
        field = body["response_format"]["json_schema"]["name"]
        questions.append((field, [int(value) for value in shown]))
        if field == "questions":
            return Reply("key", written_questions(asked), None)
        if field.startswith("question_"):
            count = say("score", questions[-1][1])
            text = None if count is None else answered_questions(asked, count)
            return Reply("key", text or "no", None if text else "refused")
        value, logprobs = say(*questions[-1]), None
        if value is None:
            return Reply("key", "no", "refused")
        if isinstance(value, dict):
            words = [{"token": one, "logprob": math.log(value[one])} for one in value]
            value = max(value, key=value.__getitem__)
            logprobs = [
                words[0] | {"token": value, "top_logprobs": words},
                {"token": '"}', "logprob": 0.0},
            ]
        text = json.dumps({"rationale": "", field: value})
        return Reply("key", text, None, logprobs=logprobs)

    if name == "questions":
        config = {"questions": {"n": LEVELS}, **config}
    settings = JudgeConfig(endpoint="desk", strategy=name, **config)
    jurors = [Juror(f"desk {number}", ask) for number in range(jury)]
    judge = Judge(settings, load_rubrics(settings), b"secret", jurors, writer=jurors[0])
    return StrategyRun(
        asyncio.run(STRATEGIES[name].run(judge, prompt or prompt_row(), rows)), questions
    )


LEVELS = 10
"""Questions about an article, of which an answer of quality 7 answers seven."""


def written_questions(asked: str) -> str:
    """Questions whose right answer is the first word of the prompt."""
    (word,) = re.findall(r"The article and the request:\n(\w+)", asked)
    wrong = ["wrong 1", "wrong 2", "wrong 3"]
    listed = [
        {"question": f"Which is {number}?", "answer": word, "wrong": wrong}
        for number in range(1, LEVELS + 1)
    ]
    return json.dumps({"questions": listed})


def answered_questions(asked: str, right: int) -> str:
    """The first `right` questions answered right, the others as not stated."""
    letters = re.findall(r"^  ([A-D]): (?!wrong)", asked, re.MULTILINE)
    said = {
        f"question_{number}": letter if number <= right else "not stated"
        for number, letter in enumerate(letters, 1)
    }
    return json.dumps({"rationale": "", **said})


def honest(field: str, shown: list[int]) -> Any:
    if field == "score":
        return shown[0]
    if field == "verdict":
        return "A" if shown[0] > shown[1] else "B"
    return letters(sorted(range(len(shown)), key=lambda place: -shown[place]))


def letters(places: Iterable[int]) -> list[str]:
    return ["ABCDEFGHI"[place] for place in places]


FAULTS: dict[str, Any] = {"tie": "tie", "refused": None, "flip": {"A": 0.6, "B": 0.4}}


def honest_but_for(faults: dict[tuple[int, int], str]) -> ScriptedJudge:
    """Sure and right, but for comparisons (better, worse) that fail, or are `turned`."""

    def say(field: str, shown: list[int]) -> Any:
        if field != "verdict":
            return honest(field, shown)
        fault = faults.get((max(shown), min(shown)))
        if fault in FAULTS:
            return FAULTS[fault]
        better = 0.3 if fault == "turned" else 0.9
        first = better if shown[0] > shown[1] else 1 - better
        return {"A": first, "B": 1 - first}

    return say
