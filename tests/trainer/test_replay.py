"""What a round is trained on that it did not make: the warm start and the replay."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import REFUSED, stamped, user
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from replays import FIRST, config, done, imported, lines, pair_row, prefers, round_of

import trainer.extra
import trainer.stage
from flows.plan_text import trained_beside_text as planned
from preferences.write import openai_row
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.finish import finish_round
from rounds.folder import read_round_start, write_round_start
from rounds.report import _trained_beside as reported
from rounds.rows import ExtraPair
from rounds.schema import OPTIONAL
from rounds.tables import iter_rows, read_rows, write_rows
from texts.leaks import LeakLimits
from trainer.answers import Judged
from trainer.extra import extra_pairs
from trainer.rows import split, training_rows
from trainer.stage import train
from trainer.taught_config import Replay


def prompts_of(rows: list[ExtraPair]) -> list[str]:
    return [row["prompt"][-1]["content"] for row in rows]


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.05, 0.9), own=st.integers(1, 40), earlier=st.integers(0, 60))
def test_the_share_of_what_is_trained_on_is_replayed_as_far_as_there_is_some(
    tmp_path_factory, share: float, own: int, earlier: int
):
    run_dir = tmp_path_factory.mktemp("share")
    done(run_dir, 1, earlier)
    rows, facts = extra_pairs(round_of(run_dir, 2, own), config(replay={"share": share}), own, 0)
    assert len(rows) == len({row["pair_id"] for row in rows})
    assert len(rows) == min(earlier, round(own * share / (1 - share)))
    if len(rows) < earlier:
        assert abs(len(rows) - share * (own + len(rows))) <= 0.5
    assert facts["replayed"] == ({"round 1": len(rows)} if rows else {})


def test_single_answers_are_what_a_share_is_replayed_beside(run_dir: Path, monkeypatch):
    """400 answers weigh as 200 pairs, however few pairs the round kept."""
    answers = [(str(number), number % 2 == 0) for number in range(400)]
    monkeypatch.setattr(trainer.stage, "judged_answers", lambda *_: Judged(answers, {}))
    monkeypatch.setattr(trainer.stage, "run_stage", lambda *_: None)
    done(run_dir, 1, 300)
    folder = round_of(run_dir, 2, 4)
    taught = config(method="kto", kto={"above": 7, "below": 3}, replay={"share": 0.5})
    with pytest.raises(UserError, match="no such model folder"):  # nothing was trained
        train(folder, taught, FIRST, FIRST, 0)
    assert len(read_rows(folder, "extra")) == 200


def test_the_last_rounds_alone_are_replayed_where_asked(run_dir: Path):
    for number in (1, 2, 3):
        done(run_dir, number, 6)
    fourth = round_of(run_dir, 4, 10)
    for last, origins in ((1, [3]), (2, [2, 3]), (9, [1, 2, 3]), (None, [1, 2, 3])):
        replay = config(replay={"share": 0.6, "last": last})
        _, facts = extra_pairs(fourth, replay, 10, 0)
        names = [f"round {number}" for number in origins]
        assert sorted(facts["replayed"]) == names, last
        assert sum(facts["replayed"].values()) == min(15, 6 * len(names))
    assert planned(config(replay={"share": 0.6, "last": 2}), []) == (
        "replay of rounds (the last 2), 60% of all that is trained on"
    )
    with pytest.raises(ValidationError, match="last: is for rounds"):
        config(replay={"share": 0.6, "last": 2, "data": "x.jsonl"})


def test_which_pairs_are_replayed_is_the_same_again_and_another_choice_each_round(run_dir: Path):
    done(run_dir, 1, 30), done(run_dir, 2, 30)
    third, replay = round_of(run_dir, 3, 10), config(replay={"share": 0.5})
    rows, facts = extra_pairs(third, replay, 10, 0)
    assert extra_pairs(third, replay, 10, 0) == (rows, facts)
    assert facts["replayed"].keys() == {"round 1", "round 2"} and len(rows) == 10
    assert prompts_of(extra_pairs(third, replay, 10, 1).rows) != prompts_of(rows), "another seed"
    write_json(third / "manifest.json", {"trained": None})
    write_rows(third, "pairs", [])
    others, facts = extra_pairs(round_of(run_dir, 4, 10), replay, 10, 0)
    assert len(others) == 10 and prompts_of(others) != prompts_of(rows), "another round"


def test_of_the_pairs_that_are_not_replayed_only_the_ids_are_read(run_dir: Path, monkeypatch):
    for number in (1, 2, 3):
        done(run_dir, number, 20)
    whole: list[Path] = []

    def watched(folder: Path, table: str, splits: Any = None, columns: Any = None):
        if table == "pairs" and columns is None:
            whole.append(folder)
        return iter_rows(folder, table, splits, columns)

    monkeypatch.setattr(trainer.extra, "iter_rows", watched)
    rows, _ = extra_pairs(round_of(run_dir, 4, 1), config(replay={"share": 0.5}), 1, 0)
    assert len(rows) == 1 and [int(folder.name) for folder in whole] == [rows[0]["round"]]


def test_imported_pairs_and_earlier_rounds_take_turns_and_stand_in_for_each_other(
    run_dir: Path, tmp_path: Path
):
    done(run_dir, 1, 3)
    path = imported(tmp_path / "more.jsonl", *(f"imported {place}" for place in range(40)))
    second = round_of(run_dir, 2, 8)
    several = {"share": 0.5, "data": ["rounds", path]}
    _, facts = extra_pairs(second, config(replay=several), 8, 0)
    assert facts["replayed"] == {path: 5, "round 1": 3}
    _, facts = extra_pairs(second, config(replay={"share": 0.2, "data": ["rounds", path]}), 8, 0)
    assert facts["replayed"] == {path: 1, "round 1": 1}
    rows, _ = extra_pairs(second, config(replay={"share": 0.5, "data": path}), 8, 0)
    (tmp_path / "more.jsonl").write_text(
        "\n".join((tmp_path / "more.jsonl").read_text().splitlines()[::-1])
    )
    again, _ = extra_pairs(second, config(replay={"share": 0.5, "data": path}), 8, 0)
    assert prompts_of(again) == prompts_of(rows), "the order of the file does not matter"


def test_a_warm_start_is_given_until_a_policy_trained_with_it_is_in_place(
    run_dir: Path, tmp_path: Path
):
    path = imported(tmp_path / "warm.jsonl", "one?", "two?", "three?")
    warm = config(warm_start=path)

    def given(number: int) -> list[ExtraPair]:
        return extra_pairs(round_of(run_dir, number, 2), warm, 2, 0).rows

    assert [row["origin"] for row in given(1)] == [f"{path}, row {place}" for place in (1, 2, 3)]
    done(run_dir, 1, 2, promoted=False, warm=path)
    assert len(given(2)) == 3, "refused, so the policy in place has not seen it"
    done(run_dir, 2, 2, promoted=True)
    assert len(given(3)) == 3, "promoted before there was a warm start in the config"
    done(run_dir, 3, 2, promoted=True, warm=path)
    assert given(4) == []
    done(run_dir, 4, 2, promoted=False, warm=path)
    Path(path).unlink()  # a warm start that is over is not read again
    assert given(5) == []


def test_imported_answers_may_not_quote_a_held_out_prompt_beyond_the_limit(
    run_dir: Path, tmp_path: Path
):
    held = "How many sides does a regular polygon with nine corners have in total, and why?"
    rows = [prefers("Well?", f"You asked: {held}", "no"), prefers("And?", "yes", f"{held} Hm.")]
    path = lines(tmp_path / "w.jsonl", *rows, prefers("Fine?"))
    folder = round_of(run_dir, 1, 1, held_out=(held,))
    rows, facts = extra_pairs(folder, config(warm_start=path), 1, 0)
    assert prompts_of(rows) == ["Fine?"] and facts["left_out"] == {"held_out_overlap": 2}
    off = extra_pairs(folder, config(warm_start=path), 1, 0, LeakLimits(overlap=None))
    assert len(off.rows) == 3


def test_a_pair_of_the_round_is_not_imported_again_nor_contradicted(run_dir: Path, tmp_path: Path):
    own = ["question 0 of round 1", "question 1 of round 1"]
    rows = [prefers(own[0], "good", "bad"), prefers(own[1], "bad", "good"), prefers("new?")]
    path = lines(tmp_path / "own.jsonl", *rows, prefers(own[0], "good", "worse"))
    folder = round_of(run_dir, 1, 2)
    for use in ({"warm_start": path}, {"replay": {"share": 0.9, "data": path}}):
        rows, facts = extra_pairs(folder, config(**use), 2, 0)
        assert sorted(prompts_of(rows)) == ["new?", own[0]]
        assert facts["left_out"] == {"contradicts": 1, "repeated": 1}


def test_an_export_of_the_run_beside_its_rounds_is_not_trained_on_twice(
    run_dir: Path, tmp_path: Path
):
    pairs = read_rows(done(run_dir, 1, 5), "pairs")
    path = lines(tmp_path / "train.jsonl", *map(openai_row, pairs))
    for data in (["rounds", path], [path, "rounds"]):
        given = config(replay={"share": 0.9, "data": data})
        rows, facts = extra_pairs(round_of(run_dir, 2, 2), given, 2, 0)
        assert (facts["replayed"], facts["left_out"]) == ({"round 1": 5}, {"repeated": 5})
        assert all(row["chosen_id"] for row in rows), "the ones whose tokens are known"


def test_sources_that_hold_the_same_pair_give_it_once(run_dir: Path, tmp_path: Path):
    one = imported(tmp_path / "one.jsonl", "a?", "b?", "c?")
    two = imported(tmp_path / "two.jsonl", "c?", "d?")
    third = imported(tmp_path / "three.jsonl", "d?", "e?", "a?")
    given = config(warm_start=one, replay={"share": 0.9, "data": [two, third]})
    rows, facts = extra_pairs(round_of(run_dir, 1, 2), given, 2, 0)
    assert sorted(prompts_of(rows)) == ["a?", "b?", "c?", "d?", "e?"]
    assert facts["left_out"] == {"repeated": 3}


def test_imported_pairs_that_contradict_each_other_are_all_left_out(run_dir: Path, tmp_path: Path):
    rows = [prefers("a?"), prefers("b?"), prefers("b?"), prefers("b?", "no", "yes"), prefers("c?")]
    beside = lines(tmp_path / "two.jsonl", prefers("c?", "no", "yes"), prefers("d?"))
    folder = round_of(run_dir, 1, 2)
    for some in (rows, rows[::-1]):
        path = lines(tmp_path / "one.jsonl", *some)
        given = config(replay={"share": 0.5, "data": path})
        found, facts = extra_pairs(folder, given, 2, 0)
        assert sorted(prompts_of(found)) == ["a?", "c?"], "in whatever order they stand"
        assert facts["left_out"] == {"contradicts": 2, "repeated": 1}
        both = config(warm_start=path, replay={"share": 0.5, "data": beside})
        found, facts = extra_pairs(folder, both, 2, 0)
        assert prompts_of(found) == ["a?", "d?"]
        assert facts["left_out"] == {"contradicts": 4, "repeated": 1}


def test_a_limit_takes_some_by_hash_and_the_replay_takes_others(run_dir: Path, tmp_path: Path):
    path = imported(tmp_path / "warm.jsonl", *(f"number {place}?" for place in range(30)))
    both = config(
        warm_start={"data": path, "limit": 10}, replay={"share": 0.5, "data": {"data": path}}
    )
    rows, facts = extra_pairs(round_of(run_dir, 1, 2), both, 2, 0)
    assert facts["warm_start"] == 10 and facts["replayed"] == {path: 12}
    assert len({row["pair_id"] for row in rows}) == 22


def test_imported_rows_on_held_out_prompts_are_left_out_and_counted(run_dir: Path, tmp_path: Path):
    held = (
        "How many sides does a regular polygon with nine corners have in total, if I do not count "
        "those that lie within it?"
    )
    near = held.replace("in total", "in sum")
    path = imported(tmp_path / "w.jsonl", held.upper(), near, "Fine?", "Fine?", "what now")
    system = {
        "prompt": [
            {"role": "system", "content": "Be as brief as you can, and never name a number. " * 3},
            *user(held),
        ],
        "chosen": [{"role": "assistant", "content": "a"}],
        "rejected": [{"role": "assistant", "content": "b"}],
    }
    (tmp_path / "s.jsonl").write_text(json.dumps(system) + "\n")
    folder = round_of(run_dir, 1, 1, held_out=(held, "What now?"))
    rows, facts = extra_pairs(folder, config(warm_start=path), 1, 0)
    assert prompts_of(rows) == ["Fine?"]
    assert facts["left_out"] == {"held_out_near": 1, "held_out_prompt": 2, "repeated": 1}
    _, facts = extra_pairs(folder, config(warm_start=str(tmp_path / "s.jsonl")), 1, 0)
    assert facts["left_out"] == {"held_out_prompt": 1}


def test_a_malformed_row_of_imported_data_stops_with_its_place(run_dir: Path, tmp_path: Path):
    path = imported(tmp_path / "w.jsonl", "Fine?", " ")
    folder = round_of(run_dir, 1, 1)
    with pytest.raises(UserError, match=r"w.jsonl, row 2: the prompt: an empty prompt"):
        extra_pairs(folder, config(replay={"share": 0.5, "data": path}), 1, 0)
    skipping = {"data": path, "skip_malformed": True}
    assert extra_pairs(folder, config(warm_start=skipping), 1, 0).facts["left_out"] == {
        "malformed": 1
    }


def child(module: str, job: Path, *given: Any) -> None:
    """A training that only writes what the real one would."""
    out = Path(read_json(job)["out"])
    write_json(out / "config.json", {})
    (out / "model.safetensors").write_bytes(b"weights")
    write_json(job.parent / "training.json", {"pairs": 1})


def test_what_was_trained_on_beside_is_written_down_and_hashed(
    run_dir: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(trainer.stage, "run_child", child)
    path = imported(tmp_path / "warm.jsonl", "one?", "two?")
    folder = round_of(run_dir, 1, 2)
    trained, facts = train(folder, config(warm_start=path), FIRST, FIRST, 0)
    rows = read_rows(folder, "extra")
    assert [row["origin"] for row in rows] == [f"{path}, row 1", f"{path}, row 2"]
    assert rows[0].keys() == {column.name for column in OPTIONAL["extra"]}
    assert facts["extra"] == {"warm_start": 2, "replayed": {}, "left_out": {}}
    for table in ("verdicts", "dropped"):
        write_rows(folder, table, [])
    stamped(folder)
    finish_round(folder, "name: demo\n", trained, REFUSED)
    assert "extra.parquet" in read_json(folder / "manifest.json")["files"]
    from datasets import load_dataset

    loaded = load_dataset(str(run_dir), "extra", split="round_0001", cache_dir=str(tmp_path / "c"))
    assert loaded["origin"][0] == f"{path}, row 1"


def test_other_imported_rows_are_another_training_and_none_leave_no_table(
    run_dir: Path, tmp_path: Path, monkeypatch
):
    trainings: list[Path] = []
    monkeypatch.setattr(
        trainer.stage, "run_child", lambda *given: trainings.append(given[1]) or child(*given)
    )
    path = imported(tmp_path / "warm.jsonl", "one?", "two?")
    folder = round_of(run_dir, 1, 2)
    for _ in range(2):
        train(folder, config(warm_start=path), FIRST, FIRST, 0)
    assert len(trainings) == 1
    imported(tmp_path / "warm.jsonl", "one?", "three?")
    train(folder, config(warm_start=path), FIRST, FIRST, 0)
    assert len(trainings) == 2
    _, facts = train(folder, config(), FIRST, FIRST, 0)
    assert not (folder / "extra.parquet").exists() and "extra" not in facts


def test_replayed_pairs_have_the_tokens_of_the_round_that_sampled_them(
    run_dir: Path, tmp_path: Path
):
    done(run_dir, 1, 4), done(run_dir, 2, 4)
    folder = round_of(run_dir, 3, 4)
    path = imported(tmp_path / "more.jsonl", "imported?")
    given = config(replay={"share": 0.6, "data": ["rounds", path]})
    write_rows(folder, "extra", extra_pairs(folder, given, 4, 0).rows)
    rows = training_rows(folder)
    numbers = [row["round"] for row in [*read_rows(folder, "pairs"), *read_rows(folder, "extra")]]
    assert set(numbers) == {1, 2, 3, None}
    for row, number in zip(rows, numbers, strict=True):
        tokens = row["chosen_token_ids"], row["rejected_token_ids"]
        assert tokens == ((None, None) if number is None else ([number, 0], [number, 1]))
    assert [row["extra"] for row in rows] == [False] * 4 + [True] * (len(rows) - 4)


def test_a_bad_row_is_named_with_its_table(run_dir: Path):
    folder = round_of(run_dir, 1, 1)
    row, _ = pair_row("other")
    write_rows(folder, "extra", [row | {"chosen": row["rejected"], "origin": "x, row 1"}])
    with pytest.raises(UserError, match=r"extra.parquet, row 1 .*chosen and rejected are the same"):
        training_rows(folder)


def test_only_own_pairs_are_held_out_and_their_prompts_are_not_trained_on():
    own = [{"prompt_id": f"p{place}", "extra": False} for place in range(10)]
    rows = [*own, *({**row, "extra": True} for row in own)]
    kept, held = split(rows, 0.3)
    assert len(held) == 3 and not any(row["extra"] for row in held)
    assert len(kept) == 14
    assert not {row["prompt_id"] for row in held} & {row["prompt_id"] for row in kept}
    of_one_prompt = [{"prompt_id": "p", "extra": False}] * 2
    assert split(of_one_prompt, 0.5) == (of_one_prompt, []), "nothing would be left to train on"


def test_the_plan_and_the_report_say_what_istrained_beside_text(run_dir: Path, tmp_path: Path):
    given = config(
        warm_start={"data": "ultra.parquet", "limit": 9},
        replay={"share": 0.25, "data": ["rounds", "own/more"]},
    )
    replayed = "replay of rounds, own/more, 25% of all that is trained on"
    assert planned(given, run_dir) == f"warm start from ultra.parquet (at most 9); {replayed}"
    done(run_dir, 1, 1, promoted=False, warm="ultra.parquet")
    assert planned(given, run_dir).startswith("warm start from")
    done(run_dir, 2, 1, promoted=True, warm="ultra.parquet")
    assert planned(given, run_dir) == replayed
    assert planned(config(), run_dir) == ""
    facts = {"warm_start": 9, "replayed": {"round 1": 4}, "left_out": {"tie": 2}}
    assert reported({"extra": facts, "too_long": {"pairs": 3}}) == [
        ("trained beside", "warm start 9, round 1 4, left out: tie 2, over max_length 3")
    ]
    assert reported({"too_long": {"pairs": 0}}) == []


def test_replay_is_a_source_or_a_list_of_sources():
    assert [str(one) for one in Replay(share=0.1).data] == ["rounds"]
    several = Replay.model_validate({"share": 0.1, "data": ["rounds", {"data": "x", "limit": 3}]})
    assert [(one.data, one.limit) for one in several.data] == [("rounds", None), ("x", 3)]
    for wrong in ([], [{"data": "rounds", "limit": 3}], 7, {"split": "train"}):
        with pytest.raises(ValueError, match="data"):
            Replay.model_validate({"share": 0.1, "data": wrong})


def test_what_is_left_out_does_not_count_against_a_limit(run_dir: Path, tmp_path: Path):
    prompts = [f"question {place} of round 1" for place in range(20)]
    rows = [prefers(text, "good", "bad") for text in prompts]
    path = lines(tmp_path / "own.jsonl", *rows, prefers(prompts[19], "bad", "good"))
    warm = config(warm_start={"data": path, "limit": 8})
    found, facts = extra_pairs(round_of(run_dir, 1, 10), warm, 10, 0)
    assert facts == {
        "warm_start": 8,
        "replayed": {},
        "left_out": {"contradicts": 2, "repeated": 10},
    }
    assert set(prompts_of(found)) < set(prompts[10:19])


def test_imported_rows_with_a_control_token_of_the_runs_tokenizers_are_left_out(
    run_dir: Path, tmp_path: Path
):
    rows = prefers("First?"), prefers("Second?", "Yes <my_turn> no.")
    path = lines(tmp_path / "own.jsonl", *rows)
    folder = round_of(run_dir, 1, 4)
    warm = config(warm_start=path)
    assert extra_pairs(folder, warm, 4, 0).facts["warm_start"] == 2
    start = read_round_start(folder)
    write_round_start(folder, start | {"control_tokens": ["<my_turn>"]})
    facts = extra_pairs(folder, warm, 4, 0).facts
    assert (facts["warm_start"], facts["left_out"]) == (1, {"chat_tokens": 1})
