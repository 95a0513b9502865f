"""Who judges: juries, appeals, functions and people, and a budget that ends the labelling."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archives import packed
from builders import begun, candidate_row, prompt_row
from scripted import Scripted, completion, honest_judge, quality, shown

from endpoints.config import BudgetConfig, EndpointConfig
from endpoints.open import Endpoints
from judge.config import Appeal, JudgeConfig
from judge.panel import load_rule
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.rows import Prompt
from rounds.tables import read_rows
from rounds.verdicts import comparisons, settle

pytestmark = pytest.mark.long

PAIRWISE = JudgeConfig(endpoint="desk", strategy="pairwise")


def answered(run_dir: Path, *qualities: tuple[int, ...]) -> Path:
    """A round whose train prompts have answers of these qualities."""
    prompts = [prompt_row(f"question {number}") for number in range(len(qualities))]
    candidates = [
        candidate_row(prompt, f"quality {value} answer {index}", index)
        for prompt, values in zip(prompts, qualities, strict=True)
        for index, value in enumerate(values)
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


def judges(tmp_path: Path, **at: Scripted) -> Endpoints:
    """Several scripted endpoints by name."""
    configs = {
        name: EndpointConfig(base_url=scripted.base_url, model=f"m-{name}")
        for name, scripted in at.items()
    }
    return Endpoints(configs, tmp_path / "logs")


def says(verdict: str) -> Callable[[dict[str, Any]], str]:
    """A judge that always gives the same verdict."""
    return lambda body: json.dumps({"rationale": "x", "verdict": verdict})


def settled(folder: Path) -> list[tuple[str, str | None]]:
    rows = read_rows(folder, "verdicts", ["train"])
    return [settle(of_pair)[:2] for of_pair in comparisons(rows).values()]


def honest_but_for(*questions: str) -> Callable[[dict[str, Any]], Any]:
    """Judges honestly, and always says A on some prompts."""

    def judge(body: dict[str, Any]) -> str:
        asked = body["messages"][-1]["content"]
        return says("A")(body) if any(name in asked for name in questions) else honest_judge(body)

    return judge


def test_a_jury_decides_by_majority_and_every_voice_is_kept(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, (9, 3))
    there = judges(
        tmp_path, one=endpoint(honest_judge), two=endpoint(honest_judge), three=endpoint(says("A"))
    )
    config = PAIRWISE.model_copy(update={"endpoint": ["one", "two", "three"]})
    judge_candidates(folder, config, there)
    rows = read_rows(folder, "verdicts")
    assert sorted({row["judge_id"] for row in rows}) == ["one/m-one", "three/m-three", "two/m-two"]
    assert len(rows) == 6 and settled(folder) == [("a", None)]


def test_a_jury_without_a_majority_abstains(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, (9, 3))
    there = judges(tmp_path, one=endpoint(honest_judge), two=endpoint(says("tie")))
    judge_candidates(folder, PAIRWISE.model_copy(update={"endpoint": ["one", "two"]}), there)
    assert settled(folder) == [("abstain", "no_majority")]


def test_only_what_was_not_decided_is_appealed(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, (9, 3), (5, 5), (2, 8))
    second = endpoint(honest_judge)
    there = judges(tmp_path, desk=endpoint(honest_but_for("question 2")), strong=second)
    config = PAIRWISE.model_copy(update={"appeal": Appeal(endpoint="strong", max_share=1)})
    judge_candidates(folder, config, there)
    assert settled(folder) == [("a", None), ("tie", None), ("b", None)]
    assert len(second.requests) == 2
    assert all("question 2" in body["messages"][-1]["content"] for body in second.requests)
    levels = {row["judge_id"]: row["level"] for row in read_rows(folder, "verdicts")}
    assert levels == {"desk/m-desk": 0, "strong/m-strong": 1}


def test_appeals_stay_within_their_share_and_are_the_same_again(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, *[(9, 3)] * 8)
    second = endpoint(honest_judge)
    there = judges(tmp_path, desk=endpoint(says("A")), strong=second)
    config = PAIRWISE.model_copy(update={"appeal": Appeal(endpoint="strong", max_share=0.3)})
    judge_candidates(folder, config, there)
    assert len(second.requests) == 2 * 2
    assert [outcome for outcome, _ in settled(folder)].count("a") == 2
    before = settled(folder)
    (folder / "work" / "judge.json").unlink()
    judge_candidates(folder, config, there)
    assert settled(folder) == before and len(second.requests) == 4


def longest(prompt: Prompt, answer: str) -> float | None:
    """A rule for the tests: more characters are better, "?" is not to be judged."""
    return None if answer == "?" else float(len(answer))


def test_a_function_judges_without_a_call(run_dir, endpoint, tmp_path):
    prompt = prompt_row()
    texts = ("short", "much longer", "?")
    rows = [candidate_row(prompt, text, index) for index, text in enumerate(texts)]
    folder = begun(run_dir, prompts=[prompt], candidates=rows)
    config = JudgeConfig(endpoint=f"python:{__file__}:longest")
    judge_candidates(folder, config, Endpoints({}, tmp_path))
    verdicts = read_rows(folder, "verdicts")
    assert [row["score"] for row in verdicts if row["kind"] == "pointwise"] == [5, 11, None]
    assert [row["reason"] for row in verdicts if row["score"] is None] == ["not_judged", None]
    assert settled(folder) == [("a", None)]
    assert build_pairs(folder, PairsConfig())["kept"] == 1
    assert {row["request_key"] for row in verdicts} == {""}


def test_people_judge_by_a_file_and_what_they_left_out_is_no_pair(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, (9, 3), (2, 8), (1, 4))
    ids = [row["candidate_id"] for row in read_rows(folder, "candidates")]
    lines = [
        {"candidate_a": ids[0], "candidate_b": ids[1], "verdict": "b"},
        {"candidate_a": ids[3], "candidate_b": ids[2], "verdict": "a"},
    ]
    path = tmp_path / "people.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    config = JudgeConfig(endpoint=f"human:{path}", strategy="pairwise")
    judge_candidates(folder, config, Endpoints({}, tmp_path))
    assert settled(folder) == [("b", None), ("b", None), ("abstain", "not_judged")]
    for ending in (".gz", ".zst"):
        archive = tmp_path / f"people.jsonl{ending}"
        archive.write_bytes(packed(ending, path.read_bytes()))
        named = [load_rule("judge.endpoint", f"human:{one}").judge_id for one in (path, archive)]
        assert len({name.partition("@")[2] for name in named}) == 1


def test_people_decide_what_the_judge_could_not(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, (9, 3))
    a, b = (row["candidate_id"] for row in read_rows(folder, "candidates"))
    path = tmp_path / "people.jsonl"
    path.write_text(json.dumps({"candidate_a": a, "candidate_b": b, "verdict": "b"}))
    appeal = Appeal(endpoint=f"human:{path}", max_share=1)
    config = PAIRWISE.model_copy(update={"appeal": appeal})
    judge_candidates(folder, config, judges(tmp_path, desk=endpoint(says("A"))))
    assert settled(folder) == [("b", None)]


@pytest.mark.parametrize(
    ("limit", "prompts"), [({"calls": 17}, 4), ({"calls": 3}, 0), ({"tokens": 13 * 17}, 4)]
)
def test_a_budget_ends_the_labelling_and_what_is_there_is_whole(
    run_dir, endpoint, tmp_path, limit, prompts
):
    folder = answered(run_dir, *[(9, 3)] * 10)
    at = endpoint(honest_judge)
    config = JudgeConfig(endpoint="desk", budget=BudgetConfig(**limit))
    facts = judge_candidates(folder, config, judges(tmp_path, desk=at))
    assert len(at.requests) <= 17
    whole = comparisons(read_rows(folder, "verdicts"))
    assert all(settle(rows).outcome == "a" for rows in whole.values())
    assert facts["partial"] == {"left_out": 10 - len(whole), "limit": next(iter(limit))}
    if "calls" in limit:
        assert len(whole) == prompts
    assert build_pairs(folder, PairsConfig())["dropped"] == {"not_judged": 10 - len(whole)}


def test_a_larger_budget_asks_only_the_rest(run_dir, endpoint, tmp_path):
    folder = answered(run_dir, *[(9, 3)] * 5)
    at = endpoint(honest_judge)
    there = judges(tmp_path, desk=at)
    judge_candidates(folder, JudgeConfig(endpoint="desk", budget=BudgetConfig(calls=9)), there)
    assert len(at.requests) == 8
    facts = judge_candidates(folder, JudgeConfig(endpoint="desk"), there)
    assert len(at.requests) == 20 and facts["partial"] is None


def test_criteria_are_weighed_and_each_one_is_kept(run_dir, endpoint, tmp_path):
    def judge(body: dict[str, Any]) -> str:
        answers = [quality(text) for text in shown(body)]
        if len(answers) == 1:
            return json.dumps({"rationale": "x", "honesty": answers[0], "style": 10})
        better = "A" if answers[0] > answers[1] else "B"
        worse = "B" if better == "A" else "A"
        return json.dumps({"rationale": "x", "honesty": better, "style": worse})

    folder = answered(run_dir, (9, 3))
    config = JudgeConfig(endpoint="desk", criteria={"honesty": 3, "style": 1})
    judge_candidates(folder, config, judges(tmp_path, desk=endpoint(judge)))
    rows = read_rows(folder, "verdicts")
    assert [row["score"] for row in rows[:2]] == [(9 * 3 + 10) / 4, (3 * 3 + 10) / 4]
    assert rows[2]["criteria"] == [
        {"name": "honesty", "value": 1.0},
        {"name": "style", "value": -1.0},
    ]
    assert settled(folder) == [("a", None)]


def test_a_reference_and_guidelines_reach_the_judge(run_dir, endpoint, tmp_path):
    prompt = prompt_row() | {"reference": "Because.", "guidelines": "Mind the {a} tone."}
    rows = [candidate_row(prompt, f"quality {value}", value) for value in (9, 3)]
    folder = begun(run_dir, prompts=[prompt], candidates=rows)
    at = endpoint(honest_judge)
    judge_candidates(folder, JudgeConfig(endpoint="desk"), judges(tmp_path, desk=at))
    for body in at.requests:
        assert "Because." in body["messages"][-1]["content"]
        assert "Mind the {a} tone." in body["messages"][-1]["content"]


def test_a_reply_in_free_text_counts_by_what_it_closes_with(run_dir, endpoint, tmp_path):
    def judge(body: dict[str, Any]) -> Any:
        first, second = (quality(text) for text in shown(body))
        better, worse = ("A", "B") if first > second else ("B", "A")
        assert "response_format" not in body and "logprobs" not in body
        return completion(f"One might say [[{worse}]] at first.\n\nBut no.\nVerdict: [[{better}]]")

    folder = answered(run_dir, (9, 3))
    config = JudgeConfig(endpoint="desk", strategy="pairwise", channel="text")
    judge_candidates(folder, config, judges(tmp_path, desk=endpoint(judge)))
    assert settled(folder) == [("a", None)]
