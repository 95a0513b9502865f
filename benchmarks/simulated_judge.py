"""A judge whose faults are known, for candidates whose quality is known.

It reads the very messages a strategy sends, finds the fenced candidates in them and answers in the
judge's own channels, with the log-probabilities an endpoint would give. Every draw follows from
what is asked (judge, prompt, candidates, their order, repeat), so a run is the same every time and
no strategy's calls disturb another's.

Units are standard deviations of quality. A candidate of quality q has a bias v, the same in every
call: v ~ bias N(0,1). Every call then draws its noise:

    comparison   d = (q+v) of the first - (q+v) of the second + first_slot + comparison N(0,1);
                 the first wins if d > 0, and its probability is logistic(k d)
    score        q + v + score N(0,1), in tokens of two neighbouring grades whose expectation it is
    ranking      q + v + slot + score (base + growth log2 N) N(0,1) for each answer; slot falls
                 evenly from first_slot / 2 for the first shown to -first_slot / 2 for the last
"""

import json
import math
import random
import re
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

from recorded_rows import recorded_rows

from endpoints.hostile import neutralize
from endpoints.reply import Ask, Reply
from judge.asking.reply import ANSWER_LETTERS
from judge.asking.rubric import Rubrics
from rounds.ids import digest, prompt_id, text_hash
from rounds.rows import Candidate, Prompt, written_candidate


class Faults(NamedTuple):
    """How a judge errs; `score`, `base` and `growth` are assumptions, nothing measured, and so is
    that its probabilities are right. One that is `hard` is sure of each verdict, and gives whole
    scores.
    """

    bias: float
    comparison: float
    first_slot: float
    score: float
    base: float = 0.7
    growth: float = 0.15
    hard: bool = False

    @property
    def sharpness(self) -> float:
        """k: a comparison of two random candidates is right as often as its probability says."""
        signal = 2 / (2 + 2 * self.bias**2 + self.comparison**2)
        return 1.702 * signal / math.sqrt(2 * (1 - signal))


class Subject(NamedTuple):
    """A prompt, its candidates, their quality by id, and tokens (system + prompt, an answer).

    Without `tokens` a call is counted by its length: four characters a token.
    """

    prompt: Prompt
    candidates: list[Candidate]
    quality: dict[str, float]
    tokens: tuple[int, int] | None = None

    @property
    def by_id(self) -> dict[str, Candidate]:
        """The candidates by id."""
        return {row["candidate_id"]: row for row in self.candidates}


def latent(n: int, count: int) -> list[Subject]:
    """Prompts whose n candidates have qualities drawn from N(0,1)."""
    drawn = random.Random(f"latent {n}")
    return [
        _subject(
            f"prompt {number} of {n}",
            [(f"answer {place}", drawn.gauss()) for place in range(n)],
            (700, 500),
        )
        for number in range(count)
    ]


def recorded(path: Path, count: int) -> list[Subject]:
    """Real prompts and answers; quality is the normal score of the preference's rank."""
    subjects, coin = [], random.Random("ties")
    for row in recorded_rows(path)[:count]:
        ranked = sorted(
            row["candidates"], key=lambda one: (one["gpt4_turbo_preference"], coin.random())
        )
        scores = [NormalDist().inv_cdf((rank + 0.5) / len(ranked)) for rank in range(len(ranked))]
        texts = [one["text"] for one in ranked]
        subjects.append(_subject(row["prompt"], list(zip(texts, scores, strict=True)), None))
    return subjects


def _subject(
    text: str, answers: list[tuple[str, float]], tokens: tuple[int, int] | None
) -> Subject:
    messages = [{"role": "user", "content": text}]
    named = prompt_id(messages)
    prompt: Prompt = {
        "prompt_id": named,
        "messages": messages,
        "source": "simulated",
        "split": "train",
        "set_aside": None,
        "reference": None,
        "guidelines": None,
        "tags": None,
    }
    candidates = [
        written_candidate(digest(named, place), named, "train", place, answer, "simulated")
        for place, (answer, _) in enumerate(answers)
    ]
    qualities = [quality for _, quality in answers]
    names = [row["candidate_id"] for row in candidates]
    return Subject(prompt, candidates, dict(zip(names, qualities, strict=True)), tokens)


