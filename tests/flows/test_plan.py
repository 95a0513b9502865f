"""The plan's numbers, and that asking for it costs nothing, imports included."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builders import begun, prompt_row
from typer.testing import CliRunner

from endpoints.open import Endpoints
from flows.cli import app
from flows.config import Config
from flows.load import load_config
from flows.plan import make_plan, plan_round
from flows.plan_time import CALLS_A_SECOND, estimate_seconds, opponents_of
from judge.health.config import Health
from judge.health.trials import most_trial_calls
from rounds.errors import UserError
from rounds.files import read_json, write_json
from sampler.dealing.deal import deal
from sampler.dealing.splits import read_supply

pytestmark = pytest.mark.long

SET = ["prompts.per_round=100", "sampler.n=4"]
LABELS = 100 * (4 + 2 * 2)
"""Scores, and two comparisons at most in both orders."""
GOLD, TESTS = 2 * 80, 8 * (4 + 4 + 2 * 5 + 2 * 3)
"""The starter's gold set; 8 prompts with repeats, anchors, canaries and triads."""


def plan(tmp_path: Path, *overrides: str) -> dict[str, str]:
    return dict(plan_round(load_config("starter", [*SET, *overrides]), tmp_path))


def held_out() -> int:
    files = [Path("prompts/starter") / f"{name}.jsonl" for name in ("gate", "test")]
    root = Path(__file__).parent.parent.parent
    return sum(len((root / file).read_text().splitlines()) for file in files)


def finished(runs_dir: Path, config: Config, number: int, promoted: bool = True) -> None:
    """A finished round of the run, which used one prompt and fixed the held-out ones."""
    policies = [{"policy_id": name} for name in ("first", f"new {number - 1}", f"new {number}")]
    facts = {
        **{"round": number, "trained": policies[2], "initial": policies[0]},
        **{"policy": policies[min(number - 1, 1)], "in_place": policies[2 if promoted else 0]},
        **{"decision": {"promoted": promoted, "reasons": []}},
    }
    prompts = [prompt_row(f"used {number}"), *read_supply(config.prompts, near=False).held_out]
    folder = begun(runs_dir / config.name, number, prompts=prompts)
    usage = {"judge_calls": 10, "judge_prompt_tokens": 3000, "judge_completion_tokens": 200}
    write_json(folder / "metrics.json", {"usage": usage})
    write_json(folder / "manifest.json", facts)


def test_the_first_round_is_counted_by_its_calls(tmp_path: Path):
    found, gate = plan(tmp_path), held_out() * 2
    assert found["round"] == "1 of starter"
    assert found["candidates"] == "400 (4 a prompt)"
    assert found["judge calls"] == (
        f"at most {LABELS + GOLD + TESTS + gate}: {LABELS} labels, {GOLD} on the gold set, "
        f"{TESTS} tests of the judge, {gate} at the gate"
    )
    assert found["cost"].startswith("nothing")
    assert "a guess" in found["judge tokens"]


def test_prompts_that_are_dealt_again_are_not_called_new(tmp_path: Path):
    (tmp_path / "train.jsonl").write_text("\n".join(f'"Question {place}?"' for place in range(6)))
    given = [f"prompts.train={tmp_path / 'train.jsonl'}", "prompts.at_end=reshuffle"]
    given += ["prompts.per_round=4", "prompts.gate=0", "prompts.test=0", "trainer=null"]
    config = load_config("starter", given)
    said = []
    for number in (1, 2, 3):
        said.append(dict(plan_round(config, tmp_path))["prompts"])
        folder = begun(tmp_path / config.name, number)
        with Endpoints({}, tmp_path) as endpoints:
            deal(folder, config.prompts, 0, endpoints)
        write_json(folder / "manifest.json", {})
        usage = dict.fromkeys(["judge_calls", "judge_prompt_tokens", "judge_completion_tokens"], 1)
        write_json(folder / "metrics.json", {"usage": usage})
    assert said == [
        "4 of 6 left",
        "4, dealt before (epoch 2), 2 new ones among them",
        "4, dealt before (epoch 2), 0 new ones among them",
    ]


def test_a_later_round_meets_the_first_policy_as_well_and_goes_by_what_was_measured(tmp_path: Path):
    finished(tmp_path, load_config("starter"), 1)
    found, gate = plan(tmp_path), held_out() * 4
    assert found["round"] == "2 of starter"
    assert f"{gate} at the gate" in found["judge calls"]
    calls = LABELS + GOLD + TESTS + gate
    assert found["judge tokens"] == (
        f"about {calls * 300:,} read, {calls * 20:,} written (as measured)"
    )


