"""The benchmarks that start a real vLLM, run small."""

import re

import pytest
from attacks import ATTACKS
from benchmark_output import printed_by

pytestmark = pytest.mark.slow


def test_the_sampler_draws_what_bare_vllm_draws():
    """10 prompts, one turn."""
    said = printed_by("-m", "benchmarks.sampling", "--prompts", "10", "--times", "1")
    assert said.count("texts are equal") == 1 and "DIFFER" not in said
    drawn = dict(re.findall(r"^(sampler|bare): ([\d,]+) tokens", said, re.MULTILINE))
    assert drawn["sampler"] == drawn["bare"] != "0"
    assert re.search(r"^tokens a CPU second: sampler [\d,]+, bare [\d,]+;", said, re.MULTILINE)


def test_hostile_texts_seldom_beat_honest_ones():
    """Every eighth text, with one real reply each.

    Of 372 such replies the judge chose 59 % (bad ones tie with nonsense): that of 16 fewer than
    five are chosen happens once in a hundred seeds.
    """
    texts = [name for name in ATTACKS if name != "half characters"][::8]  # that is in no table
    said = printed_by("benchmarks/hostile_answers.py", "--replies", "1", "--texts", *texts)
    each = re.findall(r"^(.{32}) chosen ([01])/1, single ([012])/2$", said, re.MULTILINE)
    assert [name.rstrip() for name, _, _ in each] == texts
    assert all(single == "2" for _, chosen, single in each if chosen == "1")
    chosen = sum(int(chosen) for _, chosen, _ in each)
    n = len(each)
    assert f"{n} texts, {n} comparisons: chosen {chosen / n:.4f} [" in said
    assert chosen <= 1
    assert float(said.split()[-1]) > 0.3, "the judge must have decided for the real replies"
