"""The ids that are trained on, for tokenizers with the traits of well-known models."""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, prompt_row, user
from policies import (
    GEMMA,
    GPT2,
    LLAMA,
    OWN_TEMPLATE,
    PHI,
    QWEN,
    T5,
    TRAITS,
    tokenizer_of,
    write_policy,
)
from replays import pair_row

from rounds.answer_ids import answer_ids
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.rows import Candidate
from rounds.tokenizers import Spelling, end_ids, policy_tokenizer, rendered_prompt, spelling_of
from rounds.weights import Policy
from trainer.check import check_ids
from trainer.rows import TrainingRow, training_rows
from trainer.tokens import length_limit, token_row, tokenised

ASKED = user("My lamp is broken.")
ANSWER = "Try another bulb."


def spelled(name: str) -> Spelling:
    trait = TRAITS[name]
    tokenizer = tokenizer_of(trait)
    return Spelling(tokenizer, sorted(tokenizer.convert_tokens_to_ids(trait.ends)))


def row(**given: Any) -> TrainingRow:
    return {
        "prompt": ASKED,
        "chosen": [{"role": "assistant", "content": ANSWER}],
        "rejected": [{"role": "assistant", "content": "Why?"}],
        "prompt_token_ids": None,
        "chosen_token_ids": None,
        "rejected_token_ids": None,
        "cut": [],
        "prompts_differ": False,
        "prompt_id": "p",
        "pair_id": "pair",
        "extra": False,
        **given,
    }


@pytest.mark.parametrize("name", TRAITS)
def test_what_was_sampled_is_trained_on_and_nothing_else(name: str):
    """Whatever ended the answers: an end of turn, another end, or a stop string and so none."""
    spelling = spelled(name)
    end = spelling.tokenizer.convert_tokens_to_ids(TRAITS[name].end_of_turn)
    prompt, other = rendered_prompt(spelling.tokenizer, ASKED), spelling.ends[-1]
    for chosen, rejected in (([70, 71, end], [72, other]), ([70, 71], [72])):
        ids = {"prompt_token_ids": prompt, "chosen_token_ids": chosen}
        ready = token_row(spelling, row(**ids, rejected_token_ids=rejected))
        assert (ready["prompt_ids"], ready["chosen_ids"]) == (prompt, chosen)
        assert ready["rejected_ids"] == rejected


@pytest.mark.parametrize("name", TRAITS)
def test_an_answer_that_nobody_sampled_ends_with_the_templates_own_end_of_turn(name: str):
    spelling = spelled(name)
    tokenizer, end = spelling.tokenizer, TRAITS[name].end_of_turn
    prompt = rendered_prompt(tokenizer, ASKED)
    ready = token_row(spelling, row(prompt_token_ids=prompt))
    said = tokenizer.decode(ready["chosen_ids"])
    thinking = "<think>\n\n</think>\n\n" if name == "qwen" else ""
    assert said.strip() == f"{thinking}{ANSWER}{end}"
    assert ready["prompt_ids"] == prompt
    assert [token in spelling.ends for token in ready["chosen_ids"]].index(True) == (
        len(ready["chosen_ids"]) - 1
    ), "one end of turn, and nothing after it"


def test_a_dated_prompt_is_trained_on_as_it_was_sampled_and_an_imported_answer_follows_it():
    spelling = spelled("llama")
    sampled = rendered_prompt(spelling.tokenizer, ASKED)
    assert sampled != rendered_prompt(spelling.tokenizer, ASKED), "the template has the time"
    ready = token_row(spelling, row(prompt_token_ids=sampled, chosen_token_ids=[70, 3]))
    assert ready["prompt_ids"] == sampled
    assert spelling.tokenizer.decode(ready["rejected_ids"]) == "Why?<|eot_id|>"


def test_a_text_that_ends_inside_a_token_has_no_end_of_turn():
    spelling = spelled("phi")
    ready = token_row(spelling, row(prompt_token_ids=[1], rejected_token_ids=[70], cut=["chosen"]))
    assert spelling.tokenizer.decode(ready["chosen_ids"]) == ANSWER
    assert ready["rejected_ids"] == [70]


