"""`prefloop whatif`: a round by other settings is what a new run makes of it, where it is known."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, prompt_row
from judges import answered, gold_file, one_token, sure_by_distance
from scripted import shown
from typer.testing import CliRunner
from whatif_runs import (
    PAIRWISE,
    TOKEN,
    hashes,
    judged,
    kept,
    new_run,
    reasons,
    tokens,
    tree,
)

from flows.cli import app
from flows.whatif.derive import derive
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import round_dir
from rounds.labels import append_label, labels_path
from rounds.tables import read_rows

pytestmark = pytest.mark.long

FAR_AND_NEAR = ((9, 1), (8, 5), (6, 5), (5, 1), (4, 2), (7, 7))


def ids(moved: list[Any]) -> set[str]:
    return {one["pair_id"] for one in moved}


def mixed(run_dir: Path, number: int) -> Path:
    """A round with a long answer chosen, two that say the same, and a prompt that is held out."""
    texts = ["Why is it so?", "How are you?", "how  are you?", "A question of the gate."]
    prompts = [prompt_row(text) for text in texts] + [prompt_row(texts[3] + " ", "gate")]
    prompts += [prompt_row(f"question {number}.{place}") for place in range(44)]
    candidates = []
    for place, prompt in enumerate(prompts):
        repeats = prompt["messages"][0]["content"] in texts[:3]
        for index, quality in enumerate((9, 1 if repeats else 1 + place % 7)):
            length = " ".join(f"w{place}.{word}" for word in range(3 + (place % 5) * (1 - index)))
            same = "same words" if repeats else length
            candidates.append(candidate_row(prompt, f"quality {quality} {same}", index))
    return begun(run_dir, number, prompts=prompts, candidates=candidates)


def test_by_its_own_settings_a_round_is_what_it_is(run_dir: Path, endpoint):
    at, pairs = {"desk": endpoint(tokens)}, {"length_guard": 0.05, "min_margin": 4.5}
    judge = {**TOKEN, "tau": 0.7}
    for number in (1, 2):
        folder = judged(mixed(run_dir, number), tree(judge, pairs, **at), **at)
        found = set(reasons(folder).values())
        first = {"held_out_prompt", "small_margin", "length_guard", "duplicate"}
        assert first <= found if number == 1 else {"duplicate", "length_guard"} <= found
    (run_dir / "index" / "0001.near").unlink()  # a lost index is made again, and not there
    before = hashes(run_dir)
    # a setting of the judge that changes nothing, so that the verdicts are gone through
    for settings in ([], ["judge.tau=0.7"], ["judge.select.tries=5"], ["trainer={}"]):
        for number in (1, 2):
            folder = round_dir(run_dir, number)
            found = derive(run_dir, number, settings)
            assert found["gained"] == found["lost"] == found["notes"] == []
            assert found["unknown"] is found["needed"] is None and found["after"]
            for side in (found["before"], found["after"]):
                assert side["kept"] == len(kept(folder))
                assert sum(side["dropped"].values()) == len(reasons(folder))
    assert hashes(run_dir) == before


def test_where_tau_is_raised_the_lost_pairs_are_those_that_a_new_run_drops(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    config = tree(PAIRWISE, **at)
    folder = judged(answered(run_dir, *FAR_AND_NEAR), config, **at)
    asked = len(at["desk"].requests)
    found = derive(run_dir, 1, ["judge.tau=0.75"])
    new = new_run(folder, tree({**PAIRWISE, "tau": 0.75}, **at), **at)
    assert len(at["desk"].requests) == asked, "nothing was asked"
    assert ids(found["lost"]) == kept(folder) - kept(new) and len(found["lost"]) == 3
    assert {one["after"] for one in found["lost"]} == {"abstain:below_threshold"}
    assert found["gained"] == [] and found["unknown"] is None
    assert found["after"] and found["after"]["kept"] == len(kept(new))
    assert {**found["after"]["dropped"]}["abstain:below_threshold"] == 4


def test_where_the_strategy_would_go_on_what_it_would_find_is_not_known(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    folder = judged(
        answered(run_dir, (8, 7, 2, 1), (6, 5, 2, 1), (9, 2, 2, 2)), tree(TOKEN, n=4, **at), **at
    )
    asked = len(at["desk"].requests)
    found = derive(run_dir, 1, ["judge.tau=0.88"])
    new = new_run(folder, tree({**TOKEN, "tau": 0.88}, n=4, **at), **at)
    unknown = found["unknown"]
    assert unknown and (unknown["prompts"], unknown["pairs"]) == (2, [])
    assert unknown["calls_at_least"] == len(at["desk"].requests) - asked == 4
    assert unknown["calls_at_most"] == 4
    assert ids(found["lost"]) == kept(folder) - kept(new) and len(found["lost"]) == 3


def test_what_other_comparisons_would_decide_is_counted_as_not_known(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens), "high": endpoint(tokens)}
    folder = judged(answered(run_dir, (9, 5, 2, 1), (6, 5), (5, 5)), tree(TOKEN, n=4, **at), **at)
    appealed = derive(run_dir, 1, ["judge.tau=0.95", "judge.appeal={endpoint: high, max_share: 1}"])
    assert appealed["after"] and appealed["unknown"] and appealed["lost"] == []
    assert appealed["unknown"]["pairs"] == sorted(kept(folder))
    assert appealed["after"]["not_known"] == appealed["unknown"]["prompts"] == 2
    assert appealed["after"]["kept"] == 0
    assert appealed["after"]["dropped"] == {"no_margin": 1}


def test_where_tau_is_lowered_a_second_comparison_is_not_reached(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    judge = {**TOKEN, "tau": 0.85, "select": {"min_margin": 2}}
    texts = ("quality 9 x", "quality 6 y", "quality 1 z", "quality 4 w")
    scores = {"x": 5, "y": 9, "z": 3, "w": 1}  # the screen is wrong: y against w is unsure

    def script(body: dict[str, Any]) -> Any:
        answers = shown(body)
        if len(answers) == 2:
            return sure_by_distance(body)
        said = str(scores[answers[0][-1]])
        return one_token(said, {said: 0.98})

    at["desk"].script = script
    prompt = prompt_row()
    candidates = [candidate_row(prompt, text, index) for index, text in enumerate(texts)]
    folder = judged(
        begun(run_dir, prompts=[prompt], candidates=candidates), tree(judge, n=4, **at), **at
    )
    assert len(kept(folder)) == 1
    found = derive(run_dir, 1, ["judge.tau=0.55"])
    new = new_run(folder, tree({**judge, "tau": 0.55}, n=4, **at), **at)
    assert found["unknown"] is None
    assert ids(found["lost"]) == kept(folder) - kept(new) != set()
    assert ids(found["gained"]) == kept(new) - kept(folder) != set()
    assert [one["after"] for one in found["lost"]] == ["not_compared"]
    assert [one["before"] for one in found["gained"]] == ["abstain:below_threshold"]


@pytest.mark.parametrize(
    "changes",
    [
        {"min_margin": 4},
        {"length_guard": None},
        {"length_guard": 0.02, "length_guard_share": 0.5},
        {"near_duplicates": None},
        {"max_length_ratio": 1.5, "min_score": 9},
    ],
    ids=str,
)
def test_pairs_by_other_settings_are_those_of_a_new_run(run_dir: Path, endpoint, changes):
    at, pairs = {"desk": endpoint(tokens)}, {"length_guard": 0.05}
    for number in (1, 2):
        folder = judged(mixed(run_dir, number), tree(TOKEN, pairs, **at), **at)
    found = derive(run_dir, 2, [f"pairs.{key}={json.dumps(changes[key])}" for key in changes])
    new = new_run(folder, tree(TOKEN, pairs | changes, **at), **at)
    assert ids(found["lost"]) == kept(folder) - kept(new)
    assert ids(found["gained"]) == kept(new) - kept(folder)
    assert found["after"] and sum(found["after"]["dropped"].values()) == len(reasons(new))
    assert found["lost"] or found["gained"] or changes == {"near_duplicates": None}


@pytest.mark.parametrize(
    ("setting", "least", "most"),
    [
        ("judge.channel=json", 12, 12),
        ("judge.rubrics.pairwise=prefloop:prompts/token_pairwise.txt", 12, 12),
        ("judge.endpoint=other", 12, 12),
        ("judge.endpoint=[desk, other]", 12, 24),
        ("endpoints.desk.model=m2", 12, 12),
        ("judge.sampling.max_tokens=2", 12, 12),
        ("judge.strategy=screen_confirm", 12, 24),
    ],
)
def test_what_needs_other_verdicts_is_not_guessed(run_dir: Path, endpoint, setting, least, most):
    at = {"desk": endpoint(tokens), "other": endpoint(tokens)}
    judge = {**PAIRWISE, "health": {"sample": 0}}
    judged(answered(run_dir, *FAR_AND_NEAR), tree(judge, **at), **at)
    found = derive(run_dir, 1, [setting])
    needed = found["needed"]
    assert needed and [one["key"] for one in needed["settings"]] == [setting.split("=")[0]]
    assert (needed["calls_at_least"], needed["calls_at_most"]) == (least, most)
    assert found["after"] is None and found["settings"] == [] and needed["answers"] == 0


def test_what_needs_other_answers_is_not_guessed_and_the_rest_is_tried(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    judged(answered(run_dir, *FAR_AND_NEAR), tree(TOKEN, **at), **at)
    found = derive(run_dir, 1, ["sampler.n=4", "judge.tau=0.75", "endpoints.desk.rpm=5"])
    needed = found["needed"]
    assert needed and [one["key"] for one in needed["settings"]] == ["sampler.n"]
    assert needed["answers"] == 24 and needed["calls"]["labels"] == 6 * (4 + 4)
    assert [one["key"] for one in found["settings"]] == ["judge.tau"] and found["after"]
    assert [one["key"] for one in found["no_pair"]] == ["endpoints.desk.rpm"]


def test_a_strategy_that_asks_no_more_than_the_round_did_is_tried(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    judge = {**TOKEN, "strategy": "round_robin"}
    folder = judged(answered(run_dir, (9, 1, 5), (3, 8, 2)), tree(judge, n=3, **at), **at)
    found = derive(run_dir, 1, ["judge.strategy=random_pair"])
    new = new_run(folder, tree({**TOKEN, "strategy": "random_pair"}, n=3, **at), **at)
    assert found["needed"] is None and found["unknown"] is None
    assert ids(found["lost"]) == kept(folder) - kept(new)
    assert ids(found["gained"]) == kept(new) - kept(folder)


def test_the_gold_set_is_settled_again_and_gives_the_threshold(run_dir, tmp_path, endpoint):
    pairs = [(9, 1, "a"), (8, 2, "a"), (7, 2, "a"), (6, 5, "b"), (5, 3, "b"), (9, 2, "a")]
    gold = {"path": gold_file(tmp_path, *pairs), "min_n": 2}
    at, judge = {"desk": endpoint(tokens)}, {**PAIRWISE, "tau": 0.5, "gold": gold}
    judged(answered(run_dir, *FAR_AND_NEAR), tree(judge, **at), **at)
    found = derive(run_dir, 1, ["judge.tau=0.7"])
    before, after = found["before"]["gold"], found["after"] and found["after"]["gold"]
    assert before and after and (before["accuracy"]["value"], before["accuracy"]["n"]) == (4 / 6, 6)
    assert (after["accuracy"]["value"], after["accuracy"]["n"]) == (1.0, 4)
    difference = found["gold_difference"]
    assert difference and difference["value"] == pytest.approx(1 / 3)
    assert (difference["n"], difference["changed"]) == (6, 2)
    assert difference["low"] < 1 / 3 < difference["high"]
    taken = derive(run_dir, 1, ["judge.tau=from_gold(0.9, point)"])
    assert taken["after"] and taken["after"]["tau"] == 0.75
    with pytest.raises(UserError, match="no threshold"):
        derive(run_dir, 1, ["judge.tau=from_gold(0.95)"])


def test_people_who_labelled_say_how_many_kept_pairs_are_right(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    folder = judged(answered(run_dir, *FAR_AND_NEAR), tree(PAIRWISE, **at), **at)
    verdicts = {one["prompt_id"]: one for one in _rows(folder, "verdicts")}
    of_prompt = [verdicts[one["prompt_id"]] for one in _rows(folder, "prompts")]
    said = ["a", "a", "b", "tie", "skip", "both_bad"]  # of 9:1 8:5 6:5 5:1 4:2 7:7
    _label(run_dir, [(row, name) for row, name in zip(of_prompt, said, strict=True)])
    found = derive(run_dir, 1, ["judge.tau=0.62"])
    assert found["before"]["people"]["n"] == 3 and found["after"]
    assert found["before"]["people"]["value"] == pytest.approx(2 / 3)
    assert found["people_difference"] and found["people_difference"]["n"] == 3


def test_a_setting_that_is_none_names_the_nearest(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    judged(answered(run_dir, (9, 1)), tree(PAIRWISE, **at), **at)
    for setting, said in (
        ("judge.tua=0.8", "judge.tua: unknown key; did you mean tau?"),
        ("judge.tau=2", "judge.tau: expected a number from 0.5"),
        ("judge.tau", "--set judge.tau: expected a.b=value"),
    ):
        result = CliRunner().invoke(app, ["whatif", str(run_dir), "1", "--set", setting])
        assert result.exit_code == 2 and said in result.stderr, result.stderr


def test_a_round_that_is_not_there_or_not_judged_is_one_message(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    judged(answered(run_dir, (9, 1)), tree(PAIRWISE, **at), **at)
    answered(run_dir, (9, 1), number=2)
    for number, said in ((7, "round 7 is not there (rounds there: 1, 2)"), (2, "not judged yet")):
        with pytest.raises(UserError) as caught:
            derive(run_dir, number, [])
        assert said in str(caught.value)


def test_a_judged_round_that_was_stopped_can_be_tried(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    folder = judged(answered(run_dir, *FAR_AND_NEAR), tree(PAIRWISE, **at), **at)
    own = kept(folder)
    for name in ("manifest.json", "pairs.parquet", "dropped.parquet", "work/pairs.json"):
        (folder / name).unlink()
    found = derive(run_dir, 1, ["judge.tau=0.75"])
    assert found["before"]["kept"] == len(own) and len(found["lost"]) == 3


def test_a_round_that_today_s_code_makes_otherwise_says_so(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    folder = judged(answered(run_dir, *FAR_AND_NEAR), tree(TOKEN, **at), **at)
    manifest = read_json(folder / "manifest.json")
    manifest["config"]["pairs"] = {"min_margin": 4.0}
    write_json(folder / "manifest.json", manifest)
    (note,) = derive(run_dir, 1, [])["notes"]
    assert note.startswith("the code of today makes ") and "otherwise than it has them" in note


def test_the_command_says_what_is_lost_with_ids_that_show_opens(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    judged(answered(run_dir, *FAR_AND_NEAR), tree(PAIRWISE, **at), **at)
    options = ["whatif", str(run_dir), "1", "--set", "judge.tau=0.75"]
    said = CliRunner(env={"COLUMNS": "150"}).invoke(app, options)
    assert said.exit_code == 0, said.output
    assert "pairs kept" in said.stdout and "abstain:below_threshold" in said.stdout
    data = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert len(data["lost"]) == 3
    for lost in data["lost"]:
        assert lost["pair_id"] in said.stdout
        shown = ["show", str(run_dir), "1", "--pair", lost["pair_id"], "--json"]
        (line,) = CliRunner().invoke(app, shown).stdout.splitlines()
        assert json.loads(line)["pair_id"] == lost["pair_id"]


def _rows(folder: Path, table: Any) -> list[Any]:
    return read_rows(folder, table)


def _label(run_dir: Path, said: list[tuple[Any, str]]) -> None:
    path = labels_path(run_dir, "ada")
    for row, verdict in said:
        given = {name: row[name] for name in ("prompt_id", "split", "candidate_a", "candidate_b")}
        answers = {"answer_a": "x", "answer_b": "y", "prompt": [{"role": "user", "content": "?"}]}
        how = {"shown_first": "a", "by": "ada", "queue": "random", "round": 1, "verdict": verdict}
        append_label(path, {**given, **answers, **how})


def test_a_cap_and_a_gap_in_tokens_are_derived(run_dir: Path, endpoint):
    at = {"desk": endpoint(tokens)}
    folder = judged(mixed(run_dir, 1), tree({**TOKEN, "tau": 0.7}, {}, **at), **at)
    there = len(kept(folder))
    found = derive(run_dir, 1, ["pairs.max_pairs=5"])
    assert found["needed"] is None and found["after"] is not None
    assert found["after"]["kept"] == 5 and found["after"]["dropped"]["max_pairs"] == there - 5
    assert {one["after"] for one in found["lost"]} == {"max_pairs"}
    found = derive(run_dir, 1, ["pairs.max_length_gap=0"])
    assert found["after"] is not None and found["after"]["kept"] == there, "two tokens each"
