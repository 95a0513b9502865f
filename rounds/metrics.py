"""metrics.json: everything that is measured about a round, from its tables and stage stamps."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rounds.folder import round_number
from rounds.rows import CANDIDATES, DROPPED, HELD_OUT, PAIRS, PROMPTS, VERDICTS
from rounds.tables import iter_rows, table_path
from rounds.usage import USAGE_COLUMNS, forgotten_totals, usage_sum, usage_totals


def round_metrics(folder: Path, stages: dict[str, Any], decision: dict[str, Any]) -> dict[str, Any]:
    """The metrics of a round that ends with this decision of the gate.

    The tables are read as streams. What is held grows by six numbers for each call.
    """
    facts = {name: stamp["facts"] for name, stamp in stages.items()}
    dropped = Counter(row["reason"] for row in iter_rows(folder, DROPPED, columns=["reason"]))
    judges, outcomes = _judges_and_outcomes(folder)
    n_pairs = pq.read_metadata(table_path(folder, PAIRS)).num_rows
    return {
        "round": round_number(folder),
        "judge_id": ", ".join(sorted(judges["train"])) or None,
        "gate_judge_id": ", ".join(sorted(judges["gate"] | judges["test"])) or None,
        "counts": {
            "prompts": facts["prompts"]["train"],
            "prompts_left": facts["prompts"]["left"],
            "set_aside": sum(
                row["set_aside"] is not None
                for row in iter_rows(folder, PROMPTS, columns=["set_aside"])
            ),
            "candidates": sum(1 for _ in iter_rows(folder, CANDIDATES, ["train"], ["split"])),
            "sources": facts.get("sample", {}).get("sources"),
            "candidate_fates": facts.get("pairs", {}).get("candidates"),
            "verdicts": outcomes.total(),
            "abstentions": outcomes["abstain"],
            "pairs": n_pairs,
            "dropped": dict(sorted(dropped.items())),
        },
        "prompts": facts["prompts"],
        "length_difference": facts.get("pairs", {}).get("length_difference"),
        "partial": facts.get("judge", {}).get("partial"),
        "judge": {
            "tau": facts.get("gold", {}).get("tau"),
            "gold": facts.get("gold", {}).get("gold"),
            **facts.get("health", {}),
            "traffic": facts.get("judge", {}).get("traffic", {}),
            **({"delta": delta} if (delta := facts.get("judge", {}).get("delta")) else {}),
        },
        "train": facts.get("train") if decision.get("metrics") else None,
        **decision.get("metrics", {}),
        "promoted": decision["promoted"],
        "reasons": decision["reasons"],
        "usage": _usage(folder, facts, n_pairs),
        "seconds": {name: stamp["seconds"] for name, stamp in stages.items()},
        "startup_seconds": _startup_seconds(stages),
    }


def _startup_seconds(stages: dict[str, Any]) -> dict[str, float]:
    """What the stages waited for, a server or a model, and for how long."""
    total: Counter[str] = Counter()
    for stamp in stages.values():
        total.update(stamp.get("startup", {}))  # stamps of before have none
    return {what: round(seconds, 2) for what, seconds in total.items()}


def _judges_and_outcomes(folder: Path) -> tuple[dict[str, set[str]], Counter[str]]:
    """The judges that judged each split, and the outcomes of the labels."""
    judges: dict[str, set[str]] = {split: set() for split in ("train", *HELD_OUT)}
    outcomes = Counter[str]()
    for row in iter_rows(folder, VERDICTS, list(judges), ["split", "judge_id", "outcome"]):
        judges[row["split"]].add(row["judge_id"])
        if row["split"] == "train":
            outcomes[row["outcome"]] += 1
    return judges, outcomes


def _usage(folder: Path, facts: dict[str, Any], n_pairs: int) -> dict[str, Any]:
    sampling = [facts[name] for name in facts if name.startswith("sample")]
    labels = usage_totals(iter_rows(folder, VERDICTS, ["train"], USAGE_COLUMNS))
    per_pair = {name: value / n_pairs for name, value in labels.items()} if n_pairs else None
    judge = usage_totals(iter_rows(folder, VERDICTS, columns=USAGE_COLUMNS))
    return {
        **{f"judge_{name}": value for name, value in judge.items()},
        "label_per_pair": per_pair,
        "judge_forgotten": forgotten_totals(folder),
        "sampled_tokens": sum(stage["tokens"] for stage in sampling),
        "sampler": usage_sum(stage.get("sampler_usage") for stage in sampling),
        "generator": usage_sum([facts["prompts"].get("generated")]),
    }