def test_where_the_first_policy_is_in_place_the_new_one_meets_it_once(tmp_path: Path):
    finished(tmp_path, load_config("starter"), 1, promoted=False)
    assert f"{held_out() * 2} at the gate" in plan(tmp_path)["judge calls"]
    one = {"policy": {"policy_id": "a"}, "initial": {"policy_id": "a"}}
    two = one | {"policy": {"policy_id": "b"}}
    assert [opponents_of(facts) for facts in (None, one, two)] == [1, 1, 2]


def test_what_is_trained_on_is_said_with_what_it_weighs(tmp_path: Path):
    assert plan(tmp_path)["training"] == "at most 100 pairs, reference model: previous"
    weights = "trainer.weights={by: probability, sources: {replay: 0.5}}"
    assert plan(tmp_path, weights)["training"].startswith(
        "at most 100 pairs, weighted by the judge's probability, replay x 0.5, reference"
    )
    kto = ["trainer.method=kto", "trainer.kto={above: 7, below: 3}"]
    args = "trainer.args={beta: 0.3, num_train_epochs: 3}"
    assert plan(tmp_path, *kto, args)["training"] == (
        "kto on answers scored 7 or more, or 3 or less, at most 400; with too few of them on the "
        "pairs, reference model: previous"
    )


def test_a_price_gives_a_cost(tmp_path: Path):
    found = plan(tmp_path, "endpoints.desk.price={input: 1, output: 10}")
    calls = LABELS + GOLD + TESTS + held_out() * 2
    assert found["cost"] == f"at most about {calls * (600 + 1000) / 1e6:.2f}"
    found = plan(tmp_path, "endpoints.desk.price={input: 1, cached_input: 0.1, output: 10}")
    assert found["cost"].endswith(", less what input costs less from a cache")


def test_scores_from_a_batch_cost_half(tmp_path: Path):
    hosted = "endpoints.desk={base_url: 'http://x/v1', model: m, price: {input: 100, output: 1000}}"
    calls = LABELS + GOLD + TESTS + held_out() * 2
    for batch, saved in (("true", 100 * 4 / 2), ("false", 0)):
        found = plan(tmp_path, hosted, f"judge.batch={batch}")
        assert found["cost"] == f"at most about {(calls - saved) * (600 + 1000) / 1e4:.2f}"


SECONDS = {
    **{"prompts": 1, "sample": 20, "gold": 4, "judge": 30, "health": 5, "pairs": 1, "train": 40},
    **{"sample_held_out-p0": 6, "sample_held_out-p1": 6, "judge_held_out": 10, "gate": 1},
}


def test_the_time_is_that_of_the_last_round_for_as_much_work(tmp_path: Path):
    config = load_config("starter", SET)
    assert plan(tmp_path)["time"].startswith("unknown until a round has measured it; beside ")
    assert make_plan(config, tmp_path).numbers["seconds"] is None
    finished(tmp_path, config, 1)
    assert plan(tmp_path)["time"].startswith("unknown until"), "no times are kept"
    path = tmp_path / config.name / "rounds/0001/metrics.json"
    metrics = read_json(path) | {"round": 1, "counts": {"prompts": 50}, "seconds": SECONDS}
    write_json(path, metrics | {"startup_seconds": {"server of desk": 60, "loading": 10}})
    found = make_plan(config, tmp_path).numbers
    assert found["seconds_by_stage"] == {
        **{"prompts": 2, "sample": 40, "gold": 4, "judge": 60, "health": 5, "pairs": 2},
        **{"train": 80, "sample_held_out": 24, "judge_held_out": 20, "gate": 1, "startup": 70},
    }
    assert found["seconds"] == 308
    assert plan(tmp_path)["time"].startswith("about 308 s, by the last round: prompts 2, sample 40")
    finished(tmp_path, config, 2)
    assert make_plan(config, tmp_path).numbers["seconds"] == 308, "a round without times says none"


def test_answering_and_judging_take_longer_where_there_are_more_candidates(tmp_path: Path):
    config = load_config("starter", [*SET, "sampler.n=8"])
    finished(tmp_path, config, 1)
    path = tmp_path / config.name / "rounds/0001/metrics.json"
    counts = {"prompts": 50, "candidates": 200}
    write_json(path, read_json(path) | {"round": 1, "counts": counts, "seconds": SECONDS})
    found = make_plan(config, tmp_path).numbers["seconds_by_stage"]
    assert (found["sample"], found["judge"], found["train"]) == (80, 120, 80)


