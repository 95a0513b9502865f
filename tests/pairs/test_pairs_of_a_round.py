"""All the pairs of a round, and those of the rounds before it."""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, both, candidate_row, confirmed, prompt_row, user
from strategies import ScriptedJudge, candidates, honest, honest_but_for, quality_of, run_strategy

from judge.config import Select
from pairs.config import PairsConfig
from pairs.pair import pair_key
from pairs.stage import build_pairs
from rounds.files import write_json
from rounds.tables import read_rows, write_rows

pytestmark = pytest.mark.long

P = prompt_row("Q?")
GOOD, BAD = candidate_row(P, "good", 0), candidate_row(P, "bad", 1)


def counts(folder: Path, **config: Any) -> tuple[int, dict[str, int]]:
    """How many pairs are kept, and how many dropped by reason."""
    facts = build_pairs(folder, PairsConfig(**config))
    return facts["kept"], facts["dropped"]


def test_a_prompt_that_is_held_out_is_never_trained_on(run_dir: Path):
    held = prompt_row(" q?  ", "gate")
    folder = begun(
        run_dir, prompts=[P, held], candidates=[GOOD, BAD], verdicts=confirmed(GOOD, BAD)
    )
    assert counts(folder) == (0, {"held_out_prompt": 1})


def test_a_pair_of_an_earlier_round_is_a_duplicate(run_dir: Path):
    tables = {"prompts": [P], "candidates": [GOOD, BAD], "verdicts": confirmed(GOOD, BAD)}
    first = begun(run_dir, 1, **tables)
    assert build_pairs(first, PairsConfig())["kept"] == 1
    write_json(first / "manifest.json", {})
    second = begun(run_dir, 2, **tables)
    assert build_pairs(second, PairsConfig())["dropped"] == {"duplicate": 1}
    assert build_pairs(first, PairsConfig())["kept"] == 1  # and not one of itself


def test_a_label_that_contradicts_an_earlier_one_is_dropped_and_names_it(run_dir: Path):
    tables = {"prompts": [P], "candidates": [GOOD, BAD]}
    first = begun(run_dir, 1, **tables, verdicts=confirmed(GOOD, BAD))
    assert counts(first, near_duplicates=None) == (1, {})
    write_json(first / "manifest.json", {})
    second = begun(run_dir, 2, **tables, verdicts=confirmed(BAD, GOOD))
    assert counts(second, near_duplicates=None) == (0, {"contradicts": 1})
    [kept], [dropped] = read_rows(first, "pairs"), read_rows(second, "dropped")
    assert dropped["detail"] == f"{kept['pair_id']} of round 1"


@pytest.mark.parametrize("left", [0, 50, 0.5, -8], ids=["nothing", "a head", "half", "all but"])
@pytest.mark.parametrize("kind", ["exact", "near", "semantic"])
def test_a_damaged_index_file_is_written_again(run_dir: Path, kind: str, left: float):
    semantic = {"embed": f"{__file__}:embed", "threshold": 0.99}
    tables = {"prompts": [P], "candidates": [GOOD, BAD], "verdicts": confirmed(GOOD, BAD)}
    first = begun(run_dir, 1, **tables)
    assert counts(first, semantic=semantic) == (1, {})
    write_json(first / "manifest.json", {})
    file = run_dir / "index" / f"0001.{kind}"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    assert counts(begun(run_dir, 2, **tables), semantic=semantic) == (0, {"duplicate": 1})
    assert file.read_bytes() == whole


def test_prompts_that_differ_in_case_and_space_only_make_one_pair(run_dir: Path):
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for text in ("Q?", "q? "):
        prompt = prompt_row(text)
        a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
        tables["prompts"] += [prompt]
        tables["candidates"] += [a, b]
        tables["verdicts"] += confirmed(a, b)
    assert counts(begun(run_dir, **tables)) == (1, {"duplicate": 1})


def test_which_of_two_duplicates_stays_is_not_up_to_the_order_of_rows(run_dir: Path):
    prompts = [prompt_row(text) for text in ("Q?", "q? ")]
    answers = [[candidate_row(p, "good"), candidate_row(p, "bad", 1)] for p in prompts]
    tables = {"candidates": sum(answers, []), "verdicts": sum((confirmed(*a) for a in answers), [])}
    found = []
    for turned in (prompts, prompts[::-1]):
        folder = begun(run_dir, prompts=turned, **tables)
        assert counts(folder) == (1, {"duplicate": 1})
        [kept], [dropped] = read_rows(folder, "pairs"), read_rows(folder, "dropped")
        assert dropped["detail"] == f"{kept['pair_id']} of round 1"
        found.append(kept)
    assert found[0] == found[1]


