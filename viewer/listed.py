"""What the list of a round's pairs filters and sorts by: a slim table, a row for each.

Texts stay in the files: only those of the rows on a page are fetched.
"""

from viewer.tables import RoundTables

LISTED = """
CREATE TABLE listed AS
WITH of_comparison AS (
    SELECT prompt_id, bool_or(outcome = 'a') AND bool_or(outcome = 'b') AS flipped,
        bool_or(outcome = 'abstain') AS abstained
    FROM verdicts WHERE split = 'train'
    GROUP BY prompt_id, judge_id, candidate_a, candidate_b
), judged AS (
    SELECT prompt_id, bool_or(flipped) AS flipped, bool_or(abstained) AS abstained
    FROM of_comparison GROUP BY prompt_id
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


def list_pairs(tables: RoundTables) -> None:
    """Make the table `listed`, once."""
    with tables.lock:
        if not tables.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'listed'"):
            tables.run(LISTED)
