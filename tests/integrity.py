"""A round whose answers name their worth, a judge with a planted taste, and what became of it."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from builders import begun, candidate_row, prompt_row
from scripted import Script, Scripted, completion

from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from judge.config import JudgeConfig, is_endpoint
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.rows import Candidate, ConsideredPair, Prompt, Verdict
from rounds.stages import remove_stamp
from rounds.tables import by_prompt, read_rows
from rounds.verdicts import comparisons

Label = tuple[int, int] | str
"""The worth of the chosen and of the rejected answer, or the reason why there is no pair."""

Taste = Callable[[int], int]

TASTES: dict[str, Taste] = {
    "natural": lambda worth: worth,
    "opposite": lambda worth: 11 - worth,
    "odd": lambda worth: worth * 7 % 11,
}
"""From an answer's worth (1 to 10) to what a judge thinks of it (1 to 10)."""


class JudgeCall(NamedTuple):
    """What a judge was asked: fields of its reply, number of the question, worth of the answers."""

    fields: list[str]
    question: int
    worths: list[int]

    @property
    def kind(self) -> str:
        if self.fields == ["ranking"]:
            return "ranking"
        return "score" if len(self.worths) == 1 else "verdict"


def judge_call(body: dict[str, Any]) -> JudgeCall:
    texts = shown(body)
    (asked, *_) = re.findall(r"question (\d+)", body["messages"][-1]["content"])
    assert all(f"for question {asked}," in text for text in texts), "another prompt's answer"
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    names = [name for name in schema.get("properties", {}) if name != "rationale"]
    return JudgeCall(names or ["verdict"], int(asked), [worth(text) for text in texts])


def shown(body: dict[str, Any]) -> list[str]:
    """The fenced answers in the order shown."""
    user = body["messages"][-1]["content"]
    fenced = re.findall(r"\[([A-Z]) (\w{8})\]\n(.*?)\n\[/\1 \2\]", user, re.DOTALL)
    return [text for _, _, text in fenced]


def worth(text: str) -> int:
    return int(text.split()[1])


def opinion(one: JudgeCall, taste: Taste) -> Any:
    likes = [taste(value) for value in one.worths]
    if one.kind == "score":
        return likes[0]
    if one.kind == "ranking":
        return ["ABCDEFGHI"[at] for at in sorted(range(len(likes)), key=lambda at: -likes[at])]
    first, second = likes
    return "A" if first > second else "B" if second > first else "tie"


def reply(**fields: Any) -> str:
    """A judge's JSON."""
    return json.dumps({"rationale": "x", **fields})


def reply_on_channel(body: dict[str, Any], value: Any, rationale: str = "x") -> Any:
    """A reply of the channel that was asked on, with the same value in every field."""
    if "response_format" in body:
        fields = dict.fromkeys(judge_call(body).fields, value)
        return json.dumps({"rationale": rationale, **fields})
    if body.get("max_tokens") == 1:
        word = {"tie": "C"}.get(value, str(value))
        return with_logprobs(word, [{"token": word, "logprob": 0.0, "top_logprobs": []}])
    return f"{rationale}\n\n[[{value}]]"


def with_logprobs(text: str, content: Any) -> dict[str, Any]:
    reply = completion(text)
    reply["choices"][0]["logprobs"] = {"content": content}
    return reply


def tokens(value: Any, *others: tuple[str, float]) -> Any:
    """A JSON verdict with log-probabilities: what else might have stood at its place."""
    name = "score" if isinstance(value, int) else "verdict"
    quote = "" if isinstance(value, int) else '"'
    head, tail = f'{{"rationale": "x", "{name}": {quote}', f"{quote}}}"
    listed = [{"token": word, "logprob": logprob} for word, logprob in others]
    written = {"token": str(value), "logprob": listed[0]["logprob"], "top_logprobs": listed}
    pieces = [{"token": head, "logprob": 0.0}, written, {"token": tail, "logprob": 0.0}]
    return with_logprobs(f"{head}{value}{tail}", pieces)


def planted(taste: Taste = TASTES["natural"]) -> Script:
    """A judge that follows its taste on every channel."""
    return lambda body: reply_on_channel(body, opinion(judge_call(body), taste))


def judge_except(judge: Script, otherwise: Callable[[JudgeCall], Any]) -> Script:
    """The judge, but for the questions to which `otherwise` has a reply."""

    def replies(body: dict[str, Any]) -> Any:
        reply = otherwise(judge_call(body))
        return judge(body) if reply is None else reply

    return replies


def answering_late(judge: Script) -> Script:
    """The judge, whose answers come in another order than they were asked for."""

    def replies(body: dict[str, Any]) -> Any:
        one = judge_call(body)
        time.sleep((one.question * 7 + sum(one.worths) * 5 + one.worths[0] * 3) % 11 / 400)
        return judge(body)

    return replies


def answer(question: Prompt, number: int, value: int, index: int, also: str = "") -> Candidate:
    text = f"worth {value} for question {number}, answer {index}{also}"
    return candidate_row(question, text, index)


