"""`prefloop judge check`: a judge tried out before a round is paid for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from judges import always, answered, gold_file, honest, sure_by_distance, verdict
from scripted import Raw, Scripted, asks_for_a_score, completion, shown
from typer.testing import CliRunner

from endpoints.open import Endpoints
from flows.cli import app
from flows.load import load_config
from judge.health.examine import judge_gold
from judge.stage import judge_candidates
from rounds.settings import locate
from rounds.tables import read_rows

Say = Callable[..., Result]
JUDGE = {"endpoint": "desk", "strategy": "pairwise"}
TOKEN = {**JUDGE, "channel": "token", "scale": [0, 9]}
CANNED = [json.loads(line) for line in locate("prefloop:prompts/canned.jsonl").open()]


def knows_the_canned_pairs(body: dict[str, Any]) -> str:
    """Says what the canned pairs are labelled."""
    first, second = shown(body)
    (pair,) = [one for one in CANNED if {one["a"], one["b"]} == {first, second}]
    better = {"a": pair["a"], "b": pair["b"]}.get(pair["label"])
    said = "A" if first == better else "B" if second == better else "tie"
    return json.dumps({"rationale": "x", "verdict": said})


def reached(judge: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """The judge behind an endpoint that refuses a chat without messages, as real ones do."""
    return lambda body: judge(body) if body["messages"] else Raw(400)


def asked(at: Scripted) -> int:
    """Calls that were paid for."""
    return sum(bool(body["messages"]) for body in at.requests)


def served(at: Scripted, judge: dict[str, Any] = JUDGE, **changes: Any) -> Path:
    """A config file with this endpoint and judge."""
    tree = {
        "name": "tried",
        "policy": "prefloop:starter/policy",
        "prompts": {"train": "train.jsonl", "gate": 2, "test": 2},
        "sampler": {"n": 2},
        "endpoints": {
            "desk": {"base_url": at.base_url, "model": "m", "price": {"input": 1, "output": 10}}
        },
        "judge": judge,
        **changes,
    }
    Path("config.yaml").write_text(yaml.safe_dump(tree))
    return Path("config.yaml")


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs the command in an empty folder with ten prompts."""
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(10)]
    Path("train.jsonl").write_text("\n".join(lines))

    def run(*options: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["judge", "check", "config.yaml", *options])
        assert result.exit_code == code, result.output
        return result

    return run


def lines(result: Result) -> dict[str, str]:
    """The tables that were printed, as what: how much."""
    rows = [line.strip("│┃ ").split("│") for line in result.stdout.splitlines() if "│" in line]
    return {what.strip(): " ".join(rest).strip() for what, *rest in rows}


def found(say: Say) -> dict[str, Any]:
    return json.loads(say("--json").stdout)


def test_the_canned_pairs_are_asked_in_both_orders_and_shown_with_their_verdicts(say, endpoint):
    at = endpoint(reached(knows_the_canned_pairs))
    served(at)
    table = lines(say())
    assert asked(at) == 2 * len(CANNED)
    for number, pair in enumerate(CANNED, start=1):
        label = pair["label"]
        assert table[f"pair {number}"] == f"label {label}: {label}; said {label}, {label}"
    assert table["calls"].startswith(f"{2 * len(CANNED)} in ")
    assert table["failures"] == "none"
    assert table["flips"] == f"0 of {len(CANNED)} comparisons"
    assert table["probabilities"] == f"with 0 of {2 * len(CANNED)} verdicts"
    assert table["tokens a call"] == "10 read, 3 written"


def test_a_judge_that_flips_is_seen(say, endpoint):
    served(endpoint(reached(always("A"))))
    table = lines(say())
    assert table["pair 1"] == "label a: abstain (flip); said a, b"
    assert table["flips"] == f"{len(CANNED)} of {len(CANNED)} comparisons"


def test_replies_that_cannot_be_read_are_counted_by_their_reason(say, endpoint):
    def judge(body: dict[str, Any]) -> Any:
        said = knows_the_canned_pairs(body)
        cut = completion('{"rationale": "x", "verdict"', "length")
        about = body["messages"][-1]["content"]
        readable = "A train leaves" in about or "9.11" in about
        return cut if "Canberra" in about else said if readable else "A"

    served(endpoint(reached(judge)))
    table = lines(say())
    assert table["failures"] == "truncated 2, not_json 4"
    assert table["pair 1"] == "label a: abstain (truncated); said truncated, truncated"
    assert table["probabilities"] == "with 0 of 4 verdicts"


def test_a_judge_that_says_nothing_of_use_fails_the_check_with_the_setting(say, endpoint):
    at = endpoint(reached(lambda body: "I prefer the first one."))
    served(at, {**JUDGE, "strategy": "screen_confirm"})
    result = say(code=1)
    assert asked(at) == 3 and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(
        "failed: endpoint desk (judge, pointwise): its reply is of no use, not_json "
        "(it said 'I prefer the first one.'); set judge.channel: text, or name another model"
    )
    told = json.loads(say("--json", code=1).stdout)
    (question,) = told["questions"]
    assert question["reply"] == "I prefer the first one." and "pairs" not in told
    assert told["faults"] == [question["fault"]]


