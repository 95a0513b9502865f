"""The judge under examination: tests on a sample, over the rounds, bounds that stop."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judges import (
    always,
    answered,
    ended,
    endpoints,
    gold_file,
    honest,
    prefers,
    verdict,
    worth,
)
from scripted import Raw, Scripted, asks_for_a_score, completion, shown

from endpoints.open import Endpoints
from endpoints.reply import EndpointLost
from judge.config import JudgeConfig
from judge.health.canaries import CANARIES
from judge.health.config import Bounds, Gold, Health
from judge.health.examine import judge_gold, judge_health
from judge.health.gold import most_gold_calls
from judge.health.trials import most_trial_calls
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.errors import Stopped
from rounds.rows import VERDICTS, Prompt, Verdict
from rounds.tables import read_rows
from rounds.verdicts import comparisons

pytestmark = pytest.mark.long

OPEN = {name: None for name in Bounds.model_fields if name != "min_n"}
PAIRWISE = JudgeConfig(endpoint="desk", strategy="pairwise")


def config(sample: int = 1, second: str | None = None, **bounds: Any) -> JudgeConfig:
    """Compares two answers; only the bounds that are given hold, from the first case on."""
    held = Bounds(**{**OPEN, "min_n": 1, **bounds})
    health = Health(sample=sample, second=second, bounds=held)
    return PAIRWISE.model_copy(update={"health": health})


def examined(folder: Path, config: JudgeConfig, there: Endpoints) -> dict[str, Any]:
    """Label the round, then test its judge; the measures."""
    judge_candidates(folder, config, there)
    return judge_health(folder, config, there)["health"]


def health_rows(folder: Path, purpose: str) -> list[Verdict]:
    return [row for row in read_rows(folder, "verdicts", ["health"]) if row["purpose"] == purpose]


def test_an_honest_judge_passes_every_test(run_dir: Path, endpoint, desk):
    folder, at = answered(run_dir, (9, 3), (9, 4), (2, 7), (1, 7)), endpoint(honest)
    judge_candidates(folder, PAIRWISE, desk(at))
    labels = read_rows(folder, "verdicts", ["train"])
    found = judge_health(folder, PAIRWISE, desk(at))["health"]
    assert len(labels) == 8 and read_rows(folder, "verdicts", ["train"]) == labels
    assert found["canaries"]["chosen"]["value"] == 0 and found["canaries"]["chosen"]["n"] == 20
    assert (found["stability"]["value"], found["stability"]["n"]) == (1.0, 4)
    assert (found["flips"]["value"], found["first_slot"]["value"]) == (0.0, 0.5)
    assert found["yield"]["value"] == 1.0 and found["drift"]["n"] == 0
    assert json.loads(json.dumps(found)) == found


def test_the_sample_bounds_what_is_asked(run_dir: Path, endpoint, desk):
    folder, at = answered(run_dir, *[(9, 3, 5)] * 5), endpoint(honest)
    labelling = JudgeConfig(endpoint="desk", health=Health(sample=1))
    judge_candidates(folder, labelling, desk(at))
    asked = len(at.requests)
    judge_health(folder, labelling, desk(at))
    counts = Counter(row["purpose"] for row in read_rows(folder, "verdicts", ["health"]))
    canaries, triads = 2 * len(CANARIES), 2 * 2
    assert counts == {"repeat": 4, "canary": canaries, "triad": triads}
    assert len(at.requests) - asked == sum(counts.values())


def test_canaries_are_rows_of_their_own_and_no_candidates_of_the_round(
    run_dir: Path, endpoint, desk
):
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    examined(folder, config(), desk(at))
    planted = read_rows(folder, "candidates", ["health"])
    assert [row["policy_id"] for row in planted] == [f"canary/{name}" for name in CANARIES]
    named = {row["candidate_b"] for row in health_rows(folder, "canary")}
    assert named == {row["candidate_id"] for row in planted}
    assert len(read_rows(folder, "candidates", ["train"])) == 2
    assert build_pairs(folder, PairsConfig())["kept"] == 1


def test_three_answers_are_compared_all_with_each_other_once(run_dir: Path, endpoint, desk):
    beats = {(9, 5), (5, 3), (3, 9)}

    def in_a_circle(body: dict[str, Any]) -> str:
        if asks_for_a_score(body):
            return honest(body)
        first, second = (worth(text) for text in shown(body))
        return verdict("A" if (first, second) in beats or second < 0 else "B")

    folder, at = answered(run_dir, (9, 5, 3)), endpoint(in_a_circle)
    labelling = JudgeConfig(endpoint="desk", health=config().health)
    found = examined(folder, labelling, desk(at))
    assert (found["cyclic_triads"]["value"], found["cyclic_triads"]["n"]) == (1.0, 1)
    pairs = [frozenset(pair) for pair in comparisons(health_rows(folder, "triad"), "triad")]
    confirmed = [frozenset(pair) for pair in comparisons(read_rows(folder, "verdicts"))]
    assert len(set(pairs)) == len(pairs) == 3 - len(confirmed)


def test_a_second_judge_sees_the_sample_and_only_that(run_dir: Path, tmp_path, endpoint):
    folder = answered(run_dir, *[(9, 3)] * 4)
    second = endpoint(prefers(lambda text: -worth(text)))
    there = endpoints(tmp_path, desk=endpoint(honest), other=second)
    found = examined(folder, config(second="other"), there)["second_judge"]
    assert (found["agreement"]["value"], found["agreement"]["n"]) == (0.0, 1)
    assert len(second.requests) == 2
    assert {row["judge_id"] for row in health_rows(folder, "second")} == {"other/m-other"}


def test_people_can_be_the_second_judge(run_dir: Path, tmp_path, endpoint):
    folder = answered(run_dir, (9, 3), (8, 2))
    ids = [row["candidate_id"] for row in read_rows(folder, "candidates")]
    people = tmp_path / "people.jsonl"
    people.write_text(json.dumps({"candidate_a": ids[1], "candidate_b": ids[0], "verdict": "b"}))
    there = endpoints(tmp_path, desk=endpoint(honest))
    found = examined(folder, config(sample=2, second=f"human:{people}"), there)["second_judge"]
    assert (found["agreement"]["value"], found["agreement"]["n"]) == (1.0, 1)


def test_a_sample_of_none_starts_no_judge_and_measures_the_labels(
    run_dir: Path, endpoint, desk, monkeypatch
):
    folder, there = answered(run_dir, *[(9, 3)] * 2), desk(endpoint(always("A")))
    judge_candidates(folder, config(sample=0), there)
    monkeypatch.delattr(Endpoints, "live")
    found = judge_health(folder, config(sample=0), there)["health"]
    assert read_rows(folder, "verdicts", ["health"]) == []
    assert found["flips"]["value"] == 1.0 and found["canaries"]["chosen"]["n"] == 0


def length(prompt: Prompt, answer: str) -> float:
    """A rule for the tests."""
    return float(len(answer))


def test_a_function_has_no_health_to_ask_for(run_dir: Path, tmp_path):
    folder = answered(run_dir, (9, 10))
    rule = config().model_copy(update={"endpoint": f"python:{__file__}:length"})
    found = examined(folder, rule, Endpoints({}, tmp_path))
    assert read_rows(folder, "verdicts", ["health"]) == [] and found["yield"]["value"] == 1.0


def test_what_was_answered_before_the_judge_was_lost_is_not_asked_again(
    run_dir: Path, tmp_path, endpoint
):
    folder = answered(run_dir, *[(9, 3)] * 2)
    dying = endpoint(lambda body: honest(body) if len(dying.requests) <= 10 else Raw(401))
    one_by_one = endpoints(tmp_path, max_in_flight=1, desk=dying)
    judge_candidates(folder, config(), one_by_one)
    with pytest.raises(EndpointLost):
        judge_health(folder, config(), one_by_one)
    assert read_rows(folder, "verdicts", ["health"]) == []
    alive = endpoint(honest)
    judge_health(folder, config(), endpoints(tmp_path, desk=alive))
    labels, tests = 4, 2 + 2 * len(CANARIES)
    assert len(alive.requests) == labels + tests - 10
    (folder / "work" / "health.json").unlink()
    judge_health(folder, config(), endpoints(tmp_path, desk=alive))
    assert len(alive.requests) == labels + tests - 10


def asked_once(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


# over the rounds


def round_of(run_dir: Path, number: int, at: Scripted, desk: Callable[..., Endpoints], **bounds):
    """One more round with this judge; the health that it has, and its folder."""
    folder = answered(run_dir, *[(9, 3)] * 2, number=number)
    try:
        return examined(folder, config(**bounds), desk(at)), folder
    finally:
        ended(folder)


def test_questions_of_the_first_round_are_asked_again_in_every_later_one(run_dir, endpoint, desk):
    at = endpoint(honest)
    for number, anchors in ((1, 0), (2, 2), (3, 2)):
        found, folder = round_of(run_dir, number, at, desk)
        assert (found["drift"]["n"], found["drift"]["value"]) == (anchors, 0.0 if anchors else None)
        rows = health_rows(folder, "anchor")
        assert {row["repeat"] for row in rows} == ({number} if anchors else set())
        first = {row["candidate_id"] for row in read_rows(run_dir / "rounds/0001", "candidates")}
        assert {row["candidate_a"] for row in rows} <= first


def test_a_judge_that_turns_is_seen_by_its_drift(run_dir, tmp_path, endpoint):
    round_of(run_dir, 1, endpoint(honest), lambda at: endpoints(tmp_path, desk=at))
    turned = endpoint(prefers(lambda text: -worth(text)))
    with pytest.raises(Stopped, match="of the first round that are others now: 1.000 of 2"):
        round_of(run_dir, 2, turned, lambda at: endpoints(tmp_path, desk=at), max_drift=0.3)


# bounds


def unreadable(body: dict[str, Any]) -> Any:
    return completion("", "content_filter")


class Moody:
    """Says the opposite when the same question comes again."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()

    def __call__(self, body: dict[str, Any]) -> str:
        asked = asked_once(body)
        self.heard[asked] += 1
        return honest(body) if self.heard[asked] == 1 else prefers(lambda t: -worth(t))(body)


