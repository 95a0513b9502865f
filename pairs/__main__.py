"""`python -m pairs runs/demo/rounds/0002`: make the pairs of a round under way."""

from pathlib import Path
from typing import Any

from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.by_hand import by_hand, show_progress


def main(folder: Path, tree: dict[str, Any]) -> Any:
    """The pairs stage with the run's own config."""
    return build_pairs(folder, PairsConfig.model_validate(tree["pairs"]), show_progress)


if __name__ == "__main__":
    by_hand(main)
