"""What people say of the comparisons of a run: the files in its folder `labels`."""

from pathlib import Path

from flows.whatif.sides import Labels
from rounds.labels import read_labels
from rounds.people import Opinion, opinions


def preferred(run_dir: Path) -> Labels:
    """The candidate that people prefer of two, by the ids of the two, by all files together.

    Comparisons that nobody answered, or on which they contradict each other, are left out. Raises
    UserError for a line that is no label.
    """
    paths = sorted((run_dir / "labels").glob("*.jsonl"))
    said = opinions(label for path in paths for label in read_labels(path).labels)
    return {ids: _better(one) for ids, one in said.items() if one.outcome is not None}


def _better(said: Opinion) -> str | None:
    label = said.label
    return {"a": label["candidate_a"], "b": label["candidate_b"]}.get(said.outcome or "")
