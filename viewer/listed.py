"""What the list of a round's pairs filters and sorts by: a slim table, a row for each.

Texts stay in the files: only those of the rows on a page are fetched.
"""

LISTED = """
CREATE TABLE listed AS
WITH compared AS (
    SELECT prompt_id FROM verdicts
    WHERE split = 'train' AND candidate_b IS NOT NULL AND outcome IN ('a', 'b')
    GROUP BY prompt_id, judge_id, candidate_a, candidate_b HAVING min(outcome) < max(outcome)
), judged AS (
    SELECT prompt_id, bool_or(flipped) AS flipped, bool_or(NOT flipped) AS abstained
    FROM (
        SELECT prompt_id, true AS flipped FROM compared
        UNION ALL
        SELECT prompt_id, false FROM verdicts WHERE split = 'train' AND outcome = 'abstain'
    ) GROUP BY prompt_id
), both_kinds AS (
    SELECT 'pairs' AS in_table, file_row_number, pair_id, prompt_id, chosen_id, rejected_id,
        margin, probability, judge_id, chosen_source, rejected_source, NULL AS reason
    FROM pairs
    UNION ALL
    SELECT 'dropped', file_row_number, pair_id, prompt_id, chosen_id, rejected_id,
        margin, probability, judge_id, chosen_source, rejected_source, reason
    FROM dropped
)
SELECT
    row_number() OVER (ORDER BY in_table DESC, file_row_number) AS place,
    both_kinds.* EXCLUDE (chosen_id, rejected_id),
    chosen_id IS NOT NULL AS decided,
    coalesce(flipped, false) AS flipped,
    coalesce(abstained, false) AS abstained,
    prompts.tags AS tags,
    prompts.source AS prompt_source,
    chosen.n_tokens AS chosen_tokens,
    rejected.n_tokens AS rejected_tokens
FROM both_kinds
LEFT JOIN judged USING (prompt_id)
LEFT JOIN (SELECT prompt_id, tags, source FROM prompts WHERE split = 'train') AS prompts
    USING (prompt_id)
LEFT JOIN (SELECT candidate_id, n_tokens FROM candidates WHERE split = 'train') AS chosen
    ON chosen.candidate_id = chosen_id
LEFT JOIN (SELECT candidate_id, n_tokens FROM candidates WHERE split = 'train') AS rejected
    ON rejected.candidate_id = rejected_id
"""
"""`place` counts the pairs as they lie in the files, then the dropped ones. `flipped` and
`abstained` say that a comparison of the prompt did so in one of its calls."""
