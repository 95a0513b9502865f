"""Judges for scripted endpoints, rounds to be judged, and gold sets."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from builders import begun, candidate_row, prompt_row
from scripted import Scripted, asks_for_a_score, completion, quality, shown

from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from judge.health.measures import measure
from judge.inputs import JudgedPrompt
from rounds.files import write_json
from rounds.folder import read_round_start
from rounds.rows import Candidate, Prompt, Verdict
from rounds.tables import by_prompt

Script = Callable[[dict[str, Any]], Any]


def worth(text: str) -> int:
    """The quality that a text names, or -1: worthless texts name none."""
    return quality(text) if text.startswith("quality ") else -1


def verdict(said: str) -> str:
    return json.dumps({"rationale": "x", "verdict": said})


def prefers(liked: Callable[[str], float]) -> Script:
    """Scores by quality, and prefers what is liked more, in either order."""

    def judge(body: dict[str, Any]) -> str:
        answers = shown(body)
        if asks_for_a_score(body):
            return json.dumps({"rationale": "x", "score": worth(answers[0])})
        first, second = (liked(text) for text in answers)
        return verdict("A" if first > second else "B" if second > first else "tie")

    return judge


honest = prefers(worth)


def always(said: str) -> Script:
    """Scores by quality, and says the same of every two answers."""
    return lambda body: honest(body) if asks_for_a_score(body) else verdict(said)


def sure_by_distance(body: dict[str, Any]) -> dict[str, Any]:
    """Compares by one token; the further two qualities are apart the surer: 9 and 1 are 0.9."""
    first, second = (worth(text) for text in shown(body))
    chance = min(0.95, max(0.05, 0.5 + (first - second) / 20))
    said = "A" if chance >= 0.5 else "B"
    return one_token(said, {"A": chance, "B": 1 - chance})


def one_token(said: str, chances: dict[str, float]) -> dict[str, Any]:
    """A completion of one token with the chances of what might have stood there."""
    top = [{"token": word, "logprob": math.log(p)} for word, p in chances.items()]
    entry = {"token": said, "logprob": math.log(chances[said]), "top_logprobs": top}
    reply = completion(said)
    reply["choices"][0]["logprobs"] = {"content": [entry]}
    return reply


def endpoints(tmp_path: Path, max_in_flight: int = 64, **at: Scripted) -> Endpoints:
    """Scripted endpoints by name; the model of `desk` is m-desk."""
    configs = {
        name: EndpointConfig(
            base_url=scripted.base_url, model=f"m-{name}", max_in_flight=max_in_flight
        )
        for name, scripted in at.items()
    }
    return Endpoints(configs, tmp_path / "logs")


def answered(run_dir: Path, *qualities: tuple[int, ...], number: int = 1) -> Path:
    """A round under way whose train prompts have answers of these qualities."""
    prompts = [prompt_row(f"question {number}.{place}") for place in range(len(qualities))]
    candidates = [
        candidate_row(prompt, f"quality {value} answer {index}", index)
        for prompt, values in zip(prompts, qualities, strict=True)
        for index, value in enumerate(values)
    ]
    return begun(run_dir, number, prompts=prompts, candidates=candidates)


def ended(folder: Path, **facts: Any) -> None:
    """Make the round a finished one, whatever it lacks."""
    write_json(folder / "manifest.json", read_round_start(folder) | facts)


def measured(
    prompts: list[Prompt],
    candidates: list[Candidate],
    verdicts: list[Verdict],
    anchors: list[Verdict],
) -> dict[str, Any]:
    """The measures of a judge over the rows of a round."""
    answers = by_prompt(candidates)
    labels = by_prompt(row for row in verdicts if row["split"] == "train")
    names = {row["prompt_id"]: row for row in prompts if row["split"] == "train"}
    labelled = [
        JudgedPrompt(names[name], answers.get(name, []), labels.get(name, [])) for name in names
    ]
    tests, planted = (
        [row for row in rows if row["split"] == "health"] for rows in (verdicts, candidates)
    )
    return measure(labelled, tests, planted, anchors)


def gold_file(tmp_path: Path, *pairs: tuple[int, int, str]) -> str:
    """A gold set of (quality of a, quality of b, label); its path."""
    lines = [
        {"prompt": f"gold {n}", "a": f"quality {a} of a", "b": f"quality {b} of b", "label": label}
        for n, (a, b, label) in enumerate(pairs)
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)
