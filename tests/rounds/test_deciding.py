"""Whom people are asked about, when that is looked at, and what decides."""

import random
from pathlib import Path

import pytest
from builders import both, candidate_row, prompt_row
from labelled import given

from rounds.contests import Contest, contests_between
from rounds.deciding import PROMOTE, REFUSE, UNDECIDED, Rule, looks_at, standing
from rounds.drawn import chances, draw_order
from rounds.labels import append_label, read_labels
from rounds.people import opinions

WON, LOST, TIED, FLIP = ("a", "a"), ("b", "b"), ("tie", "tie"), ("a", "b")


def contests(*orders: tuple[str, str], probability: float | None = None) -> list[Contest]:
    """Contests with these outcomes of the judge, a being the new policy's answer."""
    prompts, candidates, verdicts = [], [], []
    for number, outcomes in enumerate(orders):
        prompt = prompt_row(f"gate {number}", "gate")
        rows = [candidate_row(prompt, f"{policy} {number}", 0, policy) for policy in ("new", "old")]
        prompts.append(prompt)
        candidates += rows
        verdicts += [row | {"probability": probability} for row in both(*rows, *outcomes)]
    return contests_between(prompts, candidates, verdicts, "new", "old")


def same_text(contest: Contest) -> Contest:
    new = contest.new | {"text": "x", "text_hash": "x"}
    return contest._replace(new=new, other=contest.other | {"text_hash": "x"}, outcome="identical")


class People:
    """Answers in the order of asking, by a rule from the contest to a verdict."""

    def __init__(self, path: Path, found: list[Contest], rule: Rule, seed: int = 0) -> None:
        self.path, self.found, self.rule = path, found, rule
        self.order = draw_order(found, seed)

    def say(self, count: int, verdict="a", by: str = "ada"):
        """Label so many more, and where that leaves the question."""
        for drawn in self.now().left[:count]:
            contest = drawn.contest
            one = verdict if isinstance(verdict, str) else verdict(contest)
            label = given(contest.prompt, contest.new, contest.other, one, by=by)
            append_label(self.path, label)
        return self.now()

    def now(self):
        said = opinions(read_labels(self.path).labels)
        return standing(self.found, self.order, said, self.rule)


@pytest.fixture
def asked(tmp_path: Path):
    def started(found: list[Contest], **rule) -> People:
        return People(tmp_path / "gate.jsonl", found, Rule(**rule))

    return started


def test_the_looks_are_fixed_beforehand():
    assert looks_at(Rule(), 500) == [50, 88, 125, 162, 200]
    assert looks_at(Rule(), 120) == [50, 68, 85, 102, 120]
    assert looks_at(Rule(), 30) == [30]
    assert looks_at(Rule(least=5, most=5), 30) == [5]
    assert looks_at(Rule(interval=False), 500) == [50]
    assert looks_at(Rule(), 0) == []


def test_nothing_is_said_before_enough_people_have_answered(asked):
    people = asked(contests(*[WON] * 40), least=10, most=20)
    now = people.say(9)
    assert (now.decision, now.both, now.look, now.answered, now.missing) == (None, None, 0, 9, 1)
    assert len(now.left) == 31 and now.judge.value == 1.0 and now.needed is None
    now = people.say(1)
    assert (now.decision, now.look, now.answered, now.missing) == (PROMOTE, 1, 10, 0)
    assert now.both is not None and now.both.interval(now.level)[0] > 0.5
    assert now.level == pytest.approx(0.99), "five looks share the 5 %"


def test_people_who_contradict_the_judge_refuse_what_it_would_promote(asked):
    now = asked(contests(*[WON] * 100), least=20).say(20, "b")
    assert now.decision == REFUSE and now.judge.value == 1.0
    assert now.both.value == pytest.approx(0.0, abs=0.05)


def test_what_is_not_clear_waits_for_the_next_look_and_each_look_uses_its_answers_alone(asked):
    people = asked(contests(*[WON, LOST] * 100), least=20, most=100)
    coin = random.Random(0)
    now = people.say(20, lambda _: coin.choice("ab"))
    assert (now.decision, now.look, now.missing) == (None, 1, 20)
    before = now.both
    now = people.say(7, "a")
    assert (now.decision, now.look, now.missing, now.both) == (None, 1, 13, before)


def test_at_the_last_look_what_is_not_clear_is_refused(asked):
    people = asked(contests(*[WON, LOST] * 50), least=20, most=40)
    now = people.say(40, lambda contest: "a" if contest.outcome == "win" else "b")
    assert (now.decision, now.look, now.answered) == (UNDECIDED, 5, 40)


