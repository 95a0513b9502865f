"""The pairs stage: verdicts to pairs.parquet and dropped.parquet, every prompt in one of them."""

from collections import Counter
from pathlib import Path
from typing import Any

from pairs.build import considered
from pairs.config import PairsConfig
from pairs.filters import Pair, filters, pair_key, prompt_text
from rounds.folder import finished_rounds, round_number, run_of
from rounds.progress import Progress, silent
from rounds.stages import run_stage, stage_key
from rounds.tables import Row, by_prompt, read_rows, rows_hash, write_rows


def build_pairs(folder: Path, config: PairsConfig, progress: Progress = silent) -> dict[str, Any]:
    """Decide every train prompt of the round. Returns counts: kept, and dropped by reason."""
    prompts = read_rows(folder, "prompts", ["train"])
    candidates = read_rows(folder, "candidates", ["train"])
    verdicts = read_rows(folder, "verdicts", ["train"])
    earlier = [done for done in finished_rounds(run_of(folder)) if done != folder]
    seen = {pair_key(row) for done in earlier for row in read_rows(done, "pairs")}
    held_out = {
        prompt_text(row["messages"]) for row in read_rows(folder, "prompts", ["gate", "test"])
    }
    key = stage_key(
        rows_hash("prompts", prompts),
        rows_hash("candidates", candidates),
        rows_hash("verdicts", verdicts),
        [[row["score"], row["probability"]] for row in verdicts],
        config.model_dump(),
        sorted(held_out),
        sorted(seen),
    )

    def run() -> dict[str, Any]:
        sampled = by_prompt(candidates)
        judged = by_prompt(verdicts)
        checks = filters(config, held_out, seen)
        kept: list[Row] = []
        dropped: list[Row] = []
        for done, prompt in enumerate(prompts, start=1):
            name = prompt["prompt_id"]
            answers = {row["candidate_id"]: row for row in sampled.get(name, [])}
            policy = next((each["policy_id"] for each in answers.values()), None)
            verdicts_on = judged.get(name, [])
            for row, reason in considered(round_number(folder), prompt, answers, verdicts_on):
                row["policy_id"] = policy
                if reason is None:
                    pair = Pair(row, answers[row["chosen_id"]], answers[row["rejected_id"]])
                    reason = next((why for check in checks if (why := check(pair))), None)
                if reason is None:
                    kept.append(row)
                else:
                    dropped.append({**row, "reason": reason, "detail": None})
            progress(done, len(prompts))
        write_rows(folder, "pairs", kept)
        write_rows(folder, "dropped", dropped)
        reasons = Counter(row["reason"] for row in dropped)
        return {"kept": len(kept), "dropped": dict(sorted(reasons.items()))}

    return run_stage(folder, "pairs", key, run)
