"""Labelling on the page: what is written, taken back and counted, and who may not write."""

from pathlib import Path
from typing import Any

import pytest
from inspected import many_pairs, pages
from starlette.testclient import TestClient

from rounds.errors import UserError
from rounds.labels import append_label, read_labels, standing_labels
from rounds.rows import CANDIDATES
from rounds.tables import read_rows, write_rows
from viewer.report import report

OWN = {"origin": "http://127.0.0.1"}


@pytest.fixture
def asked(run_dir: Path) -> TestClient:
    many_pairs(run_dir, 30)
    return pages(run_dir)


def shown(asked: TestClient, query: str = "") -> dict[str, str]:
    """What the page would send of the comparison it shows."""
    text = asked.get(f"label?by=ann&{query}").text
    place = text.partition('id="labelling"')[2].partition(">")[0]
    parts = (part.partition('="') for part in place.split(" data-")[1:])
    return {name: value.rstrip('"') for name, _, value in parts}


def send(asked: TestClient, said: dict[str, Any], **headers: str) -> Any:
    return asked.post("label", json=said, headers=OWN | headers)


def voted(asked: TestClient, verdict: str, query: str = "", **more: Any) -> Any:
    place = shown(asked, query)
    said = {name: place[name] for name in ("queue", "round", "name", "by", "a", "b")}
    return send(asked, said | {"verdict": verdict} | more)


def test_a_vote_is_a_line_with_who_what_and_both_texts(run_dir: Path, asked: TestClient):
    place = shown(asked)
    assert voted(asked, place["first"], note=" quite sure ").status_code == 200
    (label,) = read_labels(run_dir / "labels" / "people.jsonl").labels
    texts = {row["candidate_id"]: row for row in read_rows(run_dir / "rounds/0001", CANDIDATES)}
    assert (label["candidate_a"], label["candidate_b"]) == (place["a"], place["b"])
    for side in ("a", "b"):
        row = texts[place[side]]
        assert label[f"answer_{side}"] == row["text"]  # type: ignore[literal-required]
        assert label[f"hash_{side}"] == row["text_hash"]  # type: ignore[literal-required]
    assert label["by"] == "ann" and label["verdict"] == label["shown_first"] == place["first"]
    assert label["note"] == "quite sure" and label["queue"] == "random"
    assert label["chance"] is not None and 0 < label["chance"] <= 1


def test_the_judge_is_hidden_until_the_vote_and_the_next_one_comes(asked: TestClient):
    before = asked.get("label?by=ann").text
    assert "the judge said" not in before and "1 of 30" in before
    first = shown(asked)
    voted(asked, "tie")
    after = asked.get("label?by=ann").text
    assert "the judge said" in after and "2 of 30" in after
    assert shown(asked)["a"] != first["a"]
    assert "1 of 30" in asked.get("label?by=ben").text, "each has an own place"


def test_undo_takes_the_last_one_back_and_rewrites_nothing(run_dir: Path, asked: TestClient):
    first = shown(asked)
    voted(asked, "a")
    voted(asked, "both_bad")
    path = run_dir / "labels" / "people.jsonl"
    before = path.read_bytes()
    fields = {name: first[name] for name in ("queue", "round", "name", "by")}
    ids = [label["label_id"] for label in read_labels(path).labels]
    undo, earlier = ({**fields, "undo": name} for name in reversed(ids))
    assert send(asked, earlier).status_code == 400, "another one is the last"
    assert send(asked, undo).status_code == 200
    assert path.read_bytes().startswith(before)
    assert [each["verdict"] for each in standing_labels(read_labels(path).labels)] == ["a"]
    assert send(asked, earlier).status_code == 200
    assert shown(asked)["a"] == first["a"], "it is asked again"
    assert send(asked, undo).status_code == 400


def test_undo_gives_the_note_back(asked: TestClient):
    first = shown(asked)
    fields = {name: first[name] for name in ("queue", "round", "name", "by")}
    pair = {"a": first["a"], "b": first["b"]}
    voted_id = send(asked, {**fields, **pair, "verdict": "a", "note": "why"}).json()["label_id"]
    assert send(asked, {**fields, "undo": voted_id}).json()["note"] == "why"