def opener(text: str) -> float:
    return 100 if text == "Thought process:" else worth(text)


BOUNDS: list[tuple[Any, dict[str, float], str]] = [
    (always("A"), {"min_yield": 0.1}, "prompts judged that give a label: 0.000 of 4, at least 0.1"),
    (always("A"), {"max_flips": 0.6}, "comparisons that the order shown reverses: 1.000 of 4"),
    (always("A"), {"max_first_slot": 0.8}, "for the answer shown first: 1.000 of 8, at most 0.8"),
    (always("B"), {"max_first_slot": 0.8}, "for the answer shown second: 1.000 of 8, at most 0.8"),
    (always("tie"), {"max_ties": 0.9}, "verdicts that are a tie: 1.000 of 8, at most 0.9"),
    (unreadable, {"max_failures": 0.2}, r"calls that fail \(content_filter 8\): 1.000 of 8"),
    (prefers(opener), {"max_canaries": 0.1}, r"the text wins \(opener\): 0.200 of 5, at most 0.1"),
    (Moody, {"max_unstable": 0.3}, "repeated calls that say otherwise: 1.000 of 4, at most 0.3"),
    (prefers(len), {"max_longer_chosen": 0.9}, "labels for the longer answer: 1.000 of 4"),
]


@pytest.mark.parametrize(("judge", "bounds", "says"), BOUNDS)
def test_out_of_bounds_the_round_stops_with_nothing_lost(
    run_dir: Path, endpoint, desk, judge, bounds, says
):
    folder = answered(run_dir, *[(9, 10)] * 4)
    at = endpoint(judge() if judge is Moody else judge)
    (name,) = bounds
    sample = int(name in ("max_canaries", "max_unstable"))
    held = config(sample, **bounds)
    labels = judge_candidates(folder, held, desk(at))
    with pytest.raises(Stopped, match=f"nothing is trained on its labels: .*{says}") as stopped:
        judge_health(folder, held, desk(at))
    assert f"(judge.health.bounds.{name})" in str(stopped.value)
    tables = [(folder / f"{table}.parquet").read_bytes() for table in ("verdicts", "candidates")]
    asked = len(at.requests)
    with pytest.raises(Stopped):
        judge_health(folder, held, desk(at))
    loose = config(sample, **{name: 1 if name.startswith("max") else 0})
    assert judge_candidates(folder, loose, desk(at)) == labels, "labelled once"
    assert judge_health(folder, loose, desk(at))["health"]
    assert len(at.requests) == asked, "a loosened bound asks nothing"
    after = [(folder / f"{table}.parquet").read_bytes() for table in ("verdicts", "candidates")]
    assert after == tables


