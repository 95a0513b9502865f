"""`python -m judge runs/demo/rounds/0002`: judge the candidates of a round under way."""

from pathlib import Path
from typing import Any

from endpoints.open import Endpoints, read_endpoints
from judge.config import JudgeConfig
from judge.forget import ask_failures_again
from judge.health.examine import judge_gold, judge_health
from judge.stage import judge_candidates
from rounds.by_hand import by_hand, show_progress
from rounds.folder import run_of


def main(folder: Path, tree: dict[str, Any]) -> Any:
    """The judge stage with the run's own config: gold set, labels, health."""
    config = JudgeConfig.model_validate(tree["judge"])
    with Endpoints(read_endpoints(tree), run_of(folder) / "logs", show_progress) as endpoints:
        ask_failures_again(folder, config)
        gold = judge_gold(folder, config, endpoints, show_progress)
        facts = judge_candidates(folder, config, endpoints, gold["tau"], show_progress)
        judge_health(folder, config, endpoints, gold["tau"], show_progress)
        return facts


if __name__ == "__main__":
    by_hand(main)
