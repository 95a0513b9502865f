"""How far a judge agrees with people."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rounds.kappa import kappa_interval
from rounds.people import Opinion, outcome_for
from rounds.rates import rate
from rounds.reliability import Case, gold_measures
from rounds.rows import Verdict
from rounds.verdicts import CandidateIds, settle


def judge_and_people(
    compared: Mapping[CandidateIds, list[Verdict]], said: Mapping[frozenset[str], Opinion]
) -> dict[str, Any]:
    """What people's opinions say of a judge, on the comparisons that both were asked about.

    n: comparisons that people decided. agreement: of those that both decided for one answer, the
    share where it is the same. kappa: Cohen's with its interval, over a, b and tie, where the judge
    did not abstain. outcomes: counts by people's outcome, then by the judge's. reliability: how
    often people favour what the judge's averaged probability does, in bins of it; None without
    probabilities. by: how many of them each person answered. contradicted, skipped: comparisons
    left out. `compared` are the rows that confirm (rounds.verdicts.comparisons).
    """
    cases: list[Case] = []
    who, left_out = Counter[str](), Counter[str]()
    for pair, rows in compared.items():
        opinion = said.get(frozenset(pair))
        if opinion is None:
            continue
        who.update(opinion.by)
        outcome = outcome_for(opinion, pair)
        if outcome is None:
            left_out["contradicted" if opinion.contradicted else "skipped"] += 1
        else:
            cases.append(Case(outcome, rows))
    outcomes = [(case.label, settle(case.verdicts).outcome) for case in cases]
    decided = [both for both in outcomes if set(both) <= {"a", "b"}]
    measured = gold_measures(cases)
    return {
        "n": len(cases),
        "agreement": rate(sum(people == judge for people, judge in decided), len(decided)),
        "kappa": kappa_interval([both for both in outcomes if "abstain" not in both]),
        "outcomes": measured["confusion"],
        "reliability": measured["reliability"],
        "by": dict(sorted(who.items())),
        "contradicted": left_out["contradicted"],
        "skipped": left_out["skipped"],
    }
