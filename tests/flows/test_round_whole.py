"""Two real rounds: vLLM samples, a served judge judges, TRL trains, the gate decides."""

import json
import math
import shutil
import sqlite3
from pathlib import Path

import pytest
import torch
from datasets import load_dataset
from small_run import read_json_lines, run, two_rounds, typed
from transformers import AutoModelForCausalLM, AutoTokenizer

from rounds.files import read_json
from rounds.folder import round_dir
from rounds.ids import text_hash
from rounds.tables import read_rows, write_rows
from rounds.weights import Policy, local_policy
from trainer.train_child import build, tokens_of, training_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two rounds of the small config have run."""
    return two_rounds(tmp_path_factory)


@pytest.fixture(scope="module")
def run_dir(home: Path) -> Path:
    return home / "runs" / "small"


def test_the_command_shows_every_rounds_table_the_files_and_what_to_type_next(home: Path):
    shown = (home / "stdout.txt").read_text()
    assert shown.index("small, round 1") < shown.index("small, round 2")
    for word in (
        "candidates",
        "verdicts",
        "pairs kept",
        "gold on test: win rate",
        "seconds of start-up",
        "tokens read",
    ):
        assert word in shown
    assert "files   runs/small/rounds/0002" in shown
    assert "prefloop show runs/small 2" in shown


def test_a_home_that_cannot_be_written_and_a_long_temporary_folder_are_no_obstacle(home: Path):
    said = (home / "stderr.txt").read_text()
    assert said.startswith("the home folder cannot be written (/proc: ")
    assert f"keep their files in {home}/runs/.home" in said
    assert (home / "runs/.home/cache").is_dir()


def test_a_round_says_apart_what_it_waited_for(run_dir: Path):
    first, second = (read_json(round_dir(run_dir, number) / "metrics.json") for number in (1, 2))
    assert first["startup_seconds"].keys() == {"loading of the policy", "server of desk"}
    assert second["startup_seconds"].keys() == {"loading of the policy"}, "the server stays up"
    assert 0 < first["seconds"]["gold"] < first["startup_seconds"]["server of desk"]


def test_every_train_prompt_ends_as_one_pair_or_one_dropped_row(run_dir: Path):
    for number in (1, 2):
        folder = round_dir(run_dir, number)
        prompts = {row["prompt_id"] for row in read_rows(folder, "prompts", ["train"])}
        ended = [
            row["prompt_id"] for name in ("pairs", "dropped") for row in read_rows(folder, name)
        ]
        assert len(prompts) == 24
        assert sorted(ended) == sorted(prompts)


def test_the_training_was_tried_once_and_before_the_judge_was_asked(run_dir: Path):
    stamp = run_dir / "trial.json"
    assert read_json(stamp)["not_tried"] is None
    with sqlite3.connect(f"file:{run_dir / 'journal.sqlite'}?mode=ro", uri=True) as db:
        ((first_call,),) = db.execute("SELECT min(at) FROM answers")
    assert stamp.stat().st_mtime < first_call
    assert (run_dir / "logs" / "trial-trainer.log").stat().st_mtime < first_call, "nor in round 2"
    assert not (run_dir / "work").exists()


def test_a_repeated_prompt_is_merged_and_an_overlong_one_set_aside(home: Path, run_dir: Path):
    assert "1 duplicate prompts merged" in (home / "stderr.txt").read_text()
    folder = round_dir(run_dir, 1)
    aside = [row for row in read_rows(folder, "prompts") if row["set_aside"]]
    assert len(aside) == 1 and "the model takes 256" in aside[0]["set_aside"]
    reasons = {row["prompt_id"]: row["reason"] for row in read_rows(folder, "dropped")}
    assert reasons[aside[0]["prompt_id"]] == "not_sampled"
    assert read_json(folder / "metrics.json")["counts"]["set_aside"] == 1
    assert "1 set aside" in typed(home, "status", "runs/small").stdout


def test_a_source_of_overlong_prompts_only_is_refused(home: Path):
    lines = [json.dumps({"prompt": f"{number} is broken. " * 200}) for number in range(3)]
    (home / "long.jsonl").write_text("\n".join(lines))
    overrides = ["--set", f"prompts.train={home / 'long.jsonl'}", "--set", "name=long"]
    overrides += ["--set", "trainer=null"]
    done = run(home, "run", str(home / "small.yaml"), *overrides, status=2, own_server=False)
    assert "error: no train prompt fits" in done.stderr
    assert not (home / "runs/long/journal.sqlite").exists(), "nothing was asked"


def test_the_second_round_takes_other_prompts_and_the_promoted_policy(run_dir: Path):
    first, second = (round_dir(run_dir, number) for number in (1, 2))
    ids = [
        {row["prompt_id"] for row in read_rows(folder, "prompts", ["train"])}
        for folder in (first, second)
    ]
    assert not ids[0] & ids[1]
    trained = local_policy(first / "policy").policy_id
    assert read_json(first / "manifest.json")["in_place"]["policy_id"] == trained
    assert {row["policy_id"] for row in read_rows(second, "candidates", ["train"])} == {trained}
    assert json.loads((run_dir / "policy.json").read_text())["history"][0]["promoted"]


def test_metrics_hold_the_promised_win_rates(run_dir: Path):
    metrics = read_json(round_dir(run_dir, 2) / "metrics.json")
    rates = [
        metrics["gate"]["win_rate_vs_initial"],
        metrics["gate"]["win_rate_vs_previous"],
        metrics["custom"]["gold"]["win_rate_vs_initial"],
    ]
    for rate in rates:
        assert rate["wins"] + rate["ties"] + rate["losses"] == rate["n"]
        assert rate["strictly_better"] == rate["wins"] / rate["n"]
        assert rate["low"] <= rate["value"] <= rate["high"]
        assert rate["n"] + rate["abstained"] == 16
    assert metrics["train"]["kl_per_token"] > 0
    assert {"rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"} <= set(
        metrics["train"]["curves"][0]
    )


def test_vllm_sampled_the_weights_that_the_round_saved(run_dir: Path):
    """Round 2 sampled the policy of round 1: transformers agrees on its log-probabilities."""
    folder = round_dir(run_dir, 1) / "policy"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = {row["prompt_id"]: row for row in read_rows(round_dir(run_dir, 2), "prompts")}
    rows = read_rows(round_dir(run_dir, 2), "candidates", ["train"])
    assert len(rows) == 24 * 4
    for row in rows:
        prompt = tokenizer.apply_chat_template(
            prompts[row["prompt_id"]]["messages"], add_generation_prompt=True, return_dict=False
        )
        ids = torch.tensor([prompt + row["token_ids"]])
        with torch.no_grad():
            logprobs = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logprobs.gather(1, ids[0, len(prompt) :, None]).sum().item()
        assert math.isclose(row["logprob"], expected, abs_tol=1e-3)


@pytest.fixture(scope="module")
def trainer(run_dir: Path, tmp_path_factory: pytest.TempPathFactory):
    """TRL's trainer as the child builds it: round 2's policy against the first as reference."""
    initial = Policy(**read_json(run_dir / "policy.json")["initial"])
    job = {
        "policy": local_policy(round_dir(run_dir, 2) / "policy")._asdict(),
        "method": "dpo",
        "reference": initial._asdict(),
        "args": {"per_device_train_batch_size": 8, "beta": 0.2, "gradient_checkpointing": False},
        "lora": None,
    }
    rows = [row for number in (1, 2) for row in training_rows(round_dir(run_dir, number))]
    ready = tokens_of(job, rows, []).train
    return build(job, ready, [], tmp_path_factory.mktemp("trainer")), rows


def test_the_tokens_trained_on_are_the_tokens_sampled(run_dir: Path, trainer):
    prepared, rows = trainer[0].train_dataset, trainer[1]
    assert len(prepared) == len(rows) >= 30
    end = trainer[0].processing_class.eos_token_id
    for ready, row in zip(prepared, rows, strict=True):
        for side in ("chosen", "rejected"):
            assert row[f"{side}_token_ids"][-1] == end
            assert ready[f"{side}_ids"] == row[f"{side}_token_ids"]
        assert ready["prompt_ids"] == row["prompt_token_ids"] is not None


def test_trls_loss_is_the_dpo_loss_of_the_two_models(trainer):
    dpo, _ = trainer
    batch = next(iter(dpo.get_train_dataloader()))
    model = dpo.model.eval()
    with torch.no_grad():
        loss = dpo.compute_loss(model, dict(batch))
        policy, reference = (logps(each, batch) for each in (model, dpo.ref_model))
    half = len(policy) // 2  # TRL's batch is [chosen, rejected]
    margins = (policy - reference)[:half] - (policy - reference)[half:]
    expected = -torch.nn.functional.logsigmoid(0.2 * margins).mean()
    assert abs(expected.item() - math.log(2)) > 1e-3, "the two models must differ"
    assert torch.isclose(loss, expected, atol=1e-5)


def logps(model, batch) -> torch.Tensor:
    """Summed log-probability of the completion tokens of every sequence."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    logprobs = logits[:, :-1].log_softmax(-1)
    chosen = logprobs.gather(2, batch["input_ids"][:, 1:, None]).squeeze(2)
    return (chosen * batch["completion_mask"][:, 1:]).sum(1)


