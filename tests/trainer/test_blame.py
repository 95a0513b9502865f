"""Blame around its child process: what is trained, what a kill costs, what it names."""

from pathlib import Path
from typing import Any

import pytest
from blamed import ARGS, CONFIG, round_with, sides
from builders import user

import trainer.blame_args
import trainer.blame_trainings
from endpoints.children import run_child
from flows.blame_cli import gold_pairs, lines, print_blame
from judge.health.gold_lines import GoldPair
from rounds.errors import Busy, UserError
from rounds.files import read_json, write_json
from rounds.folder import MANIFEST
from rounds.rows import PAIRS
from rounds.tables import read_rows, write_rows
from rounds.weights import Policy
from trainer.blame import blame
from trainer.config import TrainerConfig
from trainer.taught_config import Weights
from trainer.tokens import Tokenised


def gold(count: int) -> list[Any]:
    made = [sides(number) for number in range(1000, 1000 + count)]
    return gold_pairs(
        [
            *(GoldPair(user(asked), good, bad, "a") for asked, good, bad in made[::2]),
            *(GoldPair(user(asked), bad, good, "b") for asked, good, bad in made[1::2]),
            GoldPair(user("Which?"), "one", "other", "tie"),
        ]
    )


class Child:
    """Trains nothing: what it is told to train on pairs that are right moves all pairs their way.

    Is interrupted before training number `stops`.
    """

    def __init__(self, stops: int | None = None) -> None:
        self.trained: list[list[str]] = []
        self.jobs: list[dict[str, Any]] = []
        self.stops = stops

    def __call__(self, module: str, told: Path, *given: Any) -> None:
        job = read_json(told)
        self.jobs.append(job)
        assert module == "trainer.blame_child" and not Path(job["before"]).exists()
        for training in job["trainings"]:
            if len(self.trained) == self.stops:
                raise KeyboardInterrupt
            self.trained.append(training["pairs"])
            names = [*job["held_out"], *(row["pair_id"] for row in job["gold"])]
            assert not {*names} & {*training["pairs"]}
            write_json(Path(training["out"]), dict.fromkeys(names, 0.0))


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Any:
    def patched(**given: Any) -> Child:
        made = Child(**given)
        monkeypatch.setattr(trainer.blame_trainings, "run_child", made)
        return made

    return patched


def test_a_kill_loses_the_training_under_way_and_in_the_end_the_record_alone_is_left(
    run_dir: Path, child: Any
):
    folder = round_with(run_dir, 60)
    before = sorted(folder.rglob("*"))
    killed = child(stops=3)
    with pytest.raises(KeyboardInterrupt):
        blame(folder, CONFIG)
    again = child()
    found = blame(folder, CONFIG)
    assert len(killed.trained) == 3 and len(again.trained) == found["trainings"] - 3
    every = [tuple(sorted(names)) for names in (*killed.trained, *again.trained)]
    assert len(set(every)) == len(every), "none is trained twice"
    assert [path.name for path in (run_dir / "blame" / "0001").iterdir()] == ["blame.json"]
    assert sorted(folder.rglob("*")) == before
    assert blame(folder, CONFIG) == found and len(again.trained) == found["trainings"] - 3
    assert found["named"] == [] and found["parts"] and found["gold"] == 0
    other = TrainerConfig(args={**ARGS, "learning_rate": 1e-4})
    assert blame(folder, other)["key"] != found["key"]


def test_two_at_once_are_refused(run_dir: Path, child: Any, monkeypatch: pytest.MonkeyPatch):
    folder = round_with(run_dir, 60)

    def meanwhile(*given: Any) -> None:
        with pytest.raises(Busy, match="another `prefloop blame` is at work"):
            blame(folder, CONFIG)
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.blame_trainings, "run_child", meanwhile)
    with pytest.raises(KeyboardInterrupt):
        blame(folder, CONFIG)


