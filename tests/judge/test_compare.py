"""`prefloop judge compare`: two ways of judging on the same labelled pairs, paired."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from judges import always, gold_file, honest, prefers, verdict, worth
from scripted import Raw, Scripted, shown
from typer.testing import CliRunner

from flows.cli import app
from rounds.labels import append_label
from rounds.settings import locate

Say = Callable[..., Result]
PAIRS = [(9, 1, "a"), (2, 8, "b"), (7, 3, "a"), (6, 5, "a"), (4, 6, "b"), (5, 5, "tie")]
PRICE = {"input": 100000, "output": 0}


def by_rubric(body: dict[str, Any]) -> Any:
    """Honest by the rubric that says so; by the other it prefers what is worse where it is near."""
    if not body["messages"]:
        return Raw(400)
    if "HONESTLY" in body["messages"][0]["content"]:
        return honest(body)
    first, second = (worth(text) for text in shown(body))
    near = abs(first - second) < 3
    return verdict("A" if (first > second) != near else "B")


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs the command in a folder with two rubrics and ten prompts."""
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(10)]
    Path("train.jsonl").write_text("\n".join(lines))
    shipped = locate("prefloop:prompts/pairwise.txt").read_text()
    Path("plain.txt").write_text(shipped)
    Path("honest.txt").write_text(f"Judge HONESTLY.\n{shipped}")

    def run(*options: str, code: int = 0) -> Result:
        result = CliRunner(env={"COLUMNS": "150"}).invoke(
            app, ["judge", "compare", "config.yaml", *options]
        )
        assert result.exit_code == code, result.output
        return result

    return run


def served(tmp_path: Path, judge: dict[str, Any] | None = None, **at: Scripted) -> None:
    """A config with these endpoints, and a gold set."""
    tree = {
        "name": "tried",
        "policy": "prefloop:starter/policy",
        "prompts": {"train": "train.jsonl", "gate": 2, "test": 2},
        "sampler": {"n": 2},
        "endpoints": {
            name: {"base_url": scripted.base_url, "model": "m", "price": PRICE}
            for name, scripted in at.items()
        },
        "judge": {
            "endpoint": "desk",
            "strategy": "pairwise",
            "gold": {"path": gold_file(tmp_path, *PAIRS)},
            **(judge or {}),
        },
    }
    Path("config.yaml").write_text(yaml.safe_dump(tree))


def asked(at: Scripted) -> int:
    return sum(bool(body["messages"]) for body in at.requests)


RUBRICS = ("--rubric", "plain.txt", "--rubric", "honest.txt")


def test_two_rubrics_are_compared_pair_by_pair_and_a_repeat_asks_nothing(say, tmp_path, endpoint):
    at = endpoint(by_rubric)
    served(tmp_path, desk=at)
    found = json.loads(say(*RUBRICS, "--json").stdout)
    plain, right = found["ways"]
    assert found["pairs"] == 6 and found["titles"][0].startswith("plain.txt")
    assert plain["agreement"]["value"] == pytest.approx(3 / 6)
    assert right["agreement"]["value"] == 1.0 and right["agreement"]["n"] == 6
    assert (plain["accuracy"]["n"], right["accuracy"]["n"]) == (5, 5)
    assert (plain["flips"], plain["abstained"]) == (1, {"flip": 1})  # of the pair that is even
    assert found["agreement"]["value"] == pytest.approx(3 / 6)
    assert found["agreement"]["low"] < 3 / 6 < found["agreement"]["high"]
    assert found["accuracy"]["value"] == pytest.approx(2 / 5)
    assert found["split"] == {"before": 0, "after": 3, "n": 6, "p": pytest.approx(0.25)}
    for way in found["ways"]:
        assert (way["usage"]["calls"], way["usage"]["cost"]) == (12, pytest.approx(12.0))
    calls = asked(at)
    assert calls == 24
    again = json.loads(say(*RUBRICS, "--json").stdout)
    assert asked(at) == calls and again["traffic"] == {"from_journal": 24}
    assert again["agreement"] == found["agreement"] and again["ways"] == found["ways"]
    table = say(*RUBRICS).stdout
    for words in (
        "agreement, B - A",
        "+0.500 [",
        "3 of 6 otherwise",
        "McNemar",
        "Newcombe",
        "price 12",
    ):
        assert words in table, table


def test_two_judges_are_compared_and_each_is_paid_alone(say, tmp_path, endpoint):
    desk, other = endpoint(reached(honest)), endpoint(reached(always("A")))
    served(tmp_path, desk=desk, other=other)
    found = json.loads(say("--judge", "desk", "--judge", "other", "--json").stdout)
    assert [way["agreement"]["value"] for way in found["ways"]] == [1.0, 0.0]
    assert found["ways"][1]["flips"] == 6 and found["accuracy"]["value"] is None
    assert (asked(desk), asked(other)) == (12, 12)


