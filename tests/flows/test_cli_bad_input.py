"""What a user can get wrong: one message, exit code 2, and nothing spent or left behind."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripted import Raw
from small_run import ROOT
from typer.testing import CliRunner

from flows.cli import app
from rounds.errors import UserError

pytestmark = pytest.mark.long

CONFIG: dict[str, Any] = {
    "name": "bad",
    "policy": "prefloop:starter/policy",
    "prompts": {"train": "train.jsonl", "gate": 2, "test": 2},
    "endpoints": {"desk": {"serve": {"model": "prefloop:starter/judge"}}},
    "judge": {"endpoint": "desk"},
}
REMOTE = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run the command in an empty folder with ten prompts; returns its one message."""
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(10)]
    Path("train.jsonl").write_text("\n".join(lines))

    def run(*arguments: str, **changes: Any) -> str:
        Path("config.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))
        result = CliRunner().invoke(app, list(arguments) or ["run", "config.yaml"])
        assert result.exit_code == 2, result.output
        assert not list(tmp_path.glob("runs/*")), "a failed start leaves nothing behind"
        lines = [line for line in result.stderr.splitlines() if not line.startswith("warning")]
        assert len(lines) == 1, result.stderr
        return lines[0]

    return run


def test_no_such_config(say):
    message = say("run", "confg.yaml")
    assert "confg.yaml: no such config" in message and "starter" in message


@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_a_file_can_tell_is_found_by_the_plan_as_well(say, command: str):
    message = say(command, "config.yaml", pairs={"language": "klingon"})
    assert "pairs.language" in message


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"trainer": {"args": {"learnin_rate": 1e-5}}}, "trainer.args.learnin_rate: "),
        ({"sampler": {"vllm": {"max_modl_len": 99}}}, "sampler.vllm.max_modl_len: "),
        ({"sampler": {"sampling": {"temperatur": 1}}}, "sampler.sampling.temperatur: "),
    ],
)
def test_names_of_libraries_are_known_to_the_plan(say, command, section, message):
    said = say(command, "config.yaml", **section)
    assert message in said and "knows no such argument; did you mean" in said


@pytest.mark.parametrize("command", ["run", "plan"])
def test_so_are_those_of_a_server(say, command: str):
    served = {"serve": {"model": "prefloop:starter/judge", "args": {"max_modl_len": 99}}}
    said = say(command, "config.yaml", endpoints={"desk": served})
    assert "endpoints.desk.serve.args.max_modl_len: " in said


def test_not_yaml(say):
    Path("broken.yaml").write_text("name: x\npolicy: [unclosed\n")
    assert "broken.yaml, line" in say("run", "broken.yaml")


def test_an_unknown_key_names_the_nearest(say):
    assert "sampler.tempature" in say(sampler={"tempature": 1.0})
    assert "did you mean per_round?" in say(prompts={**CONFIG["prompts"], "per_rund": 3})


def test_a_wrong_type(say):
    message = say(sampler={"n": "four"})
    assert "sampler.n" in message and "'four'" in message


def test_a_prompts_file_that_is_missing_empty_or_malformed(say):
    def prompts(name: str) -> dict[str, Any]:
        return {**CONFIG["prompts"], "train": name}

    assert "prompts.train: no such file" in say(prompts=prompts("nothing.jsonl"))
    Path("empty.jsonl").write_text("\n\n")
    assert "holds no prompts" in say(prompts=prompts("empty.jsonl"))
    Path("odd.jsonl").write_text('"fine"\n{"prompt": \n')
    assert "odd.jsonl, line 2" in say(prompts=prompts("odd.jsonl"))


def test_a_model_folder_without_weights(say):
    Path("model").mkdir()
    assert "no config.json" in say(policy="./model")
    Path("model/config.json").write_text("{}")
    assert "no weights" in say(policy="./model")
    assert "no such model folder" in say(policy="./modle")