def sampled(
    run_dir: Path,
    *worths: Iterable[int],
    also: Callable[[int, int], str] = lambda number, value: "",
    order: Callable[[list[Candidate]], list[Candidate]] = list,
) -> Path:
    """A round whose prompts have answers of these worths; `also` is what the text of an answer
    says beyond its worth.

    `order` puts the rows of the candidates' table in another order.
    """
    prompts = [prompt_row(f"question {number}") for number in range(len(worths))]
    rows = [
        answer(prompts[number], number, value, index, also(number, value))
        for number, values in enumerate(worths)
        for index, value in enumerate(values)
    ]
    return begun(run_dir, prompts=prompts, candidates=order(rows))


def judge_config(strategy: str = "pairwise", **given: Any) -> JudgeConfig:
    usual = {"endpoint": "desk", "scale": (1, 9) if given.get("channel") == "token" else (1, 10)}
    return JudgeConfig(strategy=strategy, **{**usual, **given})


def labels(folder: Path, config: JudgeConfig, *at: Scripted, retries: int = 0) -> list[Label]:
    """Both stages, anew; what each prompt has come to, in the prompts' order."""
    judged(folder, config, *at, retries=retries)
    return built(folder)


def judged(folder: Path, config: JudgeConfig, *at: Scripted, retries: int = 0) -> dict[str, Any]:
    """The judge stage, anew; the config's judges and those it appeals to stand at `at`."""
    names = [name for name in (*config.jury, *config.appealed_to) if is_endpoint(name)]
    configs = {
        name: EndpointConfig(base_url=one.base_url, model="m", max_retries=retries)
        for name, one in zip(names, at, strict=True)
    }
    remove_stamp(folder, "judge")
    return judge_candidates(folder, config, Endpoints(configs, folder / "logs"))


def built(folder: Path) -> list[Label]:
    """The pairs stage alone. Whatever the judge did, what it leaves is whole."""
    build_pairs(folder, PairsConfig())
    prompts = read_rows(folder, "prompts", ["train"])
    candidates = {row["candidate_id"]: row for row in read_rows(folder, "candidates", ["train"])}
    verdicts = {row["verdict_id"]: row for row in read_rows(folder, "verdicts", ["train"])}
    kept, dropped = read_rows(folder, "pairs"), read_rows(folder, "dropped")
    found = by_prompt([*kept, *dropped])
    assert found.keys() == {prompt["prompt_id"] for prompt in prompts}
    assert all(row["chosen"] for row in kept)
    for prompt in prompts:
        rows = found[prompt["prompt_id"]]
        said = [one for one in verdicts.values() if one["prompt_id"] == prompt["prompt_id"]]
        compared = {frozenset(pair) for pair in comparisons(said)}
        if compared:  # each comparison is accounted for once, a prompt without one as well
            assert Counter(frozenset(row["candidate_ids"]) for row in rows) == Counter(compared)
        else:
            assert len(rows) == 1
        for row in rows:
            assert row["prompt"] == prompt["messages"]
            _is_its_own(row, candidates, [verdicts[name] for name in row["verdict_ids"]])
    for row in verdicts.values():
        _says_one_thing(row)
    return [_label(found[prompt["prompt_id"]]) for prompt in prompts]


def _is_its_own(
    row: ConsideredPair, candidates: dict[str, Candidate], verdicts: list[Verdict]
) -> None:
    """Texts, ids, scores and verdicts of a row belong together and to its prompt."""
    assert {one["prompt_id"] for one in verdicts} <= {row["prompt_id"]}
    sides = [row["chosen_id"], row["rejected_id"]]
    if sides == [None, None]:
        assert row["chosen"] is row["rejected"] is None
        return
    assert sorted(sides) == sorted(row["candidate_ids"]) and sides[0] != sides[1]
    compared = [one for one in verdicts if {one["candidate_a"], one["candidate_b"]} == {*sides}]
    assert {one["shown_first"] for one in compared} in ({"a", "b"}, {None})
    scores = {one["candidate_a"]: one["score"] for one in verdicts if one["kind"] == "pointwise"}
    for name, text, score in zip(
        sides, ("chosen", "rejected"), ("score_chosen", "score_rejected"), strict=True
    ):
        assert row[text] == [{"role": "assistant", "content": candidates[name]["text"]}]
        assert candidates[name]["prompt_id"] == row["prompt_id"]
        assert not scores or row[score] == scores.get(name)


def _says_one_thing(row: Verdict) -> None:
    if row["outcome"] == "abstain":
        assert row["reason"]
        assert [row[name] for name in ("score", "probability", "ranking", "criteria")] == [None] * 4
    else:
        assert row["reason"] is None and row["outcome"] in ("a", "b", "tie", "scored")


def _label(rows: list[ConsideredPair]) -> Label:
    pairs = [row for row in rows if "reason" not in row]
    if not pairs:
        return str(rows[0]["reason"])
    (pair,) = pairs
    return worth(pair["chosen"][0]["content"]), worth(pair["rejected"][0]["content"])
