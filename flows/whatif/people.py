"""What people say of the comparisons of a run: the files in its folder `labels`."""

import json
from collections import Counter
from pathlib import Path

from flows.whatif.sides import Labels

NEITHER = ("tie", "both_bad")


def preferred(run_dir: Path) -> Labels:
    """The candidate that most people prefer of two, by the ids of the two."""
    votes: dict[frozenset[str], Counter[str | None]] = {}
    for path in sorted((run_dir / "labels").glob("*.jsonl")):
        for label in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            a, b, verdict = label["candidate_a"], label["candidate_b"], label["verdict"]
            if verdict in ("a", "b", *NEITHER):
                better = {"a": a, "b": b}.get(verdict)
                votes.setdefault(frozenset((a, b)), Counter())[better] += 1
    return {compared: _most_given(given) for compared, given in votes.items()}


def _most_given(votes: Counter[str | None]) -> str | None:
    (first, count), *others = votes.most_common()
    return None if others and others[0][1] == count else first