def test_a_folder_whose_name_libraries_take_for_a_pattern(say):
    says = "takes [ in {} for a pattern; choose or make a folder without *, ? and ["
    model = Path("model [v2]")
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    assert f"./model [v2]: vLLM {says.format(model.resolve())}" in say(policy="./model [v2]")
    message = say("run", "config.yaml", "--runs-dir", "runs [v2]")
    assert f"--runs-dir: vLLM {says.format(Path('runs [v2]/bad').resolve())}" in message
    prompts = {**CONFIG["prompts"], "train": {"dataset": "model [v2]"}}
    message = say(prompts=prompts)
    assert f"prompts.train.dataset: the library datasets {says.format(model.resolve())}" in message


def test_an_endpoint_that_is_down(say):
    message = say(endpoints={"desk": REMOTE})
    assert "endpoints.desk" in message and "nothing answers at http://127.0.0.1:9/v1" in message


def test_an_endpoint_that_refuses_the_key(say, endpoint, monkeypatch: pytest.MonkeyPatch):
    at = endpoint(lambda body: Raw(401))
    refused = say(endpoints={"desk": {"base_url": at.base_url, "model": "m"}})
    assert "endpoints.desk" in refused and "refused the key" in refused
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    unset = say(endpoints={"desk": {**REMOTE, "api_key_env": "NO_SUCH_KEY"}})
    assert "environment variable NO_SUCH_KEY is not set" in unset


def test_no_judge_and_nothing_served(say):
    assert "judge" in say(judge=None)
    assert "no endpoint 'desk'" in say(endpoints={})
    assert "base_url" in say(endpoints={"desk": {}})


def test_a_rubric_without_its_placeholder(say):
    Path("rubric.txt").write_text("Judge.\n===\n{prompt} {a}\n")
    message = say(judge={"endpoint": "desk", "rubrics": {"pairwise": "rubric.txt"}})
    assert "judge.rubrics.pairwise" in message and "missing placeholder {b}" in message


def judged(**given: Any) -> dict[str, Any]:
    """A judge section."""
    return {"judge": {"endpoint": "desk", **given}}


def test_criteria_that_the_rubric_does_not_name(say):
    message = say(**judged(criteria={"honesty": 1, "wit": 2}))
    assert "judge.criteria.wit: " in message and message.endswith("does not speak of wit")
    Path("mine.txt").write_text("Mind the wit and honesty.\n===\n{prompt} {a} {b}")
    rubrics = {"pairwise": "mine.txt"}
    message = say(**judged(criteria={"wit": 2}, rubrics=rubrics))
    assert "judge.criteria.wit: " in message and "criteria_pointwise.txt" in message


def test_a_strategy_that_is_unknown_or_does_not_fit(say):
    assert "did you mean screen_confirm?" in say(**judged(strategy="screen-confirm"))
    assert "pairwise compares two, sampler.n is 4" in say(**judged(strategy="pairwise"))
    assert "select: random_pair selects" in say(
        **judged(strategy="random_pair", select={"pairs": 2})
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("python:nowhere:score", "cannot load python:nowhere:score (No module named 'nowhere')"),
        ("python:json:nothing", "cannot load python:json:nothing (module 'json' has no attribute"),
        ("python:json", "expected python:module:function"),
        ("python:json:__doc__", "python:json:__doc__ is not a function"),
        ("human:people.jsonl", "no such file /"),
    ],
)
@pytest.mark.parametrize("key", ["endpoint", "appeal.endpoint", "health.second"])
def test_a_judge_that_is_no_endpoint_and_not_there(say, key: str, name: str, says: str):
    section, _, last = key.rpartition(".")
    given = {section: {last: name}} if section else {last: name, "strategy": "round_robin"}
    message = say(**judged(**given))
    assert f"judge.{key}: " in message and says in message


