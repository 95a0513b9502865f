"""All checks of a run's finished rounds, in the order in which a round comes about.

Reads only: takes no lock, sends no request. Where one check fails the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from flows.config import Config
from flows.derived import copied_round
from flows.verify.derive import (
    check_decision,
    check_derived_pairs,
    check_leaks,
    check_suites,
)
from judge.again import check_gold_verdicts, check_held_out_verdicts, check_labels
from judge.early import Against
from rounds.check_files import check_hashes, check_manifest, check_tables, manifest_facts
from rounds.check_lineage import check_lineage, check_run, check_weights
from rounds.check_pairs import check_extra, check_pairs
from rounds.check_rows import check_belonging, check_ids
from rounds.checks import Check, Looked, run_check
from rounds.folder import round_number
from rounds.removed import removed_calls
from rounds.stages import Progress
from sampler.again import check_drawn_again
from sampler.claimed import check_candidate_ids

Show = Callable[[str], Progress]
"""The progress of a named piece of work."""

Step = tuple[str, str, Callable[[Looked], object]]
"""A check: its name, what it looks at, and the function that looks."""


def verify(
    run_dir: Path, folders: Sequence[Path], resample: float | None, show: Show
) -> Iterator[Check]:
    """The checks of these rounds as they are done, and those of the run.

    `resample` is the share of the candidates to draw again, None for none.
    """
    for folder in folders:
        for name, looked_at, look in _steps(folder, resample, show):
            yield run_check(round_number(folder), name, looked_at, look)
    yield run_check(None, "history", "policy.json", lambda looked: check_run(looked, run_dir))


def _steps(folder: Path, resample: float | None, show: Show) -> Iterator[Step]:
    yield "manifest", "manifest.json", lambda looked: check_manifest(looked, folder)
    if (facts := manifest_facts(folder)) is None:
        why = "the manifest cannot be read, which everything else is held against"
        yield "the rest", "tables, verdicts, pairs", lambda looked: looked.leave_out(why)
        return
    yield "files", "hashes in the manifest", lambda looked: check_hashes(looked, folder, facts)
    yield "tables", "rows", lambda looked: check_tables(looked, folder, facts)
    yield "ids", "ids, hashes, seeds", lambda looked: check_ids(looked, folder)
    yield "splits", "prompts of the run", lambda looked: check_belonging(looked, folder)
    yield "lineage", "policies", lambda looked: check_lineage(looked, folder, facts)
    yield "weights", "policy folders", lambda looked: check_weights(looked, folder, facts)
    yield "pairs", "texts, two agreeing replies", lambda looked: check_pairs(looked, folder)
    yield "extra", "pairs of earlier rounds", lambda looked: check_extra(looked, folder)
    config = _config(facts)
    if isinstance(config, str):
        yield "config", "manifest.json", lambda looked: looked.fault("manifest", "config", config)
        return
    yield from _derivations(folder, facts, config, show)
    if resample is not None:

        def drawn(looked: Looked) -> None:
            with copied_round(folder) as copy, Endpoints(config.endpoints, copy) as endpoints:
                arguments = copy, config.sampler, endpoints, resample
                check_drawn_again(looked, *arguments, show("draw again"))

        yield "drawn again", f"{resample:g} of the candidates", drawn


def _derivations(folder: Path, facts: dict[str, Any], config: Config, show: Show) -> Iterator[Step]:
    """What follows by the stages' own functions."""
    trained = facts["trained"]["policy_id"] if facts["trained"] else None
    own = config.gate.judge

    def candidates(looked: Looked) -> None:
        check_candidate_ids(looked, folder, config.sampler, trained)

    def labels(looked: Looked) -> None:
        tau = None if isinstance(config.judge.tau, str) else float(config.judge.tau)
        with copied_round(folder, journal=True) as copy, _closed(config, copy) as endpoints:
            check_labels(looked, copy, config.judge, endpoints, tau, show("read again"))

    def gold(looked: Looked) -> None:
        with copied_round(folder, journal=True) as copy, _closed(config, copy) as endpoints:
            check_gold_verdicts(looked, copy, config.judge, endpoints)

    def held_out(looked: Looked) -> None:
        judge, tau = config.held_out_judge, float(own.tau) if own else 0.5
        shown = show("read again, held-out")
        early = config.gate.early(facts["seed"])
        against = Against(early, facts["policy"]["policy_id"]) if early else None
        with copied_round(folder, journal=True) as copy, _closed(config, copy) as endpoints:
            arguments = looked, copy, judge, endpoints, str(trained), tau, shown
            check_held_out_verdicts(*arguments, against)

    yield "candidates", "ids of prompt, policy, seed", candidates
    yield "verdicts", "replies in the journal", _with_calls(folder, labels)
    if config.judge.gold is not None:
        yield "gold verdicts", "replies in the journal", _with_calls(folder, gold)
    if trained is not None:
        yield "gate verdicts", "replies in the journal", _with_calls(folder, held_out)
    pairs = show("pairs again")
    yield (
        "derived",
        "pairs and drops",
        lambda looked: check_derived_pairs(looked, folder, config, pairs),
    )
    yield "leaks", "training data", lambda looked: check_leaks(looked, folder, config)
    if config.gate.suites:
        yield (
            "suites",
            "answers to suites",
            lambda looked: check_suites(looked, folder, config, facts),
        )
    yield (
        "decision",
        "held-out verdicts",
        lambda looked: check_decision(looked, folder, config, facts),
    )


def _with_calls(folder: Path, look: Callable[[Looked], object]) -> Callable[[Looked], object]:
    """A check that needs the round's calls, or, where they were removed, says so."""
    why = removed_calls(folder)
    return look if why is None else lambda looked: looked.leave_out(why)


def _closed(config: Config, copy: Path) -> Endpoints:
    """The endpoints, none of which is asked: their configs say what answers are kept under."""
    return Endpoints(config.endpoints, copy)


def _config(facts: dict[str, Any]) -> Config | str:
    """The config of a round, or why it is none."""
    try:
        return Config.model_validate(facts["config"])
    except ValueError as error:
        return " ".join(str(error).split())[:300]