def test_what_cannot_be_looked_at_is_said(run_dir: Path, tmp_path: Path):
    with pytest.raises(UserError, match="the round made 20 pairs"):
        blame(round_with(run_dir, 20), CONFIG)
    served = Policy("m", None, "p0", "desk")
    with pytest.raises(UserError, match="its policy is at an endpoint"):
        blame(round_with(tmp_path / "served", 60, served), CONFIG)
    gone = Policy(str(tmp_path / "nowhere"), None, "p0")
    with pytest.raises(UserError, match="no such model folder"):
        blame(round_with(tmp_path / "gone", 60, gone), CONFIG)
    folder = round_with(tmp_path / "begun", 60)
    (folder / MANIFEST).unlink()
    with pytest.raises(UserError, match="is not finished"):
        blame(folder, CONFIG)


@pytest.mark.slow
def test_the_tag_whose_pairs_are_reversed_is_named(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    runs: list[str] = []

    def real(module: str, *given: Any) -> None:
        runs.append(module)
        run_child(module, *given)

    monkeypatch.setattr(trainer.blame_trainings, "run_child", real)
    said: list[str] = []
    found = blame(
        round_with(run_dir, 80), CONFIG, gold(24), lambda done, total, note="": said.append(note)
    )
    assert runs == ["trainer.blame_child"]
    by_tag = {one["name"]: one for one in found["parts"] if one["by"] == "tag"}
    assert by_tag["wrong"]["gain"]["low"] > 0 > by_tag["wrong"]["alone"]["high"], found
    assert found["named"] == [{"by": "tag", "name": "wrong"}], found
    assert by_tag["right"]["right"]["high"] < 0
    assert any("on tag right" in note for note in said), "which is without the wrong one"
    assert lines(found)[0] == "hurts: tag: wrong"
    print_blame(found, "demo")
    assert "tag: wrong" in capsys.readouterr().out


@pytest.mark.slow
def test_interrupted_and_gone_on_with_it_finds_the_same(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trainer.blame_args, "LEAST_STEPS", 2)
    whole = blame(round_with(run_dir, 40), CONFIG)
    folder, reached = round_with(tmp_path / "killed", 40), []

    def at_the_fourth(done: int, total: int, note: str = "") -> None:
        reached.append(note)
        if note.startswith("4 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blame(folder, CONFIG, progress=at_the_fourth)
    kept = sorted((tmp_path / "killed" / "blame" / "0001" / "work").rglob("[0-9a-f]*.json"))
    assert len([path for path in kept if path.name not in ("before.json", "job.json")]) >= 3
    again = blame(folder, CONFIG)
    assert again.pop("key") != whole.pop("key"), "of another place"
    assert again == whole


def test_pairs_count_in_it_as_they_did_in_the_round_and_those_of_weight_0_not_at_all(
    run_dir: Path, child: Any
):
    folder, made = round_with(run_dir, 120), child()
    rows = [
        row | {"probability": 0.5 if at % 3 else 0.9}
        for at, row in enumerate(read_rows(folder, PAIRS))
    ]
    write_rows(folder, PAIRS, rows)
    unsure = {row["pair_id"] for row in rows if row["probability"] == 0.5}
    weighed = CONFIG.model_copy(update={"weights": Weights(by="probability")})
    found = blame(folder, weighed)
    trained = {name for names in made.trained for name in names}
    assert trained and not trained & unsure
    assert [*made.jobs[0]["weights"].values()] == pytest.approx([0.8] * len(trained))
    assert {*made.jobs[0]["weights"]} == trained and found["key"] != blame(folder, CONFIG)["key"]
    nothing = CONFIG.model_copy(update={"weights": Weights(sources={"pairs": 0})})
    with pytest.raises(UserError, match="no part of the pairs can be looked at"):
        blame(folder, nothing)


def test_the_child_weighs_the_rows_it_is_told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import trainer.blame_child as child

    seen: list[Any] = []
    rows = [{"pair_id": name} for name in "abc"]
    monkeypatch.setattr(child, "training_rows", lambda folder: rows)
    monkeypatch.setattr(child, "tokens_of", lambda job, train, held: Tokenised(train, held, {}))
    monkeypatch.setattr(child, "_train", lambda job, out, train, held_out: seen.append(train))
    job = {"round_dir": "x", "held_out": ["c"], "gold": [], "weights": {"a": 3.0, "b": 1.0}}
    write_json(tmp_path / "job.json", job | {"trainings": [{"pairs": ["a", "b"], "out": "o"}]})
    child.main(tmp_path / "job.json")
    assert [row["weight"] for row in seen[0]] == [1.5, 0.5]
