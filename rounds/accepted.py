"""The accepted policies of a run: the one in place, and those that it came from."""

from collections.abc import Iterable
from pathlib import Path

from rounds.folder import policy_here, read_manifest
from rounds.weights import Policy


def accepted_policies(
    run_dir: Path, finished: Iterable[Path], policy: Policy, initial: Policy
) -> list[Policy]:
    """The policy in place, the one that it was trained from, and so on to the run's first.

    `finished` are the rounds that ended before. A policy that was refused, or that was put out of
    its place again, is none that the one in place came from.
    """
    manifests = [read_manifest(folder) or {} for folder in finished]
    parents = {
        facts["trained"]["policy_id"]: facts["policy"]
        for facts in manifests
        if facts.get("trained")
    }
    line = [policy]
    seen = {policy.policy_id}
    while (facts := parents.get(line[-1].policy_id)) and facts["policy_id"] not in seen:
        line.append(policy_here(run_dir, facts, initial))
        seen.add(facts["policy_id"])
    if initial.policy_id not in seen:  # rounds are gone, or the run was begun with another
        line.append(initial)
    return line
