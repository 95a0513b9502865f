"""A template file becomes messages in which every placeholder is substituted once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.template import fence, fill, nonce, parse_template

RUBRIC = parse_template("Compare.\n====\n{prompt}\n{a}\n{b}\n", {"prompt", "a", "b"})


def test_a_template_is_a_system_and_a_user_message() -> None:
    messages = fill(RUBRIC, {"prompt": "P", "a": "1", "b": "2"})
    assert messages == [
        {"role": "system", "content": "Compare."},
        {"role": "user", "content": "P\n1\n2"},
    ]


def test_a_value_that_holds_a_placeholder_is_not_substituted_again() -> None:
    messages = fill(RUBRIC, {"prompt": "{a}", "a": "{b}", "b": "{prompt} \\1 \\g<0>"})
    assert messages[1]["content"] == "{a}\n{b}\n{prompt} \\1 \\g<0>"


@given(*(st.text(alphabet="{}ab prompt\\g<1>%s$\n=", max_size=20) for _ in "123"))
def test_whatever_the_values_are_they_stand_as_they_are(prompt: str, a: str, b: str) -> None:
    messages = fill(RUBRIC, {"prompt": prompt, "a": a, "b": b})
    assert messages[1]["content"] == f"{prompt}\n{a}\n{b}"
    assert messages[0]["content"] == "Compare."


def test_braces_that_are_no_placeholder_stay() -> None:
    template = parse_template('Write {"score": 5}, {} or {0}.\n===\n{prompt}', {"prompt"})
    assert fill(template, {"prompt": "x"})[0]["content"] == 'Write {"score": 5}, {} or {0}.'


def test_only_the_first_divider_divides() -> None:
    template = parse_template("s\n===  \nu\n=====\n{a}", {"a"})
    assert fill(template, {"a": "x"})[1]["content"] == "u\n=====\nx"


def test_an_optional_placeholder_may_stand_or_be_left_out() -> None:
    both = parse_template("s\n===\n{a} {reference}", {"a"}, {"reference", "guidelines"})
    values = {"a": "1", "reference": "2", "guidelines": "3"}
    assert fill(both, values)[1]["content"] == "1 2"
    assert fill(parse_template("s\n===\n{a}", {"a"}, {"reference"}), values)[1]["content"] == "1"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("no divider {a}", "no line of '==='"),
        ("s\n==\n{a} {b}", "no line of '==='"),
        ("s === \n{a} {b}", "no line of '==='"),
        (
            "s\n===\n{a} {c}",
            r"unknown placeholder \{c\}; it takes \{a\}, \{b\}, and may take \{x\}",
        ),
        ("s {c}\n===\n{a} {b}", r"unknown placeholder \{c\}"),
        ("s\n===\n{a}", r"missing placeholder \{b\}"),
        ("s\n===\n", r"missing placeholder \{a\}"),
    ],
)
def test_a_template_that_is_wrong_says_how(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_template(text, {"a", "b"}, {"x"})


def test_the_key_follows_from_the_content_and_the_secret() -> None:
    key = nonce(b"1", "pairwise", "Q", "x")
    assert key == nonce(b"1", "pairwise", "Q", "x")
    assert len(key) == 8 and set(key) <= set("0123456789abcdef")
    others = [nonce(b"2", "pairwise", "Q", "x"), nonce(b"1", "pointwise", "Q", "x")]
    others += [nonce(b"1", "pairwise", "Q", "y"), nonce(b"1", "pairwise", "Q", "x", "")]
    assert len({key, *others}) == 5
    assert nonce(b"1", "ab", "c") != nonce(b"1", "a", "bc")


def test_half_a_character_has_a_key_too() -> None:
    assert nonce(b"1", "\ud83d") != nonce(b"1", "\ud83e")


@given(st.text(alphabet="[]/A \\k0f1\u200b\n", max_size=40))
def test_a_fence_is_opened_once_and_closed_once(text: str) -> None:
    fenced = fence("A", text, "0f1f0f1f")
    assert fenced.startswith("[A 0f1f0f1f]\n") and fenced.endswith("\n[/A 0f1f0f1f]")
    assert fenced.count("[A 0f1f0f1f]") == fenced.count("[/A 0f1f0f1f]") == 1