def test_a_template_that_refuses_or_wants_turns_to_alternate_names_the_pair():
    system = [{"role": "system", "content": "Be brief."}, *ASKED]
    for name, said in (("gemma", "System role not supported"), ("mistral", "must alternate")):
        with pytest.raises(UserError, match=rf"pair pair: the policy's chat template .*{said}"):
            tokenised(spelled(name), [row(prompt=system)], [], float("inf"))


def test_earlier_turns_are_rendered_as_the_template_does():
    """Qwen3 strips the thinking of earlier turns: the prompt is the template's, not the text."""
    spelling = spelled("qwen")
    said = {"role": "assistant", "content": "<think>hm</think>Yes."}
    asked = [*ASKED, said, *ASKED]
    prompt = rendered_prompt(spelling.tokenizer, asked)
    assert "hm" not in spelling.tokenizer.decode(prompt)
    ids = answer_ids(spelling, asked, prompt, ANSWER)
    assert spelling.tokenizer.decode(ids).endswith(f"{ANSWER}<|im_end|>")


def test_the_longest_row_decides_and_a_limit_drops_pairs_whole():
    spelling = spelled("phi")
    long = row(pair_id="long", chosen_token_ids=[70] * 2000)
    prompt = len(rendered_prompt(spelling.tokenizer, ASKED))
    kept, _, facts = tokenised(spelling, [row(), long], [], length_limit({}, None))
    assert len(kept) == 2 and len(kept[1]["chosen_ids"]) == 2000, "TRL would cut at 1024"
    assert facts["too_long"] == {"pairs": 0, "first": []}
    limit = length_limit({"max_length": 4096}, 1024)
    assert limit == 1024, "the model takes no more"
    kept, aside, facts = tokenised(spelling, [row(), long], [row(), long], limit)
    assert [one["pair_id"] for one in [*kept, *aside]] == ["pair", "pair"]
    assert facts["too_long"] == {"pairs": 2, "first": ["long", "long"]}
    exactly = row(chosen_token_ids=[70] * 9, rejected_token_ids=[70])
    assert tokenised(spelling, [exactly], [], prompt + 9).train
    with pytest.raises(UserError, match=r"max_length: every pair has more than \d+ tokens"):
        tokenised(spelling, [exactly], [], prompt + 8)


def test_a_pair_takes_the_prompt_of_the_side_that_was_sampled(run_dir: Path):
    pair, sides = pair_row("Why?")
    better, worse = sides

    def made(number: int, chosen: list[int] | None, rejected: list[int] | None) -> TrainingRow:
        rows: list[Candidate] = [
            better | {"prompt_token_ids": chosen, "token_ids": [5] if chosen else None},
            worse | {"prompt_token_ids": rejected, "token_ids": None},
        ]
        folder = begun(run_dir, number, pairs=[pair | {"round": number}], candidates=rows)
        return training_rows(folder)[0]

    written = made(1, [1, 2], None)
    assert written["prompt_token_ids"] == [1, 2] and written["cut"] == []
    inside = made(2, [1, 2], [1, 2])
    assert inside["cut"] == ["rejected"] and not inside["prompts_differ"]
    two_days = made(3, [1, 2], [1, 3])
    assert two_days["prompt_token_ids"] == [1, 2] and two_days["prompts_differ"]
    assert made(4, None, None)["prompt_token_ids"] is None


def written(folder: Path, **given: Any) -> Path:
    tokenizer_of(GPT2._replace(**given)).save_pretrained(folder)
    return folder