def simulated(subject: Subject, faults: Faults, rubrics: Rubrics, draw: int = 0) -> Ask:
    """The `ask` of an endpoint that judges the candidates of one prompt."""
    kinds = {text_hash(rubric.text): kind for kind, rubric in rubrics._asdict().items() if rubric}
    ids: dict[str, str] = {}
    for row in subject.candidates:
        ids.setdefault(neutralize(row["text"]), row["candidate_id"])
    looks = {
        name: value + faults.bias * random.Random(f"bias {draw} {name}").gauss()
        for name, value in subject.quality.items()
    }

    async def ask(body: dict[str, Any], rubric: str, repeat: int = 0, near: str = "") -> Reply:
        content = body["messages"][-1]["content"]
        shown = [ids[match.group(3)] for match in FENCED.finditer(content)]
        noise = random.Random(f"{draw} {kinds[rubric]} {shown} {repeat}")
        worth = [looks[name] for name in shown]
        if kinds[rubric] == "listwise":
            text, logprobs = _ranking(worth, faults, noise), None
        elif kinds[rubric] == "pairwise":
            difference = worth[0] - worth[1] + faults.first_slot + faults.comparison * noise.gauss()
            first = 1 / (1 + math.exp(-faults.sharpness * difference))
            first = round(first) if faults.hard else first
            text, logprobs = _reply(body, "verdict", {"A": first, "B": 1 - first})
        else:
            chances = _grades(worth[0] + faults.score * noise.gauss())
            if faults.hard:
                chances = {max(chances, key=lambda grade: chances[grade]): 1.0}
            text, logprobs = _reply(body, "score", chances)
        return Reply("", text, None, _tokens(subject, body, len(shown)), 1, logprobs=logprobs)

    return ask


FENCED = re.compile(r"^\[([A-Z]) ([0-9a-f]{8})\]\n(.*?)\n\[/\1 \2\]$", re.DOTALL | re.MULTILINE)

GRADES = (0, 9)
"""The scale of the scores; 6 deviations of quality either way fit on it."""


def _grades(value: float) -> dict[str, float]:
    """The two grades next to a latent score, so likely that their expectation is the score."""
    low, high = GRADES
    grade = min(max((low + high) / 2 + value * (high - low) / 12, low), high)
    below = min(math.floor(grade), high - 1)
    return {str(below): below + 1 - grade, str(below + 1): grade - below}


def _ranking(worth: list[float], faults: Faults, noise: random.Random) -> str:
    n = len(worth)
    spread = faults.score * (faults.base + faults.growth * math.log2(n))
    seen = [
        value + faults.first_slot * (0.5 - place / (n - 1)) + spread * noise.gauss()
        for place, value in enumerate(worth)
    ]
    order = sorted(range(n), key=lambda place: -seen[place])
    return json.dumps({"rationale": "", "ranking": [ANSWER_LETTERS[place] for place in order]})


def _reply(
    body: dict[str, Any], field: str, chances: dict[str, float]
) -> tuple[str, list[dict[str, Any]]]:
    """The likeliest word, as one token or in JSON, and the probability of every word."""
    word = max(chances, key=lambda one: chances[one])
    every = [
        {"token": name, "logprob": math.log(chance)} for name, chance in chances.items() if chance
    ]
    token = {"token": word, "logprob": math.log(chances[word]), "top_logprobs": every}
    if "response_format" not in body:
        return word, [token]
    before, after = ('"', '"}') if field == "verdict" else ("", "}")
    text = f'{{"rationale": "", "{field}": {before}{word}{after}'
    return text, [token, {"token": after, "logprob": 0.0}]


def _tokens(subject: Subject, body: dict[str, Any], answers: int) -> int:
    if subject.tokens is None:
        return sum(len(turn["content"]) for turn in body["messages"]) // 4
    around, each = subject.tokens
    return around + each * answers
