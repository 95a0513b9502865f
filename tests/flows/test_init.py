"""`prefloop init`: flags or answers to a config that the loader takes, with notes."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from flows import init_cli
from flows.cli import app
from flows.init_config import context_of, held_out, is_dataset
from flows.load import load_config

HOSTED = ["--judge-url", "https://host/v1", "--judge-model", "big"]
POLICY = ["--policy", "org/small"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(100)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    return tmp_path


def typed(*words: str, answers: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["init", *words], input=answers)


def refusal(*words: str) -> str:
    done = typed(*words)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1, done.output
    return done.stderr


@pytest.fixture
def someone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(init_cli, "terminal", lambda: True)


def test_flags_alone_make_a_config(folder: Path):
    words = [*POLICY, *HOSTED, "--judge-key-env", "MY_KEY", "--gpu", "--rounds", "3"]
    done = typed("nightly.yaml", *words, "--cron", "0 2 * * *")
    assert done.exit_code == 0, done.output
    config = load_config("nightly.yaml")
    assert (config.name, config.policy.model) == ("nightly", "org/small")
    judge = config.endpoints["judge"]
    assert (judge.base_url, judge.model, judge.api_key_env) == ("https://host/v1", "big", "MY_KEY")
    assert (config.prompts.gate, config.prompts.test, config.prompts.per_round) == (25, 25, 16)
    assert config.trainer is not None and config.trainer.lora is not None
    assert config.sampler.vllm == {"gpu_memory_utilization": 0.85, "max_model_len": 4096}
    assert "export MY_KEY=..." in done.stdout
    assert "prefloop deploy nightly.yaml --cron '0 2 * * *' --rounds 3" in done.stdout
    text = Path("nightly.yaml").read_text()
    assert "#   prefloop judge check nightly.yaml" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_not_there_is_said_and_so_are_models_with_needs_of_their_own(folder: Path):
    away = str(folder / "nowhere")
    done = typed("a.yaml", "--policy", away, "--judge-serve", "prefloop:starter/judge", "--cpu")
    assert done.exit_code == 0, done.output
    first = [line for line in done.stdout.splitlines() if line.startswith("first")]
    assert first == [
        f"first    {away} has to be there: it was not found",
        "first    prefloop:starter/judge wants the rubrics, lengths and learning rate of "
        "examples/starter.yaml: copy that file instead",
    ]


def test_a_name_that_no_folder_can_have_is_refused(folder: Path):
    assert "--name: 'a/b' is no folder name" in refusal(*POLICY, *HOSTED, "--name", "a/b")


def test_a_judge_served_beside_the_policy_shares_the_gpu(folder: Path):
    assert typed("x.yaml", *POLICY, "--judge-serve", "org/judge", "--gpu").exit_code == 0
    tree = yaml.safe_load(Path("x.yaml").read_text())
    served = tree["endpoints"]["judge"]["serve"]
    assert served["model"] == "org/judge" and served["args"]["gpu_memory_utilization"] == 0.5
    assert tree["sampler"]["vllm"]["gpu_memory_utilization"] == 0.35


def test_shipped_models_and_a_cpu(folder: Path):
    shipped = ["--policy", "prefloop:starter/policy", "--judge-serve", "prefloop:starter/judge"]
    assert typed("x.yaml", *shipped, "--cpu", "--training", "full").exit_code == 0
    config = load_config("x.yaml")
    assert config.sampler.vllm["max_model_len"] == 1024 and config.trainer is not None
    assert config.trainer.lora is None
    assert config.sampler.vllm["dtype"] == "float32"
    assert typed("none.yaml", *shipped, "--training", "none").exit_code == 0
    assert load_config("none.yaml").trainer is None


def test_answers_on_a_terminal(folder: Path, someone):
    given = [
        "",
        "org/small",
        "",
        "https://host/v1",
        "big",
        "sk-secret-key",
        "MY_KEY",
        "lora",
        "daily",
    ]
    done = typed("mine.yaml", answers="\n".join([*given, "0 2 * * *", ""]))
    assert done.exit_code == 0, done.output
    assert "expected the NAME of an environment variable" in done.output  # and was asked again
    assert "'daily' is no schedule" in done.output
    config = load_config("mine.yaml")
    assert (config.name, config.endpoints["judge"].api_key_env) == ("mine", "MY_KEY")
    assert "sk-secret" not in Path("mine.yaml").read_text()


def test_a_model_instead_of_a_url_is_served_and_has_no_key(folder: Path, someone):
    given = ["", "org/small", "", "localhost:8000/v1", "org/judge", "none", ""]
    done = typed("mine.yaml", answers="\n".join([*given, ""]))
    assert done.exit_code == 0, done.output
    assert "an address begins with http:// or https://" in done.output
    assert load_config("mine.yaml").endpoints["judge"].serve is not None


def test_flags_are_not_asked_for_again(folder: Path, someone):
    words = ["--name", "n", *POLICY, *HOSTED, "--prompts", "prompts.jsonl"]
    rest = ["--judge-key-env", "", "--training", "lora", "--cron", ""]
    assert typed("mine.yaml", *words, *rest, answers="").exit_code == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "give --policy, --judge-url with --judge-model, or --judge-serve"),
        ([*POLICY, "--judge-url", "http://host/v1"], "give --judge-model"),
        ([*POLICY, *HOSTED, "--training", "qlora"], "'qlora' is none of lora, full, none"),
        ([*POLICY, *HOSTED, "--judge-key-env", "sk-123"], "expected the NAME of an environment"),
        ([*POLICY, *HOSTED, "--cron", "nightly"], "'nightly' is no schedule"),
        ([*POLICY, *HOSTED, "--name", "a b"], "name: 'a b' is no folder name"),
        ([*POLICY, *HOSTED, "--prompts", "bad.jsonl"], "bad.jsonl, line 1"),
    ],
)
def test_what_is_missing_or_wrong_is_one_message_and_leaves_nothing(
    folder: Path, words: list[str], why: str
):
    (folder / "bad.jsonl").write_text('{"question mark": 1}\n')
    message = refusal("x.yaml", *words)
    assert why in message and "sk-123" not in message
    assert not (folder / "x.yaml").exists()


def test_a_file_that_is_there_stays(folder: Path):
    (folder / "mine.yaml").write_text("name: old\n")
    assert "mine.yaml: is there already" in refusal("mine.yaml", *POLICY, *HOSTED)
    assert (folder / "mine.yaml").read_text() == "name: old\n"


def test_prompts_that_are_not_there_yet_are_said(folder: Path):
    done = typed("x.yaml", *POLICY, *HOSTED, "--prompts", "later.jsonl")
    assert done.exit_code == 0 and "later.jsonl has to be there" in done.stdout
    assert load_config("x.yaml").prompts.gate == 200


def test_a_dataset_is_told_from_a_file(folder: Path):
    assert typed("x.yaml", *POLICY, *HOSTED, "--prompts", "org/set").exit_code == 0
    assert load_config("x.yaml").prompts.train[0].dataset == "org/set"
    assert is_dataset("org/set")
    for name in ("a/b.jsonl", "prompts.jsonl", "./a/b", "/a/b", "prefloop:prompts/x"):
        assert not is_dataset(name)


@pytest.mark.parametrize(
    ("count", "held", "dealt"), [(None, 200, 256), (10, 2, 2), (5000, 200, 256)]
)
def test_what_is_held_out_follows_from_how_many_there_are(count, held, dealt):
    assert held_out(count) == (held, dealt)


def test_a_models_context_is_read_where_it_lies_here(tmp_path: Path):
    assert context_of("prefloop:starter/policy") == 1024
    assert context_of("org/model") == 4096 and context_of("org/model", 8192) == 8192
    (tmp_path / "config.json").write_text("[]")
    assert context_of(str(tmp_path)) == 4096


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", {"COMP_WORDS": "prefloop in", "COMP_CWORD": "1"})]
)
def test_the_shell_completes_commands(shell: str, words: dict[str, str]):
    env: dict[str, str | None] = {**words, "_PREFLOOP_COMPLETE": f"complete_{shell}"}
    done = CliRunner(env=env).invoke(app, [], prog_name="prefloop")
    assert done.stdout.split() == ["init", "inspect"]