def test_an_adapters_own_template_and_ends_are_used(tmp_path: Path):
    base, adapter = written(tmp_path / "base"), tmp_path / "adapter"
    adapter.mkdir()
    policy = Policy(str(base), str(adapter), "p")
    with pytest.raises(UserError, match=r"adapter and .*base: the policy's tokenizer has no chat"):
        policy_tokenizer(policy)
    (adapter / "chat_template.jinja").write_text(OWN_TEMPLATE)
    assert policy_tokenizer(policy).chat_template == OWN_TEMPLATE
    write_json(adapter / "generation_config.json", {"eos_token_id": [7]})
    assert end_ids(policy, policy_tokenizer(policy)) == [0, 7]
    with pytest.raises(UserError, match=r"^\S*base: the policy's tokenizer has no chat template"):
        policy_tokenizer(policy._replace(adapter=None))
    tokenizer_of(PHI).save_pretrained(adapter)
    assert policy_tokenizer(policy).chat_template == PHI.template
    tokenizer_of(PHI._replace(template=None)).save_pretrained(adapter)
    (adapter / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(UserError, match="no chat template"):
        policy_tokenizer(policy)
    written(base, template=OWN_TEMPLATE)
    assert policy_tokenizer(policy).chat_template == OWN_TEMPLATE, "the model's, where it has none"


def test_every_end_of_a_generation_config_ends_a_turn(tmp_path: Path):
    for name, trait in {"llama": LLAMA, "gemma": GEMMA, "qwen": QWEN, "t5": T5}.items():
        folder = tmp_path / name
        tokenizer = tokenizer_of(trait)
        tokenizer.save_pretrained(folder)
        ends = tokenizer.convert_tokens_to_ids(trait.ends)
        write_json(folder / "config.json", {"eos_token_id": ends[0], "model_type": "llama"})
        assert spelling_of(Policy(str(folder), None, "p")).ends == sorted(
            {ends[0], tokenizer.eos_token_id}
        )
        write_json(folder / "generation_config.json", {"eos_token_id": ends})
        assert spelling_of(Policy(str(folder), None, "p")).ends == sorted(ends)


def test_rows_of_a_table_without_the_prompts_ids_are_rendered(run_dir: Path):
    import pyarrow.parquet as pq

    pair, sides = pair_row("Why?")
    folder = begun(run_dir, 1, pairs=[pair], candidates=sides)
    path = folder / "candidates.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["prompt_token_ids"]), path)
    (read,) = training_rows(folder)
    assert read["prompt_token_ids"] is None and read["chosen_token_ids"] == [1, 0]
    assert candidate_row(prompt_row(), "x")["prompt_token_ids"] is None
    spelling = spelled("phi")
    assert token_row(spelling, read)["prompt_ids"] == rendered_prompt(
        spelling.tokenizer, user("Why?")
    )


def test_an_old_table_has_stop_strings_in_its_ids():
    spelling = spelled("llama")
    said, stop = (
        spelling.tokenizer.encode(text, add_special_tokens=False) for text in (ANSWER, "0")
    )
    (end,) = spelling.tokenizer.encode("<|eot_id|>", add_special_tokens=False)
    ready = token_row(
        spelling, row(chosen_token_ids=[*said, *stop], rejected_token_ids=[70, 71, end])
    )
    assert ready["chosen_ids"] == said and ready["rejected_ids"] == [70, 71, end]
    inside = spelling.tokenizer.encode(f"{ANSWER} message", add_special_tokens=False)
    text = [{"role": "assistant", "content": f"{ANSWER} mess"}]
    ready = token_row(spelling, row(chosen=text, chosen_token_ids=inside, rejected_token_ids=[70]))
    assert spelling.tokenizer.decode(ready["chosen_ids"]) == f"{ANSWER} mess"


def test_tokens_that_an_adapter_adds_and_its_base_has_no_weights_for_are_named(tmp_path: Path):
    base = write_policy(tmp_path / "base", TRAITS["phi"])
    tokenizer = tokenizer_of(TRAITS["phi"])
    rows = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|new|>"]})
    adapter = tmp_path / "adapter"
    tokenizer.save_pretrained(adapter)
    policy = Policy(str(base), str(adapter), "p")
    config = {**read_json(base / "config.json"), "vocab_size": rows}
    write_json(base / "config.json", config)
    check_ids(policy, spelling_of(policy))  # it is not used
    (adapter / "chat_template.jinja").write_text("<|new|>{{ messages[0].content }}")
    with pytest.raises(UserError, match=r"adapter: its chat template writes '<\|new\|>'"):
        check_ids(policy, spelling_of(policy))
