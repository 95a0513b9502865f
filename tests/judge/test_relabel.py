"""A round labelled again from its stored verdicts: as it was, or as far as is known."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from judges import answered, one_token, worth
from scripted import shown
from whatif_runs import TOKEN, judged, tokens, tree

from judge.config import JudgeConfig
from judge.inputs import answered_prompt_ids
from judge.labels import read_labels
from judge.relabel import Open, relabel
from rounds.rows import Verdict
from rounds.tables import read_rows
from rounds.verdicts import SETTLED_BY

pytestmark = pytest.mark.long

ROUND = ((9, 1, 5), (7, 6, 2), (5, 5, 5), (5, 4, 3), (4, 2, 3))
RANKED = {"endpoint": "desk", "strategy": "listwise", "tau": 0.6}


def doubtful(body: dict[str, Any]) -> dict[str, Any]:
    """As `tokens`, and of two that are near each other prefers the one shown first."""
    answers = shown(body)
    if len(answers) == 2 and abs(worth(answers[0]) - worth(answers[1])) < 4:
        return one_token("A", {"A": 0.8, "B": 0.2})
    return tokens(body)


def ranked(body: dict[str, Any]) -> Any:
    """Ranks by quality; compares as `doubtful` says, in words."""
    user = body["messages"][-1]["content"]
    values = [int(one) for one in re.findall(r"\[[A-Z] \w{8}\]\nquality (\d+)", user)]
    if body["response_format"]["json_schema"]["name"] == "ranking":
        order = sorted(range(len(values)), key=lambda place: -values[place])
        return json.dumps({"rationale": "", "ranking": ["ABC"[place] for place in order]})
    return json.dumps({"rationale": "", "verdict": "A" if values[0] > values[1] else "B"})


def again(
    folder: Path, judge: dict[str, Any], tau: float = 0.6, **given: Any
) -> tuple[list[Verdict], dict[str, Open]]:
    """The rows of the round labelled again, and what is left open."""
    ids, into = answered_prompt_ids(folder), folder / "work" / f"again-{tau}"
    config = JudgeConfig.model_validate(judge)
    left = asyncio.run(relabel(folder, into, ids, config, tau, **given))
    return list(read_labels(into, ids)), left


def settled(rows: list[Verdict]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in SETTLED_BY if name != "threshold") for row in rows]


@pytest.mark.parametrize(
    "strategy", ["screen_confirm", "random_pair", "round_robin", "tournament", "listwise"]
)
@pytest.mark.parametrize("jury", [["desk"], ["desk", "other"]])
def test_by_its_own_settings_a_round_is_labelled_as_it_was(run_dir, endpoint, strategy, jury):
    script = ranked if strategy == "listwise" else doubtful
    judge = {**(RANKED if strategy == "listwise" else TOKEN), "strategy": strategy}
    judge["endpoint"] = jury
    at = {name: endpoint(script) for name in jury}
    folder = judged(answered(run_dir, *ROUND), tree(judge, n=3, **at), **at)
    rows, left = again(folder, judge)
    stored = read_rows(folder, "verdicts", ["train"])
    assert left == {} and stored and settled(rows) == settled(stored)


def test_what_was_appealed_is_appealed_again(run_dir, endpoint):
    at = {"desk": endpoint(doubtful), "high": endpoint(tokens)}
    judge = {**TOKEN, "appeal": {"endpoint": "high", "max_share": 0.5}}
    folder = judged(answered(run_dir, *ROUND), tree(judge, n=3, **at), **at)
    stored = read_rows(folder, "verdicts", ["train"])
    assert any(row["level"] for row in stored)
    rows, left = again(folder, judge)
    assert left == {} and settled(rows) == settled(stored)
    rows, left = again(folder, {**judge, "appeal": None})
    assert left == {}
    assert settled(rows) == settled([row for row in stored if not row["level"]])


def test_what_an_appeal_would_decide_is_not_known_until_it_is_asked(run_dir, endpoint):
    at = {"desk": endpoint(doubtful)}
    judge = {**TOKEN, "select": {"tries": 1, "min_margin": 0.25}}
    folder = judged(answered(run_dir, (5, 4), (9, 1)), tree(judge, n=2, **at), **at)
    higher = {**judge, "appeal": {"endpoint": "high", "max_share": 1.0}}
    rows, left = again(folder, higher)
    (prompt,) = left.values()
    assert (prompt.known, prompt.least_calls, prompt.most_calls) == (set(), 2, 2)
    assert settled(rows) == settled(read_rows(folder, "verdicts", ["train"]))


def test_a_threshold_that_no_longer_holds_leads_to_a_comparison_that_was_not_made(
    run_dir, endpoint
):
    at = {"desk": endpoint(tokens)}
    folder = judged(answered(run_dir, (9, 8, 2, 1), (9, 9, 9, 3)), tree(TOKEN, n=4, **at), **at)
    rows, left = again(folder, TOKEN, tau=0.93)
    assert [len(prompt.known) for prompt in left.values()] == [1]  # (9, 3) has no second pair
    (prompt,) = left.values()
    assert (prompt.least_calls, prompt.most_calls) == (2, 2)
    assert {row["threshold"] for row in rows} == {0.93}


def test_a_threshold_that_holds_earlier_needs_no_second_comparison(run_dir, endpoint):
    at = {"desk": endpoint(tokens)}
    judge = {**TOKEN, "tau": 0.93}
    folder = judged(answered(run_dir, (9, 8, 2, 1)), tree(judge, n=4, **at), **at)
    stored = read_rows(folder, "verdicts", ["train"])
    assert sum(row["purpose"] == "confirm" for row in stored) == 4
    rows, left = again(folder, judge, tau=0.6)
    assert left == {} and sum(row["purpose"] == "confirm" for row in rows) == 2


def test_verdicts_that_count_as_never_given_are_missing(run_dir, endpoint):
    at = {"desk": endpoint(tokens)}
    folder = judged(answered(run_dir, (9, 8, 2, 1), (5, 2, 1, 1)), tree(TOKEN, n=4, **at), **at)
    for without, calls in (({"pointwise"}, 8), ({"pairwise"}, 4), ({"desk"}, 8), ({"other"}, 0)):
        _, left = again(folder, TOKEN, without=without)
        assert sum(prompt.least_calls for prompt in left.values()) == calls, without


def test_a_comparison_that_was_made_with_the_names_changed_is_the_same(run_dir, endpoint):
    at = {"desk": endpoint(doubtful)}
    judge = {**TOKEN, "strategy": "round_robin"}
    folder = judged(answered(run_dir, *ROUND), tree(judge, n=3, **at), **at)
    asked = len(at["desk"].requests)
    rows, left = again(folder, {**TOKEN, "strategy": "random_pair"})
    assert left == {} and len(at["desk"].requests) == asked
    new = judged(
        answered(run_dir.with_name("new"), *ROUND),
        tree({**TOKEN, "strategy": "random_pair"}, n=3, **at),
        **at,
    )
    names = ("candidate_a", "candidate_b", "shown_first", "outcome", "probability")
    told = [
        {tuple(row[name] for name in names[:4]): row["probability"] for row in of}
        for of in (rows, read_rows(new, "verdicts", ["train"]))
    ]
    assert told[0].keys() == told[1].keys()
    assert all(told[0][key] == pytest.approx(told[1][key]) for key in told[0])
