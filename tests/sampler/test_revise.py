"""Critique and revise: what is asked, of whom, and what becomes of bad revisions."""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, prompt_row
from scripted import Scripted, completion
from scripted_child import scripted_children

from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.rows import Candidate
from rounds.tables import read_rows
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.revise import Constitution, load_constitution, principle_for
from sampler.shortfall import sampling_warnings
from sampler.stage import sample

HERE = Policy("m", None, "p0")
NONE = Endpoints({}, Path("logs"))
CONVERSATION = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Why?"},
]


def says(policy: str, messages: list[dict[str, str]], seed: int) -> str:
    last = messages[-1]["content"]
    kind = "critique" if "Do not write" in last else "revision" if "again" in last else "answer"
    return f"{kind} {seed}"


def run(folder: Path, endpoints: Endpoints = NONE, n: int = 2, **also: Any) -> list[Candidate]:
    config = SamplerConfig(n=n, sampling={"max_tokens": 9}, also=also)
    sample(folder, config, HERE, 0, endpoints)
    return read_rows(folder, "candidates")


def principles(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "principles.txt"
    path.write_text("\n".join(lines))
    return str(path)


def test_each_answer_is_criticised_and_written_again(run_dir: Path, tmp_path: Path, monkeypatch):
    asked: list[list[dict[str, str]]] = []

    def listens(policy: str, messages: list[dict[str, str]], seed: int) -> str:
        asked.append(messages)
        return says(policy, messages, seed)

    scripted_children(monkeypatch, listens)
    prompt = {**prompt_row(), "messages": CONVERSATION}
    folder = begun(run_dir, prompts=[prompt])
    file = principles(tmp_path, "", "Be brief.", "")
    rows = run(folder, better={"revise": "current", "principles": file})
    seed = rows[0]["seed"]
    texts = [row["text"] for row in rows]
    assert texts == [f"answer {seed}", f"answer {seed + 1}"] + [
        f"revision {seed + 2}",
        f"revision {seed + 3}",
    ]
    ids = [row["candidate_id"] for row in rows]
    assert [row["revised_from"] for row in rows] == [None, None, *ids[:2]]
    critiques = [f"critique {seed + 2048 + place}" for place in (2, 3)]
    assert [row["critique"] for row in rows] == [None, None, *critiques]
    last = asked[-1]
    assert last[:2] == CONVERSATION
    assert [turn["role"] for turn in last[2:]] == ["assistant", "user", "assistant", "user"]
    assert last[2]["content"] == texts[1]
    assert last[4]["content"] == f"critique {seed + 2048 + 3}"
    assert all("\n\nBe brief.\n\n" in last[place]["content"] for place in (3, 5))
    assert len(asked) == 2 + 2 * 2


def test_a_revision_can_be_revised(run_dir: Path, monkeypatch):
    scripted_children(monkeypatch, says)
    folder = begun(run_dir, prompts=[prompt_row()])
    rows = run(folder, n=1, one={"revise": "current"}, two={"revise": "one"})
    ids = {row["source"]: row["candidate_id"] for row in rows}
    assert {row["source"]: row["revised_from"] for row in rows} == {
        "current": None,
        "one": ids["current"],
        "two": ids["one"],
    }


def test_the_hash_of_an_answer_picks_its_principle():
    constitution = Constitution("c", "r", [f"p{number}" for number in range(4)])
    picked = [principle_for(constitution, f"answer {number}") for number in range(400)]
    assert picked == [principle_for(constitution, f"answer {number}") for number in range(400)]
    assert all(70 < picked.count(one) < 130 for one in constitution.principles)


def test_other_principles_make_other_candidates(run_dir: Path, tmp_path: Path, monkeypatch):
    scripted_children(monkeypatch, says)
    folder = begun(run_dir, prompts=[prompt_row()])
    names = []
    for line in ("Be brief.", "Be long."):
        file = principles(tmp_path, line)
        rows = run(folder, better={"revise": "current", "principles": file})
        names.append([row["candidate_id"] for row in rows])
    assert names[0][:2] == names[1][:2] and not set(names[0][2:]) & set(names[1][2:])


def desk(at: Scripted) -> Endpoints:
    return Endpoints({"desk": EndpointConfig(base_url=at.base_url, model="m")}, Path("logs"))


def test_an_endpoint_revises_what_the_policy_wrote(run_dir: Path, endpoint, monkeypatch):
    children = scripted_children(monkeypatch, says)
    folder = begun(run_dir, prompts=[prompt_row("q0"), prompt_row("q1")])
    at = endpoint(lambda body: says("", body["messages"], body["seed"] % 10_000))
    rows = run(folder, desk(at), better={"revise": "current", "by": "desk"})
    assert [row["source"] for row in rows] == ["current", "current", "better", "better"] * 2
    for row in rows:
        assert (row["policy_id"] == "desk/m") == (row["source"] == "better")
    revised = [row["revised_from"] for row in rows if row["source"] == "better"]
    assert revised == [row["candidate_id"] for row in rows if row["source"] == "current"]
    shown = [body["messages"][1]["content"] for body in at.requests]
    assert sorted(shown) == sorted([row["text"] for row in rows if row["source"] == "current"] * 2)
    (folder / "work" / "sample.json").unlink()
    assert run(folder, desk(at), better={"revise": "current", "by": "desk"}) == rows
    assert len(at.requests) == 8 and len(children.jobs) == 1


def test_a_reference_is_revised_by_the_policy_and_absent_ones_by_nobody(run_dir, monkeypatch):
    scripted_children(monkeypatch, says)
    prompts = [{**prompt_row("q0"), "reference": "right"}, prompt_row("q1")]
    rows = run(
        begun(run_dir, prompts=prompts),
        n=1,
        right={"reference": True},
        better={"revise": "right"},
    )
    assert [row["source"] for row in rows] == ["current", "right", "better", "current"]
    assert rows[2]["revised_from"] == rows[1]["candidate_id"]


@pytest.mark.parametrize(
    ("reply", "text", "finish"),
    [
        (completion("half", "length"), "half", "length"),
        (completion("the same"), "the same", "stop"),
    ],
)
def test_a_revision_is_kept_as_it_came(run_dir: Path, endpoint, reply, text: str, finish: str):
    def script(body: dict[str, Any]) -> Any:
        return reply if len(body["messages"]) == 5 else "the same"

    folder = begun(run_dir, prompts=[prompt_row()])
    also = {"big": {"endpoint": "desk"}, "better": {"revise": "big"}}
    config = SamplerConfig(n=1, sampling={}, also=also)
    sample(folder, config, Policy("desk", None, "desk/m", "desk"), 0, desk(endpoint(script)))
    rows = {row["source"]: row for row in read_rows(folder, "candidates")}
    assert (rows["better"]["text"], rows["better"]["finish_reason"]) == (text, finish)
    assert len({row["candidate_id"] for row in rows.values()}) == 3


@pytest.mark.parametrize("turns", [3, 5])
def test_without_a_critique_or_a_reply_there_is_no_revision(run_dir: Path, endpoint, turns: int):
    def script(body: dict[str, Any]) -> Any:
        return completion(None, refusal="no") if len(body["messages"]) == turns else "fine"

    folder = begun(run_dir, prompts=[prompt_row()])
    config = SamplerConfig(n=1, sampling={}, also={"better": {"revise": "current"}})
    policy = Policy("desk", None, "desk/m", "desk")
    found = sample(folder, config, policy, 0, desk(endpoint(script)))
    assert found["sources"] == {"current": 1, "better": 0} and found["set_aside"] == 0
    assert found["sampler_usage"]["calls"] == (2 if turns == 3 else 3)
    why = "no critique: refused" if turns == 3 else "refused"
    assert found["missing"] == {"better": {"n": 1, "asked": 1, "reason": why}}
    assert sampling_warnings(found) == [f"sampler.also.better gave 0 of 1 candidates: {why}"]


def test_a_file_without_principles_is_refused(tmp_path: Path):
    assert len(load_constitution("here", "prefloop:prompts/principles.txt").principles) >= 5
    for lines, message in (((" ", ""), "has no principle"), (None, "no such file")):
        file = principles(tmp_path, *lines) if lines is not None else str(tmp_path / "none.txt")
        with pytest.raises(UserError, match=f"here: .*{message}"):
            load_constitution("here", file)