def test_before_a_round_the_time_is_guessed_as_far_as_it_can_be(tmp_path: Path):
    set_here = "endpoints.desk={base_url: 'http://x/v1', model: m, max_in_flight: 8}"
    config = load_config("starter", [*SET, set_here])
    planned = make_plan(config, tmp_path)
    guessed = planned.numbers["seconds_guessed"]
    assert guessed["judge"] == round(planned.numbers["most_judge_calls"] / 8, 1)
    total = f"{sum(guessed.values()):,.0f} s"
    assert f"guessed at {total}" in dict(planned.lines)["time"]
    more = load_config("starter", [*SET, set_here.replace("flight: 8", "flight: 1000")])
    faster = make_plan(more, tmp_path).numbers["seconds_guessed"]["judge"]
    assert faster == round(planned.numbers["most_judge_calls"] / CALLS_A_SECOND, 1)
    of_two = load_config(
        "starter", [*SET, set_here.replace("'http://x/v1'", "[http://x, http://y]")]
    )
    half = make_plan(of_two, tmp_path).numbers["seconds_guessed"]["judge"]
    assert half == round(planned.numbers["most_judge_calls"] / 16, 1)


def test_a_program_gets_the_numbers_of_time_and_money(tmp_path: Path):
    given = ["--runs-dir", str(tmp_path), "--json"]
    price = "endpoints.desk.price={input: 1, output: 10}"
    done = CliRunner().invoke(app, ["plan", "starter", *given, "--set", price, "--set", SET[0]])
    found = json.loads(done.stdout)
    calls = LABELS + GOLD + TESTS + held_out() * 2
    assert found["most_judge_calls"] == calls
    assert found["most_cost"] == pytest.approx(calls * 1600 / 1e6)
    assert (found["seconds"], found["round"], found["prompts"]) == (None, 1, 100)
    assert found["lines"]["time"].startswith("unknown until a round has measured it")
    assert found["memory_bytes"] == max(found["memory_by_stage"].values())


def test_the_anchors_of_a_small_round_are_as_many_as_the_first_round_had(tmp_path: Path):
    assert most_trial_calls(Health(), 2)["anchor"] == 4 * Health().sample


def test_without_a_trainer_nothing_is_judged_at_the_gate(tmp_path: Path):
    found = plan(tmp_path, "trainer=null")
    assert "at the gate" not in found["judge calls"]
    assert found["training"] == "none: trainer is null" and "gate" not in found


OTHERS = (
    "endpoints.second={base_url: http://x, model: m, price: {input: 1, output: 10}}",
    "endpoints.third={base_url: http://x, model: m}",
)


@pytest.mark.parametrize(
    ("overrides", "calls"),
    [
        (["judge.select.pairs=2"], {"labels": 100 * (4 + 2 * 2)}),
        (["judge.select.tries=1"], {"labels": 100 * (4 + 2)}),
        (["judge.strategy=listwise"], {"labels": 100 * (2 + 2 * 2)}),
        (["judge.strategy=tournament"], {"labels": 100 * (3 * 4 - 2)}),
        (["judge.strategy=round_robin"], {"labels": 100 * 4 * 3}),
        (["judge.strategy=random_pair"], {"labels": 100 * 2}),
        (["judge.strategy=pairwise", "sampler.n=2"], {"labels": 100 * 2}),
        (["judge.budget.calls=50"], {"labels": 50}),
        (["judge.gold=null"], {"on the gold set": 0}),
        (["judge.health.sample=0"], {"tests of the judge": 0}),
        (["judge.health.second=second"], {"second opinions": 2 * 8}),
        (["judge.appeal={endpoint: second, max_share: 0.3}"], {"appeals": 2 * 60}),
        (["judge.appeal={endpoint: second, max_share: 1}"], {"appeals": 2 * 100}),
        (["judge.endpoint=python:starter.gold:score"], {"labels": 0, "at the gate": 0}),
    ],
)
def test_every_kind_of_call_is_counted(tmp_path: Path, overrides, calls):
    said = plan(tmp_path, *OTHERS, *overrides)["judge calls"].split(": ", 1)[1]
    counts = {what: int(n) for n, what in (part.split(" ", 1) for part in said.split(", ") if part)}
    assert {what: counts.get(what, 0) for what in calls} == calls


def test_a_jury_compares_and_its_first_scores_and_each_is_paid_by_its_price(tmp_path: Path):
    rest = [*OTHERS, "judge.health.sample=0", "trainer=null"]
    found = plan(tmp_path, *rest, "judge.endpoint=[desk, second, third]")
    compared = 100 * 2 * 2
    assert found["judge calls"].startswith(f"at most {400 + 3 * compared + 3 * GOLD}: ")
    assert found["cost"] == f"at most about {(compared + GOLD) * (600 + 1000) / 1e6:.2f}"
    found = plan(tmp_path, *rest, "judge.endpoint=[second, desk, third]")
    assert found["cost"] == f"at most about {(400 + compared + GOLD) * (600 + 1000) / 1e6:.2f}"


