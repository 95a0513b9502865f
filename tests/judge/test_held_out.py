"""The judge stage on held-out answers: the trained policy against every other."""

from pathlib import Path

from builders import begun, candidate_row, prompt_row
from scripted import honest_judge

from judge.config import JudgeConfig
from judge.held_out import judge_held_out
from judge.stage import judge_candidates
from rounds.tables import read_rows, replace_splits

CONFIG = JudgeConfig(endpoint="desk")


def test_held_out_answers_that_come_later_do_not_judge_the_train_split_again(
    run_dir, endpoint, desk
):
    folder, at = held_out_round(run_dir), endpoint(honest_judge)
    judge_candidates(folder, CONFIG, desk(at))
    before = (folder / "work" / "judge.json").read_text()
    held = prompt_row("gate", "gate")
    replace_splits(folder, "candidates", ["gate"], [candidate_row(held, "quality 5")])
    judge_candidates(folder, CONFIG, desk(at))
    assert (folder / "work" / "judge.json").read_text() == before


def held_out_round(run_dir: Path) -> Path:
    prompts = [prompt_row("gate 0", "gate"), prompt_row("test 0", "test"), prompt_row("train 0")]
    candidates = [
        candidate_row(prompt, f"quality {value} of {policy}", 0, policy)
        for prompt in prompts
        for policy, value in (("new", 8), ("old", 5), ("first", 2))
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


def test_the_trained_policy_meets_every_other_one_on_held_out_prompts_only(run_dir, endpoint, desk):
    folder, at = held_out_round(run_dir), endpoint(honest_judge)
    judge_held_out(folder, CONFIG, desk(at), "new")
    rows = read_rows(folder, "verdicts")
    names = {row["candidate_id"]: row["policy_id"] for row in read_rows(folder, "candidates")}
    met = [(row["split"], names[row["candidate_a"]], names[row["candidate_b"]]) for row in rows]
    assert met[::2] == met[1::2]
    assert met[::2] == [(s, "new", other) for s in ("gate", "test") for other in ("old", "first")]
    assert {row["outcome"] for row in rows} == {"a"} and len(at.requests) == 8


def test_both_judgings_of_a_round_live_in_one_table(run_dir, endpoint, desk):
    folder, at = held_out_round(run_dir), endpoint(honest_judge)
    judge_candidates(folder, CONFIG, desk(at))
    train = read_rows(folder, "verdicts", ["train"])
    judge_held_out(folder, CONFIG, desk(at), "new")
    assert read_rows(folder, "verdicts", ["train"]) == train != []
    assert len(read_rows(folder, "verdicts", ["gate", "test"])) == 8