def embed(texts: list[str]) -> list[list[float]]:
    """What a text is about, as somebody sees it who knows two words."""
    return [[text.count("good"), text.count("fine"), 0.1] for text in texts]


def test_a_pair_that_means_the_same_is_a_duplicate_where_an_embedding_is_named(run_dir: Path):
    def tables(text: str, answer: str) -> dict[str, list[Any]]:
        prompt = prompt_row(text)
        a, b = candidate_row(prompt, answer), candidate_row(prompt, "bad", 1)
        return {"prompts": [prompt], "candidates": [a, b], "verdicts": confirmed(a, b)}

    semantic = {"embed": f"{__file__}:embed", "threshold": 0.99}
    first = begun(run_dir, 1, **tables("How is the weather in Oslo?", "It is good."))
    assert counts(first, semantic=semantic) == (1, {})
    write_json(first / "manifest.json", {})
    second = begun(run_dir, 2, **tables("Will it rain on Monday, too?", "No, all good then."))
    assert counts(second, semantic=semantic) == (0, {"semantic_duplicate": 1})
    assert read_rows(second, "dropped")[0]["detail"].startswith("cosine 1.000 with ")
    assert counts(second) == (1, {})
    other = begun(run_dir, 2, **tables("Will it rain on Monday, too?", "No, that is fine."))
    assert counts(other, semantic=semantic) == (1, {})


def test_an_edited_embedding_builds_the_pairs_again(run_dir: Path, tmp_path: Path):
    prompts = [prompt_row("How is the weather in Oslo?"), prompt_row("Will it rain on Monday?")]
    answers = [[candidate_row(p, "It is good."), candidate_row(p, "bad", 1)] for p in prompts]
    verdicts = sum((confirmed(*both_answers) for both_answers in answers), [])
    folder = begun(run_dir, prompts=prompts, candidates=sum(answers, []), verdicts=verdicts)
    file = tmp_path / "embedding_of_mine.py"
    semantic = {"embed": f"{file}:embed", "threshold": 0.99}
    file.write_text(
        "def embed(texts):\n    return [[1.0, 9 * ('Oslo' in text)] for text in texts]\n"
    )
    assert counts(folder, semantic=semantic) == (2, {})
    file.write_text("def embed(texts):\n    return [[1.0, 0.0] for text in texts]\n")
    assert counts(folder, semantic=semantic) == (1, {"semantic_duplicate": 1})


def test_turned_round_it_is_another_pair():
    row = {"prompt": user("Q"), "chosen": user("x"), "rejected": user("y")}
    assert pair_key(row) != pair_key({**row, "chosen": user("y"), "rejected": user("x")})
    assert pair_key(row) == pair_key({**row, "prompt": user(" q ")})


def test_every_prompt_ends_in_exactly_one_of_the_two_tables(run_dir: Path):
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for number, orders in enumerate([("a", "a"), ("b", "b"), ("tie", "tie"), ("a", "b"), None]):
        prompt = prompt_row(f"question {number}")
        a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b]
        tables["verdicts"] += both(a, b, *orders) if orders else []
    folder = begun(run_dir, **tables)
    assert counts(folder) == (2, {"abstain:flip": 1, "not_judged": 1, "tie": 1})
    rows = read_rows(folder, "pairs") + read_rows(folder, "dropped")
    assert sorted(r["prompt_id"] for r in rows) == sorted(p["prompt_id"] for p in tables["prompts"])
    assert len({row["pair_id"] for row in rows}) == 5


def test_a_changed_verdict_builds_the_pairs_again(run_dir: Path):
    folder = begun(run_dir, prompts=[P], candidates=[GOOD, BAD], verdicts=confirmed(GOOD, BAD))
    assert build_pairs(folder, PairsConfig())["kept"] == 1
    write_rows(folder, "verdicts", both(GOOD, BAD, "a", "b"))
    assert build_pairs(folder, PairsConfig())["dropped"] == {"abstain:flip": 1}
    assert read_rows(folder, "pairs") == []


