"""How much each pair teaches, before TRL sees it."""

from pathlib import Path
from typing import Any

import pytest
from builders import prompt_row
from pydantic import ValidationError
from replays import FIRST, done, imported, pair_row, round_of

import trainer.stage
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.report import _weights
from rounds.rows import PAIRS
from rounds.tables import read_rows, write_rows
from trainer.config import TrainerConfig
from trainer.extra import extra_pairs
from trainer.stage import train
from trainer.taught_config import Weights
from trainer.weights import pair_weights, sureness, title_of, weighed


def sure_of(folder: Path, *probabilities: float | None) -> list[str]:
    """The judge was so sure of the round's pairs; their ids."""
    rows = read_rows(folder, PAIRS)
    given = zip(rows, probabilities, strict=True)
    write_rows(folder, PAIRS, [row | {"probability": value} for row, value in given])
    return [row["pair_id"] for row in rows]


def test_an_unsure_pair_teaches_less_and_an_unknown_one_as_much_as_the_mean(run_dir: Path):
    folder = round_of(run_dir, 1, 5)
    ids = sure_of(folder, 0.5, 0.75, 1.0, None, 0.4)
    found, unknown = pair_weights(folder, [], 0, Weights(by="probability"))
    assert unknown == 1
    assert [found[name] for name in ids] == pytest.approx([0, 0.5, 1, 0.375, 0])
    sure_of(folder, *[None] * 5)
    found, unknown = pair_weights(folder, [], 0, Weights(by="probability"))
    assert set(found.values()) == {1.0} and unknown == 5
    assert sureness(0.9) == pytest.approx(0.8)


def test_sources_are_weighed_by_kind_and_by_where_the_prompt_comes_from(run_dir: Path, tmp_path):
    done(run_dir, 1, 2)
    folder = round_of(run_dir, 2, 2)
    for number, source in ((1, "old.jsonl:3"), (2, "new.jsonl:1")):
        rows = read_rows(folder.with_name(f"{number:04d}"), PAIRS)
        prompts = [prompt_row(row["prompt"][0]["content"]) | {"source": source} for row in rows]
        write_rows(folder.with_name(f"{number:04d}"), "prompts", prompts)
    warm = imported(tmp_path / "warm.jsonl", "q1", "q2")
    config = TrainerConfig(
        warm_start=warm,
        replay={"share": 0.3},
        weights={"sources": {"warm_start": 0.5, "replay": 2, "old.jsonl": 3, "new.jsonl": 0}},
    )
    rows, facts = extra_pairs(folder, config, 2, 0)
    assert facts["warm_start"] == 2 and len(rows) == 4
    assert config.weights is not None
    found = pair_weights(folder, rows, facts["warm_start"], config.weights).factors
    assert [found[row["pair_id"]] for row in rows] == [0.5, 0.5, 6, 6]
    assert [found[row["pair_id"]] for row in read_rows(folder, PAIRS)] == [0, 0]


def test_the_longest_title_is_the_sources():
    assert title_of("a:b:3", ["a", "a:b", "c"]) == "a:b"
    assert title_of("a", ["a"]) == "a"
    assert title_of("ab:3", ["a"]) is None


def test_the_mean_weight_of_what_is_trained_on_is_one():
    rows = [{"pair_id": name} for name in "abc"]
    made, facts = weighed(rows, {"a": 0.2, "b": 0.4, "c": 0.0, "held out": 9})
    assert [row["weight"] for row in made] == pytest.approx([1, 2, 0])
    assert facts == {"least": 0, "largest": pytest.approx(2), "zero": 1}
    with pytest.raises(UserError, match="every pair has the weight 0"):
        weighed(rows, dict.fromkeys("abc", 0.0))


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"weights": {}}, "needs by or sources"),
        ({"weights": {"sources": {"pairs": -1}}}, "greater than or equal to 0"),
        ({"weights": {"by": "probability"}, "method": "kto"}, "are for method dpo .it is kto"),
        (
            {"weights": {"by": "probability"}, "args": {"loss_type": ["sigmoid", "aot"]}},
            "loss_type aot sorts the pairs of a batch",
        ),
        (
            {"weights": {"by": "probability"}, "sweep": {"loss_type": ["ipo", "aot_unpaired"]}},
            "loss_type aot_unpaired sorts",
        ),
    ],
)
def test_what_cannot_be_weighed_is_refused(section: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        TrainerConfig.model_validate(section)


def test_the_training_is_told_the_weights(run_dir: Path, monkeypatch):
    folder = round_of(run_dir, 1, 3)
    ids = sure_of(folder, 0.75, 1.0, None)
    told: list[Any] = []

    def child(module: str, job: Path, *given: Any) -> None:
        told.append(read_json(job))
        out = Path(told[-1]["out"])
        write_json(out / "config.json", {})
        (out / "model.safetensors").write_bytes(b"weights")
        write_json(job.parent / "training.json", {"pairs": 1, "weights": {}})

    monkeypatch.setattr(trainer.stage, "run_child", child)
    train(folder, TrainerConfig(), FIRST, FIRST, 0)
    assert "weights" not in told[0]
    _, facts = train(folder, TrainerConfig(weights={"by": "probability"}), FIRST, FIRST, 0)
    assert facts["weights"] == {"without_probability": 1}
    assert read_json(Path(told[1]["weights"])) == dict(zip(ids, [0.5, 1.0, 0.75], strict=True))
    assert pair_row("x")[0]["pair_id"] not in ids


def test_a_round_says_how_far_its_weights_are_apart():
    said = {"least": 0.0, "largest": 2.5, "zero": 3, "without_probability": 0}
    assert _weights(said) == [
        ("weights of pairs", "from 0.00 to 2.50, 1 in the mean; 3 pairs teach nothing")
    ]
    assert _weights({"least": 1.0, "largest": 1.0, "zero": 0, "without_probability": 9}) == [
        ("weights of pairs", "from 1.00 to 1.00, 1 in the mean; 9 without a probability")
    ]
    assert _weights(None) == []
