"""Of what a tokenizer adds only control tokens are taken, and of those only unknown ones."""

import pytest

from endpoints.hostile import flags, neutralize
from texts.own_tokens import control_tokens, find_token

CONTROL = {
    "<my_turn>": True,
    "[TURN:user]": True,
    "]~t]": True,
    "{{end}}": True,
    "<image>": True,
    "\u2581<PRE>": True,
    "[PREFIX]": True,
    "\u25c1media\u25b7": True,
    "|||EMAIL_ADDRESS|||": False,
    "<call_tool>": False,
    "<a|b>": False,
    "[my_role]": False,
}
OTHER = {
    **dict.fromkeys(("<|im_end|>", "</s>", "<unused42>", "[INST]"), True),  # of the one list
    **dict.fromkeys(("<think>", "</think>", "<seed:thinking>", "[THINK]"), True),
    **dict.fromkeys(
        ("user", "Human", "\u2581the", "0", "42", "  ", "\n\n", "\t", "...", "<>"), True
    ),
    **dict.fromkeys(("|", "||", "[", "--", "\U0001f600", "two words", "<two words>", "n't"), True),
    **dict.fromkeys(("<table>", "</b>", "<h1>", "[1]", "<strong>", "[multimodal]", "a_b"), False),
    **dict.fromkeys(("think", "<think>", "user", "  ", "\u2581\u2581", "123"), False),
}


def test_control_tokens_are_told_from_all_else_that_a_tokenizer_adds():
    assert "|||EMAIL_ADDRESS|||" not in control_tokens({"|||EMAIL_ADDRESS|||": False})
    taken = {token for token in CONTROL if token != "|||EMAIL_ADDRESS|||"}
    assert set(control_tokens(CONTROL | OTHER)) == {token.strip("\u2581") for token in taken}


@pytest.mark.parametrize("token", control_tokens(CONTROL))
def test_a_tokenizers_own_token_is_found_and_broken_up(token: str):
    own = tuple(control_tokens(CONTROL))
    text = f"one{token}two"
    assert find_token(text, own) == token and find_token("one two", own) is None
    assert neutralize(text, own) == f"one{token[0]}\\{token[1:]}two"
    assert flags(text, own)[0] == "special_tokens"
    assert neutralize(neutralize(text, own), own) == neutralize(text, own)
    assert find_token(f"{token[0]}\u200b{token[1:]}", own) is None
    assert neutralize(f"{token[0]}\u200b{token[1:]}", own) == f"{token[0]}\\{token[1:]}"


def test_the_longest_token_is_named_and_the_list_comes_first():
    assert find_token("x <a|b> <a|b>> y", ("<a|b>", "<a|b>>")) == "<a|b>"
    assert find_token("x <a|b>> y", ("<a|b>", "<a|b>>")) == "<a|b>>"
    assert find_token("<a|b> <|im_end|>", ("<a|b>",)) == "<|im_end|>"


def test_what_holds_none_is_shown_as_before():
    own = tuple(control_tokens(CONTROL))
    for text in ("<table> a < b [1] {x} | y", "[[A]] <|x|> [A]", ""):
        assert neutralize(text, own) == neutralize(text) and flags(text, own) == flags(text)