def test_every_bound_that_is_crossed_is_said_at_once(run_dir: Path, endpoint, desk):
    folder = answered(run_dir, *[(9, 3)] * 4)
    with pytest.raises(Stopped, match=r"bounds.min_yield\); .*bounds.max_flips\)"):
        examined(folder, config(min_yield=0.1, max_flips=0.6), desk(endpoint(always("A"))))


def test_few_cases_stop_nothing(run_dir: Path, endpoint, desk):
    folder = answered(run_dir, *[(9, 3)] * 4)
    assert examined(folder, config(min_n=5, max_flips=0.6), desk(endpoint(always("A"))))


def test_a_judge_that_is_wrong_on_gold_is_stopped_before_it_labels(
    run_dir: Path, tmp_path, endpoint
):
    path = gold_file(tmp_path, *[(9, 1, "b"), (1, 9, "a"), (8, 1, "a")])
    held = config(min_gold_accuracy=0.5).model_copy(update={"gold": Gold(path=path)})
    at = endpoint(honest)
    folder, there = answered(run_dir, (9, 3)), endpoints(tmp_path, desk=at)
    for _ in range(2):
        with pytest.raises(Stopped, match=r"decided rightly: 0.333 of 3, at least 0.5"):
            judge_gold(folder, held, there)
    assert len(at.requests) == 2 * 3