def test_the_run_folder_is_a_dataset(run_dir: Path):
    pairs = load_dataset(str(run_dir), "pairs", split="round_0001+round_0002")
    assert pairs.column_names[:7] == [
        "pair_id", "prompt_id", "round", "prompt", "chosen", "rejected", "chosen_id",
    ]  # fmt: skip
    assert set(pairs["round"]) == {1, 2}
    verdicts = load_dataset(str(run_dir), "verdicts", split="round_0001")
    assert set(verdicts["split"]) == {"train", "gate", "test", "gold", "health"}


def test_show_traces_a_pair_to_its_verdicts_and_losers(home: Path):
    shown = read_json_lines(typed(home, "show", "runs/small", "1", "--json").stdout)
    assert shown
    for row in shown:
        assert len(row["candidates"]) == 2
        assert len(row["candidates"]) + len(row["other_candidates"]) == 4
        pairwise = [each for each in row["verdicts"] if each["kind"] == "pairwise"]
        assert {each["shown_first"] for each in pairwise} == {"a", "b"}
        winners = {"a": pairwise[0]["candidate_a"], "b": pairwise[0]["candidate_b"]}
        assert {winners[each["outcome"]] for each in pairwise} == {row["chosen_id"]}
    page = typed(home, "show", "runs/small", "1", "--pair", shown[0]["pair_id"][:8]).stdout
    assert shown[0]["chosen"][0]["content"] in page
    dropped = typed(home, "show", "runs/small", "1", "--dropped").stdout
    assert "dropped:" in dropped or "nothing to show" in dropped


