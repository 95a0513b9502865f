"""From which policies a policy came: the rounds that trained them, one on the other."""

from pathlib import Path

from rounds.folder import finished_rounds, policy_here, read_manifest
from rounds.weights import Policy


def ancestry(run_dir: Path, policy_id: str, before: int | None = None) -> list[Path]:
    """The rounds that trained this policy and those it came from, oldest first; none for the first.

    These are the policies of the run that stand: one that was refused, or that was rolled back, is
    not among those of the policy in place. Rounds from `before` on are left out.
    """
    manifests = [(folder, read_manifest(folder) or {}) for folder in finished_rounds(run_dir)]
    line: list[Path] = []
    wanted = policy_id
    for folder, facts in reversed(manifests):
        if before is not None and facts["round"] >= before:
            continue
        trained = facts["trained"] and facts["trained"]["policy_id"]
        if trained == wanted and trained != facts["policy"]["policy_id"]:
            line.append(folder)
            wanted = facts["policy"]["policy_id"]
    return line[::-1]


def accepted_policies(
    run_dir: Path, policy: Policy, initial: Policy, before: int | None = None
) -> list[Policy]:
    """The policy, the one that it was trained from, and so on to the run's first, of the rounds
    that ended before round `before`.
    """
    line = [policy]
    for folder in reversed(ancestry(run_dir, policy.policy_id, before)):
        began_from = (read_manifest(folder) or {})["policy"]
        line.append(policy_here(run_dir, began_from, initial))
    if initial.policy_id != line[-1].policy_id:  # rounds are gone, or another policy was the first
        line.append(initial)
    return line
