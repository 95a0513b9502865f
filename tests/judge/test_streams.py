"""A round of any size: nothing depends on how much of it is held at once or how it lies on disk."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from builders import REFUSED, begun, candidate_row, prompt_row
from judges import ended, endpoints, honest, verdict
from scripted import Scripted, asks_for_a_score, completion, shown

from endpoints import concurrency
from judge import labels
from judge.config import Appeal, JudgeConfig, Select
from judge.health.config import Bounds, Health
from judge.health.examine import judge_health
from judge.stage import judge_candidates
from rounds import grouped, tables
from rounds.metrics import round_metrics
from rounds.rows import Candidate, Prompt
from rounds.stages import run_stage, stage_stamps
from rounds.tables import by_prompt, read_rows, write_rows

pytestmark = pytest.mark.long

OPEN = Bounds(**{name: None for name in Bounds.model_fields if name != "min_n"})
CONFIG = JudgeConfig(
    endpoint="desk",
    select=Select(pairs=2, tries=2),
    appeal=Appeal(endpoint="high", max_share=0.6),
    health=Health(sample=2, second="other", bounds=OPEN),
)
PROMPTS = 12


def fickle(name: str) -> Any:
    """A judge whose words follow from what it is shown and from nothing else."""

    def judge(body: dict[str, Any]) -> Any:
        drawn = hashlib.sha256((name + "|".join(shown(body))).encode()).digest()
        if drawn[0] < 24:
            return completion("", "content_filter") if drawn[0] < 12 else "no idea"
        if asks_for_a_score(body):
            return json.dumps({"rationale": "x", "score": 1 + drawn[1] % 10})
        if drawn[3] < 30:
            return verdict("tie")
        worth = [hashlib.sha256(text.encode()).digest()[0] for text in shown(body)]
        return verdict("A" if (worth[0] > worth[1]) != (drawn[2] < 90) else "B")

    return judge


def answers(prompts: list[Prompt]) -> list[Candidate]:
    return [
        candidate_row(
            prompt, f"answer {place} {index} " + "word " * ((7 * place + 5 * index) % 23), index
        )
        for place, prompt in enumerate(prompts)
        for index in range(4 if place % 9 else 1)
    ]


@pytest.fixture
def judges(endpoint) -> dict[str, Scripted]:
    return {name: endpoint(fickle(name)) for name in ("desk", "high", "other")}


def judged(folder: Path, judges: dict[str, Scripted]) -> dict[str, Any]:
    """What the judge's stages leave behind: verdict rows and every figure."""
    there = endpoints(folder, **judges)
    facts = judge_candidates(folder, CONFIG, there)
    judge_health(folder, CONFIG, there)
    run_stage(folder, "prompts", "k", lambda: {"train": PROMPTS, "left": 0})
    for table in ("pairs", "dropped"):
        write_rows(folder, table, [])
    metrics = round_metrics(folder, stage_stamps(folder), REFUSED)
    del metrics["seconds"]
    return {"facts": facts, "metrics": metrics, "verdicts": read_rows(folder, "verdicts")}


def a_round(run_dir: Path, number: int = 1) -> Path:
    prompts = [prompt_row(f"question {number}.{place}") for place in range(PROMPTS)]
    return begun(run_dir, number, prompts=prompts, candidates=answers(prompts))


def test_held_in_small_pieces_a_round_is_what_it_is_at_once(
    run_dir: Path, tmp_path: Path, judges, monkeypatch: pytest.MonkeyPatch
):
    whole = judged(a_round(run_dir), judges)
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(grouped, "ROWS_AT_ONCE", 6)
    for module in (labels, concurrency):
        monkeypatch.setattr(module, "PROMPTS_AT_ONCE", 2)
    assert judged(a_round(tmp_path / "runs" / "pieces"), judges) == whole
    assert {row["level"] for row in whole["verdicts"]} == {0, 1}


def test_candidates_in_any_order_of_prompts_are_judged_alike(run_dir: Path, tmp_path: Path, judges):
    whole = judged(a_round(run_dir), judges)
    folder = a_round(tmp_path / "runs" / "mixed")
    rows = sorted(read_rows(folder, "candidates"), key=lambda row: (row["index"], row["text"]))
    write_rows(folder, "candidates", rows)
    mixed = judged(folder, judges)
    assert mixed["verdicts"] == whole["verdicts"]
    assert mixed["metrics"] == whole["metrics"]


