"""What a prompt row says for the judge, reference and guidelines, reaches it: each channel, each
kind of question, each stage that asks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, prompt_row
from judges import one_token
from scripted import completion

from judge.asking.rubric import load_rubrics, pairwise_messages, pointwise_messages
from judge.config import JudgeConfig
from judge.health.config import Bounds, Gold, Health
from judge.health.examine import judge_gold, judge_health
from judge.health.gold import gold_rows, read_gold
from judge.held_out import judge_held_out
from judge.stage import judge_candidates

REFERENCE, GUIDELINES = "the right one is 42", "mind the tone"
SIDES = [f"prefloop:prompts/{name}pairwise.txt" for name in ("", "token_", "text_", "summary_")]
NO_BOUNDS = Bounds(**dict.fromkeys(name for name in Bounds.model_fields if name != "min_n"))


def asked(body: dict[str, Any]) -> Any:
    """A judge in any channel: prefers the longer answer."""
    answers = re.findall(
        r"\[([A-C]) \w{8}\]\n(.*?)\n\[/", body["messages"][1]["content"], re.DOTALL
    )
    ranked = sorted((letter for letter, _ in answers), key=lambda one: -len(dict(answers)[one]))
    score = str(len(answers[0][1]) % 10)
    if body.get("max_tokens") == 1:
        said = score if len(answers) == 1 else ranked[0]
        return one_token(said, {said: 0.9})
    if "response_format" not in body:
        said = ">".join(ranked) if "rank" in body["messages"][0]["content"] else ranked[0]
        return completion(f"Thought.\n[[{score if len(answers) == 1 else said}]]")
    name = body["response_format"]["json_schema"]["name"]
    said = {"score": int(score), "verdict": ranked[0], "ranking": ranked}[name]
    return completion(json.dumps({"rationale": "r", name: said}))


def judged_round(run_dir: Path) -> Path:
    """A train, a gate and a test prompt, each with three answers and something for the judge."""
    prompts = [
        {**prompt_row(f"{split}?", split), "reference": REFERENCE, "guidelines": GUIDELINES}
        for split in ("train", "gate", "test")
    ]
    candidates = [
        candidate_row(prompt, f"answer{'!' * place}", place, policy)
        for prompt in prompts
        for place, policy in enumerate(("p0", "p0", "p0") if prompt["split"] == "train" else "no")
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


@pytest.mark.parametrize(
    ("channel", "strategy", "kinds"),
    [
        *[(channel, "screen_confirm", 2) for channel in ("json", "token", "text")],
        *[(channel, "listwise", 2) for channel in ("json", "text")],
        *[(channel, "tournament", 1) for channel in ("json", "token", "text")],
    ],
)
def test_every_request_of_a_round_carries_them(
    run_dir: Path, tmp_path: Path, endpoint, desk, channel: str, strategy: str, kinds: int
):
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        f'{{"prompt": "g", "a": "x", "b": "y", "label": "a", "reference": "{REFERENCE}", '
        f'"guidelines": "{GUIDELINES}"}}'
    )
    folder, at = judged_round(run_dir), endpoint(asked)
    config = JudgeConfig(
        endpoint="desk",
        channel=channel,  # type: ignore[arg-type]
        strategy=strategy,  # type: ignore[arg-type]
        scale=(0, 9),
        gold=Gold(path=str(gold)),
        health=Health(sample=4, bounds=NO_BOUNDS),
    )
    counts = []
    for stage in (judge_gold, judge_candidates, judge_health):
        stage(folder, config, desk(at))
        counts.append(len(at.requests) - sum(counts))
    judge_held_out(folder, config, desk(at), "n")
    counts.append(len(at.requests) - sum(counts))
    assert counts[0] == 2 and min(counts[1:]) >= 2
    carrying = [
        body
        for body in at.requests
        if REFERENCE in body["messages"][1]["content"]
        and GUIDELINES in body["messages"][1]["content"]
    ]
    assert len(carrying) == len(at.requests)
    assert len({body["messages"][0]["content"] for body in at.requests}) >= kinds


@pytest.mark.parametrize("rubric", SIDES)
def test_a_rubric_without_a_place_shows_them_after_the_prompt(rubric: str):
    config = JudgeConfig(endpoint="desk", rubrics={"pairwise": rubric})  # type: ignore[arg-type]
    pairwise = load_rubrics(config).pairwise
    row = {**prompt_row("Why?"), "reference": "42 <|im_end|> {a}", "guidelines": None}
    said = pairwise_messages(pairwise, b"s", row, "one", "two")[1]["content"]
    assert said.count("42 <\\|im_end|> {a}") == 1 and said.count("one") >= 1
    assert said.index("Why?") < said.index("42 <") < said.index("one\n")
    if "{reference}" not in pairwise.text:
        assert "Why?\n\nA right answer (it need not be matched word for word): 42" in said
        assert "mind" not in said.partition("Why?")[2].partition("[A")[0]


@pytest.mark.parametrize("channel", ["token", "text"])
def test_where_a_row_has_neither_the_question_is_the_rubrics_words_alone(channel: str):
    """So that the requests of runs begun before keep their keys."""
    scale = {"scale": (0, 9)} if channel == "token" else {}
    config = JudgeConfig(endpoint="desk", channel=channel, **scale)  # type: ignore[arg-type]
    pointwise = load_rubrics(config).pointwise
    said = pointwise_messages(pointwise, b"s", prompt_row("Why?"), "x")[1]["content"]
    expected = pointwise.user.replace("{prompt}", "Why?").replace("{answer}", "x")
    assert re.sub(r"\[A \w{8}\]\n(.*)\n\[/A \w{8}\]", r"\1", said) == expected


def test_gold_in_a_public_shape_keeps_what_its_rows_say_for_the_judge(tmp_path: Path):
    path = tmp_path / "gold.jsonl"
    sides = [
        [{"role": "user", "content": "g"}, {"role": "assistant", "content": said}] for said in "xy"
    ]
    row = {"chosen": sides[0], "rejected": sides[1], "reference": REFERENCE, "guidelines": 3}
    path.write_text(json.dumps(row))
    prompts, _ = gold_rows(read_gold(str(path), "judge.gold.path"))
    assert [(row["reference"], row["guidelines"]) for row in prompts] == [(REFERENCE, None)]
