"""Whose label a pair is: what other pipelines get wrong between a verdict and a pair.

Rows of notes/field.md section 3 that a judge, a pair builder or a scorer can commit; those of
notes/judge.md section 4 stand in test_integrity_verdicts.py and test_integrity_scores.py.

D1  the verdict is never used: test_every_pair_is_what_the_judge_prefers
D2  a failure loses what was paid: test_integrity_calls.py
D3  a dropped row shifts the others: test_integrity_calls.py; N/A is -1: test_integrity_scores.py;
    the rejected one is any other: test_every_pair_is_what_the_judge_prefers
D4  a failure is "the second wins": test_integrity_verdicts.py; so is the end of the budget:
    test_integrity_calls.py
D5  a tie is "the first wins": test_a_tie_is_no_pair
D6  a failure is a random label: test_integrity_verdicts.py
D7  a failure is the lowest score: test_integrity_scores.py; an answer grades itself:
    test_integrity_verdicts.py
D9  K mismatch: test_a_prompt_is_judged_on_the_answers_that_it_has
D10 re-ordered by the raw score: test_the_comparison_decides_and_no_score_reorders_it,
    test_a_weight_can_turn_a_pair
D12 misaligned rollouts: test_labels_stay_with_their_texts_whatever_comes_in_which_order
    equal scores (D13, D14, D15 too): test_scores_that_are_all_equal_make_no_pair
D14 grouped by rendered text: test_prompts_that_read_alike_stay_apart,
    test_the_same_two_answers_to_two_prompts_have_two_labels
D15 one null loses the batch, D16 a branch's rows disappear: test_integrity_calls.py
D19 identical sides: test_the_same_text_twice_is_never_compared,
    test_answers_that_differ_in_case_and_space_only_are_no_pair

The rest is another stage's, and guarded there:

D8, D20 who sampled: test_round_whole, test_vllm_sampled_the_weights_that_the_round_saved
D10 prompts lost: test_sampling, test_every_prompt_is_answered_n_times_and_held_out_ones_once;
    written at the end: test_another_chunk_size_after_a_kill_loses_and_repeats_nothing
D11 the reference is not the documented one: test_round_whole, test_trls_loss_is_the_dpo_loss_of_...
D13 train rows as test rows: test_deal, test_train_gate_and_test_never_share_a_prompt_in_any_round
D17 a resume that is none: test_round_killed, test_a_round_killed_three_times_equals_one_that_...
D18 another model than was named: test_weights, test_a_local_looking_name_never_goes_to_the_hub;
    a gate that is skipped: test_promote, test_a_metric_that_is_not_there_is_the_users_error
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, prompt_row, user
from integrity import (
    TASTES,
    answer,
    answering_late,
    judge_call,
    judge_config,
    judge_except,
    labels,
    planted,
    reply,
    reply_on_channel,
    sampled,
    shown,
    worth,
)

from judge.strategies import STRATEGIES
from rounds.ids import prompt_id
from rounds.rows import Candidate
from rounds.tables import read_rows

pytestmark = pytest.mark.long

COMPARING = [name for name in STRATEGIES if name != "questions"]
"""Those that a judge of worth can answer; questions: tests/judge/strategies/test_questions.py."""
ANY_TWO = ("random_pair", "pairwise")
BY_SCORES = ("screen_confirm", "listwise", "round_robin")


@pytest.mark.parametrize("taste", TASTES)
@pytest.mark.parametrize("strategy", COMPARING)
def test_every_pair_is_what_the_judge_prefers(run_dir, endpoint, strategy, taste):
    """D1, D3: a planted judge, its taste against the order of rows and of worth."""
    worths = [(9, 3), (2, 8)]
    if strategy != "pairwise":
        worths += [(1, 2, 3, 4), (5, 9, 1, 7)]
    folder = sampled(run_dir, *worths)
    found = labels(folder, judge_config(strategy), endpoint(planted(TASTES[taste])))
    for of_prompt, label in zip(worths, found, strict=True):
        ranked = sorted(of_prompt, key=TASTES[taste], reverse=True)
        if strategy in ANY_TWO:
            chosen, rejected = label
            assert ranked.index(chosen) < ranked.index(rejected)
        else:
            assert label == (ranked[0], ranked[-1])


@pytest.mark.parametrize("place", ["A", "B"])
@pytest.mark.parametrize("strategy", COMPARING)
def test_a_judge_of_places_labels_nothing(run_dir, endpoint, strategy, place):
    """Swapped order: what follows the order shown is no preference."""

    def by_place(body: dict[str, Any]) -> Any:
        one = judge_call(body)
        if one.kind == "verdict":
            return reply_on_channel(body, place)
        places = "ABCDEFGHI"[: len(one.worths)]
        ranking = list(places if place == "A" else places[::-1])
        return reply_on_channel(body, one.worths[0] if one.kind == "score" else ranking)

    folder = sampled(run_dir, (9, 3), (2, 8))
    found = labels(folder, judge_config(strategy), endpoint(by_place))
    assert set(found) <= {"abstain:flip", "no_margin"}


@pytest.mark.parametrize("strategy", [name for name in COMPARING if name != "listwise"])
def test_a_tie_is_no_pair(run_dir, endpoint, strategy):
    """D5, D12: neither the first nor anyone has won."""
    tie = reply(verdict="tie")
    judge = judge_except(planted(), lambda one: tie if one.kind == "verdict" else None)
    folder = sampled(run_dir, (9, 3), (2, 8))
    found = labels(folder, judge_config(strategy), endpoint(judge))
    assert set(found) <= {"tie", "no_margin"}
    if strategy != "round_robin":
        assert found == ["tie", "tie"]


def test_scores_that_are_all_equal_make_no_pair(run_dir, endpoint):
    """D12, D13, D14, D15: the same candidate on both sides, or any two."""
    folder, at = sampled(run_dir, (5, 5), (7, 7, 7), (9, 2)), endpoint(planted())
    assert labels(folder, judge_config("screen_confirm"), at) == ["no_margin", "no_margin", (9, 2)]
    assert [
        judge_call(body).question for body in at.requests if judge_call(body).kind == "verdict"
    ] == [2, 2]


@pytest.mark.parametrize("strategy", COMPARING)
def test_the_same_text_twice_is_never_compared(run_dir, endpoint, strategy):
    """D19: identical sides; the third answer is compared with one of the two."""
    prompts = [prompt_row("question 0"), prompt_row("question 1")]
    texts = [f"worth {value} for question {at}," for value, at in ((9, 0), (9, 1), (3, 1))]
    rows = [candidate_row(prompts[0], texts[0], index) for index in range(3)]
    rows += [candidate_row(prompts[1], texts[1 + index % 2], index) for index in range(3)]
    folder, at = begun(run_dir, prompts=prompts, candidates=rows), endpoint(planted())
    assert labels(folder, judge_config(strategy), at) == ["identical", (9, 3)]
    assert all(len({*shown(body)}) == len(shown(body)) for body in at.requests)
    assert not any(judge_call(body).question == 0 for body in at.requests)


@pytest.mark.parametrize("other", ["WORTH 9 FOR question 0, so ", "Worth  9\nfor question 0, SO"])
def test_answers_that_differ_in_case_and_space_only_are_no_pair(run_dir, endpoint, other):
    """D19: the judge prefers one of them, and it is no pair all the same."""
    prompt = prompt_row("question 0")
    rows = [candidate_row(prompt, "worth 9 for question 0, so", 0), candidate_row(prompt, other, 1)]

    def first(body: dict[str, Any]) -> Any:
        return reply(verdict="A" if shown(body)[0] == other else "B")

    folder = begun(run_dir, prompts=[prompt], candidates=rows)
    assert labels(folder, judge_config(), endpoint(first)) == ["identical"]


@pytest.mark.parametrize("strategy", COMPARING)
def test_a_prompt_is_judged_on_the_answers_that_it_has(run_dir, endpoint, strategy):
    """D9, K mismatch: none, one, fewer and more than the others."""
    worths: list[tuple[int, ...]] = [(), (5,), (3, 8), (2, 9, 4), (8, 7, 6, 5, 4), (5,), (1, 2)]
    folder = sampled(run_dir, *worths)
    found = labels(folder, judge_config(strategy), endpoint(planted()))
    several = "not_judged" if strategy == "pairwise" else None
    expected = ["not_sampled", "one_answer", (8, 3), several or (9, 2), several or (8, 4)]
    expected += ["one_answer", (2, 1)]
    if strategy == "random_pair":
        for place in (3, 4):
            chosen, rejected = found[place]
            assert chosen > rejected
            expected[place] = (chosen, rejected)
    assert found == expected


def interleaved(rows: list[Candidate]) -> list[Candidate]:
    """All first answers, all second answers: as engines return n > 1 rollouts."""
    return sorted(rows, key=lambda row: row["index"])


def any_order(rows: list[Candidate]) -> list[Candidate]:
    return random.Random(3).sample(rows, len(rows))


@pytest.mark.parametrize("order", [interleaved, any_order, lambda rows: rows[::-1]])
@pytest.mark.parametrize("strategy", BY_SCORES)
def test_labels_stay_with_their_texts_whatever_comes_in_which_order(
    run_dir, endpoint, strategy, order: Callable[[list[Candidate]], list[Candidate]]
):
    """D3, D12, D16: rows in any order, answers in any order, several rollouts of a prompt."""
    worths = [(9, 3, 6), (2, 8, 5), (1, 4, 10), (7, 6, 9), (3, 1, 2), (10, 2, 4)]
    folder = sampled(run_dir, *worths, order=order)
    found = labels(folder, judge_config(strategy), endpoint(answering_late(planted())))
    assert found == [(max(of_prompt), min(of_prompt)) for of_prompt in worths]


def test_prompts_that_read_alike_stay_apart(run_dir, endpoint):
    """D14: three conversations that render to the same text, the first as one message."""
    turns = [("user", "question 0"), ("assistant", "question 0"), ("user", "question 0")]
    conversation = [{"role": role, "content": content} for role, content in turns]
    alike = [
        user("\n\n".join(f"{role}: {content}" for role, content in turns)),
        conversation,
        [*conversation[:2], {"role": "user", "content": "QUESTION 0 "}],
    ]
    prompts = [
        prompt_row() | {"messages": messages, "prompt_id": prompt_id(messages)}
        for messages in alike
    ]
    worths = [(9, 3), (4, 8), (2, 1)]
    rows = [
        answer(prompt, 0, value, index)
        for prompt, values in zip(prompts, worths, strict=True)
        for index, value in enumerate(values)
    ]
    folder = begun(run_dir, prompts=prompts, candidates=any_order(rows))
    found = labels(folder, judge_config("screen_confirm"), endpoint(planted()))
    assert found == [(9, 3), (8, 4), (2, 1)]


def test_the_same_two_answers_to_two_prompts_have_two_labels(run_dir, endpoint):
    """D14: what is asked about is an answer to a prompt and no text alone."""
    prompts = [prompt_row(f"Is it {word}?") for word in ("large", "small", "large or small")]
    texts = ["worth 9 as it is large", "worth 3 as it is small"]
    rows = [candidate_row(prompt, texts[at], at) for prompt in prompts for at in (0, 1)]

    def judge(body: dict[str, Any]) -> Any:
        asked = body["messages"][-1]["content"].split("Answer A")[0]
        likes = {"large" in asked: 9, "small" in asked: 3}
        if "large or small" in asked:
            return reply(verdict="tie")
        first = worth(shown(body)[0])
        return reply(verdict="A" if likes[True] == first else "B")

    folder, at = begun(run_dir, prompts=prompts, candidates=rows), endpoint(judge)
    assert labels(folder, judge_config(), at) == [(9, 3), (3, 9), "tie"]
    assert len(at.requests) == 6


def test_the_comparison_decides_and_no_score_reorders_it(run_dir, endpoint):
    """D10: the raw score's order comes back after the choice; here it is no pair at best."""

    def judge(body: dict[str, Any]) -> Any:
        turned = judge_call(body).kind == "verdict" and judge_call(body).question != 1
        return planted(TASTES["opposite" if turned else "natural"])(body)

    folder = sampled(run_dir, (9, 3, 5), (8, 2, 6), (1, 7, 4))
    found = labels(folder, judge_config("screen_confirm"), endpoint(judge))
    assert found == ["screen_disagrees", (8, 2), "screen_disagrees"]
    sides = [(row["score_chosen"], row["score_rejected"]) for row in read_rows(folder, "dropped")]
    assert sides == [(3, 9), (1, 7)]


@pytest.mark.parametrize(
    ("weights", "label"),
    [
        ({"honesty": 3, "style": 1}, (9, 3)),
        ({"honesty": 1, "style": 3}, (3, 9)),
        ({"honesty": 2, "style": 2}, "tie"),
    ],
)
def test_a_weight_can_turn_a_pair(run_dir: Path, endpoint, weights, label):
    """D10: a penalty that can never change a pair is none. Style is against the worth here."""

    def judge(body: dict[str, Any]) -> Any:
        first, second = judge_call(body).worths
        better, worse = ("A", "B") if first > second else ("B", "A")
        return reply(honesty=better, style=worse)

    folder = sampled(run_dir, (9, 3))
    assert labels(folder, judge_config(criteria=weights), endpoint(judge)) == [label]