HUMAN = {"candidate_a": "x", "candidate_b": "y", "verdict": "a"}


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (
            "not json",
            "people.jsonl, line 2: not JSON (Expecting value: line 1 column 1 (char 0)); ",
        ),
        (json.dumps({**HUMAN, "verdict": "left"}), "line 2: expected {"),
        (json.dumps({**HUMAN, "candidate_b": "x"}), "line 2: expected {"),
        (json.dumps({"candidate_a": "x", "verdict": "a"}), "line 2: expected {"),
        (json.dumps({**HUMAN, "verdict": "b"}), "line 2: contradicts an earlier line on the two"),
    ],
)
def test_a_line_of_peoples_verdicts_that_is_wrong(say, second: str, says: str):
    Path("people.jsonl").write_text(json.dumps(HUMAN) + "\n" + second)
    message = say(**judged(endpoint="human:people.jsonl", strategy="round_robin"))
    assert says in message


GOLD = {"prompt": "Why?", "a": "yes", "b": "no", "label": "a"}


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: not a JSON object"),
        ({**GOLD, "label": "left"}, "line 2: label 'left' is none of a, b, tie"),
        ({"prompt": "Why?", "a": "yes"}, "line 2: label None is none of"),
        ({"prompt": "Why?", "chosen": "yes"}, "line 2: rejected is not a text"),
        ({**GOLD, "chosen": "x"}, "line 2: both a, b, label and chosen, rejected in it"),
        ({**GOLD, "b": "yes "}, "line 2: the two answers are the same"),
        ({"a": "yes", "b": "no", "label": "a"}, "line 2: "),
        ({**GOLD, "label": "b"}, "line 2: the same pair is labelled otherwise in line 1"),
        ({**GOLD, "prompt": "Where?", "reference": 7}, "line 2: reference is not a text"),
    ],
)
def test_a_line_of_the_gold_set_that_is_wrong(say, second: Any, says: str):
    line = second if isinstance(second, str) else json.dumps(second)
    Path("gold.jsonl").write_text(json.dumps(GOLD) + "\n" + line)
    message = say(**judged(gold={"path": "gold.jsonl"}))
    assert says in message and "expected " in message


def test_a_gold_file_that_is_missing_empty_or_no_text(say):
    gold = judged(gold={"path": "gold.jsonl"})
    assert "judge.gold.path: no such file" in say(**gold)
    Path("gold.jsonl").write_text("\n\n")
    assert "judge.gold.path: gold.jsonl holds no pairs" in say(**gold)
    Path("gold.jsonl").write_bytes(b'{"prompt": "\xff"}')
    assert "judge.gold.path: gold.jsonl is not UTF-8 text" in say(**gold)


def test_a_gold_set_too_small_for_what_is_taken_from_it(say):
    Path("gold.jsonl").write_text(json.dumps(GOLD))
    few = "gold.jsonl has 1 pairs, and {} must rest on 50 (judge.gold.min_n)"
    gold = {"path": "gold.jsonl"}
    message = say(**judged(gold=gold, tau="from_gold(0.9)"))
    assert message.endswith(few.format("tau: from_gold(0.9)"))
    smoothing = {"args": {"label_smoothing": "from_gold"}}
    message = say(**judged(gold=gold), trainer=smoothing)
    assert message.endswith(few.format("trainer.args.label_smoothing: from_gold"))


def test_a_threshold_or_a_smoothing_from_a_gold_set_that_is_not_named(say):
    assert "judge.tau: from_gold(0.9) needs judge.gold" in say(**judged(tau="from_gold(0.9)"))
    smoothing = {"args": {"label_smoothing": "from_gold"}}
    assert "trainer.args.label_smoothing: from_gold needs judge.gold" in say(trainer=smoothing)


def test_a_batch_where_there_is_no_batch_api_or_a_budget(say):
    assert "judge.batch: is for an endpoint with a Batch API" in say(**judged(batch=True))
    message = say(**judged(batch=True, budget={"calls": 9}), endpoints={"desk": REMOTE})
    assert "judge.batch: is submitted as a whole, a budget could not stop it" in message