def test_the_figures_are_those_that_whole_tables_gave(run_dir: Path, judges):
    """The expected ones were computed from lists of all rows, before any of it was a stream."""
    first = a_round(run_dir)
    judged(first, judges)
    ended(first)
    found = judged(a_round(run_dir, 2), judges)
    health = found["metrics"]["judge"]["health"]
    rates = {
        **{"yield": (0.5, 10), "failures": (6 / 90, 90), "probabilities": (0.0, 47)},
        **{
            "flips": (6 / 14, 14),
            "undecided_in_one_order": (2 / 14, 14),
            "order_gap": (None, 0),
            "first_slot": (15 / 28, 28),
        },
        **{"ties": (2 / 30, 30), "longer_chosen": (0.6, 5), "cyclic_triads": (None, 0)},
        **{"length_difference": (5.0, 5), "length_slope": (0.28963762019437167, 5)},
        **{"stability": (1.0, 7), "drift": (0.0, 7)},
    }
    # the last digit of a float depends on the processor's linear algebra
    near = {
        name: (value if value is None else pytest.approx(value, rel=1e-12, abs=0), n)
        for name, (value, n) in rates.items()
    }
    assert {name: (health[name]["value"], health[name]["n"]) for name in rates} == near
    counts = {
        **{"n": 16, "decided": 5, "screen_disagrees": 4, "tie": 0},
        "abstain": {"flip": 5, "undecided_in_one_order": 2},
    }
    assert health["comparisons"] == counts
    assert health["screen"]["mean"] == 188 / 37
    assert health["screen"]["deviation"] == pytest.approx(3.04363206195509, abs=1e-12)
    assert health["screen"]["no_unique_best"]["value"] == 0.2
    assert health["usage"]["per_decided"]["calls"] == 18.0
    assert health["canaries"]["single"]["value"] == 6 / 18


def test_prompts_are_read_as_they_are_asked(run_dir: Path, endpoint, monkeypatch):
    monkeypatch.setattr(labels, "PROMPTS_AT_ONCE", 2)
    folder, read, ahead = a_round(run_dir), [], []
    whole = labels.judge_inputs

    def counted(*given: Any) -> Any:
        for one in whole(*given):
            read.append(one.prompt["prompt_id"])
            yield one

    def done(done: int, total: int, note: str = "") -> None:
        ahead.append(len(read) - done)

    monkeypatch.setattr(labels, "judge_inputs", counted)
    there = endpoints(folder, desk=endpoint(fickle("desk")))
    judge_candidates(folder, JudgeConfig(endpoint="desk"), there, progress=done)
    assert len(read) == PROMPTS and max(ahead) == 1, "with the one that is done, two"


def test_verdicts_are_on_disk_while_others_are_asked(run_dir: Path, endpoint, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 4)
    folder, sizes = a_round(run_dir), []

    def done(done: int, total: int, note: str = "") -> None:
        sizes.append(sum(path.stat().st_size for path in folder.glob("work/judge-*/first/.*.tmp")))
        assert not (folder / "verdicts.parquet").exists()

    there = endpoints(folder, desk=endpoint(fickle("desk")))
    judge_candidates(folder, JudgeConfig(endpoint="desk"), there, progress=done)
    assert sizes[0] < sizes[PROMPTS // 2] < sizes[-1]
    assert not list(folder.glob("work/judge-*/"))


def test_half_a_table_of_a_stage_that_was_killed_counts_for_nothing(run_dir: Path, endpoint):
    folder, at = a_round(run_dir), endpoint(honest)
    there, config = endpoints(folder, desk=at), JudgeConfig(endpoint="desk")
    judge_candidates(folder, config, there)
    before, sent = read_rows(folder, "verdicts"), len(at.requests)
    (folder / "work" / "judge.json").unlink()
    (folder / "verdicts.parquet").unlink()
    half = folder / "work" / "judge-of_another_time" / "first"
    half.mkdir(parents=True)
    (half / "verdicts.parquet").write_bytes(b"PAR1")
    judge_candidates(folder, config, there)
    assert read_rows(folder, "verdicts") == before and len(at.requests) == sent
    assert not half.exists()


def test_appealed_rows_stand_last_among_those_of_their_prompt(run_dir: Path, judges):
    folder = a_round(run_dir)
    judge_candidates(folder, CONFIG, endpoints(folder, **judges))
    rows = read_rows(folder, "verdicts")
    order = [row["prompt_id"] for row in read_rows(folder, "prompts")]
    assert [row["prompt_id"] for row in rows] == sorted(
        (row["prompt_id"] for row in rows), key=order.index
    )
    levels = [[row["level"] for row in of_prompt] for of_prompt in by_prompt(rows).values()]
    assert all(of_prompt == sorted(of_prompt) for of_prompt in levels)
    assert sum(max(of_prompt) for of_prompt in levels) > 3
