"""The added tokens of a tokenizer, from whichever of its files names them."""

import json
from pathlib import Path

from rounds.added_tokens import added_tokens
from rounds.settings import locate


def test_every_file_of_a_tokenizer_is_read(tmp_path: Path):
    files = {
        "tokenizer.json": {"added_tokens": [{"content": "<a>", "special": True}, {"content": "b"}]},
        "added_tokens.json": {"<c>": 7, "<a>": 1},
        "special_tokens_map.json": {
            "bos_token": {"content": "<d>"},
            "additional_special_tokens": ["<e>", {"content": "<f>"}],
        },
        "tokenizer_config.json": {
            "eos_token": "<g>",
            "pad_token": None,
            "add_bos_token": True,
            "added_tokens_decoder": {"9": {"content": "<h>", "special": False}},
            "extra_special_tokens": {"image_token": "<i>"},
        },
        "tekken.json": {"special_tokens": [{"token_str": "[J]", "is_control": True}]},
    }
    for name, value in files.items():
        (tmp_path / name).write_text(json.dumps(value))
    special = {*"adefgi"}
    assert added_tokens(tmp_path) == {
        **{f"<{name}>": name in special for name in "acdefghi"},
        "b": False,
        "[J]": True,
    }


def test_odd_files_name_none(tmp_path: Path):
    assert added_tokens(tmp_path) == {}
    for name, text in (
        ("tokenizer.json", '{"added_tokens": {"a": 1}}'),
        ("tokenizer_config.json", "{oops"),
        ("special_tokens_map.json", "[]"),
        ("tekken.json", '{"special_tokens": ["x"]}'),
    ):
        (tmp_path / name).write_text(text)
    assert added_tokens(tmp_path) == {}


def test_the_starters_policy_has_three():
    found = added_tokens(locate("prefloop:starter/policy"))
    assert found == dict.fromkeys(("<|pad|>", "<|im_start|>", "<|im_end|>"), True)
