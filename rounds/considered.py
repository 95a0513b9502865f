"""A comparison as a row, before anything labels it."""

from rounds.ids import digest
from rounds.rows import ConsideredPair, Prompt, Verdict


def unlabelled(
    number: int, prompt: Prompt, candidate_ids: list[str], verdicts: list[Verdict]
) -> ConsideredPair:
    """The row of these candidates of a prompt with no chosen and no rejected; `number` is the
    round's.
    """
    return {
        "pair_id": digest("pair", prompt["prompt_id"], sorted(candidate_ids)),
        "prompt_id": prompt["prompt_id"],
        "round": number,
        "prompt": prompt["messages"],
        "chosen": None,
        "rejected": None,
        "chosen_id": None,
        "rejected_id": None,
        "candidate_ids": candidate_ids,
        "score_chosen": None,
        "score_rejected": None,
        "margin": None,
        "policy_id": None,
        "judge_id": verdicts[-1]["judge_id"] if verdicts else None,
        "verdict_ids": [row["verdict_id"] for row in verdicts],
        "probability": None,
        "chosen_source": None,
        "rejected_source": None,
    }
