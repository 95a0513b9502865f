"""The ids of a completion are those of its text and of its end of turn."""

from types import SimpleNamespace
from typing import Any

import pytest
from builders import user
from policies import TRAITS, tokenizer_of
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rounds.tokenizers import rendered_prompt, tokens_of_text
from sampler.cut import completion
from trainer.written import without_stop_string

ASKED = user("My lamp is broken.")
SPACED = ("lamp , broken", "lamp , broken stop")


def drawn(
    name: str, text: str, reason: Any, ids: list[int], finish: str = "stop", **sampling: Any
) -> Any:
    """A completion as made of what vLLM says of it: each token has a log-probability of -1."""
    tokenizer = tokenizer_of(TRAITS[name])
    output = SimpleNamespace(
        text=text,
        stop_reason=reason,
        finish_reason=finish,
        token_ids=tuple(ids),
        cumulative_logprob=-1.0 * len(ids),
        logprobs=[{token: SimpleNamespace(logprob=-1.0)} for token in ids],
    )
    ends = tokenizer.convert_tokens_to_ids(TRAITS[name].ends)
    return completion(output, rendered_prompt(tokenizer, ASKED), tokenizer, sampling, ends)


def ids_of(name: str, *texts: str) -> list[list[int]]:
    tokenizer = tokenizer_of(TRAITS[name])
    return [tokenizer.encode(text, add_special_tokens=False) for text in texts]


@pytest.mark.parametrize("name", TRAITS)
def test_a_stop_string_and_its_tokens_go(name: str):
    """Text and stop string are cut at a token; the spaces are the prompt's context away."""
    first, stop = ids_of(name, "Try another bulb.", "0")
    tokenizer = tokenizer_of(TRAITS[name])
    prompt = rendered_prompt(tokenizer, ASKED)
    stop = stop[-1:]  # the digit alone, without a space before it
    text = tokenizer.decode(prompt + first, skip_special_tokens=True)[
        len(tokenizer.decode(prompt, skip_special_tokens=True)) :
    ]
    found = drawn(name, text, "0", first + stop, stop=["0"])
    assert (found.token_ids, found.n_tokens) == (first, len(first))
    assert found.logprob == -len(first) and found.prompt_token_ids is not None
    kept = drawn(name, text + "0", "0", first + stop, include_stop_str_in_output=True)
    assert kept.token_ids == first + stop and kept.logprob == -len(first) - 1


def test_spaces_that_a_tokenizer_would_clean_up_are_no_other_text():
    """As T5's does when it decodes, where vLLM does not."""
    pieces = ["</s>", "<unk>", "▁", "▁lamp", "▁,", "▁broken", "▁stop"]
    backend = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=1))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", clean_up_tokenization_spaces=True
    )
    prompt, answer = ([pieces.index(f"▁{word}") for word in words.split()] for words in SPACED)
    assert tokenizer.decode(prompt + answer) == "lamp, broken lamp, broken stop"
    assert tokens_of_text(tokenizer, prompt, answer, " lamp , broken", True) == 3
    assert without_stop_string(tokenizer, prompt, answer, " lamp , broken") == answer[:3]


def test_a_text_that_ends_inside_a_token_has_no_ids():
    (ids,) = ids_of("llama", "Thank you for the message")
    found = drawn("llama", "Thank you for the ", "message", ids, stop=["message"])
    assert found.token_ids is None and found.logprob is None and found.n_tokens == len(ids)
    assert found.text == "Thank you for the " and found.prompt_token_ids is not None


@pytest.mark.parametrize("name", TRAITS)
def test_what_ended_the_turn_stays(name: str):
    (said,) = ids_of(name, "Try another bulb.")
    tokenizer = tokenizer_of(TRAITS[name])
    for end in tokenizer.convert_tokens_to_ids(TRAITS[name].ends):
        reason = None if end == tokenizer.eos_token_id else end
        assert drawn(name, "Try another bulb.", reason, [*said, end]).token_ids == [*said, end]
    cut_off = drawn(name, "Try another bulb.", None, said, finish="length")
    assert cut_off.token_ids == said and cut_off.n_tokens == len(said)


def test_a_stop_token_of_the_users_goes_unless_no_text_shows_it():
    said, (dot, *_) = ids_of("phi", "Try another bulb", ".")
    special = tokenizer_of(TRAITS["phi"]).convert_tokens_to_ids("<|system|>")
    assert drawn("phi", "Try another bulb", dot, [*said, dot]).token_ids == said
    assert drawn("phi", "Try another bulb", special, [*said, special]).token_ids[-1] == special
    shown = drawn("phi", "Try another bulb.", dot, [*said, dot], include_stop_str_in_output=True)
    assert shown.token_ids == [*said, dot]