def test_every_kind_of_question_is_asked_of_every_judge(say, endpoint):
    def judge(body: dict[str, Any]) -> Any:
        if asks_for_a_score(body):
            return json.dumps({"rationale": "x", "score": 7})
        return knows_the_canned_pairs(body)

    at = {name: endpoint(reached(judge)) for name in ("desk", "other", "higher", "second", "gate")}
    there = {name: {"base_url": one.base_url, "model": "m"} for name, one in at.items()}
    section = {
        **{"endpoint": ["desk", "other"], "appeal": {"endpoint": "higher"}},
        **{"strategy": "screen_confirm", "health": {"second": "second"}},
    }
    gate = {"judge": {"endpoint": "gate", "channel": "json"}}
    served(at["desk"], section, endpoints=there, gate=gate)
    told = found(say)
    assert [(one["endpoint"], one["kind"]) for one in told["questions"]] == [
        ("desk", "judge, pointwise"),
        ("desk", "judge, pairwise"),
        ("other", "judge, pairwise"),
        ("higher", "judge.appeal, pairwise"),
        ("second", "judge.health.second, pairwise"),
        ("gate", "gate.judge, pairwise"),
    ]
    assert told["questions"][1]["texts"] == [CANNED[0][name] for name in ("prompt", "a", "b")]
    paid = {name: asked(one) for name, one in at.items()}
    assert paid == {"desk": 1 + 10, "other": 10, "higher": 1, "second": 1, "gate": 1}
    table = lines(say())
    assert {name: asked(one) for name, one in at.items()} == paid
    assert table["judge, pointwise"].startswith('desk, asked "What is the capital')
    assert table["texts"].startswith('"Which number is larger')
    assert verdict("tie") in table["replies"]


def test_a_judge_of_the_appeal_that_cannot_judge_fails_the_check(say, endpoint):
    at, higher = endpoint(reached(knows_the_canned_pairs)), endpoint(reached(lambda body: "A"))
    there = {
        "desk": {"base_url": at.base_url, "model": "m"},
        "higher": {"base_url": higher.base_url, "model": "m"},
    }
    served(at, {**JUDGE, "appeal": {"endpoint": "higher"}}, endpoints=there)
    assert "endpoint higher (judge.appeal, pairwise)" in say(code=1).stderr


def test_a_judge_no_better_than_chance_is_warned_of(say, endpoint):
    def wrong(body: dict[str, Any]) -> str:
        turned = {"A": "B", "B": "A", "tie": "tie"}
        return verdict(turned[json.loads(knows_the_canned_pairs(body))["verdict"]])

    served(endpoint(reached(wrong)))
    assert lines(say())["warning"].startswith("right on 0 of 4 decided pairs (4 have a better")


def test_a_judge_that_decides_nothing_is_warned_of_as_that(say, endpoint):
    served(endpoint(reached(lambda body: verdict("tie"))))
    said = say()
    assert lines(said)["warning"] == "it decides none of the 4 pairs that have a better answer,"
    assert "judge.gold names pairs" in said.stdout


def test_whether_probabilities_come_is_said(say, endpoint, tmp_path: Path):
    gold = {"path": gold_file(tmp_path, (9, 1, "a"), (2, 8, "b"))}
    served(endpoint(reached(sure_by_distance)), {**TOKEN, "gold": gold})
    assert lines(say())["probabilities"] == "with 4 of 4 verdicts"


def test_an_endpoint_without_logprobs_fails_the_token_channel(say, endpoint):
    at = endpoint(reached(lambda body: completion("A")))
    served(at, TOKEN)
    assert say(code=1).stderr == (
        "failed: endpoint desk (judge, pairwise): its reply is of no use, missing_logprobs "
        "(it said 'A'); set judge.channel to json or text, whose verdicts need none\n"
    )
    assert asked(at) == 1


def test_the_gold_set_takes_the_place_of_the_canned_pairs(say, endpoint, tmp_path: Path):
    pairs = [(9, 1, "a"), (2, 8, "b"), (7, 1, "a"), (8, 2, "a"), (1, 6, "b"), (6, 5, "b")]
    at = endpoint(reached(honest))
    served(at, {**JUDGE, "gold": {"path": gold_file(tmp_path, *pairs)}})
    table = lines(say())
    assert asked(at) == 12
    assert table["pair 5"].startswith("label b: b") and "pair 6" not in table
    assert table["tau"] == "0.700"
    assert table["gold set: right when decided"].startswith("0.833 [")


