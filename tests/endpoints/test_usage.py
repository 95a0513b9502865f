"""What a call used: by whatever its endpoint reports, the larger account, else an estimate."""

from typing import Any

import pytest
from scripted import completion

from endpoints.config import Price
from endpoints.usage import Usage, cost_of, most_usage, usage_of

BODY = {"messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 50}


def used(said: Any, text: str = "yes", finish: str = "stop", **message: Any) -> Usage:
    reply = completion(text, finish)
    reply["choices"][0]["message"] |= message
    return usage_of(reply | {"usage": said}, BODY)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 3}, Usage(10, 3)),
        ({"prompt_tokens": 10.0, "completion_tokens": 2.5}, Usage(10, 3)),
        ({"prompt_tokens": "10", "completion_tokens": "3.0"}, Usage(10, 3)),
        ({"input_tokens": 10, "output_tokens": 3}, Usage(10, 3)),
        ({"prompt_tokens": 10, "total_tokens": 13}, Usage(10, 3)),
        ({"completion_tokens": 3, "total_tokens": 13}, Usage(10, 3)),
        ({"total_tokens": 13}, Usage(12, 1, 0, True)),
    ],
    ids=["plain", "floats", "text", "other names", "one and all", "other and all", "all alone"],
)
def test_tokens_are_read_however_they_are_written(said: dict[str, Any], usage: Usage):
    assert used(said) == usage


@pytest.mark.parametrize(
    ("said", "completion_tokens"),
    [
        # OpenAI: part of the completion
        ({"completion_tokens": 900, "total_tokens": 1000, "details": 800}, 900),
        # Gemini's compatible endpoint: in the total alone
        ({"completion_tokens": 67, "total_tokens": 3527, "details": None}, 3427),
        # Grok: beside the completion, and in the total
        ({"completion_tokens": 9, "total_tokens": 203, "details": 94}, 103),
        # a proxy that adds up what it passes on
        ({"completion_tokens": 9, "total_tokens": 109, "details": 94}, 103),
        ({"completion_tokens": 9, "details": 94}, 103),
        ({"completion_tokens": 9, "total_tokens": 0, "details": 4}, 9),
    ],
)
def test_reasoning_counts_by_the_larger_account(said: dict[str, Any], completion_tokens: int):
    details = said.pop("details")
    said["completion_tokens_details"] = details and {"reasoning_tokens": details}
    assert used({"prompt_tokens": 100, **said}) == Usage(100, completion_tokens)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_tokens": 2006, "prompt_tokens_details": {"cached_tokens": 1920}}, (2006, 1920)),
        ({"prompt_tokens": 2006, "input_tokens_details": {"cached_tokens": 1920}}, (2006, 1920)),
        ({"prompt_tokens": 2006, "prompt_cache_hit_tokens": 1920}, (2006, 1920)),
        ({"prompt_tokens": 2006, "cached_tokens": 1920}, (2006, 1920)),
        ({"prompt_tokens": 2006, "cache_read_input_tokens": 1920}, (2006, 1920)),
        ({"prompt_tokens": 86, "cache_read_input_tokens": 1920}, (2006, 1920)),
        ({"input_tokens": 2000, "cache_read_input_tokens": 1920}, (3920, 1920)),
        (
            {"prompt_tokens": 2000, "cache_read_input_tokens": 1920, "total_tokens": 3923},
            (3920, 1920),
        ),
        (
            {"input_tokens": 6, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 2000},
            (2006, 0),
        ),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 99}}, (10, 10)),
    ],
    ids=[
        *("OpenAI", "by another name", "DeepSeek", "Moonshot", "LiteLLM: within"),
        *("apart: more than all", "Anthropic", "apart by the total", "written to it", "nonsense"),
    ],
)
def test_what_came_from_a_cache_is_known(said: dict[str, Any], usage: tuple[int, int]):
    found = used({**said, "completion_tokens": 3})
    assert (found.prompt, found.cached, found.completion) == (*usage, 3)


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        [],
        "none",
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": -1, "completion_tokens": True},
        {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
        {"prompt_tokens": 3_000_000_000, "completion_tokens": "many"},
    ],
)
def test_what_is_not_reported_is_estimated_on_the_high_side(said: Any):
    assert used(said, "y" * 30) == Usage(104, 10, 0, True)


def test_an_estimate_counts_all_that_was_written():
    assert used(None, "y" * 30, reasoning_content="z" * 60).completion == 30
    assert used(None, "", "length").completion == 50, "cut off: all that was allowed"
    assert used(None, "").completion == 0
    reply = completion("abc")
    reply["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": 0.0}] * 9}
    assert usage_of(reply | {"usage": None}, BODY).completion == 9
    parts = [{"type": "text", "text": "y" * 300}]
    assert used(None, parts).completion > 100  # type: ignore[arg-type]


def test_only_the_part_that_is_missing_is_estimated():
    assert used({"prompt_tokens": 7, "completion_tokens": 0}, "y" * 30) == Usage(7, 10, 0, True)
    assert used({"prompt_tokens": 7, "completion_tokens": 0}, "") == Usage(7, 0)
    assert used({"completion_tokens": 3}) == Usage(104, 3, 0, True)


def test_cached_input_has_a_price_of_its_own():
    usage = Usage(2006, 50, 1920)
    assert cost_of(usage, Price(input=2, output=8)) == pytest.approx((2006 * 2 + 50 * 8) / 1e6)
    price = Price(input=2, cached_input=0.5, output=8)
    assert cost_of(usage, price) == pytest.approx((86 * 2 + 1920 * 0.5 + 50 * 8) / 1e6)
    assert cost_of(usage, Price(input=2, cached_input=0)) == pytest.approx(86 * 2 / 1e6)


def test_what_a_call_may_take_is_its_prompt_and_its_limit():
    assert most_usage(BODY)[:2] == (104, 50)
    assert most_usage({"messages": []})[:2] == (0, 1024)