def test_without_the_interval_the_value_decides_at_once(asked):
    found = contests(*[WON, LOST] * 30)
    now = asked(found, least=20, interval=False, threshold=0.3).say(20, "tie")
    assert now.decision == PROMOTE and now.looks == [20] and now.level == pytest.approx(0.95)


def test_identical_answers_are_ties_that_nobody_is_asked_about(asked):
    found = contests(*[WON] * 10)
    found = [*found[:4], *map(same_text, found[4:])]
    people = asked(found, least=50)
    assert len(people.order) == 4
    now = people.say(4)
    assert now.looks == [4] and now.both.value == pytest.approx((4 + 6 / 2) / 10)
    nothing = asked([same_text(contest) for contest in found[:3]])
    assert nothing.now().decision == UNDECIDED


def test_what_was_labelled_beside_the_order_counts_when_the_order_comes_to_it(asked):
    """Whoever chooses what to label cannot choose what is looked at."""
    people = asked(contests(*[WON] * 30), least=10, most=10)
    for drawn in people.order[20:]:
        one = drawn.contest
        append_label(people.path, given(one.prompt, one.new, one.other, "b"))
    now = people.now()
    assert (now.answered, now.missing, len(now.left)) == (0, 10, 20)
    assert people.say(10, "a").both.value > 0.9


def test_skipped_and_contradicted_ones_are_passed_over_and_counted(asked):
    people = asked(contests(*[WON] * 30), least=5, most=5)
    people.say(1, "skip")
    quarrel = people.now().left[0].contest
    for by, verdict in (("ada", "a"), ("bob", "b")):
        label = given(quarrel.prompt, quarrel.new, quarrel.other, verdict, by=by)
        append_label(people.path, label)
    now = people.say(4)
    assert (now.answered, now.missing) == (4, 1)
    now = people.say(1)
    assert (now.decision, now.skipped, now.contradicted, len(now.used)) == (PROMOTE, 1, 1, 5)


def test_where_all_are_asked_and_too_few_answered_it_is_decided_all_the_same(asked):
    people = asked(contests(*[WON] * 12), least=10, most=12)
    people.say(6, "skip")
    now = people.say(6)
    assert now.answered == 6 and not now.left and now.decision == PROMOTE
    skipped = asked(contests(*[WON] * 3), least=2)
    skipped.path.unlink()
    assert skipped.say(3, "skip").decision == UNDECIDED


def test_how_many_more_settle_it_is_told_by_how_far_it_is_from_the_threshold(asked):
    found = contests(*[WON, WON, WON, LOST] * 70)
    rule = {"least": 20, "most": 150}

    def needed(right: float) -> int | None:
        coin = random.Random(3)
        people = asked(found, **rule)
        people.path.unlink(missing_ok=True)

        def answer(contest: Contest) -> str:
            judge = "a" if contest.outcome == "win" else "b"
            return judge if coin.random() < right else coin.choice("ab")

        now = people.say(20, answer)
        assert now.decision is None and now.look == 1
        return now.needed

    clear, close = needed(0.8), needed(0.4)
    assert clear in (32, 65, 98, 130)
    assert close is None or close > clear


def test_the_order_is_the_runs_own_and_the_unsure_come_first(asked):
    sure, unsure = contests(*[WON] * 200, probability=0.99), contests(*[WON] * 200, probability=0.5)
    found = sure[:100] + unsure[100:]
    order = draw_order(found, 0)
    assert order == draw_order(found[::-1], 0) != draw_order(found, 1)
    first = [one.contest.prompt["messages"][0]["content"] for one in order[:60]]
    late = sum(int(name.split()[1]) >= 100 for name in first)
    assert 33 <= late <= 50, "twice as often, not always"
    assert min(one.weight for one in order) >= 0.5, "every one has a chance"
    assert {one.weight for one in draw_order(found, 0, at_random=True)} == {1.0}


def test_the_chances_are_those_with_which_the_order_draws():
    found = contests(*[WON] * 20, *[FLIP] * 20)
    drawn, told = [0.0, 0.0], [0.0, 0.0]
    for seed in range(400):
        order = draw_order(found, seed)
        for one, chance in zip(order[:10], chances(order, 10), strict=True):
            flipped = one.contest.outcome == "abstain"
            drawn[flipped] += 1
            told[flipped] += 1 / chance
    # weighed by the inverse of its chance, each kind is there 20 times
    assert [total / 400 for total in told] == pytest.approx([20, 20], rel=0.1)
    assert drawn[1] > 1.2 * drawn[0]
    assert chances(order, len(order)) == [1.0] * 40