def test_an_argument_that_chat_completions_do_not_take(say):
    def judge(name: str) -> dict[str, Any]:
        return {"endpoint": "desk", "sampling": {name: 1}}

    assert "judge.sampling.temprature" in say(judge=judge("temprature"))
    assert "goes under extra_body" in say(judge=judge("top_k"))
    assert "judge.sampling.stream is set by prefloop" in say(judge=judge("stream"))


def test_an_argument_that_vllm_does_not_know(say):
    assert "did you mean max_model_len?" in say(sampler={"vllm": {"max_modellen": 1}})
    assert "did you mean temperature?" in say(sampler={"sampling": {"temprature": 1}})
    serve = {"model": "prefloop:starter/judge", "args": {"enable_log_request": True}}
    assert "did you mean enable_log_requests?" in say(endpoints={"desk": {"serve": serve}})


def test_a_metric_that_is_not_there(say):
    assert "gate.metrics.gold" in say(gate={"metrics": {"gold": "starter.gold:nothing"}})


def test_functions_of_other_arguments_than_they_are_called_with(say):
    Path("mine.py").write_text("def score(answer):\n    return 1.0\n")
    message = say(gate={"metrics": {"short": "mine.py:score"}})
    assert "gate.metrics.short: " in message and "is called with (messages, answer)" in message
    message = say(**judged(endpoint="python:mine.py:score", strategy="round_robin"))
    assert "judge.endpoint: " in message and "is called with (prompt row, answer)" in message


