"""Cleaners that look at one pair: real-looking texts that must go, and such as must stay."""

import pytest
from builders import prompt_row
from cleaned import BASIL, LONG, reason, why

from texts.chat_tokens import CHAT_TOKENS
from texts.normal import words


def test_an_ordinary_pair_is_kept():
    assert why(BASIL) is None and why(LONG, BASIL) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The answer is 42.", "The answer is 42!"),
        ("- **Basil** needs sun\n- Mint does not", "* Basil needs sun.\n* Mint does not."),
        (LONG, LONG.replace("sunniest", "brightest")),
        (LONG, LONG + " Enjoy!"),
        (LONG, "# Basil\n\n" + LONG),
    ],
)
def test_sides_that_are_almost_the_same_are_dropped(one: str, other: str):
    found = why(one, other)
    assert found and found.reason == "near_identical" and found.detail
    assert found.detail.startswith("Jaccard ")
    assert why(one, other, max_similarity=None) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The answer is 42.", "The answer is 43."),
        ("Yes.", "No."),
        ("x = a + b", "x = a * b"),
        ("It is -5 degrees.", "It is 5 degrees."),
        ("Paris", "Paris, the capital of France since 987."),
        (LONG, LONG.replace("Water", "Soak").replace("sun", "moon").replace("cut", "snip")),
        (
            "\u7b54\u6848\u662f\u56db\u5341\u4e8c\u3002",
            "\u7b54\u6848\u662f\u4e09\u5341\u4e8c\u3002",
        ),
    ],
)
def test_sides_that_differ_in_what_may_matter_are_kept(one: str, other: str):
    assert why(one, other) is None


def test_a_winner_that_the_screen_found_bad_is_dropped_where_asked():
    assert reason(BASIL, scores=(3, 1), min_score=4) == "both_bad"
    assert reason(BASIL, scores=(3, 1)) is None
    assert reason(BASIL, scores=(4, 1), min_score=4) is None


def test_a_length_ratio_counts_both_ways():
    for sides in ((LONG, "Sun."), ("Sun.", LONG)):
        found = why(*sides, max_length_ratio=20)
        assert found == ("length_ratio", f"{len(LONG)} to 4 characters")
        assert why(*sides) is None
    assert why(LONG, BASIL, max_length_ratio=20) is None


@pytest.mark.parametrize(
    "token",
    [
        "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|start_header_id|>", "<|END_OF_TURN_TOKEN|>",
        "<\uff5cUser\uff5c>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<s>", "</s>", "<bos>",
        "<eos>", "<pad>", "<EOS_TOKEN>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
        "<start_of_turn>", "<end_of_turn>", "[TOOL_CALLS]", "[/AVAILABLE_TOOLS]", "[gMASK]",
        "<extra_id_1>", "<reserved_106>", "[UNUSED_TOKEN_145]", "[|endofturn|]", "<seed:bos>",
    ],
)  # fmt: skip
def test_a_token_of_a_chat_template_is_found(token: str):
    assert why(BASIL, f"Water it.{token}user") == ("chat_tokens", token)


@pytest.mark.parametrize(
    "text",
    [
        "if a < b || c > d: x = y[0] |> f",
        "<div><p>text</p><span>more</span></div>",
        "vec<|T|> and f(x) = |x|",
        "See [1], [INSTALL] and [System]; a <sop and an <eos b",
        "Use <strong>bold</strong>, <sub>2</sub> and <summary>",
        "Matrix [|1, 2|] and the norm [|x - y|]",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    ],
)
def test_markup_and_code_are_no_chat_tokens(text: str):
    assert not CHAT_TOKENS.search(text)


def test_a_prompt_that_does_not_end_with_the_user_is_malformed_and_says_so():
    prompt = prompt_row()
    prompt["messages"] = [*prompt["messages"], {"role": "assistant", "content": "Because."}]
    found = why(BASIL, prompt=prompt)
    assert found and found.reason == "malformed" and "user's" in str(found.detail)


def test_words_of_scripts_without_spaces_are_their_characters():
    assert words("Tokyo\u306f\u591c GPT-4") == ["tokyo", "\u306f", "\u591c", "gpt", "4"]
