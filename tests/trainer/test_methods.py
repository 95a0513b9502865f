"""Every way of training: a real training by TRL on ids that were sampled, saved and trained on."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from builders import begun, candidate_row, prompt_row, scored
from killing import forked
from replays import pair_row, round_of
from safetensors.torch import load_file

import trainer.stage
from rounds.errors import UserError
from rounds.rows import PAIRS, VERDICTS
from rounds.settings import locate
from rounds.tables import write_rows
from rounds.weights import Policy, local_policy
from texts.leaks import LeakLimits
from trainer.answers import answer_rows, judged_answers
from trainer.arguments import trl_config
from trainer.config import TrainerConfig
from trainer.enough import nothing_to_train
from trainer.stage import train
from trainer.taught_config import ScoreLines
from trainer.train_child import watched

pytestmark = pytest.mark.slow

FIRST = local_policy(locate("prefloop:starter/policy"))
LORA = {"r": 4, "target_modules": "all-linear"}
ARGS = {
    "learning_rate": 1e-3,
    "num_train_epochs": 1,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 2,
    "gradient_checkpointing": False,
    "logging_steps": 1,
    "save_steps": 1,
}
METHODS: dict[str, dict[str, Any]] = {
    "dpo": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.2]},
    "kto": {},
    "orpo": {},
    "cpo": {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.0},
    "sft": {},
}
STEPS = {"dpo": 3, "kto": 6, "orpo": 3, "cpo": 3, "sft": 3}
"""Of six pairs in batches of two; KTO has an answer of each side by itself."""


@pytest.fixture(scope="module", autouse=True)
def trl() -> None:
    """Imported once, with one thread: the trainings are forks."""
    torch.set_num_threads(1)
    import trainer.methods.cpo
    import trainer.methods.kto
    import trainer.methods.orpo
    import trainer.methods.sft
    import trainer.train_child  # noqa: F401


def trained(
    run_dir: Path,
    method: str,
    policy: Policy = FIRST,
    kill: dict[str, Any] | None = None,
    **given: Any,
) -> dict[str, Any]:
    """The facts of a training on eight pairs, of which two are held out."""
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    args = {**ARGS, **METHODS[method], **given.pop("args", {})}
    config = TrainerConfig(method=method, args=args, held_out_pairs=0.25, **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(kill))
        if kill is not None:
            with pytest.raises(ChildProcessError, match="status 9"):
                train(folder, config, policy, FIRST, 0)
            return {}
        return train(folder, config, policy, FIRST, 0)[1]


def tensors(run_dir: Path) -> dict[str, torch.Tensor]:
    files = sorted((run_dir / "rounds" / "0001" / "policy").glob("*.safetensors"))
    return {name: tensor for path in files for name, tensor in load_file(path).items()}


@pytest.mark.parametrize("method", METHODS)
def test_a_round_is_trained(tmp_path: Path, method: str):
    facts = trained(tmp_path / "run", method)
    assert (facts["steps"], facts["pairs"], facts["held_out_pairs"]) == (STEPS[method], 6, 2)
    assert facts["not_measured"] == {} and facts["kl_per_token"] > 0
    assert facts["held_out"]["loss"] > 0 or method == "dpo"
    assert ("held_out_accuracy" in facts) == (method not in ("kto", "sft"))
    assert facts["held_out_n"] == (4 if method == "kto" else 2)
    rewards = {name for name in facts["curves"][0] if name.startswith("rewards/")}
    assert bool(rewards) == (method != "sft")
    before = load_file(Path(FIRST.model) / "model.safetensors")
    after = tensors(tmp_path / "run")
    assert after.keys() == before.keys()
    assert any(not torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("method", ["kto", "orpo", "cpo", "sft"])
def test_an_adapter_is_trained_and_trained_further_and_a_kill_costs_no_weight(
    tmp_path: Path, method: str
):
    trained(tmp_path / "first", method, lora=LORA)
    adapter = local_policy(Path(FIRST.model), tmp_path / "first" / "rounds" / "0001" / "policy")
    facts = trained(tmp_path / "whole", method, adapter, lora=LORA)
    assert facts["not_measured"] == {} and facts["kl_per_token"] > 0
    trained(tmp_path / "killed", method, adapter, kill={"after": 2}, lora=LORA)
    again = trained(tmp_path / "killed", method, adapter, lora=LORA)
    whole, ended = tensors(tmp_path / "whole"), tensors(tmp_path / "killed")
    assert whole.keys() == ended.keys()
    assert all(torch.equal(whole[name], ended[name]) for name in whole)
    assert again == facts


@pytest.mark.parametrize("method", ["kto", "sft", "cpo"])
def test_full_weights_go_on_from_a_checkpoint(tmp_path: Path, method: str):
    facts = trained(tmp_path / "whole", method)
    trained(tmp_path / "killed", method, kill={"after": 1})
    assert trained(tmp_path / "killed", method) == facts
    whole, ended = tensors(tmp_path / "whole"), tensors(tmp_path / "killed")
    assert all(torch.equal(whole[name], ended[name]) for name in whole)


HELD_OUT_PROMPT = (
    "Which of the rivers that rise in the high mountains of the north carries the most water to "
    "the southern sea in a year without any rain at all?"
)


def test_kto_learns_from_single_answers_by_their_score(tmp_path: Path):
    """Beyond the lines, whole, clean and of train prompts; the pairs are not trained on."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for place in range(4):
        prompt = prompt_row(f"question {place}")
        texts = ("good", "fair", "bad", "cut", "odd <|im_end|>", f"You ask: {HELD_OUT_PROMPT}")
        answers = [candidate_row(prompt, text, index) for index, text in enumerate(texts)]
        answers = [row | {"token_ids": [1, row["index"] + 5]} for row in answers]
        answers[3] |= {"finish_reason": "length"}
        tables["prompts"].append(prompt)
        tables["candidates"] += answers
        tables["verdicts"] += [
            scored(row, score) for row, score in zip(answers, (9, 5, 2, 1, 1, 9), strict=True)
        ]
        test = scored(answers[1], 9) | {"purpose": "canary", "verdict_id": f"{place}"}
        tables["verdicts"].append(test)
    asked = prompt_row(HELD_OUT_PROMPT, "gate")
    pair, sides = pair_row("of a pair")
    tables = {
        name: rows + more
        for (name, rows), more in zip(tables.items(), ([asked], sides, []), strict=True)
    }
    folder = begun(tmp_path / "run", 1, **tables, pairs=[pair])
    config = TrainerConfig(
        method="kto", kto={"above": 7, "below": 3}, args=ARGS, held_out_pairs=0.25
    )
    judged = judged_answers(folder, ScoreLines(above=7, below=3), LeakLimits())
    assert judged.facts == {
        "desirable": 4,
        "undesirable": 4,
        "between": 4,
        "left_out": {"chat_tokens": 4, "cut_off": 4, "held_out_overlap": 4},
    }
    text_of = {row["candidate_id"]: row["text"] for row in tables["candidates"]}
    told = {(text_of[name], desirable) for name, desirable in judged.labels}
    assert told == {("good", True), ("bad", False)}
    trained_on = answer_rows(folder, judged.labels)
    assert {(row["chosen"][0]["content"], row["label"]) for row in trained_on} == told
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(None))
        _, facts = train(folder, config, FIRST, FIRST, 0)
    assert facts["answers"] == judged.facts and facts["not_measured"] == {}
    assert (facts["pairs"], facts["steps"], facts["held_out_n"]) == (6, 3, 2)
    assert {"rewards/chosen", "rewards/rejected"} & set(facts["curves"][0])
    write_rows(folder, PAIRS, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(None))
        _, without = train(folder, config, FIRST, FIRST, 0)
    assert (without["pairs"], without["answers"]) == (6, judged.facts), "they need no pair"
    write_rows(folder, PAIRS, [pair])
    write_rows(folder, VERDICTS, [scored(tables["candidates"][0], 9)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(None))
        _, by_pair = train(folder, config, FIRST, FIRST, 0)
    assert by_pair["pairs"] == 1 and "answers" not in by_pair
    assert by_pair["adjusted"][-1].startswith("on the pairs: 1 answers scored beyond a line")


@pytest.mark.parametrize(
    ("method", "kto", "kept", "answers", "said"),
    [
        ("kto", True, 0, 2, None),
        ("kto", True, 1, 0, None),
        ("kto", True, 0, 1, "no pair was kept, and 1 answers scored beyond a line of trainer.kto"),
        ("kto", False, 0, 9, "no pair was kept"),
        ("dpo", False, 0, 9, "no pair was kept"),
        ("openai", False, 9, 9, "9 pairs were kept, and a fine-tuning job takes 10 at least"),
        ("openai", False, 10, 0, None),
    ],
)
def test_what_a_round_must_have_to_be_trained(method, kto, kept, answers, said):
    lines = {"above": 7, "below": 3} if kto else None
    why = nothing_to_train(TrainerConfig(method=method, kto=lines), kept, answers)
    assert (why is None) if said is None else str(why).startswith(said)
    assert nothing_to_train(None, 9, 9) == "trainer is null"


@pytest.mark.parametrize(("method", "said"), [("kto", "desirable_weight"), ("dpo", "loss_weights")])
def test_chosen_answers_that_fell_have_a_remedy_of_the_method(tmp_path: Path, method: str, said):
    args = trl_config(method, {"beta": 0.1}, str(tmp_path))
    rows: Any = [{"chosen_ids": [1, 2]}]
    facts = watched(SimpleNamespace(args=args), [{"rewards/chosen": -1.0}], rows)
    assert said in facts["warnings"][0]


def test_kto_rows_are_in_an_order_by_hash_and_each_batch_lends_its_answers():
    from types import SimpleNamespace

    from trainer.methods.kto import rows

    pairs = [
        {"prompt_ids": [n], "chosen_ids": [n, 1], "rejected_ids": [n, 0], "pair_id": f"p{n}"}
        for n in range(4)
    ]
    config = SimpleNamespace(per_device_train_batch_size=7, seed=0, loss_type="kto")
    made = rows([*pairs, pairs[0] | {"label": False, "pair_id": "single"}], config)
    told = sorted((*row["completion_ids"], row["label"]) for row in made)
    assert told == sorted(
        [(0, 1, False), *((n, 1, True) for n in range(4)), *((n, 0, False) for n in range(4))]
    )
    for first in (0, 7):
        batch = made[first : first + 7]
        answers = [row["completion_ids"] for row in batch]
        lent = [row["KL_completion_ids"] for row in batch]
        assert lent == [answers[-1], *answers[:-1]], "as TRL's own preparation lends them"
    last = rows(pairs, config)[7:]
    assert [row["KL_completion_ids"] for row in last] == [rows(pairs, config)[6]["completion_ids"]]
    assert rows(pairs, config) == rows(pairs, config)
    other = SimpleNamespace(per_device_train_batch_size=7, seed=1, loss_type="apo_zero_unpaired")
    assert rows(pairs, other)[0].keys() == {"prompt_ids", "completion_ids", "label"}


def test_sft_trains_on_each_chosen_answer_once():
    from types import SimpleNamespace

    from trainer.methods.sft import rows

    pair = {"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4], "pair_id": "p"}
    again = pair | {"rejected_ids": [5]}
    config = SimpleNamespace(completion_only_loss=None)
    assert rows([pair, again], config) == [{"input_ids": [1, 2, 3], "labels": [-100, -100, 3]}]
    config.completion_only_loss = False
    assert rows([pair], config) == [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}]


LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot"),
    *("aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
)


def test_every_loss_of_dpo_trains_and_so_does_a_mix(tmp_path: Path):
    from trainer.build import build
    from trainer.rows import training_rows
    from trainer.train_child import tokens_of

    policy = FIRST._asdict()
    from trainer.methods.dpo import SMOOTHED

    args = {**ARGS, "max_steps": 1, "save_strategy": "no"}
    job = {"method": "dpo", "policy": policy, "reference": policy, "args": args, "lora": None}
    rows = tokens_of(job, training_rows(round_of(tmp_path / "run", 1, 2)), []).train
    mix = {"loss_type": ["apo_zero", "sft"], "loss_weights": [1.0, 0.5]}
    smoothed = ({"loss_type": name, "label_smoothing": 0.1} for name in SMOOTHED)
    for given in (
        *({"loss_type": name} for name in LOSSES if name not in SMOOTHED),
        *smoothed,
        mix,
    ):
        made = build({**job, "args": {**args, **given}}, rows, [], tmp_path / "out")
        before = {name: value.clone() for name, value in made.model.named_parameters()}
        assert made.train().training_loss == pytest.approx(made.state.log_history[0]["loss"])
        after = dict(made.model.named_parameters())
        assert any(not torch.equal(before[name], after[name]) for name in before), given


@pytest.mark.parametrize(
    ("method", "args", "says"),
    [
        ("kto", {"per_device_train_batch_size": 1}, "per_device_train_batch_size: KTO estimates"),
        ("kto", {"train_sampling_strategy": "random"}, "train_sampling_strategy: KTO estimates"),
        ("kto", {"loss_type": "bco"}, "loss_type: TRL's KTOConfig takes kto, apo_zero_unpaired"),
        (
            "cpo",
            {"loss_type": "foo"},
            "loss_type: TRL's CPOConfig takes sigmoid, hinge, ipo, simpo",
        ),
        ("cpo", {"generate_during_eval": True}, "generate_during_eval: would generate"),
        ("sft", {"packing": True}, "packing: would cut answers"),
        ("sft", {"eval_packing": True}, "eval_packing: would cut answers"),
        ("sft", {"assistant_only_loss": True}, "assistant_only_loss: is for conversations"),
        ("orpo", {"beta": "much"}, "beta: expected a number (it is 'much')"),
        (
            "dpo",
            {"loss_type": ["sigmoid", "sft"], "loss_weights": [1, -1]},
            "loss_weights: below 0",
        ),
        *((method, {"beta": -0.1}, "beta: below 0 it teaches") for method in ("dpo", "kto", "cpo")),
        ("kto", {"desirable_weight": -1}, "desirable_weight: below 0"),
        ("dpo", {"loss_type": "robust", "label_smoothing": 0.5}, "label_smoothing: the share of"),
        ("cpo", {"label_smoothing": 0.9}, "label_smoothing: the share of"),
        ("dpo", {"label_smoothing": 0.1}, "label_smoothing: loss_type sigmoid does not read it"),
        ("kto", {"loss_type": ["kto"]}, "loss_type: expected one text (it is ['kto'])"),
    ],
)
def test_what_a_method_cannot_do_is_refused(
    tmp_path: Path, method: str, args: dict[str, Any], says: str
):
    from trainer.arguments import trl_config

    with pytest.raises(UserError) as caught:
        trl_config(method, args, str(tmp_path))
    assert str(caught.value).startswith(f"trainer.args.{says}")


@pytest.mark.parametrize("version", [1, 2])
def test_what_the_docs_say_of_fsdp_is_taken(tmp_path: Path, version: int):
    from trainer.arguments import trl_config

    sharded = {"version": version, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP"}
    taken = trl_config("dpo", {"fsdp": True, "fsdp_config": sharded}, str(tmp_path))
    assert taken.fsdp_plugin_args["fsdp_version"] == version
    with pytest.raises(UserError, match=r"trainer\.args\.fsdp: expected one text"):
        trl_config("dpo", {"fsdp": False, "fsdp_config": sharded}, str(tmp_path))


def test_weights_are_loaded_and_no_code_with_them(monkeypatch: pytest.MonkeyPatch):
    import trainer.build

    given: list[dict[str, Any]] = []

    def from_pretrained(model: str, **named: Any) -> Any:
        given.append(named)
        raise FileNotFoundError

    monkeypatch.setattr(
        trainer.build.AutoModelForCausalLM, "from_pretrained", staticmethod(from_pretrained)
    )
    for asked in ({}, {"dtype": "bfloat16"}):
        with pytest.raises(FileNotFoundError):
            trainer.build.load(FIRST, asked, True)
    assert [(one["trust_remote_code"], one["use_safetensors"]) for one in given] == [
        (False, True)
    ] * 2
