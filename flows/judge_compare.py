"""What `prefloop judge compare` asks and shows: two ways of judging on the same labelled pairs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.open import bypass_proxies_to_localhost
from endpoints.settle import DryQuestion
from flows.config import Config
from flows.display import Display
from flows.load import load_config
from flows.open_judges import open_judges
from flows.preflight_judge import check_judge
from flows.settle import tried
from judge.compare import compare_ways
from judge.config import is_endpoint
from judge.dry import judge_questions
from judge.health.gold import read_gold
from rounds.errors import UserError
from rounds.health_lines import rate_text

Lines = list[tuple[str, str]]

NAMES = ("A", "B")


class Way(NamedTuple):
    """A way of judging: the rubric and the judge that it names, None for those of the config."""

    rubric: str | None
    judge: str | None

    @property
    def title(self) -> str:
        """As it is shown."""
        rubric, judge = self.rubric or "the config's rubric", self.judge or "the config's judge"
        return f"{rubric}, {judge}"

    @property
    def overrides(self) -> list[str]:
        """As `--set` takes them."""
        rubric = [f"judge.rubrics.pairwise={json.dumps(self.rubric)}"] if self.rubric else []
        names: Any = self.judge.split(",") if self.judge else []
        judge = names[0] if len(names) == 1 else names
        return [*rubric, *([f"judge.endpoint={json.dumps(judge)}"] if self.judge else [])]


def two_ways(rubrics: Sequence[str], judges: Sequence[str]) -> list[Way]:
    """What is compared: two rubrics, two judges, or both in pairs; one alone is compared with what
    the config says. Raises UserError where these are no two ways.
    """
    for option, given in (("--rubric", rubrics), ("--judge", judges)):
        if len(given) > len(NAMES):
            raise UserError(f"{option}: {len(given)} are given; two ways are compared")
    most = max(len(rubrics), len(judges))
    if not most:
        raise UserError(
            "judge compare: say what to compare: --rubric A --rubric B, or --judge X --judge Y"
        )
    if most == 1:
        return [Way(None, None), Way(*(given[0] if given else None for given in (rubrics, judges)))]
    ways = [Way(_of(rubrics, place), _of(judges, place)) for place in range(len(NAMES))]
    if ways[0] == ways[1]:
        raise UserError(f"judge compare: the two ways are the same ({ways[0].title})")
    return ways


def compare_judges(
    config: str,
    overrides: Sequence[str],
    ways: Sequence[Way],
    labels: str | None,
    runs_dir: Path,
) -> dict[str, Any]:
    """Both ways asked about the gold set of a config, or about the pairs of the file `labels`.

    Returns what `judge.compare.compare_ways` does, with the `titles` of the ways. Raises UserError,
    before anything is asked, for what cannot work.
    """
    bypass_proxies_to_localhost()
    given = list(overrides)
    if labels is not None:
        pairs = read_gold(labels, "--labels")
        given.append(f"judge.gold.path={json.dumps(labels)}")
    configs = [load_config(config, [*given, *way.overrides]) for way in ways]
    gold = configs[0].judge.gold
    if gold is None:
        raise UserError(
            "judge compare: the config has no judge.gold; name labelled pairs there, or people's "
            "labels with --labels FILE"
        )
    if labels is None:
        pairs = read_gold(gold.path, "judge.gold.path")
    for one in configs:
        check_judge("judge", one.judge)
    run_dir = runs_dir.resolve() / configs[0].name
    questions = [question for one in configs for question in _questions(one)]
    names = {name for name, _ in questions}
    with Display() as display, open_judges(configs[0], run_dir, names, display) as endpoints:
        for settlement in tried(questions, endpoints, run_dir).values():
            for answer in settlement.answers:
                if answer.fault or answer.down:
                    raise UserError(str(answer.fault or answer.down))
        found = compare_ways(
            run_dir / "journal.sqlite",
            configs[0].seed,
            [one.judge for one in configs],
            endpoints,
            pairs,
            display.stage("judge compare"),
        )
    return {"titles": [way.title for way in ways], **found}


def compare_lines(found: dict[str, Any]) -> Lines:
    """What is shown of it."""
    left = f", {found['left_out']} left out: the budget ended ({found['limit']})"
    lines = [
        *((name, title) for name, title in zip(NAMES, found["titles"], strict=True)),
        ("pairs", f"{found['pairs']} by both" + left * bool(found["left_out"])),
    ]
    for name, way in zip(NAMES, found["ways"], strict=True):
        lines += [(f"{name}: {what}", text) for what, text in _way_lines(way) if text]
    lines += [
        ("agreement, B - A", _difference(found["agreement"])),
        ("right when decided, B - A", _difference(found["accuracy"])),
    ]
    split = found["split"]
    if split["p"] is not None:
        text = f"A alone {split['before']}, B alone {split['after']} of {split['n']}"
        lines.append(("agrees with the label", f"{text}; p = {split['p']:.3g} ({found['test']})"))
    traffic = found["traffic"]
    asked, kept = traffic.get("calls", 0), traffic.get("from_journal", 0)
    lines.append(("calls now", f"{asked}; {kept} answers were there already"))
    return [*lines, ("intervals", f"of shares Wilson's, of differences {found['interval']}")]


def _way_lines(way: dict[str, Any]) -> Lines:
    kappa = "" if way["kappa"] is None else f", kappa {way['kappa']:.2f}"
    usage = way["usage"]
    reasons = ", ".join(f"{reason} {n}" for reason, n in way["abstained"].items())
    n = sum(way["abstained"].values())
    return [
        ("agrees with the label", rate_text(way["agreement"])),
        ("right when decided", (rate_text(way["accuracy"]) or "none decided") + kappa),
        ("decided", rate_text(way["decided"])),
        ("abstained", f"{n} ({reasons})" if n else "0"),
        ("flips", str(way["flips"])),
        (
            "calls",
            f"{usage['calls']}, {usage['prompt_tokens']} tokens read, "
            f"{usage['completion_tokens']} written, price {usage['cost']:.4g}",
        ),
        ("threshold", f"{way['tau']:g}" + (f": {way['fault']}" if way["fault"] else "")),
    ]


def _difference(paired: dict[str, Any]) -> str:
    if paired["value"] is None:
        return "none: one of them has no case"
    interval = f"[{paired['low']:+.3f}, {paired['high']:+.3f}]"
    return f"{paired['value']:+.3f} {interval}, {paired['changed']} of {paired['n']} otherwise"


def _questions(config: Config) -> list[tuple[str, DryQuestion]]:
    """What is asked of the endpoints: comparisons by the jury."""
    jury = set(filter(is_endpoint, config.judge.jury))
    asked = judge_questions("judge", config.judge, config.seed)
    return [
        (name, question)
        for name, question in asked
        if name in jury and question.kind == "judge, pairwise"
    ]


def _of(given: Sequence[str], place: int) -> str | None:
    return given[min(place, len(given) - 1)] if given else None
