"""Servers differ in what they take and how they answer: each judges a small round right."""

import json
from pathlib import Path
from typing import Any

import pytest
from judges import answered
from scripted import Raw, Scripted, completion
from scripted_dialects import DIALECTS, error, openai, tgi

from endpoints.check import check_endpoint
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.refusals import ParameterRefused
from endpoints.settled import FILE, dialects_of
from flows.config import Config
from flows.settle import settle_endpoints
from judge.reparse import reparse
from judge.stage import judge_candidates
from rounds.errors import UserError
from rounds.tables import read_rows

QUALITIES = ((9, 3), (2, 8), (7, 1), (4, 6))


class Told:
    """What a display would have shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, message: str) -> None:
        self.lines.append(message)

    warn = tell


def config_of(at: Scripted, judge: dict[str, Any] | None = None, **endpoint: Any) -> Config:
    return Config.model_validate(
        {
            "name": "demo",
            "policy": "prefloop:starter/policy",
            "prompts": {"train": "prompts.jsonl"},
            "endpoints": {"desk": {"base_url": at.base_url, "model": "m", **endpoint}},
            "judge": {"endpoint": "desk", **(judge or {})},
            "trainer": None,
        }
    )


def settled(config: Config, run_dir: Path) -> list[str]:
    """What is said when the endpoints are checked and tried out, as at the start of a run."""
    told = Told()
    with Endpoints(config.endpoints, run_dir / "logs") as endpoints:
        check_endpoint("desk", config.endpoints["desk"], "key")
        settle_endpoints(config, endpoints, run_dir, told)  # type: ignore[arg-type]
    return told.lines


def asked(at: Scripted) -> int:
    return sum(bool(body["messages"]) for body in at.requests)


def judged(config: Config, run_dir: Path) -> list[dict[str, Any]]:
    """The comparisons of a small round."""
    folder = answered(run_dir, *QUALITIES)
    with Endpoints(config.endpoints, run_dir / "logs") as endpoints:
        judge_candidates(folder, config.judge, endpoints)
    qualities = {
        row["candidate_id"]: int(row["text"].split()[1]) for row in read_rows(folder, "candidates")
    }
    rows = [row for row in read_rows(folder, "verdicts") if row["kind"] == "pairwise"]
    return [
        {
            **row,
            "right": "a" if qualities[row["candidate_a"]] > qualities[row["candidate_b"]] else "b",
        }
        for row in rows
    ]


SPECIAL = {
    "reasoning models": "max_completion_tokens in place of max_tokens; no temperature",
    "llama.cpp": "response_format json_object, with the schema in the question",
    "TGI": "no temperature, so that it answers at its own; no response_format",
    "no schema": "the schema in the question as well",
    "picky": "no temperature, so that it answers at its own; no response_format",
    "no system role": "no system message",
}
"""What is said of those that are not asked as OpenAI is."""


@pytest.mark.parametrize("name", DIALECTS)
def test_each_dialect_judges_a_round_right_without_a_setting(endpoint, run_dir: Path, name: str):
    at = endpoint(DIALECTS[name])
    config = config_of(at)
    said = settled(config, run_dir)
    calls = asked(at)
    assert calls <= 3 + 1  # three for the dialect, and one for the other kind of question
    assert len(said) == (name in SPECIAL)
    assert all(SPECIAL[name] in line and line.startswith("endpoint desk takes ") for line in said)

    verdicts = judged(config, run_dir)
    assert len(verdicts) == 2 * len(QUALITIES)
    assert [row["outcome"] for row in verdicts] == [row["right"] for row in verdicts]
    paid = asked(at)
    assert paid == calls + 4 * len(QUALITIES), "a call was refused in the round"
    assert settled(config, run_dir) == [] and asked(at) == paid, "what is known was asked again"


def test_one_call_of_each_kind_is_all_that_an_ordinary_endpoint_is_tried_with(endpoint, run_dir):
    at = endpoint(openai)
    assert settled(config_of(at), run_dir) == []
    assert asked(at) == 2
    known = json.loads((run_dir / FILE).read_text())["desk"]
    assert known["dialect"] == {} and list(known["asked"]) == [
        "judge, pointwise",
        "judge, pairwise",
    ]
    assert dialects_of(run_dir) == {}


@pytest.mark.parametrize(
    ("name", "dialect"),
    [("reasoning models", "openai_reasoning"), ("llama.cpp", "llama_cpp"), ("TGI", "tgi")],
)
def test_a_dialect_that_is_named_is_spoken_from_the_first_call(endpoint, run_dir, name, dialect):
    at = endpoint(DIALECTS[name])
    config = config_of(at, dialect=dialect)
    assert len(settled(config, run_dir)) == 1 and asked(at) == 2
    assert all(row["outcome"] == row["right"] for row in judged(config, run_dir))


def test_what_a_reasoning_model_is_asked(endpoint, run_dir: Path):
    at = endpoint(DIALECTS["reasoning models"])
    settled(config_of(at), run_dir)
    body = at.requests[-1]
    assert set(body) == {"model", "messages", "response_format", "max_completion_tokens"}
    assert body["max_completion_tokens"] == 1024
    assert dialects_of(run_dir)["desk"] == {
        **{"token_limit": "max_completion_tokens", "temperature": False},
        **{"logprobs": False, "seed": False},
    }


TOKEN = {"channel": "token", "scale": [0, 9]}


def test_what_a_verdict_rests_on_is_not_left_out(endpoint, run_dir: Path):
    at = endpoint(DIALECTS["reasoning models"])
    with pytest.raises(UserError, match=r"request logprobs.*; set judge.channel to json or text"):
        settled(config_of(at, TOKEN), run_dir)
    assert asked(at) == 3


def test_a_setting_that_helps_is_named_where_nothing_can_be_left_out(endpoint, run_dir: Path):
    def refuses(body: dict[str, Any]) -> Any:
        given = body.get("reasoning_effort")
        return error(400, f"Unsupported value: 'reasoning_effort' = {given}") if given else "{}"

    at = endpoint(refuses)
    config = config_of(at, {"sampling": {"reasoning_effort": "high"}})
    with pytest.raises(UserError, match="set judge.sampling.reasoning_effort: null"):
        settled(config, run_dir)
    assert asked(at) == 1


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (completion("hm", "length"), "truncated .*; set judge.sampling.max_tokens above 1024"),
        (completion("hm", None), r"finish_reason None\); take an endpoint that says"),
        (completion(None, refusal="I will not."), "refused .*I will not.*; name another model"),
        (completion("A is better."), "not_json .*; set judge.channel: text"),
        (
            error(400, "maximum context length is 512 tokens"),
            "set judge.sampling.max_tokens to less",
        ),
        (Raw(500), "refuses the question .*endpoints.desk.dialect"),
        (Raw(404), "desk .*404"),
    ],
)
def test_an_endpoint_that_cannot_judge_is_named_after_three_calls(endpoint, run_dir, reply, says):
    at = endpoint(lambda body: reply if body["messages"] else Raw(400))
    with pytest.raises(UserError, match=says) as raised:
        settled(config_of(at, max_retries=0), run_dir)
    assert len(str(raised.value).splitlines()) == 1 and asked(at) <= 3


def test_one_that_is_mended_is_asked_anew(endpoint, run_dir: Path):
    cut = [completion("hm", "length")] * 3
    at = endpoint(lambda body: cut.pop() if cut and body["messages"] else openai(body))
    config = config_of(at)
    with pytest.raises(UserError, match="truncated"):
        settled(config, run_dir)
    settled(config, run_dir)
    assert asked(at) == 3 + 2


def test_one_that_is_down_is_left_to_the_round(endpoint, run_dir: Path):
    at = endpoint(lambda body: Raw(503) if body["messages"] else Raw(400))
    (line,) = settled(config_of(at, max_retries=0), run_dir)
    assert "desk was to be tried out and did not answer" in line and asked(at) == 1


def test_what_is_refused_later_is_named_at_once_and_found_by_the_next_run(endpoint, run_dir: Path):
    changed: list[bool] = []
    at = endpoint(lambda body: tgi(body) if changed else openai(body))
    config = config_of(at)
    settled(config, run_dir)
    changed.append(True)
    with pytest.raises(ParameterRefused, match=r"refuses response_format .*endpoints.desk.dialect"):
        judged(config, run_dir)
    assert "no response_format" in settled(config, run_dir)[0]
    assert all(row["outcome"] == row["right"] for row in judged(config, run_dir))


def test_replies_are_read_again_in_whichever_dialect_they_were_asked(endpoint, run_dir: Path):
    changed: list[bool] = []
    at = endpoint(lambda body: openai(body) if changed else tgi(body))
    config = config_of(at)
    settled(config, run_dir)
    judged(config, run_dir)
    changed.append(True)
    settled(config_of(at, dialect="openai"), run_dir)
    assert dialects_of(run_dir) == {}
    tree = config_of(at, dialect="openai").model_dump(mode="json")
    found = reparse(run_dir / "rounds" / "0001", tree)
    assert found["verdicts"] == 4 * len(QUALITIES) and found["changed"] == []


def test_a_schema_that_is_not_sent_stands_in_the_question(endpoint, run_dir: Path):
    at = endpoint(DIALECTS["picky"])
    plain = {"response_format": None, "temperature": None, "logprobs": None}
    config = config_of(at, {"sampling": plain})
    assert settled(config, run_dir) == [] and asked(at) == 2
    assert all(row["outcome"] == row["right"] for row in judged(config, run_dir))


def test_who_writes_answers_and_prompts_is_tried_out_as_well(endpoint, run_dir, tmp_path: Path):
    def writes(body: dict[str, Any]) -> Any:
        if "seed" in body:
            return error(400, "Unsupported parameter: 'seed' is not supported with this model.")
        return json.dumps({"prompts": ["Why?"]}) if "response_format" in body else "Canberra."

    at, judge = endpoint(writes), endpoint(openai)
    (tmp_path / "seeds.jsonl").write_text('{"prompt": "How?"}\n')
    generate = {"endpoint": "writer", "seeds": str(tmp_path / "seeds.jsonl")}
    config = Config.model_validate(
        {
            "name": "demo",
            "policy": {"endpoint": "writer"},
            "prompts": {"train": [{"generate": generate}], "gate": 0, "test": 0},
            "endpoints": {
                "writer": {"base_url": at.base_url, "model": "m"},
                "desk": {"base_url": judge.base_url, "model": "m"},
            },
            "judge": {"endpoint": "desk"},
            "trainer": None,
        }
    )
    told = Told()
    with Endpoints(config.endpoints, run_dir / "logs") as endpoints:
        settle_endpoints(config, endpoints, run_dir, told)  # type: ignore[arg-type]
    assert told.lines == ["endpoint writer takes no seed"]
    known = json.loads((run_dir / FILE).read_text())["writer"]["asked"]
    assert list(known) == ["sampler, answers", "prompts.train.0.generate, prompts"]
    assert asked(at) == 2 + 1 and asked(judge) == 2


def test_what_was_answered_before_a_dialect_is_known_is_not_asked_again(endpoint, run_dir: Path):
    """A run that older code began, or whose endpoint refuses an argument from some day on."""
    at = endpoint(openai)
    config = config_of(at)
    assert all(row["outcome"] == row["right"] for row in judged(config, run_dir))
    before = asked(at)
    at.script = tgi
    assert "no response_format" in settled(config, run_dir)[0]
    tried = asked(at)
    (run_dir / "rounds" / "0001" / "work").rename(run_dir / "rounds" / "0001" / "away")
    assert all(row["outcome"] == row["right"] for row in judged(config, run_dir))
    assert before == 4 * len(QUALITIES) and asked(at) == tried


def test_a_reply_of_no_use_is_no_answer_to_a_round(endpoint, run_dir: Path):
    """The gold set asks what the endpoint was tried out with."""
    replies = ["A, I think."]
    at = endpoint(
        lambda body: completion(replies.pop()) if replies and body["messages"] else openai(body)
    )
    settled(config_of(at), run_dir)
    with Journal(run_dir / "journal.sqlite") as journal:
        kept = journal.db.execute("SELECT count(*) FROM answers").fetchone()
        why = journal.db.execute("SELECT why FROM forgotten").fetchall()
    assert kept == (2,) and why == [("tried out, and of no use: not_json",)]


def test_a_refusal_that_quotes_what_it_was_asked_ends_no_round(endpoint, run_dir: Path):
    """It comes at once, before any answer, and the rest of the round is answered."""

    def flags(body: dict[str, Any]) -> Any:
        text = body["messages"][-1]["content"] if body["messages"] else ""
        return error(400, "flagged: 'temperature'") if "question 1.0" in text else openai(body)

    at = endpoint(flags)
    config = config_of(at, max_in_flight=1)
    settled(config, run_dir)
    reasons = [row["reason"] for row in judged(config, run_dir)]
    assert reasons == ["api_error"] * reasons.count("api_error") + [None] * 2 * 3
    assert settled(config, run_dir) == []
