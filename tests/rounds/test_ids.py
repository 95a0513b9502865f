"""Equal content, equal id; every prompt draws from seeds of its own."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from builders import user

from rounds.ids import SEED_SPACING, digest, file_hash, prompt_id, prompt_seed, text_hash


def test_key_order_does_not_change_an_id():
    assert digest({"a": 1, "b": [{"c": 2, "d": 3}]}) == digest({"b": [{"d": 3, "c": 2}], "a": 1})
    assert prompt_id([{"role": "user", "content": "x"}]) == prompt_id(
        [{"content": "x", "role": "user"}]
    )


def test_an_id_is_the_same_in_another_process():
    code = "from rounds.ids import digest; print(digest('a', {'b': 1.5, 'c': None}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == digest("a", {"b": 1.5, "c": None}) == "271f1525834a4fcc"


def test_parts_do_not_run_together():
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")


def test_a_prompt_is_what_is_said_and_by_whom():
    assert prompt_id(user("x")) != prompt_id(user("x "))
    assert prompt_id(user("x")) != prompt_id([{"role": "system", "content": "x"}, *user("")])


def test_prompts_draw_from_seeds_that_never_meet():
    seeds = sorted(prompt_seed(0, "round 1", f"prompt {i}") for i in range(3000))
    assert all(high - low >= SEED_SPACING for low, high in pairwise(seeds))
    assert seeds[-1] + SEED_SPACING < 2**63  # the column is int64


def test_another_round_or_run_seed_draws_otherwise():
    assert len({prompt_seed(s, f"round {r}", "p") for s in (0, 1) for r in (1, 2)}) == 4


def test_hashes_see_one_byte(tmp_path: Path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    assert file_hash(path) == text_hash("abc")
    path.write_bytes(b"abd")
    assert file_hash(path) == text_hash("abd") != text_hash("abc")