def test_one_alone_is_compared_with_what_the_config_says(say, tmp_path, endpoint):
    desk, other = endpoint(reached(honest)), endpoint(reached(prefers(lambda text: -worth(text))))
    served(tmp_path, desk=desk, other=other)
    found = json.loads(say("--judge", "other", "--json").stdout)
    assert found["titles"] == [
        "the config's rubric, the config's judge",
        "the config's rubric, other",
    ]
    assert [way["agreement"]["value"] for way in found["ways"]] == [1.0, pytest.approx(1 / 6)]


def test_a_budget_ends_both_at_the_same_pairs_and_a_larger_one_goes_on(say, tmp_path, endpoint):
    at = endpoint(by_rubric)
    served(tmp_path, desk=at)
    found = json.loads(say(*RUBRICS, "--set", "judge.budget.calls=10", "--json").stdout)
    assert asked(at) <= 10 and found["limit"] == "calls"
    assert 0 < found["pairs"] < 6 and found["pairs"] + found["left_out"] == 6
    assert all(way["agreement"]["n"] == found["pairs"] for way in found["ways"])
    assert (
        "left out: the budget ended (calls)"
        in say(*RUBRICS, "--set", "judge.budget.calls=10").stdout
    )
    whole = json.loads(say(*RUBRICS, "--json").stdout)
    assert whole["pairs"] == 6 and whole["limit"] is None and asked(at) == 24


def test_other_labelled_pairs_can_be_named(say, tmp_path, endpoint):
    at = endpoint(by_rubric)
    served(tmp_path, {"gold": None}, desk=at)
    assert "the config has no judge.gold" in say(*RUBRICS, code=2).stderr
    line = {"prompt": "Q?", "a": "quality 9", "b": "quality 1", "label": "a"}
    Path("labels.jsonl").write_text(json.dumps(line))
    found = json.loads(say(*RUBRICS, "--labels", "labels.jsonl", "--json").stdout)
    assert found["pairs"] == 1 and asked(at) == 4
    assert "--labels: no such file" in say(*RUBRICS, "--labels", "nowhere.jsonl", code=2).stderr


def test_labels_that_people_gave_can_be_named_as_their_file_is(say, tmp_path, endpoint):
    at = endpoint(by_rubric)
    served(tmp_path, {"gold": None}, desk=at)
    given = {
        **{"round": 1, "split": "train", "prompt_id": "p", "by": "ada", "queue": "random"},
        **{"candidate_a": "c1", "candidate_b": "c2", "shown_first": "a", "verdict": "b"},
        "prompt": [{"role": "user", "content": "Q?"}],
    }
    append_label(Path("ada.jsonl"), {**given, "answer_a": "quality 1", "answer_b": "quality 9"})
    found = json.loads(say(*RUBRICS, "--labels", "ada.jsonl", "--json").stdout)
    assert [way["agreement"]["value"] for way in found["ways"]] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say what to compare: --rubric A --rubric B, or --judge X --judge Y"),
        (
            ("--rubric", "plain.txt") * 2,
            "the two ways are the same (plain.txt, the config's judge)",
        ),
        (("--judge", "desk") * 3, "--judge: 3 are given; two ways are compared"),
        (("--rubric", "plain.txt", "--rubric", "gone.txt"), "no such file"),
        (("--judge", "desk", "--judge", "dask"), "no endpoint 'dask' under endpoints (desk)"),
        (("--rubric", "prefloop:prompts/pointwise.txt"), "it takes {a}, {b}"),
        (("--judge", "python:gone.py:f"), "cannot load python:"),
    ],
)
def test_what_cannot_be_compared_is_said_before_a_call(say, tmp_path, endpoint, options, said):
    at = endpoint(by_rubric)
    served(tmp_path, desk=at)
    assert said in say(*options, code=2).stderr
    assert asked(at) == 0


def test_a_judge_whose_replies_are_of_no_use_is_not_asked_about_the_whole_set(
    say, tmp_path, endpoint
):
    desk, other = endpoint(reached(honest)), endpoint(reached(lambda body: "The first."))
    served(tmp_path, desk=desk, other=other)
    assert "its reply is of no use, not_json" in say("--judge", "other", code=2).stderr
    assert asked(desk) <= 3 and asked(other) <= 3


def reached(judge: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """The judge behind an endpoint that refuses a chat without messages, as real ones do."""
    return lambda body: judge(body) if body["messages"] else Raw(400)
