"""What `prefloop judge check` asks and shows."""

from pathlib import Path
from typing import Any

from endpoints.open import bypass_proxies_to_localhost
from endpoints.settle import Settlement
from flows.config import Config
from flows.display import Display
from flows.open_judges import open_judges
from flows.plan import plan_round
from flows.preflight_judge import check_judge
from flows.settle import asked_of_judges, tried
from judge.check import check_judge as ask_known_pairs
from rounds.health_lines import health_lines

SHOWN = 60
"""Characters of a text that are shown."""


def try_judge(config: Config, runs_dir: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the judge says of each kind of question and of known pairs, with `faults`: why it cannot
    do the job; and the plan of a round with what that measured.
    """
    bypass_proxies_to_localhost()
    run_dir = runs_dir.resolve() / config.name
    plan_round(config, runs_dir)  # the prompts are read before anything is asked
    check_judge("judge", config.judge)
    questions = asked_of_judges(config)
    names = {name for name, _ in questions}
    with Display() as display, open_judges(config, run_dir, names, display) as endpoints:
        found = tried_facts(tried(questions, endpoints, run_dir, again=True))
        if found["faults"]:
            return found, plan_round(config, runs_dir)
        journal, progress = run_dir / "journal.sqlite", display.stage("judge")
        found |= ask_known_pairs(journal, config.seed, config.judge, endpoints, progress)
    if not found["readable"]:
        reasons = ", ".join(found["failures"])
        found["faults"].append(f"no verdict of the judge can be used: {reasons}")
    measured = found["prompt_tokens"], found["completion_tokens"]
    return found, plan_round(config, runs_dir, measured)


def tried_facts(settlements: dict[str, Settlement]) -> dict[str, Any]:
    """What trying the endpoints out found, as data."""
    answers = [(name, answer) for name, one in settlements.items() for answer in one.answers]
    return {
        "dialects": {name: one.dialect.model_dump() for name, one in settlements.items()},
        "special": {name: one.special for name, one in settlements.items() if one.special},
        "questions": [
            {
                "endpoint": name,
                "kind": answer.kind,
                "texts": answer.texts,
                "reply": answer.reply.text if answer.reply else None,
                "calls": answer.calls,
                "fault": answer.fault or answer.down or None,
            }
            for name, answer in answers
        ],
        "faults": [why for _, answer in answers if (why := answer.fault or answer.down)],
    }


def check_lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What is shown of it."""
    lines = [(name, f"takes {special}") for name, special in found["special"].items()]
    for question in found["questions"]:
        texts = " | ".join(map(_short, question["texts"]))
        said = _short(question["reply"] or "")
        calls = f", after {question['calls']} calls" if question["calls"] > 1 else ""
        name, kind = question["endpoint"], question["kind"]
        lines.append((kind, f"{name}, asked {texts}, said {said}{calls}"))
    return [*lines, *_pair_lines(found)] if "pairs" in found else lines


def _pair_lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    lines = []
    for number, pair in enumerate(found["pairs"], start=1):
        verdicts = ", ".join(row["reason"] or row["outcome"] for row in pair["verdicts"])
        why = f" ({pair['reason']})" if pair["reason"] else ""
        replies = [_short(row["raw_text"]) for row in pair["verdicts"] if row["raw_text"]]
        lines += [
            (f"pair {number}", f"label {pair['label']}: {pair['outcome']}{why}; said {verdicts}"),
            ("  texts", " | ".join(_short(pair[name]) for name in ("prompt", "a", "b"))),
            *([("  replies", ", ".join(replies))] if replies else []),
        ]
    failures = ", ".join(f"{reason} {n}" for reason, n in found["failures"].items()) or "none"
    undecided = found["undecided_in_one_order"]
    half = f", {undecided} more undecided in one order" if undecided else ""
    read, written = found["prompt_tokens"], found["completion_tokens"]
    lines += [
        ("calls", f"{found['calls']} in {found['seconds']:.1f} s"),
        ("failures", failures),
        ("flips", f"{found['flips']} of {found['comparisons']} comparisons{half}"),
        ("probabilities", f"with {found['probabilities']} of {found['readable']} verdicts"),
        ("tokens a call", f"{read:.0f} read, {written:.0f} written"),
    ]
    right, decided, known = (found["right"][name] for name in ("right", "decided", "known"))
    if known and not decided:
        of = "" if found["gold"] else ", which are general ones: judge.gold names pairs like yours"
        lines.append(
            ("warning", f"it decides none of the {known} pairs that have a better answer{of}")
        )
    elif known and 2 * right <= decided:
        why = f"right on {right} of {decided} decided pairs ({known} have a better answer)"
        lines.append(("warning", f"{why}: no better than chance"))
    if gold := found["gold"]:
        fault = gold.get("fault")
        lines += [("tau", fault or f"{gold['tau']:.3f}"), *health_lines(None, gold.get("gold"))]
    return lines


def _short(text: str) -> str:
    """A text in one line of a few words, in quotes."""
    line = " ".join(text.split())
    return f'"{line[:SHOWN]}..."' if len(line) > SHOWN else f'"{line}"'