def test_status_knows_every_round(home: Path):
    found = json.loads(typed(home, "status", "runs/small", "--json").stdout)
    assert [each["round"] for each in found["rounds"]] == [1, 2]
    assert found["under_way"] is None
    assert "round 2" in typed(home, "status", "runs/small").stdout


def test_the_plan_knows_what_is_left(home: Path):
    """60 prompts, for one more is a test prompt but for a word: a third round takes the last 12."""
    planned = typed(home, "plan", str(home / "small.yaml")).stdout
    assert "12 of 12 left" in planned


def test_verify_passes_and_a_text_that_the_policy_did_not_write_is_found(
    home: Path, run_dir: Path, tmp_path: Path
):
    assert "FAILED" not in typed(home, "verify", "runs/small").stdout
    forged = tmp_path / "small"
    shutil.copytree(run_dir, forged)
    folder = round_dir(forged, 2)
    rows = read_rows(folder, "candidates")
    row = next(one for one in rows if one["split"] == "train")
    row |= {"text": "I would not know.", "text_hash": text_hash("I would not know.")}
    write_rows(folder, "candidates", rows)
    said = json.loads(
        run(home, "verify", str(forged), "2", "--resample", "1", "--json", status=1).stdout
    )
    drawn = next(one for one in said["checks"] if one["name"] == "drawn again")
    assert drawn["n"] == sum(one["split"] == "train" for one in rows)
    assert [fault["row"] for fault in drawn["faults"]] == [row["candidate_id"]]
