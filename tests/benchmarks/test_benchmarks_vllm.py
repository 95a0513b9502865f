"""The benchmarks that start a real vLLM, run small."""

import re
from pathlib import Path

import pytest
import yaml
from attacks import ATTACKS
from benchmark_output import ROOT, printed_by
from blamed import round_with

from rounds.files import read_json, write_json
from rounds.folder import MANIFEST

pytestmark = pytest.mark.slow


def test_the_sampler_draws_what_bare_vllm_draws():
    """10 prompts, one turn."""
    said = printed_by("-m", "benchmarks.sampling", "--prompts", "10", "--times", "1")
    assert said.count("texts are equal") == 1 and "DIFFER" not in said
    drawn = dict(re.findall(r"^(sampler|bare): ([\d,]+) tokens", said, re.MULTILINE))
    assert drawn["sampler"] == drawn["bare"] != "0"
    assert re.search(r"^tokens a CPU second: sampler [\d,]+, bare [\d,]+;", said, re.MULTILINE)


def test_a_recipe_is_run_to_its_table_and_not_run_again(tmp_path: Path):
    """Self-rewarding has all that is replaced for one of the recipes."""
    given = ("--recipes", "self-rewarding", "--seeds", "1", "--rounds", "1")
    given = (*given, "--prompts", "12", "--test", "6", "--into", str(tmp_path))
    for first in (True, False):
        said = printed_by("benchmarks/recipes.py", *given)
        (line,) = re.findall(r"^self-rewarding +1 +([01]\.\d+) \[.*\] +(\d+) +(\d+) ", said, re.M)
        assert ("self-rewarding-0 has finished" in said) is first
        assert 0 < int(line[1]) <= 12 and line[2] == "0", "the policy's scores are no calls"


def test_a_starter_round_on_a_cluster_has_the_pairs_of_one_here(tmp_path: Path):
    given = ("--seeds", "1", "--prompts", "12", "--test", "6", "--into", str(tmp_path))
    said = printed_by("benchmarks/ray_round.py", *given)
    assert re.search(r"^seed 0: [1-9]\d* pairs, equal; here: sampling \d+ s", said, re.M), said
    rates = re.findall(r"^(here|ray) +gold win rate vs first ([01]\.\d+) ", said, re.M)
    assert [where for where, _ in rates] == ["here", "ray"]


def test_a_judge_that_errs_has_its_table(tmp_path: Path):
    given = ("--variants", "weights", "--rates", "0.3", "--seeds", "1", "--rounds", "1")
    given = (*given, "--prompts", "16", "--test", "6", "--into", str(tmp_path))
    said = printed_by("benchmarks/bad_judge.py", *given)
    assert re.search(r"^ +30%  weights +[01]\.\d+ \[.*\] +[01]/1 ", said, re.M), said


def test_summaries_are_judged_by_questions():
    said = printed_by(
        "benchmarks/summaries.py", "--rounds", "1", "--per-round", "12", "--held-out", "8"
    )
    assert re.search(r"round 1 .*(promoted|refused)", said), said


def test_a_planted_tag_is_looked_for(tmp_path: Path):
    """Sixty pairs, one seed; whether it is named is a matter of more of both."""
    run = tmp_path / "runs" / "demo"
    round_with(run, 60, reverse=False)
    tree = yaml.safe_load((ROOT / "examples" / "starter.yaml").read_text())
    (run / "run.yaml").write_text(yaml.safe_dump(tree))
    manifest = run / "rounds" / "0001" / MANIFEST
    write_json(manifest, read_json(manifest) | {"config": tree, "trained": {}})
    said = printed_by("-m", "benchmarks.planted_pairs", str(run), "1", "--seeds", "1")
    assert re.search(r"^seed 0, reversed: named .*; planted tag: gain [+-]\d", said, re.M), said
    assert re.search(r"^the reversed tag is named in [01] of 1 seeds$", said, re.M)


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


@pytest.mark.long
def test_a_ray_cluster_draws_what_a_child_draws():
    """16 prompts, one turn; how fast is a matter of more of them."""
    given = ("--prompts", "16", "--times", "1", "--max-num-seqs", "4")
    said = printed_by("benchmarks/ray_sampling.py", *given)
    assert said.count("texts are equal") == 1 and "DIFFER" not in said
    assert len(re.findall(r"^\w+ \w+: [\d,]+ tokens a second, ", said, re.M)) == 3, said
    assert re.search(r"^two nodes / one node: \d+\.\d\d of its tokens", said, re.M), said