def test_a_batch_halves_what_the_scores_cost(tmp_path: Path):
    rest = [*OTHERS, "judge.health.sample=0", "trainer=null", "judge.batch=true"]
    found = plan(tmp_path, *rest, "judge.endpoint=[second, desk, third]", "sampler.n=16")
    scored, compared = 100 * 16, 100 * 2 * 2
    assert found["cost"] == (
        f"at most about {(scored / 2 + compared + GOLD) * (600 + 1000) / 1e6:.2f}"
    )


def test_people_and_functions_beside_the_judge_cost_nothing(tmp_path: Path):
    people = ["judge.appeal={endpoint: human:x.jsonl}", "judge.health.second=human:x.jsonl"]
    given, without = plan(tmp_path, *people), plan(tmp_path)
    for of_machine in ("memory", "disk"):  # what is free is another figure each time
        assert given.pop(of_machine).split(";")[0] == without.pop(of_machine).split(";")[0]
    assert given == without


def test_what_was_measured_takes_the_place_of_the_guess(tmp_path: Path):
    found = dict(plan_round(load_config("starter", SET), tmp_path, (200.0, 50.0)))
    calls = LABELS + GOLD + TESTS + held_out() * 2
    assert found["judge tokens"] == (
        f"about {calls * 200:,.0f} read, {calls * 50:,.0f} written (as measured)"
    )


def test_a_gate_that_may_stop_early_is_asked_at_most_so_much(tmp_path: Path):
    asked = plan(tmp_path, "gate.sequential=true", "gate.max_prompts=24")["judge calls"]
    assert asked.endswith(f" {2 * (held_out() - 200 + 24)} at the gate")


def test_the_pairs_are_no_more_than_a_round_keeps(tmp_path: Path):
    assert plan(tmp_path, "pairs.max_pairs=30")["training"].startswith("at most 30 pairs")


def test_a_number_that_is_counted_with_may_be_written_as_a_text(tmp_path: Path):
    def checkpoints(*overrides: str) -> str:
        return plan(tmp_path, "trainer.args.save_steps=1", *overrides)["disk"].split(";")[0]

    assert checkpoints("trainer.args.max_steps=2") == checkpoints("trainer.args.max_steps='2'")
    assert checkpoints("trainer.args.max_steps=2") != checkpoints("trainer.args.max_steps=20")


def test_a_gold_set_that_is_wrong_is_refused_as_by_a_run(tmp_path: Path):
    with pytest.raises(UserError, match=r"judge.gold.path: no such file"):
        plan(tmp_path, "judge.gold.path=nowhere.jsonl")


def test_the_gate_says_what_so_many_prompts_can_show(tmp_path: Path):
    small, large = plan(tmp_path, "prompts.gate=20"), plan(tmp_path, "prompts.gate=200")
    assert small["gate"].startswith("20 prompts show a win rate of 0.80 or more")
    assert large["gate"].startswith("200 prompts show a win rate of 0.60 or more")
    early = ["gate.sequential=true", "gate.max_prompts=20"]
    stopped = plan(tmp_path, "prompts.gate=200", *early)["gate"]
    assert stopped.startswith("20 prompts show a win rate of 0.80") and "until it is" in stopped
    few = plan(tmp_path, "prompts.gate=5")["gate"]
    assert few == "5 prompts are too few: all won would not show more than 0.5 (95% interval)"
    few = plan(tmp_path, "gate.sequential=true", "gate.max_prompts=6")["gate"]
    assert few == (
        "6 prompts are too few: all won would not show more than 0.5 (95% confidence sequence)"
    )
    value = plan(tmp_path, "gate.must_exceed=value")["gate"]
    assert value.startswith("200 prompts, of which the win rate itself must exceed 0.5")


def test_prompts_that_are_wrong_are_refused_as_by_a_run(tmp_path: Path):
    with pytest.raises(UserError, match=r"prompts.train: no such file"):
        plan(tmp_path, "prompts.train=nowhere.jsonl")


def lines_in(path: Path, count: int) -> str:
    path.write_text("".join(f"{path.stem} {number}\n" for number in range(count)))
    return str(path)