def test_a_threshold_that_gold_gives_is_shown_and_one_that_it_does_not_is_explained(
    say, endpoint, tmp_path: Path
):
    gold = {"path": gold_file(tmp_path, (9, 1, "a"), (2, 8, "b"), (6, 5, "b")), "min_n": 2}
    at = endpoint(reached(sure_by_distance))
    served(at, {**TOKEN, "gold": gold, "tau": "from_gold(0.9, point)"})
    assert lines(say())["tau"] == "0.800"
    served(at, {**TOKEN, "gold": {**gold, "min_n": 3}, "tau": "from_gold(0.9, point)"})
    table = lines(say())
    assert table["tau"].startswith("judge.tau: no threshold makes the judge right on 0.9")
    assert asked(at) == 6


def test_the_estimate_of_a_round_rests_on_the_tokens_that_were_measured(say, endpoint):
    served(endpoint(reached(knows_the_canned_pairs)))
    table = lines(say())
    calls = 6 * 2 + 6 * (4 + 2 * 5 + 6) + 4 * 8 + (2 + 2) * 2
    assert table["judge calls"].startswith(f"at most {calls}: 12 labels, ")
    assert table["judge tokens"] == (
        f"about {calls * 10:,} read, {calls * 3:,} written (as measured)"
    )
    assert table["cost"].startswith("at most about 0.0")


def test_what_was_said_can_be_read_by_a_program(say, endpoint):
    served(endpoint(reached(always("tie"))))
    told = found(say)
    assert (told["calls"], told["flips"], told["failures"], told["gold"]) == (10, 0, {}, None)
    assert [pair["outcome"] for pair in told["pairs"]] == ["tie"] * 5
    assert told["pairs"][0]["verdicts"][0]["raw_text"] == verdict("tie")
    assert "judge calls" in told["plan"]


def test_a_check_that_is_repeated_costs_nothing(say, endpoint):
    at = endpoint(reached(knows_the_canned_pairs))
    served(at)
    first = found(say)
    assert found(say)["pairs"] == first["pairs"] and asked(at) == 10


def test_the_first_round_pays_for_nothing_that_the_check_asked(say, endpoint, tmp_path: Path):
    at = endpoint(reached(honest))
    gold = {"path": gold_file(tmp_path, (9, 1, "a"), (2, 8, "b"))}
    path = served(at, {**JUDGE, "gold": gold})
    say()
    config, folder = load_config(str(path)), answered(Path("runs/tried").resolve(), (9, 3))
    with Endpoints(config.endpoints, tmp_path / "logs") as there:
        facts = judge_gold(folder, config.judge, there)
        assert facts["gold"]["accuracy"]["n"] == 2 and asked(at) == 4
        judge_candidates(folder, config.judge, there, facts["tau"])
    assert asked(at) == 4 + 2
    assert len(read_rows(folder, "verdicts", ["gold"])) == 4


def test_an_endpoint_that_is_lost_on_the_way_is_one_message_and_goes_on(say, endpoint):
    def judge(body: dict[str, Any]) -> Any:
        return knows_the_canned_pairs(body) if asked(dying) <= 4 else Raw(401)

    dying = endpoint(reached(judge))
    served(
        dying, endpoints={"desk": {"base_url": dying.base_url, "model": "m", "max_in_flight": 1}}
    )
    result = say(code=1)
    assert result.stderr.splitlines()[-1].startswith("Nothing is lost: ")
    assert "Traceback" not in result.output
    alive = endpoint(reached(knows_the_canned_pairs))
    served(alive)
    say()
    assert asked(alive) == 10 - 4


def test_a_check_leaves_no_round_behind(say, endpoint):
    served(endpoint(reached(knows_the_canned_pairs)))
    say()
    assert not Path("runs/tried/rounds").exists() and not Path("runs/tried/run.yaml").exists()
    assert Path("runs/tried/journal.sqlite").exists()


RULE = """\
def quality(prompt, answer):
    return float(answer.split()[1])
"""


def test_a_function_is_tried_without_a_call(say, endpoint, tmp_path: Path):
    gold = {"path": gold_file(tmp_path, (9, 1, "a"), (2, 8, "b"))}
    at = endpoint(reached(honest))
    Path("rule.py").write_text(RULE)
    served(at, {"endpoint": "python:rule.py:quality", "gold": gold})
    table = lines(say())
    assert table["pair 1"] == "label a: a; said a" and table["calls"].startswith("0 in ")
    assert asked(at) == 0 and table["gold set: right when decided"].startswith("1.000")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prompts": {"train": "nowhere.jsonl"}}, "prompts.train: no such file"),
        ({"judge": {**JUDGE, "gold": {"path": "nowhere.jsonl"}}}, "judge.gold.path: no such file"),
        ({"judge": {"endpoint": "python:nowhere:f"}}, "judge.endpoint: cannot load python:nowhere"),
        ({"judge": {**JUDGE, "sampling": {"temprature": 0}}}, "did you mean temperature"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(say, endpoint, changes, says):
    at = endpoint(reached(honest))
    served(at, **({"judge": JUDGE} | changes))
    result = say(code=2)
    assert says in result.stderr and len(result.stderr.splitlines()) == 1
    assert at.requests == [] and not Path("runs/tried").exists()
