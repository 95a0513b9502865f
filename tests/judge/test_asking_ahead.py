"""Asking ahead: the stages find what they ask in the journal, and ask the same as without it."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from builders import begun, candidate_row, prompt_row
from scripted import Raw, Scripted, completion, honest_judge

from endpoints.config import BudgetConfig, EndpointConfig
from endpoints.open import Endpoints
from endpoints.reply import EndpointLost
from endpoints.serve import LiveEndpoint
from judge.ahead import Answered, ask_held_out_ahead, ask_labels_ahead
from judge.config import JudgeConfig
from judge.early import Against
from judge.health.config import Bounds, Gold, Health
from judge.health.examine import judge_gold
from judge.held_out import judge_held_out
from judge.panel import panel_identity
from judge.stage import judge_candidates
from rounds.early import Early
from rounds.rows import HELD_OUT, Candidate
from rounds.schema import deterministic
from rounds.tables import by_prompt, read_rows

CONFIG = JudgeConfig(endpoint="desk")
QUALITIES = [(3, 9, 1), (2, 4, 6), (5, 5, 5), (8, 1, 2), (1, 2, 9), (7, 3, 3)]


class Given(NamedTuple):
    prompt_id: str
    candidates: list[Candidate]
    whole: bool = True


def answered(run_dir: Path, qualities: list[tuple[int, ...]] = QUALITIES) -> Path:
    prompts = [prompt_row(f"question {number}") for number in range(len(qualities))]
    candidates = [
        candidate_row(prompt, f"quality {value} answer {index}", index)
        for prompt, values in zip(prompts, qualities, strict=True)
        for index, value in enumerate(values)
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


def arriving(folder: Path, *splits: str, but: int | None = None) -> Callable[[], list[Answered]]:
    """All prompts of the splits, two at a time; of one of them there may be more candidates."""
    candidates = by_prompt(read_rows(folder, "candidates", splits))
    coming: list[Answered] = [
        Given(name, rows, number != but) for number, (name, rows) in enumerate(candidates.items())
    ]

    def arrived() -> list[Answered]:
        found = coming[:2]
        del coming[:2]
        return found

    return arrived


def ahead_of(ask: Any, *given: Any, until: int, **named: Any) -> None:
    """Ask ahead until so many prompts are done, as whoever samples ends it."""
    done = 0

    async def asked() -> None:
        async def until_done() -> None:
            while done < until:
                await asyncio.sleep(0.01)

        def count() -> None:
            nonlocal done
            done += 1

        asking = asyncio.ensure_future(ask(*given, count, **named))
        waiting = asyncio.ensure_future(until_done())
        await asyncio.wait([asking, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if asking.done():
            asking.result()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(asked())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endpoints.concurrency.LOOK_EVERY", 0.01)


def labels_ahead(folder: Path, config: JudgeConfig, there: Endpoints, until: int, **given) -> None:
    arrived = arriving(folder, "train", **given)
    ahead_of(ask_labels_ahead, folder, config, there, arrived, until=until)


def asked(at: Scripted) -> Counter[str]:
    return Counter(json.dumps(body) for body in at.requests)


def table(folder: Path, *splits: str) -> list[dict[str, Any]]:
    rows = read_rows(folder, "verdicts", splits)
    return [{name: row[name] for name in deterministic("verdicts")} for row in rows]


@pytest.mark.parametrize("strategy", ["screen_confirm", "listwise", "tournament", "round_robin"])
def test_the_stage_finds_what_was_asked_ahead_and_asks_the_rest(
    tmp_path: Path, endpoint, desk, strategy: str
):
    def judge(body: dict[str, Any]) -> str:
        if strategy == "listwise" and "ranking" in json.dumps(body["response_format"]):
            return json.dumps({"rationale": "x", "ranking": "ABC"})
        return honest_judge(body)

    config = CONFIG.model_copy(update={"strategy": strategy})
    calm, alone = answered(tmp_path / "a" / "demo"), endpoint(judge)
    facts = judge_candidates(calm, config, desk(alone))
    folder, at = answered(tmp_path / "b" / "demo"), endpoint(judge)
    there = desk(at)
    labels_ahead(folder, config, there, until=4)
    before = len(at.requests)
    assert 0 < before <= len(alone.requests) and not (folder / "verdicts.parquet").exists()
    found = judge_candidates(folder, config, there)
    assert asked(at) == asked(alone) and table(folder, "train") == table(calm, "train")
    assert found["traffic"]["calls"] == facts["traffic"]["calls"] == len(at.requests)
    assert {**found, "traffic": 0} == {**facts, "traffic": 0}


def test_a_paid_reply_that_is_no_answer_is_not_asked_for_twice(run_dir: Path, endpoint, desk):
    def cut(body: dict[str, Any]) -> Any:
        last = "answer 2" in body["messages"][-1]["content"]
        return completion("half", "length") if last else honest_judge(body)

    folder, at = answered(run_dir), endpoint(cut)
    there = desk(at)
    labels_ahead(folder, CONFIG, there, until=len(QUALITIES))
    before = len(at.requests)
    facts = judge_candidates(folder, CONFIG, there)
    assert len(at.requests) == before and facts["abstained"]["truncated"] >= len(QUALITIES)
    again = answered(run_dir.with_name("again"))
    alone = endpoint(cut)
    assert judge_candidates(again, CONFIG, desk(alone))["cost"] == facts["cost"]
    assert asked(alone) == asked(at) and table(again, "train") == table(folder, "train")


@pytest.mark.parametrize("limit", [{"calls": 13}, {"tokens": 13 * 13}])
def test_a_budget_is_spent_on_the_prompts_that_the_stage_spends_it_on(
    tmp_path: Path, endpoint, desk, limit: dict[str, int]
):
    config = CONFIG.model_copy(update={"budget": BudgetConfig(**limit)})
    calm, alone = answered(tmp_path / "a" / "demo"), endpoint(honest_judge)
    facts = judge_candidates(calm, config, desk(alone, max_in_flight=1))
    folder, at = answered(tmp_path / "b" / "demo"), endpoint(honest_judge)
    there = desk(at, max_in_flight=1)
    labels_ahead(folder, config, there, until=len(QUALITIES))
    assert len(at.requests) == len(alone.requests) <= 13
    found = judge_candidates(folder, config, there)
    assert len(at.requests) == len(alone.requests)
    assert found["partial"] == facts["partial"] is not None
    assert table(folder, "train") == table(calm, "train")


@pytest.mark.parametrize("calls", [None, 100])
def test_a_prompt_that_may_get_other_candidates_is_left_to_the_stage(
    run_dir: Path, endpoint, desk, calls: int | None
):
    """With a budget all that come after it are: the stage spends on it first."""
    config = CONFIG.model_copy(update={"budget": BudgetConfig(calls=calls)})
    folder, at = answered(run_dir), endpoint(honest_judge)
    done = 1 if calls else len(QUALITIES) - 1
    labels_ahead(folder, config, desk(at), until=done, but=1)
    words = json.dumps(at.requests)
    assert "question 0" in words and "question 1" not in words
    assert ("question 2" in words) is (calls is None)


def gold_file(folder: Path, label: str) -> str:
    lines = [
        {"prompt": f"Gold {n}?", "a": "quality 9 x", "b": f"quality {n} y", "label": label}
        for n in range(1, 5)
    ]
    path = folder / "gold.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.mark.parametrize("label", ["a", "b"])
def test_gold_is_asked_ahead_too_and_no_label_of_a_judge_that_it_stops(
    tmp_path: Path, run_dir: Path, endpoint, desk, label: str
):
    gold = Gold(path=gold_file(tmp_path, label), min_n=1)
    health = Health(sample=0, bounds=Bounds(min_n=1, min_gold_accuracy=0.9))
    config = CONFIG.model_copy(update={"gold": gold, "health": health})
    folder, at = answered(run_dir), endpoint(honest_judge)
    there = desk(at)
    labels_ahead(folder, config, there, until=len(QUALITIES))
    gold_calls = sum("Gold" in json.dumps(body["messages"]) for body in at.requests)
    assert gold_calls == 8 and (len(at.requests) > 8) is (label == "a")
    before = len(at.requests)
    if label == "a":
        judge_candidates(folder, config, there, judge_gold(folder, config, there)["tau"])
    else:
        with pytest.raises(Exception, match="out of bounds"):
            judge_gold(folder, config, there)
    assert len(at.requests) == before


def test_a_judge_that_is_lost_is_lost_to_the_stage_as_well_and_not_asked_on(
    run_dir: Path, endpoint, desk
):
    folder, at = answered(run_dir), endpoint(lambda body: Raw(401))
    there = desk(at)
    with pytest.raises(EndpointLost):
        labels_ahead(folder, CONFIG, there, until=99)
    before = len(at.requests)
    assert before <= 6 * 3
    with pytest.raises(EndpointLost):
        judge_candidates(folder, CONFIG, there)


@pytest.mark.parametrize("part", ["labels", "gold", "held out"])
def test_one_that_is_lost_ends_no_server_that_the_sampling_may_ask(
    tmp_path: Path, run_dir: Path, endpoint, monkeypatch: pytest.MonkeyPatch, part: str
):
    """That is for the stage, which nothing runs beside."""
    up: list[str] = []

    @contextmanager
    def serve(*_: Any) -> Iterator[LiveEndpoint]:
        up.append("ours")
        try:
            yield LiveEndpoint(endpoint(honest_judge).base_url, "m", "w", "k")
        finally:
            up.remove("ours")

    monkeypatch.setattr("endpoints.open.serve", serve)
    refusing = endpoint(lambda body: Raw(401)).base_url
    served = EndpointConfig(serve={"model": "prefloop:starter/judge"})
    other = EndpointConfig(base_url=refusing, model="m")
    config = CONFIG.model_copy(update={"endpoint": ["ours", "other"]})
    if part == "gold":
        config = config.model_copy(update={"gold": Gold(path=gold_file(tmp_path, "a"), min_n=1)})
    folder = held_out(run_dir) if part == "held out" else answered(run_dir)
    with Endpoints({"ours": served, "other": other}, run_dir / "logs") as there:
        with pytest.raises(EndpointLost):
            if part == "held out":
                given = folder, config, there, "new", arriving(folder, *HELD_OUT)
                ahead_of(ask_held_out_ahead, *given, until=99)
            else:
                labels_ahead(folder, config, there, until=99)
        assert up == ["ours"]
        with pytest.raises(EndpointLost):
            judge_candidates(answered(run_dir.with_name("b")), config, there)
        assert not up


def test_what_is_open_when_it_is_ended_is_kept(run_dir: Path, endpoint, desk):
    """Ended while calls are open: their answers are in the journal, and are not asked for again."""
    folder, at = answered(run_dir), endpoint(honest_judge, delay=0.2)
    there = desk(at)
    labels_ahead(folder, CONFIG, there, until=0)
    labels_ahead(folder, CONFIG, there, until=1)
    judge_candidates(folder, CONFIG, there)
    assert set(asked(at).values()) == {1}


def held_out(run_dir: Path) -> Path:
    prompts = [prompt_row(f"gate {n}", "gate") for n in range(5)]
    prompts += [prompt_row(f"test {n}", "test") for n in range(3)]
    candidates = [
        candidate_row(prompt, f"quality {value} of {policy}", 0, policy)
        for prompt in prompts
        for policy, value in (("new", 8), ("old", 5), ("first", 2))
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


@pytest.mark.parametrize("early", [False, True])
def test_at_the_gate_the_comparisons_are_asked_ahead_and_of_an_early_one_those_of_the_test(
    tmp_path: Path, endpoint, desk, early: bool
):
    against = Against(Early(0, 0.5, 0.95), "old") if early else None
    calm, alone = held_out(tmp_path / "a" / "demo"), endpoint(honest_judge)
    judge_held_out(calm, CONFIG, desk(alone), "new", against=against)
    folder, at = held_out(tmp_path / "b" / "demo"), endpoint(honest_judge)
    there, arrived = desk(at), arriving(folder, *HELD_OUT)
    until = 3 if early else 8
    given = folder, CONFIG, there, "new", arrived
    ahead_of(ask_held_out_ahead, *given, until=until, against=against)
    words = json.dumps(at.requests)
    assert len(at.requests) == until * 2 * 2 and ("gate 0" in words) is not early
    judge_held_out(folder, CONFIG, there, "new", against=against)
    assert asked(at) == asked(alone) and table(folder, *HELD_OUT) == table(calm, *HELD_OUT)


def test_asking_ahead_changes_no_stage(desk, endpoint):
    """A round that began without it, or before it was known, is not judged anew."""
    there = desk(endpoint(honest_judge))
    keys = [
        panel_identity(JudgeConfig(endpoint="desk", ahead=ahead), there, ["desk"])
        for ahead in (None, True, False)
    ]
    assert keys[0] == keys[1] == keys[2] and "ahead" not in keys[0][0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch": True}, "a batch is submitted as a whole"),
        ({"endpoint": ["desk", "python:x.py:f"]}, "python:x.py:f is none"),
    ],
)
def test_what_cannot_be_asked_ahead_is_refused(given: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        JudgeConfig(**{"endpoint": "desk", "ahead": True, **given})
    JudgeConfig(**{"endpoint": "desk", "ahead": False, **given})
