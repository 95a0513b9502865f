"""Every benchmark that needs no vLLM, run small: what it says of its own work must hold.

They run in this process; those of their own they start as they always do.
"""

import gzip
import json
import random
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from benchmark_output import ROOT
from cleaned import LONG

from rounds.files import read_json
from rounds.rows import CANDIDATES, PAIRS, VERDICTS
from rounds.tables import read_rows

pytestmark = pytest.mark.long

BENCHMARKS = ROOT / "benchmarks"

GENERATORS = (
    *("gpt-3.5-turbo-1106", "OpenHermes-2.5-Mistral-7B", "claude-2.1", "vicuna-13b-v1.5"),
    *("phi-2", "alpaca-7b", "gemma-2b-it", "FuseChat-Llama-3.2-1B-Instruct"),
)
"""The length guard is measured on the first four."""

Run = Callable[..., str]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`run_here("cleaning", *arguments)` is what benchmarks/cleaning.py and its children print."""

    def run(name: str, *arguments: object) -> str:
        script = str(BENCHMARKS / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        monkeypatch.syspath_prepend(str(BENCHMARKS))
        runpy.run_path(script, run_name="__main__")
        return capfd.readouterr().out

    return run


def write_lines(path: Path, rows: list[Any]) -> Path:
    """A JSONL file, packed with gzip where its name says so."""
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def alpaca_eval(path: Path, count: int) -> Path:
    """Prompts with eight answers each, as in AlpacaEval, longer ones rather preferred."""
    chance = random.Random(0)

    def text(least: int, most: int) -> str:
        return " ".join(chance.choices(LONG.split(), k=chance.randint(least, most)))

    def answer(generator: str) -> dict[str, object]:
        words = text(160, 400)
        liking = len(words) / 8000 + chance.random() / 2
        return {"generator": generator, "text": words, "gpt4_turbo_preference": liking}

    rows = [
        {"prompt": text(25, 50), "candidates": [answer(name) for name in GENERATORS]}
        for _ in range(count)
    ]
    return write_lines(path, rows)


CLEANED = re.compile(
    r"^(\w+) +(\d+) planted, (\d+) missed; +\d+ more found, (\d+) wrong, (\d+) unseen: "
    r"recall ([\d.]+), precision ([\d.]+)$",
    re.MULTILINE,
)
GUARDED = re.compile(
    r"^length guard, .*: chosen longer by \+(\d+)%, at most (\d+)%: (\d+) of (\d+) pairs dropped, "
    r"then \+(\d+)%$",
    re.MULTILINE,
)


def test_cleaning_finds_all_that_is_planted_and_nothing_else(tmp_path: Path, run_here: Run):
    """6 faults of each kind in two rounds of 18 prompts; and the length guard takes no more than
    it must.
    """
    data = alpaca_eval(tmp_path / "alpaca.jsonl.gz", 45)
    said = run_here("cleaning", data, "--held-out", 9, "--each", 3)
    found = CLEANED.findall(said)
    assert len(found) == 14, said
    for kind, *numbers in found:
        assert numbers == ["6", "0", "0", "0", "1.000", "1.000"], f"{kind} in\n{said}"
    assert "near duplicates at 0.8: 30 planted" in said
    assert re.search(r"recall 1\.000; (\d+) of \1 hits verified: precision 1\.000", said), said
    guarded = [[int(shown) for shown in line] for line in GUARDED.findall(said)]
    assert [line[1] for line in guarded] == [10, 100] * 3, said
    assert [line[3] for line in guarded] == [90, 90, 45, 45, 90, 90], said
    for before, most, dropped, count, after in guarded:
        assert (before > 25) == (dropped > 0) and dropped <= count * most / 100
        assert after == min(before, 25) or (most == 10 and 25 < after < before)


A_BEST, B_BEST, TIE = "I weigh both.\n\n[[A>B]]", "I weigh both.\n\n[[B>>A]]", "Alike.\n\n[[tie]]"
JUDGED = [  # the label, what is said with A shown first, and with B shown first
    ("A>B", A_BEST, B_BEST),
    ("B>A", B_BEST, A_BEST),
    ("A>B", B_BEST, A_BEST),
    ("A>B", A_BEST, A_BEST),
    ("B>A", TIE, TIE),
    ("A>B", "I cannot say.", B_BEST),
]


def test_recorded_judgments_are_counted_against_their_labels(tmp_path: Path, run_here: Run):
    """Of six pairs two are accepted and right, one accepted and wrong, three are not accepted."""
    rows = [
        {
            "pair_id": str(at),
            "question": f"Question {at}?",
            "response_A": f"The first answer to {at}.",
            "response_B": f"The second answer to {at}.",
            "label": label,
            "judgments": [{"first": "A", "text": first}, {"first": "B", "text": second}],
        }
        for at, (label, first, second) in enumerate(JUDGED)
    ]
    said = run_here("judgebench", write_lines(tmp_path / "judgebench.jsonl", rows))
    assert dict(re.split(r"  +", line, maxsplit=1) for line in said.splitlines()) == {
        "judgments": "12",
        "right per single order, %": "50.0",
        "abstentions": "1",
        "yield, %": "50.0",
        "right on accepted pairs, %": "66.7",
        "reasons": "{'no_verdict': 1}",
    }


class Priced(NamedTuple):
    """A line of the table of label prices; None where there is no pair."""

    strategy: str
    prompts: int
    calls: float
    calls_a_pair: float | None
    share: float
    right: float | None


def priced(table: str) -> list[Priced]:
    """The lines of one scenario."""
    rows = re.findall(r"^(.{28}) +(\d+) +([\d.]+) +(\S+) +\d+ +\S+ +([\d.]+) +(\S+)", table, re.M)
    return [
        Priced(name.strip(), int(prompts), float(calls), number(each), float(share), number(right))
        for name, prompts, calls, each, share, right in rows
    ]


def number(shown: str) -> float | None:
    return None if shown == "-" else float(shown)


def test_label_prices_are_counted_for_every_strategy(tmp_path: Path, run_here: Run):
    """Of two prompts, the two real ones judged twice."""
    data = alpaca_eval(tmp_path / "alpaca.jsonl", 2)
    said = run_here("label_price", data, "--prompts", 2, "--draws", 2)
    titles = re.findall(r"^N = (\d+), (\w+) .*, (strong|weak) judge:", said, re.MULTILINE)
    assert titles == [
        (n, kind, judge)
        for judge in ("strong", "weak")
        for n, kind in (("4", "drawn"), ("8", "drawn"), ("16", "drawn"), ("8", "2"))
    ]
    tables = re.split(r"^N = .*$", said, flags=re.MULTILINE)[1:]
    for (n, kind, _), table in zip(titles, tables, strict=True):
        found = {one.strategy: one for one in priced(table)}
        assert len(found) == (18 if (n, kind) == ("8", "drawn") else 10)
        assert {one.prompts for one in found.values()} == {2 if kind == "drawn" else 4}
        assert found["random_pair"].calls == found["pairwise, N = 2"].calls == 2
        assert found["round_robin"].calls == int(n) * (int(n) - 1), "both orders of every pair"
        assert found["screen_confirm, tries 1"].calls == int(n) + 2
        for one in found.values():
            assert 0 <= one.share <= 1 and (one.right is None) == (one.share == 0)
            assert one.right is None or 0 <= one.right <= 1
            assert one.calls_a_pair is None or one.calls_a_pair >= one.calls


def test_a_strategy_that_gives_no_pair_has_a_line_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = runpy.run_path(str(BENCHMARKS / "label_price.py"))
    price = script["Price"](prompts=2, calls=8, tokens=900, gained=[None, None], single=[])
    line = script["line"](script["Entry"]("none", {}), price)
    assert priced(line) == [Priced("none", 2, 4.0, None, 0.0, None)]


def test_judging_loses_and_invents_nothing(run_here: Run):
    """70 calls: more than the narrow endpoint takes at once."""
    said = run_here("throughput", "--calls", 70, "--turns", 1, "--in-flight", 64)
    assert re.search(
        r"^ *64 in flight, .*: aiohttp \d+ calls/s .* bare \d+ .* ours \d+ ", said, re.M
    )
    counted = r"^ *(\w+), \d+ in flight, (bare|ours): lost (\d+), invented (\d+) of 70; .*?calls/s"
    found = {(path, who): counts for path, who, *counts in re.findall(counted, said, re.M)}
    assert len(found) == 4, said
    assert found["faulty", "ours"] == found["narrow", "ours"] == ["0", "0"]
    assert {invented for _, invented in found.values()} == {"0"}
    assert re.search(r"narrow, .* ours: .*'http_429': [1-9]", said), "it was never too many"


def test_three_servers_of_which_one_is_killed_and_one_slow_lose_and_repeat_nothing(run_here: Run):
    said = run_here("many_servers", "--calls", 240)
    taken = re.search(
        r"'healthy': (\d+), 'killed': (\d+), 'slow': (\d+)\}: lost 0, paid twice 0", said
    )
    assert taken, said
    assert sum(map(int, taken.groups())) == 240 and "240 rows in the journal" in said
    assert min(map(int, taken.groups())) > 0, "one of them was never asked"


def test_faults_lose_and_invent_nothing_and_cost_little(run_here: Run):
    """Few calls for a rate; what it is over many is in benchmarks/endpoint_faults.py."""
    said = run_here("endpoint_faults", "--calls", 200, "--turns", 1, "--timeout", 1)
    counted = r"^ *(sound|faulty): \d+ calls/s, .* lost (\d+), invented (\d+) of 200"
    found = {kind: counts for kind, *counts in re.findall(counted, said, re.M)}
    assert found == {"sound": ["0", "0"], "faulty": ["0", "0"]}, said
    assert re.search(r"'server_errors': [1-9]|'http_429': [1-9]", said), "nothing ever failed"
    assert re.search(r"^limited: \d+ calls/s of its 90: .* lost 0, [1-9]\d* 429s", said, re.M)


def test_a_round_of_many_rows_goes_through_every_stage(tmp_path: Path, run_here: Run):
    """20 prompts with 4 answers each; two stages run as children, the others as a child would."""
    folder = tmp_path / "80" / "runs/million/rounds/0001"
    said = run_here("million_rows", "--rows", 80, "--at", tmp_path, "--parts", "sources", "prompts")
    assert "bytes a row" in said
    stages = runpy.run_path(str(BENCHMARKS / "million_stages.py"))
    for part in stages["ORDER"][2:]:
        said += run_here("million_rows", "--here", part, "--rows", 80, "--at", folder)
    parts = re.findall(r"^(\w+) +80 rows .* peak +\d+ MiB", said, re.MULTILINE)
    assert parts == list(stages["MEASURED"])
    assert "faults" not in said, "what verify found"
    given = runpy.run_path(str(BENCHMARKS / "million_given.py"))
    assert len(read_rows(folder, CANDIDATES)) == 20 * 4 + 2 * given["HELD_OUT_PROMPTS"]
    verdicts = read_rows(folder, VERDICTS)
    assert len(verdicts) == 20 * (4 + 2) and {row["reason"] for row in verdicts} == {None}
    assert "kept 20, dropped {}" in said
    worth = given["worth"]
    for pair in read_rows(folder, PAIRS):
        chosen, rejected = (pair[side][-1]["content"] for side in ("chosen", "rejected"))
        assert worth({}, chosen) > worth({}, rejected)
    assert read_json(folder / "manifest.json")["decision"]["reasons"] == ["no trainer"]


MEASURED = re.compile(r"^  (\w.*?) +\d+ texts/s .* recall ([\d.]+), precision ([\d.]+)$", re.M)


def test_our_index_finds_every_near_duplicate_and_no_other(run_here: Run):
    """Of 300 texts 12 repeat an earlier one, 10 in both parts; datasketch is there if installed."""
    small = "--counts 300 --turns 1 --rounds 2 --of 50 --added 100".split()
    said = run_here("near_duplicates", *small)
    assert "300 texts of 163 words at 0.7, of 32 edits 12 true as wholes, 10 in both parts" in said
    found = {name: (float(recall), float(right)) for name, recall, right in MEASURED.findall(said)}
    assert found["ours"] == (1, 1)
    assert {"rensa verified", "rensa verified, 32 bands", "rensa deduplicator"} < found.keys()
    assert ("datasketch" in found) != ("datasketch is skipped" in said)
    for recall, right in found.values():
        assert 0 <= recall <= 1 and 0 <= right <= 1
    assert found["rensa verified"][1] == found["rensa verified, 32 bands"][1] == 1
    assert "index of 100 texts in 2 rounds" in said
    assert re.search(r"a round of +100: .*, 4 near duplicates$", said, re.MULTILINE), said


def test_datasketch_flags_a_repeated_text():
    pytest.importorskip("datasketch", reason="datasketch, which we compare with, is not installed")
    script = runpy.run_path(str(BENCHMARKS / "near_duplicates.py"))
    texts, source = script["Writer"](1).corpus(100)
    fresh = [text for place, text in enumerate(texts) if place not in source]
    assert script["datasketch_lsh"]([*fresh, fresh[0]]) == [False] * len(fresh) + [True]


def test_cleaners_are_measured_against_labels_of_natural_answers(tmp_path: Path, run_here: Run):
    """A refusal in full and an answer that stands for nine; a loop missed; two prompts of users."""
    texts = {"a": "I'm sorry, but I can't help with that.", "b": LONG, "c": LONG * 6}
    answers = [{"generator": name, "text": text} for name, text in texts.items()]
    prompt = "How do I keep a pot of basil alive on the window of a kitchen?"
    data = write_lines(tmp_path / "answers.jsonl", [{"prompt": prompt, "candidates": answers}])

    def labels(name: str, **labelled: tuple[bool, float]) -> None:
        rows = [
            {"prompt": 0, "generator": one, "label": label, "part": "tuned", "weight": weight}
            for one, (label, weight) in labelled.items()
        ]
        write_lines(tmp_path / f"{name}.jsonl", rows)

    labels("refusals", a=(True, 1), b=(False, 9))
    labels("loops", a=(True, 1), b=(False, 8), c=(True, 1))
    labels("language", b=(False, 10))
    users = ["Wie halte ich Basilikum am Leben?", "Как ухаживать за базиликом на кухне?"]
    asked = write_lines(tmp_path / "users.jsonl", [{"prompt": text} for text in users])
    told = [
        {"prompt": at, "language": code, "part": "held back"}
        for at, code in enumerate(("de", "ru"))
    ]
    write_lines(tmp_path / "prompt_languages.jsonl", told)
    said = run_here("natural_cleaning", data, "--prompts", asked, "--labels", tmp_path)
    measured = r"^ *(\w+) +(\d+) read for +(\d+) texts, +(\d+) such: recall (\S+).*precision (\S+)"
    found = {name: counts for name, *counts in re.findall(measured, said, re.MULTILINE)}
    assert found["refusals"] == ["2", "10", "1", "1.000", "1.000"]
    assert found["loops"] == ["3", "10", "2", "0.500", "1.000"]
    assert found["language"] == ["1", "10", "0", "-,", "-;"]
    assert "2 prompts of users, language told of 2, right 1.000" in said
    assert "recall 1.000" in said.split("crossed")[1]


def test_closing_verdicts_are_read_and_no_other(run_here: Run):
    assert run_here("closing_verdicts", 60).strip()


def test_thresholds_from_gold_are_drawn_for_every_judge_and_rule(run_here: Run):
    said = run_here("gold_threshold", 10)
    judges = ("calibrated", "overconfident", "skewed", "flat", "good")
    assert all(re.search(rf"^{judge} ", said, re.MULTILINE) for judge in judges), said


def test_the_gate_refuses_what_is_planted(run_here: Run):
    """Few repeats for a rate; the long run is in docs/gate.md."""
    said = run_here("gate_errors", 20, "--prompts", 120)
    promoted = {line[:28].strip(): re.findall(r"(\S+)%", line) for line in said.splitlines()}
    assert promoted["trained on reversed pairs"] == promoted["a constant reply"] == ["0.0"] * 4
    fixed, _, at_equal_length, _ = map(float, promoted["only longer"])
    assert at_equal_length <= 10 < fixed, said
    fixed, _, _, with_suite = map(float, promoted["lost a suite"])
    assert with_suite <= 10 < fixed, said
    assert all(float(share) <= 15 for share in promoted["an untrained copy"]), said


def test_people_put_right_a_judge_that_leans(run_here: Run):
    """Few repeats for a rate; the long run is in docs/judge.md."""
    said = run_here("people_and_judge", 20)
    leaning = re.search(r"leans by 0\.15 +judge alone +(\S+)% .* both, as drawn +(\S+)%", said)
    assert leaning is not None, said
    assert float(leaning[1]) < 30 < 70 < float(leaning[2]), said
    promoted = dict(re.findall(r"truth (\S+), leans by 0\.15 .* as drawn +(\S+)% after", said))
    assert float(promoted["0.50"]) < 30 < 60 < float(promoted["0.60"]), said


def test_leaks_are_planted_and_found(tmp_path: Path, run_here: Run):
    data = alpaca_eval(tmp_path / "alpaca.jsonl", 60)
    said = run_here("leaks", data, "--held-out", 20, "--each", 2)
    assert re.search(r"^natural prompts: \d+ of \d+ taken for a leak$", said, re.MULTILINE), said
    assert re.search(r": \d of \d found$", said, re.MULTILINE), said


def test_families_of_pairs_that_share_much_are_told_apart(tmp_path: Path, run_here: Run):
    chance = random.Random(0)

    def text(count: int) -> str:
        return " ".join(chance.choices(LONG.split(), k=count))

    rows = [
        {"prompt": text(20), "candidates": [{"text": text(count)} for count in (320, 30, 25)]}
        for _ in range(200)
    ]
    said = run_here("near_families", write_lines(tmp_path / "alpaca.jsonl", rows))
    found = re.findall(r"^(.{11}) at 0\.[78]: (\d+) of (\d+) different pairs dropped", said, re.M)
    assert len(found) == 8, said
    assert all(dropped == "0" and of != "0" for _, dropped, of in found), said


def test_the_pages_of_a_large_round_are_asked(tmp_path: Path, run_here: Run):
    data = alpaca_eval(tmp_path / "alpaca.jsonl", 20)
    said = run_here("inspect_pages", data, "--prompts", 60)
    asked = re.findall(r"^(.+?) +first +\d+ ms, median +\d+ ms$", said, re.MULTILINE)
    assert len(asked) >= 11 and "first view" in asked, said
    assert re.search(r"^peak memory of the server \d+ MiB$", said, re.MULTILINE), said


def test_two_of_twelve_rounds_take_the_disk_that_keep_allows(run_here: Run):
    said = run_here("twelve_rounds", "--rounds", 2)
    sizes = re.findall(r"^ *[\d.]+ +[\d.]+ +([\d.]+)  (\w.*)$", said, re.MULTILINE)
    kept = {name: float(size) for size, name in sizes}
    assert kept["refused: 1"] < kept["all"], said


def test_labels_are_of_texts_and_carry_none():
    for path in (BENCHMARKS / "labels").glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(rows) >= 200
        known = {"prompt", "generator", "label", "part", "weight", "doubtful", "language"}
        assert {key for row in rows for key in row} <= known
        assert len({(row["prompt"], row.get("generator")) for row in rows}) == len(rows)


def test_every_benchmark_has_a_small_run():
    """A script is run by one of these tests, or is a part of scripts that are."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    run = {
        name
        for names in re.findall(r'run_here\("(\w+)"|"benchmarks[./](\w+)', tests)
        for name in names
    }
    sources = {path.stem: path.read_text() for path in BENCHMARKS.glob("*.py")}
    parts = {
        part
        for name in run & sources.keys()
        for imported, started in re.findall(
            r'^from (\w+) import|"(\w+)\.py"', sources[name], re.MULTILINE
        )
        for part in (imported, started)
    }
    assert sources.keys() - run - parts == set()