EMBEDDINGS = """
import numpy
def one_text(text):
    return numpy.ones(8)
def words(texts):
    return ["vector"] * len(texts)
def ragged(texts):
    return [[1.0] * len(text) for text in texts]
def two(texts, model):
    return [[1.0]] * len(texts)
def leaves(texts):
    raise SystemExit(0)
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("one_text", "gave an array of shape (8,) for 3 texts; expected one vector for each"),
        ("words", "failed (ValueError: could not convert string to float: 'vector')"),
        ("ragged", "failed (ValueError: setting an array element with a sequence"),
        ("two", "is called with (texts): missing a required argument: 'model'"),
        ("leaves", "failed (SystemExit: 0; "),
    ],
)
def test_an_embedding_that_gives_no_vectors_is_called_once_before_anything_is_spent(
    say, name: str, says: str
):
    Path("mine.py").write_text(EMBEDDINGS)
    message = say(pairs={"semantic": {"embed": f"mine.py:{name}"}})
    assert "pairs.semantic.embed: " in message and says in message


def test_a_number_that_is_none(say):
    message = say(trainer={"args": {"max_grad_norm": float("inf")}})
    assert "config.yaml: trainer.args.max_grad_norm: inf is no finite number" in message
    message = say(sampler={"sampling": {"logit_bias": {"7": float("-inf")}}})
    assert "sampler.sampling.logit_bias.7: -inf is no finite number" in message


@pytest.mark.parametrize(
    ("trainer", "says"),
    [
        ({"args": {"eval_strategy": "steps"}}, "trainer.args.eval_strategy: needs held-out pairs"),
        (
            {"args": {"dataloader_drop_last": True, "per_device_train_batch_size": 16}},
            "trainer.args.dataloader_drop_last: a batch has 16 pairs",
        ),
    ],
)
def test_arguments_that_need_more_pairs_than_there_are_prompts(say, trainer, says: str):
    """Six prompts are left to train on."""
    assert says in say(trainer=trainer)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_runs_folder_that_is_not_writable(say):
    Path("locked").mkdir(mode=0o500)
    Path("config.yaml").write_text(yaml.safe_dump(CONFIG))
    assert "cannot be written" in say("run", "config.yaml", "--runs-dir", "locked")


def test_a_runs_folder_that_is_a_file_or_a_dead_end(say):
    Path("file").write_text("")
    assert "is a file, not a folder" in say("run", "config.yaml", "--runs-dir", "file/runs")
    assert "cannot be written" in say("run", "config.yaml", "--runs-dir", "/proc/runs")


def test_status_and_show_of_a_run_that_is_not_there(say):
    assert "no run here" in say("status", "elsewhere/nothing")
    assert "no run here" in say("show", "elsewhere/nothing", "1")


def test_an_override_without_a_value(say):
    assert "expected a.b=value" in say("run", "config.yaml", "--set", "seed")


REFUSED_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"learning_rate": "abc"}, ".learning_rate: expected a number (it is 'abc')"),
    ({"gradient_checkpointing": "perhaps"}, ".gradient_checkpointing: expected true or false"),
    ({"report_to": "wandb"}, ".report_to: WandbCallback requires wandb to be installed"),
    ({"report_to": "foo"}, ".report_to: foo is not supported"),
    ({"push_to_hub": True}, ".push_to_hub: would publish a policy that the gate has not judged"),
    ({"resume_from_checkpoint": "x"}, ".resume_from_checkpoint: is set by prefloop"),
    ({"num_train_epochs": 0}, ".num_train_epochs: 0 trains nothing"),
    ({"load_best_model_at_end": True}, ": "),
    ({"optim": "foo"}, ": "),
    ({"deepspeed": "no.json"}, ": "),
]
REFUSED_ADAPTERS: list[tuple[dict[str, Any], str]] = [
    ({"rank": 8}, "rank: peft knows no such argument"),
    ({"r": "many"}, "r: expected a number (it is 'many')"),
    ({"r": 8, "use_dora": True}, "use_dora: the policy could not be sampled: vLLM does not load"),
    ({"modules_to_save": ["lm_head"]}, "modules_to_save: the policy could not be sampled"),
    ({"bias": "all"}, "bias: the policy could not be sampled"),
    ({"r": 1024}, "r: vLLM loads no adapter of a rank above 512 (it is 1024)"),
    ({"r": 8, "rank_pattern": {"q_proj": 768}}, "rank_pattern.q_proj: vLLM loads no adapter of"),
]


@pytest.mark.slow
def test_an_unknown_or_impossible_trainer_argument(say, tmp_path: Path):
    assert "did you mean learning_rate?" in say(trainer={"args": {"learning_rat": 1e-4}})
    from trainer.arguments import lora_config, trl_config

    with pytest.raises(UserError, match=r"trainer\.args"):
        trl_config("dpo", {"save_strategy": "sometimes"}, str(tmp_path))
    for args, message in REFUSED_ARGUMENTS:
        with pytest.raises(UserError) as caught:
            trl_config("dpo", {"use_cpu": True, "bf16": False, **args}, str(tmp_path))
        assert f"trainer.args{message}" in str(caught.value)
    for lora, message in REFUSED_ADAPTERS:
        with pytest.raises(UserError) as caught:
            lora_config(lora)
        assert f"trainer.lora.{message}" in str(caught.value)
    given = {"learning_rate": "3e-4", "eval_strategy": False, "per_device_train_batch_size": "4"}
    taken = trl_config("dpo", given, str(tmp_path))
    assert taken.learning_rate == 3e-4 and taken.eval_strategy == "no"
    assert repr(taken.per_device_train_batch_size) == "4"
    assert lora_config({"r": 8, "rank_pattern": {"q_proj": 512}}).r == 8
    with pytest.raises(UserError, match=r"trainer\.lora\.rank: peft knows no such argument"):
        lora_config({"rank": 8})


def test_the_version_is_that_of_the_distribution():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"prefloop {version('prefloop')}\n")
    assert CliRunner().invoke(app, ["--help"]).stdout.count("Closed-loop preference data") == 1


def test_help_starts_without_the_heavy_packages():
    code = "import sys; from typer.testing import CliRunner; from flows.cli import app; "
    code += "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
    code += "assert not {'torch', 'vllm', 'prefect', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_cleaner_that_cannot_work(say):
    assert "pairs.language: 'german' is no language that can be told" in say(
        pairs={"language": "german"}
    )
    assert "pairs.semantic.embed: cannot load nowhere:embed" in say(
        pairs={"semantic": {"embed": "nowhere:embed"}}
    )
