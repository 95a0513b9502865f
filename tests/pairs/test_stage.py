"""Every prompt of a round ends as one pair or as one dropped row with its reason."""

from pathlib import Path

import pytest
from builders import begun, both, candidate_row, confirmed, prompt_row, scored, verdict_row

from pairs.build import comparison_rows
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.folder import read_round_start, write_round_start
from rounds.rows import Candidate, DroppedPair, Verdict
from rounds.schema import TABLES
from rounds.tables import read_rows

P = prompt_row("Q?")
GOOD, BAD = candidate_row(P, "good", 0), candidate_row(P, "bad", 1)


def built(
    run_dir: Path, candidates: list[Candidate], verdicts: list[Verdict], **config
) -> DroppedPair:
    """The one row that the prompt ends in; a kept one has no reason."""
    folder = begun(run_dir, prompts=[P], candidates=candidates, verdicts=verdicts)
    build_pairs(folder, PairsConfig(**config))
    (row,) = read_rows(folder, "pairs") + read_rows(folder, "dropped")
    return row


def test_a_confirmed_comparison_is_a_pair_that_can_be_traced(run_dir: Path):
    verdicts = confirmed(GOOD, BAD)
    row = built(run_dir, [BAD, GOOD], verdicts)
    assert "reason" not in row
    assert (row["chosen"], row["rejected"]) == (
        [{"role": "assistant", "content": "good"}],
        [{"role": "assistant", "content": "bad"}],
    )
    assert (row["chosen_id"], row["rejected_id"]) == (GOOD["candidate_id"], BAD["candidate_id"])
    assert (row["score_chosen"], row["score_rejected"], row["margin"]) == (9, 3, 6)
    assert row["verdict_ids"] == [each["verdict_id"] for each in verdicts]
    assert (row["prompt"], row["round"], row["policy_id"]) == (P["messages"], 1, "p0")
    assert row["judge_id"] == "desk/m"


def test_the_label_is_the_judges_even_where_the_screen_preferred_the_other(run_dir: Path):
    verdicts = [scored(GOOD, 3), scored(BAD, 9), *both(BAD, GOOD, "b", "b")]
    row = built(run_dir, [GOOD, BAD], verdicts)
    assert row["reason"] == "screen_disagrees"
    assert (row["chosen_id"], row["margin"]) == (GOOD["candidate_id"], -6)


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        (("tie", "tie"), "tie"),
        (("a", "b"), "abstain:flip"),
        (("a", "tie"), "abstain:undecided_in_one_order"),
        (("a", "abstain"), "abstain:refused"),
        (("abstain", "abstain"), "abstain:refused"),
    ],
)
def test_an_undecided_comparison_has_no_chosen_and_no_rejected(run_dir, orders, reason):
    row = built(run_dir, [GOOD, BAD], both(GOOD, BAD, *orders, reason="refused"))
    assert row["reason"] == reason
    label = ("chosen", "rejected", "chosen_id", "rejected_id", "margin", "score_chosen")
    assert [row[name] for name in label] == [None] * 6
    assert row["candidate_ids"] == [GOOD["candidate_id"], BAD["candidate_id"]]
    assert len(row["verdict_ids"]) == 2


def test_one_order_makes_no_pair(run_dir: Path):
    one = [verdict_row(GOOD, BAD, shown_first="a", outcome="a")]
    assert built(run_dir, [GOOD, BAD], one)["reason"] == "abstain:one_order_only"


def cut(text: str, index: int) -> Candidate:
    return candidate_row(P, text, index, finish="length")


SAME, BLANK = candidate_row(P, "good", 2), candidate_row(P, " ", 3)


@pytest.mark.parametrize(
    ("candidates", "verdicts", "reason"),
    [
        ([], [], "not_sampled"),
        ([GOOD, cut("x", 4)], [], "cut_off"),
        ([cut("x", 4), cut("y", 5)], [], "cut_off"),
        ([GOOD, SAME], [], "identical"),
        ([GOOD, SAME, cut("x", 4)], [], "identical"),
        ([GOOD, BLANK], [], "empty"),
        ([GOOD, BAD], [scored(GOOD, 5), scored(BAD, 5)], "no_margin"),
        ([GOOD, BAD], [scored(GOOD, None, "refused"), scored(BAD, 5)], "abstain:refused"),
        ([GOOD, BAD], [scored(GOOD, 5), scored(BAD, None, "not_json")], "abstain:not_json"),
    ],
)
def test_what_was_never_compared_says_why(run_dir, candidates, verdicts, reason):
    row = built(run_dir, candidates, verdicts)
    assert row["reason"] == reason and row["chosen"] is row["rejected"] is None