def test_the_report_says_what_the_labels_say(run_dir: Path, asked: TestClient):
    assert "<h2>People</h2>" not in report(run_dir)
    for _ in range(4):
        voted(asked, "a")
    for number in (None, 1):
        text = report(run_dir, number)
        assert "labels/people.jsonl" in text and "(ann 4)" in text and "kappa" in text


def test_kappa_moves_with_the_labels(asked: TestClient):
    seen = set()
    for _ in range(6):
        voted(asked, "a")
        seen.add(asked.get("label?by=ann").text.partition('id="kappa">')[2].partition("<")[0])
    assert len(seen) > 2, seen


@pytest.mark.parametrize("queue", ["undecided", "margin", "disagreement"])
def test_each_queue_is_walked_to_its_end(asked: TestClient, queue: str):
    for _ in range(40):
        place = shown(asked, f"queue={queue}")
        if "a" not in place:
            break
        assert voted(asked, "skip", f"queue={queue}").status_code == 200
    assert "Nothing is left in this queue" in asked.get(f"label?by=ann&queue={queue}").text


def test_the_gates_queue_without_a_trained_policy_is_said(asked: TestClient):
    assert "no round has judged" in asked.get("label?queue=gate").text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:1"},
        {"content-type": "text/plain"},
    ],
)
def test_another_site_cannot_write(run_dir: Path, asked: TestClient, headers: dict[str, str]):
    place = shown(asked)
    said = {name: place[name] for name in ("queue", "round", "name", "by", "a", "b")}
    assert send(asked, said | {"verdict": "a"}, **headers).status_code == 403
    assert asked.post("http://127.0.0.1/wrong/label", json=said, headers=OWN).status_code == 404
    assert not (run_dir / "labels").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"verdict": "c"}, "expected one of a, b"),
        ({"name": "../policy"}, "no name"),
        ({"round": "9"}, "not there"),
        ({"a": "nobody"}, "not in the queue"),
        ({"queue": "all"}, "expected one of random"),
        ({"by": " "}, "who labelled"),
    ],
)
def test_what_is_wrong_with_a_vote_is_said(
    run_dir: Path, asked: TestClient, wrong: dict[str, str], said: str
):
    place = shown(asked)
    fields = {name: place[name] for name in ("queue", "round", "name", "by", "a", "b")}
    answer = send(asked, fields | {"verdict": "a"} | wrong)
    assert answer.status_code == 400 and said in answer.json()["fault"]
    assert not list(run_dir.glob("labels/*"))
    assert asked.post("label", content="[]", headers=OWN | JSON).status_code == 400


def test_a_link_among_the_labels_leads_nowhere(run_dir: Path, asked: TestClient, tmp_path: Path):
    outside = tmp_path / "outside"
    (run_dir / "labels").mkdir()
    (run_dir / "labels" / "people.jsonl").symlink_to(outside)
    place = {"queue": "random", "round": "1", "name": "people", "by": "ann"}
    first = shown(asked, "name=other")
    answer = send(asked, place | {"a": first["a"], "b": first["b"], "verdict": "a"})
    assert answer.status_code == 400 and not outside.exists()
    with pytest.raises(UserError, match="is a link"):
        append_label(run_dir / "labels" / "people.jsonl", LABEL)


def test_a_comparison_without_its_answers_is_passed_over(run_dir: Path, asked: TestClient):
    first = shown(asked)
    folder = run_dir / "rounds" / "0001"
    rows = [row for row in read_rows(folder, CANDIDATES) if row["candidate_id"] != first["a"]]
    write_rows(folder, CANDIDATES, rows)
    assert shown(asked)["a"] != first["a"]


def test_labels_of_a_round_that_is_gone_stop_nobody(run_dir: Path, asked: TestClient):
    append_label(run_dir / "labels" / "people.jsonl", LABEL | {"round": 99, "by": "ann"})
    assert "1 of 30" in asked.get("label?by=ann").text


LABEL = {
    **{"round": 1, "split": "train", "prompt_id": "p", "prompt": [], "verdict": "a", "by": "x"},
    **{"candidate_a": "a", "candidate_b": "b", "answer_a": "one", "answer_b": "two"},
    **{"shown_first": "a", "queue": "random"},
}
JSON = {"content-type": "application/json"}
