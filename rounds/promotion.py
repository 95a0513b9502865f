"""The policy in place as it is told to others: on_promotion.json says who was told what.

{"KEY": {"told": "POLICY_ID", "at": ..., "tries": 0, "why": null}}
"""

from pathlib import Path
from typing import Any

from rounds.files import read_json_if_whole, write_json
from rounds.folder import policy_history, policy_of, read_manifest, round_number
from rounds.lineage import ancestry

FILE = "on_promotion.json"


def promotion_facts(run_dir: Path) -> dict[str, Any] | None:
    """What is told of the policy in place; None while no round is finished.

    The win rate is that of the round that trained it; None for the run's first policy.
    """
    history = policy_history(run_dir)
    if history is None:
        return None
    policy = policy_of(run_dir, history["current"])
    round_of, rate = None, dict[str, Any]()
    if line := ancestry(run_dir, policy.policy_id):
        facts = read_manifest(line[-1]) or {}
        round_of = round_number(line[-1])
        rate = facts.get("win_rates", {}).get("gate", {}).get("win_rate_vs_previous") or {}
    return {
        "run": run_dir.name,
        "run_dir": str(run_dir),
        "round": round_of,
        "policy": policy.adapter or policy.model,
        "base": policy.model if policy.adapter else None,
        "policy_id": policy.policy_id,
        "served": policy.served,
        "win_rate": rate.get("value"),
        "low": rate.get("low"),
        "high": rate.get("high"),
        "n": rate.get("n"),
    }


def read_told(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Who was told which policy, by the key of who; nothing where the file is gone or damaged."""
    found = read_json_if_whole(run_dir / FILE)
    return found if isinstance(found, dict) else {}


def note_told(run_dir: Path, key: str, facts: dict[str, Any]) -> None:
    """Write down how the last telling went."""
    write_json(run_dir / FILE, read_told(run_dir) | {key: facts})