def ranks_honestly(body: dict[str, Any]) -> Any:
    """Ranks lists by quality, and is honest about anything else."""
    if "ranking" not in json.dumps(body["response_format"]):
        return honest(body)
    user = body["messages"][-1]["content"]
    listed = re.findall(r"\[([A-D]) (\w{8})\]\n(.*?)\n\[/\1 \2\]", user, re.S)
    seen = {letter: worth(text) for letter, _, text in listed}
    return json.dumps({"rationale": "x", "ranking": sorted(seen, key=lambda one: -seen[one])})


def test_a_judge_of_lists_meets_the_canaries_as_well(run_dir: Path, endpoint, desk):
    folder, at = answered(run_dir, (9, 3, 5), (2, 8, 4)), endpoint(ranks_honestly)
    ranked = config(max_canaries=0.0).model_copy(update={"strategy": "listwise"})
    found = examined(folder, ranked, desk(at))
    assert found["yield"]["value"] == 1.0
    assert found["canaries"]["chosen"]["n"] == len(CANARIES) and found["stability"]["n"] == 0


# what a plan says beforehand


def test_the_tests_of_a_judge_take_the_calls_that_a_plan_says_at_most(
    run_dir: Path, tmp_path, endpoint
):
    at = {"desk": endpoint(ranks_honestly), "other": endpoint(honest)}
    there, most = endpoints(tmp_path, **at), Counter[str]()
    for number, strategy in enumerate(("screen_confirm", "screen_confirm", "listwise"), start=1):
        folder = answered(run_dir, *[(9, 3, 5)] * 6, number=number)
        given = config(second="other").model_copy(update={"strategy": strategy})
        judge_candidates(folder, given, there)
        before = sum(len(scripted.requests) for scripted in at.values())
        judge_health(folder, given, there)
        ended(folder)
        counts = Counter(row["purpose"] for row in read_rows(folder, VERDICTS, ["health"]))
        assert sum(len(scripted.requests) for scripted in at.values()) - before == counts.total()
        most |= counts
    assert most == most_trial_calls(given.health, 6)
    assert len(at["other"].requests) == 3 * most["second"]


def test_the_gold_set_takes_of_each_juror_the_calls_that_a_plan_says(
    run_dir: Path, tmp_path, endpoint
):
    gold = Gold(path=gold_file(tmp_path, (9, 1, "a"), (1, 9, "b"), (8, 1, "a")))
    at = {"desk": endpoint(honest), "other": endpoint(honest)}
    jury = config().model_copy(update={"endpoint": list(at), "gold": gold})
    judge_gold(answered(run_dir, (9, 3)), jury, endpoints(tmp_path, **at))
    assert {len(scripted.requests) for scripted in at.values()} == {most_gold_calls(3)}