def test_chaos(run_here: Run):
    said = run_here("chaos", "--kills", 4, "--changes", 60)
    assert said.endswith("tables equal, nothing asked again, no stray file, no dead lock\n")
    assert "4 kills at random in" in said
    assert int(re.search(r"(\d+) kills before \d+ state changes", said)[1]) >= 2


def test_asking_ahead(run_here: Run):
    said = run_here("asking_ahead", "--prompts", 40, "--latency", 0.3)
    off, on = re.findall(r"^ahead (?:off|on): ([\d.]+) s, .* times the longer", said, re.M)
    assert float(off) > 0 < float(on)
    assert "same tables: True" in said and "continued: True" in said
    assert "0 sent again that were answered" in said


def test_crash_consistency(run_here: Run):
    said = run_here("crash_consistency", "--step", 90)
    counts = {what: int(n) for n, what in re.findall(r"(\d+)  (.*)", said)}
    assert sum(counts.values()) >= 3
    assert all("the same tables" in what or "refused by name" in what for what in counts)


def test_what_a_round_takes_beside_its_stages(run_here: Run):
    said = run_here("overhead", "--prompts", 6)
    lines = re.findall(r"^(\w.*?) +([\d.]+) s +([\d.]+) s +(-?[\d.]+) s +-?[\d.]+%$", said, re.M)
    assert [name for name, *_ in lines] == [
        *("without Prefect", "a server that is there", "a server of its own")
    ]
    assert all(float(stages) >= 6 * 2 * 2 * 0.2 / 4 for _, _, stages, _ in lines), said