def test_prompts_are_planned_by_source_and_epoch(tmp_path: Path):
    one, two = lines_in(tmp_path / "one.txt", 10), lines_in(tmp_path / "two.txt", 90)
    sources = f"prompts.train=[{one}, {{file: {two}, weight: 3}}]"
    held = ["prompts.gate=0", "prompts.test=0", "trainer=null"]
    found = plan(tmp_path, sources, *held)
    assert found["prompts"] == "100 of 100 left (one.txt 10 of 10, two.txt 90 of 90)"
    found = plan(tmp_path, sources, *held, "prompts.per_round=20")
    assert found["prompts"] == "20 of 100 left (one.txt 5 of 10, two.txt 15 of 90)"


def test_generation_is_planned_with_its_calls_and_its_price(tmp_path: Path):
    seeds = lines_in(tmp_path / "seeds.txt", 10)
    pen = "endpoints.pen={base_url: http://x, model: m, price: {input: 1, output: 10}}"
    budget = "budget: {calls: 60}"
    for limit, calls in (("", 75), (budget, 60)):
        generate = f"{{generate: {{endpoint: pen, seeds: {seeds}, {limit}}}, weight: 3}}"
        sources = f"prompts.train=['prefloop:prompts/starter/train.jsonl', {generate}]"
        found = plan(tmp_path, pen, sources)
        assert found["prompts"] == "25 of 2108 left, 75 to be generated"
        assert found["generation"] == f"about {calls} calls of pen for 75 prompts"
        assert found["cost"] == f"at most about {calls * 1600 / 1e6:.2f}"


@pytest.mark.parametrize("module", ["flows.plan", "flows.cli", "rounds.status", "rounds.show"])
def test_what_answers_at_once_imports_nothing_heavy(module: str):
    heavy = {"torch", "vllm", "trl", "transformers", "prefect", "datasets", "openai"}
    code = f"import sys, {module}; print(sorted({heavy} & sys.modules.keys()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


SUITE = "gate.suites.sums={{prompts: {path}, score: exact, seeds: 3}}"
HOSTED = [
    "endpoints.hosted={base_url: 'http://x/v1', model: m, price: {output: 10}}",
    *("policy={endpoint: hosted}", "trainer={method: openai, openai: {price: 1}}"),
    "sampler={n: 4, sampling: {max_tokens: 50}}",
]


def suite_of(folder: Path, n: int = 10) -> str:
    path = folder / "sums.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"{k} + 1?", "reference": f"{k + 1}"}) + "\n" for k in range(n)
        )
    )
    return SUITE.format(path=path)


def test_the_answers_to_suites_are_planned_with_their_tokens(tmp_path: Path):
    given = suite_of(tmp_path)
    assert "suites" not in plan(tmp_path)
    config = load_config("starter", [*SET, given, "sampler.sampling={max_tokens: 50}"])
    found = make_plan(config, tmp_path)
    assert dict(found.lines)["suites"] == "at most 40 answers (2,000 tokens at most)"
    assert (found.numbers["most_suite_answers"], found.numbers["suite_tokens"]) == (40, 2000)
    read = given.replace("score: exact, seeds: 3", "score: perplexity, at_most: 9")
    assert plan(tmp_path, read)["suites"] == "20 references read"


def test_a_limit_below_what_a_fine_tuning_takes_is_said(tmp_path: Path):
    less, enough = (plan(tmp_path, *HOSTED, f"trainer.openai.max_cost={most}") for most in (0.1, 9))
    said = "; trainer.openai.max_cost is 0.1: a round that keeps so many sends nothing"
    assert said in less["training"] and "max_cost" not in enough["training"]


def test_a_policy_at_an_endpoint_is_called_and_paid_for_its_answers_to_suites(tmp_path: Path):
    given, train = suite_of(tmp_path), 100 * 4
    before = make_plan(load_config("starter", [SET[0], *HOSTED]), tmp_path)
    after = make_plan(load_config("starter", [SET[0], *HOSTED, given]), tmp_path)
    calls = train + 2 * held_out()
    assert dict(before.lines)["sampler calls"] == f"at most {calls} of hosted"
    assert dict(after.lines)["sampler calls"] == f"at most {calls + 40} of hosted"
    assert after.numbers["most_cost"] - before.numbers["most_cost"] == pytest.approx(
        40 * 100 * 10 / 1e6
    )


def test_the_time_of_answers_to_suites_is_that_of_as_many_candidates():
    last = {"round": 1, "counts": {"prompts": 50, "candidates": 200}}
    last["seconds"] = {"sample": 20.0, "sample_suites_p0": 99.0, "train": 1.0}
    found = estimate_seconds(last, 50, True, answers=40)
    assert found["sample_suites"] == 4.0
    assert "sample_suites" not in estimate_seconds(last, 50, True)
