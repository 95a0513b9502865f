"""How the policies of a run follow from one another."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from rounds.by_people import check_by_people
from rounds.check_files import check_policy
from rounds.checks import Looked
from rounds.files import read_json
from rounds.folder import (
    MANIFEST,
    by_people,
    finished_rounds,
    policy_history,
    read_manifest,
    round_number,
    run_of,
)
from rounds.ids import file_hash

PLACE = ("policy_id", "served")
"""What makes two policies the same; a folder may have moved."""


def check_lineage(looked: Looked, folder: Path, facts: dict[str, Any]) -> None:
    """The round began from the policy in place after the round before, from the same first policy
    and seed, and left the policy in place that its decision names.
    """
    number = round_number(folder)
    before = [one for one in finished_rounds(run_of(folder)) if round_number(one) < number]
    if number == 1:
        same = _same(facts["policy"], facts["initial"])
        looked.must(same, "manifest.json", "policy", "is not the first policy in round 1")
    elif not before or round_number(before[-1]) != number - 1:
        looked.leave_out(f"round {number - 1} is not there")
    else:
        earlier = read_manifest(before[-1]) or {}
        in_place = [earlier["in_place"], *_by_hand_after(run_of(folder), before[-1])][-1]
        same = _same(facts["policy"], in_place)
        what = f"is not the one in place after round {number - 1}"
        looked.must(same, "manifest.json", "policy", what)
        same = _same(facts["initial"], earlier["initial"])
        looked.must(same, "manifest.json", "initial", f"is another than in round {number - 1}")
    left = facts["trained"] if facts["decision"]["promoted"] else facts["policy"]
    same = left is not None and _same(facts["in_place"], left)
    looked.must(same, "manifest.json", "in_place", "is not what the decision leaves in place")


def check_weights(looked: Looked, folder: Path, facts: dict[str, Any]) -> None:
    """The weights of the round's policies, as far as they are on this machine."""
    for what in ("policy", "trained"):
        if facts[what] is not None:
            check_policy(looked, run_of(folder), what, facts[what])


def check_run(looked: Looked, run_dir: Path) -> None:
    """policy.json is what the manifests and people's decisions say, these are of rounds that are
    there, and rounds follow without a gap.
    """
    check_by_people(looked, run_dir)
    history = read_json(run_dir / "policy.json")
    looked.must(history == policy_history(run_dir), "policy.json", None, "is not the manifests'")
    for one, after in pairwise(map(round_number, finished_rounds(run_dir))):
        if after != one + 1:
            looked.leave_out(f"rounds {one + 1} to {after - 1} are not there")


def _by_hand_after(run_dir: Path, last: Path) -> list[dict[str, Any]]:
    """The policies that people put in place after a round, in their order."""
    number, manifest = round_number(last), file_hash(last / MANIFEST)
    return [
        one["policy"]
        for one in by_people(run_dir)
        if one["after"] == number and one["manifest"] == manifest
    ]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in PLACE)