def test_another_config_builds_the_pairs_again(run_dir: Path):
    folder = begun(run_dir, prompts=[P], candidates=[GOOD, BAD], verdicts=confirmed(GOOD, BAD))
    assert counts(folder) == (1, {})
    assert counts(folder, min_margin=7) == (0, {"small_margin": 1})


def test_a_round_that_was_finished_meanwhile_builds_the_pairs_again(run_dir: Path):
    tables = {"prompts": [P], "candidates": [GOOD, BAD], "verdicts": confirmed(GOOD, BAD)}
    first, second = begun(run_dir, 1, **tables), begun(run_dir, 2, **tables)
    assert counts(first) == counts(second) == (1, {})
    write_json(first / "manifest.json", {})
    assert counts(second) == (0, {"duplicate": 1})


def pairs_of(
    run_dir: Path, name: str, say: ScriptedJudge, number: int = 0, **given: Any
) -> list[tuple[int, int, str | None]]:
    """(chosen, rejected, why it is dropped) of a prompt whose four answers a strategy judged."""
    prompt = prompt_row(f"question {number}")
    rows = candidates([3, 1, 4, 2], prompt)
    seen = run_strategy(name, say, rows, prompt, **given)
    folder = begun(run_dir, number + 1, prompts=[prompt], candidates=rows, verdicts=seen.rows)
    build_pairs(folder, PairsConfig())
    found = read_rows(folder, "pairs") + read_rows(folder, "dropped")
    return [
        (quality_of(row["chosen_id"]), quality_of(row["rejected_id"]), row.get("reason"))
        for row in found
        if row["chosen_id"] is not None
    ]


TURNED = honest_but_for({(4, 1): "turned"})


@pytest.mark.parametrize(
    ("name", "jury"), [("screen_confirm", 1), ("listwise", 2), ("round_robin", 1)]
)
def test_a_confirmation_that_reverses_the_screen_is_dropped_and_the_second_chance_kept(
    run_dir: Path, name: str, jury: int
):
    found = pairs_of(run_dir, name, TURNED, jury=jury)
    assert found == [(3, 2, None), (1, 4, "screen_disagrees")]
    once = pairs_of(run_dir, name, TURNED, 1, jury=jury, select=Select(tries=1))
    assert once == [(1, 4, "screen_disagrees")]
    assert pairs_of(run_dir, name, honest_but_for({}), 2, jury=jury) == [(4, 1, None)]


def test_rankings_that_disagree_and_comparisons_that_reverse_both_make_no_pair(run_dir: Path):
    def say(field: str, shown: list[int]) -> Any:
        """Takes 3 for the best where it is shown before 4, and the worse of any two."""
        if field == "verdict":
            return "AB"[shown[0] > shown[1]]
        order = [3, 4, 2, 1] if shown.index(3) < shown.index(4) else [4, 3, 2, 1]
        return ["ABCD"[shown.index(one)] for one in order]

    found = pairs_of(run_dir, "listwise", say)
    assert [reason for *_, reason in found] == ["screen_disagrees"] * 2
    assert {rejected for _, rejected, _ in found} == {3, 4}


def test_a_final_that_reverses_the_matches_is_dropped(run_dir: Path):
    found = [pairs_of(run_dir, "tournament", TURNED, number) for number in range(12)]
    # where the two met at first, what they showed there decides who is best and who is worst
    assert {pair for pairs in found for pair in pairs} >= {(1, 4, "screen_disagrees")}
    assert (1, 4, None) not in [pair for pairs in found for pair in pairs]
    assert (4, 1, None) not in [pair for pairs in found for pair in pairs]


@pytest.mark.parametrize(
    ("name", "scores"),
    [("screen_confirm", (4, 1)), ("listwise", (3, 0)), ("round_robin", (1, 0))],
)
def test_a_pair_carries_what_the_screen_thought_of_both(run_dir: Path, name: str, scores):
    rows = candidates([3, 1, 4, 2], P)
    verdicts = run_strategy(name, honest, rows, P).rows
    folder = begun(run_dir, prompts=[P], candidates=rows, verdicts=verdicts)
    build_pairs(folder, PairsConfig())
    (row,) = read_rows(folder, "pairs")
    assert (row["score_chosen"], row["score_rejected"]) == scores
    assert row["margin"] == scores[0] - scores[1]