@pytest.mark.parametrize(
    ("winner", "loser", "scores", "reason"),
    [
        (cut("x", 4), BAD, (9, 3), "cut_off"),
        (GOOD, cut("x", 4), (9, 3), "cut_off"),
        (GOOD, candidate_row(P, " GOOD\n", 4), (9, 3), "identical"),
        (GOOD, BAD, (5, 4), "small_margin"),
        (GOOD, BAD, (4, 5), "screen_disagrees"),
        (candidate_row(P, "a <|im_end|> b", 4), BAD, (9, 3), "chat_tokens"),
        (GOOD, candidate_row(P, "<|reserved_special_token_0|>", 4), (9, 3), "chat_tokens"),
        (GOOD, candidate_row(P, "x</s>", 4), (9, 3), "chat_tokens"),
        (GOOD, candidate_row(P, "", 4), (9, 3), "empty"),
        (GOOD, candidate_row(P, " \u200b\n", 4), (9, 3), "empty"),
    ],
)
def test_a_decided_pair_is_dropped_for_its_own_reason(run_dir, winner, loser, scores, reason):
    row = built(run_dir, [winner, loser], confirmed(winner, loser, scores), min_margin=2)
    assert row["reason"] == reason
    assert row["chosen_id"] == winner["candidate_id"]


def test_ordinary_markup_is_no_chat_token(run_dir: Path):
    html = candidate_row(P, "<div>1 < 2 || a[0] |> b</div>", 4)
    assert "reason" not in built(run_dir, [html, BAD], confirmed(html, BAD))


def test_without_a_screen_there_is_no_margin_to_be_small(run_dir: Path):
    row = built(run_dir, [GOOD, BAD], confirmed(GOOD, BAD, None), min_margin=5)
    assert "reason" not in row and row["margin"] is None


def test_a_margin_as_large_as_asked_is_kept(run_dir: Path):
    assert "reason" not in built(run_dir, [GOOD, BAD], confirmed(GOOD, BAD, (5, 3)), min_margin=2)


def test_a_row_has_the_columns_of_its_table():
    [(row, reason)] = comparison_rows(1, P, {}, [])
    assert row.keys() == {column.name for column in TABLES["pairs"]} and reason == "not_sampled"


def test_a_control_token_of_the_runs_own_tokenizers_is_one(run_dir: Path):
    odd = candidate_row(P, "a <my_turn> b", 4)
    folder = begun(run_dir, prompts=[P], candidates=[odd, BAD], verdicts=confirmed(odd, BAD))
    assert build_pairs(folder, PairsConfig())["kept"] == 1, "no tokenizer at hand has it"
    start = read_round_start(folder)
    write_round_start(folder, start | {"control_tokens": ["<my_turn>"]})
    assert build_pairs(folder, PairsConfig())["dropped"] == {"chat_tokens": 1}, (
        "the key has changed"
    )
    (row,) = read_rows(folder, "dropped")
    assert (row["reason"], row["detail"]) == ("chat_tokens", "<my_turn>")


@pytest.mark.parametrize(
    ("dealt_at", "limit", "kept"),
    [(None, 0.8, 0), (0.8, 0.8, 1), (0.9, 0.8, 0), (0.8, 0.7, 0), (0.7, 0.8, 1)],
)
def test_what_was_no_leak_beside_the_whole_pool_is_none_among_the_prompts_of_a_round(
    run_dir: Path, dealt_at: float | None, limit: float, kept: int
):
    pattern = (
        "Could you please tell me in a few simple words how one makes a good {} at home for four?"
    )
    prompt, held = prompt_row(pattern.format("pie")), prompt_row(pattern.format("soup"), "gate")
    good, bad = candidate_row(prompt, "good", 0), candidate_row(prompt, "bad", 1)
    folder = begun(
        run_dir, prompts=[prompt, held], candidates=[good, bad], verdicts=confirmed(good, bad)
    )
    if dealt_at is not None:
        write_round_start(folder, read_round_start(folder) | {"near_held_out": dealt_at})
    facts = build_pairs(folder, PairsConfig(held_out_near=limit, held_out_overlap=None))
    assert facts["kept"] == kept and facts["dropped"] == ({} if kept else {"held_out_near": 1})