def test_the_training_without_a_second_model_is_plain_trls(run_here: Run):
    """Eight pairs, one turn: the losses are equal, and what came with the answers is used."""
    small = ("--hidden", "64", "--layers", "1", "--tokens", "12", "--batch", "4")
    said = run_here("training_speed", "--pairs", "8", "--times", "1", *small)
    losses = dict(re.findall(r"^(plain TRL|ours): 8 pairs .* loss ([\d.]+),", said, re.MULTILINE))
    assert float(losses["ours"]) == pytest.approx(float(losses["plain TRL"]), abs=1e-4)
    assert re.search(r"^pairs per CPU second: ours [\d.]+x", said, re.MULTILINE)
    assert re.search(r"^peak memory: ours -?\d+ MB lower, one model is \d", said, re.MULTILINE)
    assert re.search(r"^reference: sampled, off by \d", said, re.MULTILINE)


def test_a_round_on_many_hosts_is_reckoned_from_what_the_driver_does_here(run_here: Run):
    said = run_here("on_paper", "--prompts", 600, "--hosts", 2)
    assert re.search(r"^measured here: rows a CPU second take [\d,]+, write ", said, re.MULTILINE)
    judged = 1_000_000 * 10 / 1154
    assert f"judge: {judged:,.0f} s, limited by the client's calls" in said
    assert f"moved: {2 * 16 * 2} GB weights to the hosts" in said
    assert said.splitlines()[-1].startswith("first limit of the round: ")
