"""The pages of `prefloop inspect` show what the tables hold, and nobody else may ask."""

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from builders import begun, candidate_row, finished, prompt_row, scored
from inspected import HOSTILE, TOKEN, hostile_round, many_pairs, pages
from starlette.testclient import TestClient
from typer.testing import CliRunner

from flows.cli import app
from rounds.errors import WorkFailed
from rounds.rows import DROPPED, PAIRS
from rounds.stopped import noting_stops
from rounds.tables import iter_rows, read_rows, table_path
from viewer.filters import SORTS, PairFilter, read_filter
from viewer.plots import rates_by_round, rates_by_tag
from viewer.report import report
from viewer.words import word_diff


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one finished round of many pairs; tests only read it."""
    folder = tmp_path_factory.mktemp("inspected") / "runs" / "demo"
    many_pairs(folder)
    return folder


@pytest.fixture(scope="module")
def asked(run_dir: Path) -> TestClient:
    return pages(run_dir)


def listed(asked: TestClient, query: str) -> list[dict[str, Any]]:
    """What the list shows under a filter, as its export says it."""
    answer = asked.get(f"round/1/pairs.jsonl?{query}")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_without_the_token_nothing_is_shown(asked: TestClient):
    for address in ("/", "/wrong/", "/t0ke/", "/t0ken", "//t0ken/", "/t0kenn/round/1"):
        answer = asked.get(f"http://127.0.0.1{address}", follow_redirects=False)
        assert answer.status_code == 404, address
        assert "demo" not in answer.text and TOKEN not in answer.text


def test_another_name_for_this_machine_is_not_answered(asked: TestClient):
    """A page of another site whose name was made to point here (DNS rebinding)."""
    refused = asked.get("", headers={"host": "evil.example"})
    assert refused.status_code == 400 and "content-security-policy" in refused.headers
    assert asked.get("", headers={"host": "localhost:1234"}).status_code == 200


def test_every_answer_forbids_what_is_from_elsewhere(asked: TestClient):
    for address in ("", "round/1", "round/1/pairs", "round/9", "static/style.css", "/nothing"):
        headers = asked.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy, address
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


CONDITIONS = {
    "": "true",
    "outcome=kept": "kept",
    "outcome=dropped": "NOT kept",
    "outcome=undecided": "chosen_id IS NULL",
    "reason=tie": "reason = 'tie'",
    "tag=trade": "list_contains(tags, 'trade')",
    "source=other": "chosen_source = 'other' OR rejected_source = 'other'",
    "margin_from=5&margin_to=6": "margin BETWEEN 5 AND 6",
    "length_from=9&outcome=kept": "kept AND chosen_tokens >= 9",
    "text=apples": "contains(lower(prompt[1].content), 'apples')",
    "text=Pears&outcome=kept": "kept AND contains(prompt[1].content, 'Pears')",
    "text=QUITE": "false",
    "text=quite+bad": "chosen_id IS NOT NULL",
    "flipped=1": "flipped",
    "abstained=1": "abstained",
    "flipped=0&abstained=0": "NOT flipped AND NOT abstained",
}


@pytest.fixture(scope="module")
def direct(run_dir: Path) -> duckdb.DuckDBPyConnection:
    """The rows put together from the tables by another way than the pages'."""
    folder = run_dir / "rounds" / "0001"
    tags = {row["prompt_id"]: row["tags"] for row in _table(folder, "prompts")}
    tokens = {row["candidate_id"]: row["n_tokens"] for row in _table(folder, "candidates")}
    outcomes: dict[str, list[str]] = {}
    for row in _table(folder, "verdicts"):
        outcomes.setdefault(row["prompt_id"], []).append(row["outcome"])
    rows = [
        {
            **{"kept": table == "pairs", "reason": None, **row},
            "tags": tags[row["prompt_id"]],
            "chosen_tokens": tokens.get(row["chosen_id"]),
            "flipped": {"a", "b"} <= set(outcomes[row["prompt_id"]]),
            "abstained": "abstain" in outcomes[row["prompt_id"]],
        }
        for table in ("pairs", "dropped")
        for row in _table(folder, table)
    ]
    import pandas

    frame = pandas.DataFrame(rows)
    database = duckdb.connect()
    database.register("frame", frame)
    database.execute("CREATE TABLE rows AS SELECT * FROM frame")
    return database


def _table(folder: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(table_path(folder, name)).to_pylist()


@pytest.mark.parametrize("query", CONDITIONS)
def test_a_filter_gives_the_rows_of_a_direct_query(
    asked: TestClient, direct: duckdb.DuckDBPyConnection, query: str
):
    found = direct.execute(f"SELECT pair_id FROM rows WHERE {CONDITIONS[query]}").fetchall()
    shown = listed(asked, query)
    assert sorted(row["pair_id"] for row in shown) == sorted(name for (name,) in found)
    assert bool(found) == (query != "text=QUITE"), "the round has some of each"
    assert f"<small>{len(found)}</small>" in asked.get(f"round/1/pairs?{query}").text


@pytest.mark.parametrize("sort", SORTS)
def test_a_sort_orders_all_pages(asked: TestClient, sort: str):
    rows = listed(asked, f"sort={sort}")
    gaps = {
        "gap": lambda row: _less(row["chosen_tokens"], row["rejected_tokens"]),
        "length": lambda row: row["chosen_tokens"],
    }
    name = sort.lstrip("-")
    if name != "order":
        values = [gaps.get(name, lambda row: row[name])(row) for row in rows]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert values[len(known) :] == [None] * (len(values) - len(known)), (
            "those without come last"
        )
    on_pages = []
    for page in (1, 2, 3):
        text = asked.get(f"round/1/pairs?sort={sort}&page={page}").text
        on_pages += [part.partition("?")[0].partition('"')[0] for part in text.split("/pair/")[1:]]
    assert on_pages == [row["pair_id"] for row in rows]


def _less(first: Any, second: Any) -> Any:
    return None if first is None or second is None else first - second


def test_an_address_says_its_filter():
    given = PairFilter(
        "dropped", "tie", margin_from=-1.5, flipped=False, text="a&b= c", sort="-gap"
    )
    from urllib.parse import parse_qsl

    assert read_filter(dict(parse_qsl(given.query()))) == given
    assert read_filter({}) == PairFilter() and PairFilter().query() == ""


@pytest.mark.parametrize(
    "query", ["outcome=kpt", "sort=up", "margin_from=many", "flipped=yes", "page=0", "page=x"]
)
def test_a_wrong_value_in_an_address_is_said(asked: TestClient, query: str):
    name, _, said = query.partition("=")
    answer = asked.get(f"round/1/pairs?{query}&margin_to=7")
    assert f"{name}={said}: expected" in answer.text
    if name != "page":  # the form stays as it was typed, and the other fields hold
        assert 'name="margin_to" aria-label="margin to"' in answer.text
        assert 'value="7"' in answer.text
    assert asked.get(f"round/1/pairs.csv?{query}").status_code == (200 if name == "page" else 400)


def test_exports_hold_what_is_shown(asked: TestClient):
    query = "outcome=kept&sort=-margin"
    rows = listed(asked, query)
    parquet = pq.read_table(
        BytesIO(asked.get(f"round/1/pairs.parquet?{query}").content)
    ).to_pylist()
    csv = asked.get(f"round/1/pairs.csv?{query}").text.splitlines()
    assert [row["pair_id"] for row in parquet] == [row["pair_id"] for row in rows]
    assert parquet[0]["chosen"] == rows[0]["chosen"]
    assert len(csv) == len(rows) + 1 and csv[0].startswith("pair_id,prompt_id,round,kept")
    assert asked.get("round/1/pairs.exe").status_code == 400


def test_a_pair_is_shown_with_all_that_is_behind_it(run_dir: Path, asked: TestClient):
    folder = run_dir / "rounds" / "0001"
    row = read_rows(folder, PAIRS)[0]
    text = asked.get(f"round/1/pair/{row['pair_id']}").text
    for said in ("Not compared", "#0 chosen", "#1 rejected", "then #1: #0 better", "<mark>"):
        assert said in text, said
    lost = next(row for row in iter_rows(folder, DROPPED) if row["reason"] == "abstain:flip")
    assert "Dropped: abstain:flip" in asked.get(f"round/1/pair/{lost['pair_id']}").text
    assert asked.get("round/1/pair/nothing").status_code == 400


def test_next_and_previous_stay_in_the_filter(asked: TestClient):
    query = "outcome=dropped&sort=margin"
    rows = listed(asked, query)
    text = asked.get(f"round/1/pair/{rows[1]['pair_id']}?{query}").text
    assert f"2 of {len(rows)}" in text
    for other in (rows[0], rows[2]):
        assert f"/pair/{other['pair_id']}?outcome=dropped&amp;sort=margin" in text


def test_the_funnel_leads_to_the_rows_that_fell_out(asked: TestClient):
    text = asked.get("round/1").text
    assert "prompts dealt" in text and "pairs kept" in text
    for reason in ("tie", "abstain%3Aflip"):
        assert f"pairs?outcome=dropped&amp;reason={reason}" in text


def test_hostile_text_is_text(tmp_path: Path):
    folder = hostile_round(tmp_path / "runs" / "demo")
    asked = pages(tmp_path / "runs" / "demo")
    rows = [*read_rows(folder, PAIRS), *read_rows(folder, DROPPED)]
    assert len(rows) == len(HOSTILE) + 1
    shown = [asked.get(f"round/1/pair/{row['pair_id']}?markdown=1").text for row in rows]
    shown += [asked.get("round/1/pairs").text, asked.get("round/1").text]
    shown.append(report(tmp_path / "runs" / "demo"))
    for page in shown:
        body = page.partition("<main")[2]
        for danger in ("<script", "<img", "onerror=alert(1)>", "javascript:alert", "<svg onload"):
            if danger in ("javascript:alert", "onerror=alert(1)>"):
                assert f'"{danger}' not in body and f"={danger}" not in body
            else:
                assert danger not in body
        assert not any(sign in body for sign in "\x1b\x00\x9b\u202e\u2066"), "shown, not obeyed"
    assert any(
        "\\x1b[31mred" in page and "\\x00" in page and "\\u202egnp" in page for page in shown
    )
    assert "49" not in shown[0].partition("7 * 7")[2][:4]


def test_a_megabyte_is_cut_until_it_is_asked_for(tmp_path: Path):
    folder = hostile_round(tmp_path / "runs" / "demo")
    asked = pages(tmp_path / "runs" / "demo")
    rows = [*read_rows(folder, PAIRS), *read_rows(folder, DROPPED)]
    long = max(rows, key=lambda row: len(row["chosen"][0]["content"]))
    page = asked.get(f"round/1/pair/{long['pair_id']}").text
    assert len(page) < 300_000 and "show all" in page
    assert len(asked.get(f"round/1/pair/{long['pair_id']}?whole=1").text) > 2_000_000


def test_a_damaged_table_is_said_and_the_others_are_shown(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    folder = many_pairs(run_dir, 20)
    path = table_path(folder, "candidates")
    path.write_bytes(path.read_bytes()[:200])
    asked = pages(run_dir)
    text = asked.get("round/1").text
    assert "candidates.parquet cannot be read" in text and "pairs kept" in text
    assert asked.get("round/1/pairs").status_code == 200
    assert "candidates.parquet cannot be read" in asked.get("compare").text
    path = table_path(folder, "prompts")
    path.write_bytes(path.read_bytes()[:200])
    text = asked.get("round/1").text
    assert "prompts.parquet cannot be read" in text and "prompts dealt" not in text, "no zeros"
    (folder / "metrics.json").write_text("{")
    assert "metrics.json cannot be read" in asked.get("").text


def test_a_round_under_way_shows_what_there_is(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    finished(run_dir)
    prompt = prompt_row("Under way?")
    a, b = candidate_row(prompt, "one"), candidate_row(prompt, "two", 1)
    begun(run_dir, 2, prompts=[prompt], candidates=[a, b], verdicts=[scored(a, 5), scored(b, 4)])
    asked = pages(run_dir)
    assert "Round 2, under way" in asked.get("").text
    assert asked.get("live").json()["round"] == 2
    text = asked.get("round/2").text
    assert "Not there yet: pairs.parquet, dropped.parquet, metrics.json" in text
    assert "so far" in asked.get("round/2/pairs").text
    assert "no two were compared" in asked.get("round/2/pairs").text
    assert "alone: score 5" in asked.get(f"round/2/prompt/{prompt['prompt_id']}").text


def test_a_run_without_a_round(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    run_dir.mkdir(parents=True)
    (run_dir / "run.yaml").write_text("name: demo\n")
    asked = pages(run_dir)
    assert "No round has begun" in asked.get("").text
    assert "No round is finished" in asked.get("compare").text
    assert "round 1 is not there" in asked.get("round/1").text


def test_two_rounds_are_compared(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    for number in (1, 2):
        finished(run_dir, number)
    text = pages(run_dir).get("compare?left=demo:1&right=demo:2").text
    assert "pairs kept" in text
    for wrong in ("demo", "other:1", "demo:9", "../demo:1"):
        assert pages(run_dir).get(f"compare?left={wrong}").status_code == 400


def test_a_folder_with_the_signs_of_a_pattern(tmp_path: Path):
    """What the pattern would find as well is another run."""
    for name, count in (("m[1]*'?", 20), ("m1", 30), ("m[1]*'xyz", 30)):
        many_pairs(tmp_path / name, count)
    assert len(listed(pages(tmp_path / "m[1]*'?"), "")) == 20


def test_a_table_that_is_damaged_in_its_middle(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    path = table_path(many_pairs(run_dir, 60), "verdicts")
    data = bytearray(path.read_bytes())
    data[200:3000] = b"\xff" * 2800
    path.write_bytes(data)
    asked = pages(run_dir)
    for view in ("round/1", "round/1/pairs"):
        assert "verdicts.parquet cannot be read" in asked.get(view).text, view
    answer = asked.get("round/1/pairs.csv")
    assert answer.status_code == 400 and "verdicts.parquet" in answer.text, "no half export"


def test_the_variants_of_a_sweep_are_a_table_of_their_own(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    folder = many_pairs(run_dir, 20)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert "Variants of the training" not in pages(run_dir).get("round/1").text
    rated = {"held_out_accuracy": 0.7, "held_out_n": 40, "kl_per_token": None, "fault": None}
    rows = [{"args": {"beta": beta}, **rated} for beta in (0.1, 0.5)]
    train = {
        **{"steps": 3, "pairs": 20, "curves": [], "kl_per_token": None, "held_out_accuracy": 0.7},
        "sweep": {"variants": rows, "taken": 1, "standard_error": 0.07},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics | {"train": train}))
    for text in (pages(run_dir).get("round/1").text, report(run_dir)):
        assert "Variants of the training" in text
        assert "beta 0.5: held-out preference accuracy 0.700 n=40, taken" in text
    shown = CliRunner().invoke(app, ["show", str(run_dir), "1", "--json"])
    assert "variant 2: beta 0.5: held-out preference accuracy" in shown.stderr
    assert "variant" not in shown.stdout.splitlines()[0]


def test_figures_of_another_form_are_said(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    folder = many_pairs(run_dir, 20)
    metrics = json.loads((folder / "metrics.json").read_text())
    for wrong in (
        {"counts": "many"},
        {"seconds": {"gate": "long"}},
        {"test": {"win_rate_vs_initial": {"n": 1}}},
    ):
        (folder / "metrics.json").write_text(json.dumps(metrics | wrong))
        for view in ("", "round/1", "compare"):
            answer = pages(run_dir).get(view)
            assert answer.status_code == 200 and "metrics.json holds what was not" in answer.text
        assert "metrics.json holds what was not" in report(run_dir)
    assert "pairs kept" in pages(run_dir).get("round/1").text
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "manifest.json").write_text('{"round": 1}')
    assert "manifest.json holds what was not" in pages(run_dir).get("").text


def test_names_of_the_user_in_plots_are_text():
    rate = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    names = ["$5 or $6", "$\\frac$", "a\x1bb\x00", "_x", "<b>", "[/b]", "\ufffe", "x" * 99]
    drawn = rates_by_tag("t", {name: rate for name in names})
    assert "$5 or $6" in drawn and "_x" in drawn and "&lt;b&gt;" in drawn and "\x1b" not in drawn
    drawn = rates_by_round("t", {name: [(1, rate)] for name in names})
    assert "$5 or $6" in drawn and "_x" in drawn


@pytest.mark.parametrize(
    ("first", "second"), [("a b c", "a x c"), ("", "new"), ("same", "same"), ("é\n\n", " é")]
)
def test_the_parts_of_a_diff_are_the_texts(first: str, second: str):
    both = word_diff(first, second)
    assert both is not None
    assert ["".join(part.text for part in side) for side in both] == [first, second]
    shared = [[part.text for part in side if part.shared] for side in both]
    assert "".join(shared[0]) == "".join(shared[1])
    assert word_diff("a " * 500, "a " * 500) is None, "half a million steps are too many"


def test_a_stopped_round_says_why_and_what_goes_on(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    folder = begun(run_dir, prompts=[prompt_row()])
    (run_dir / "run.yaml").write_text("name: demo\njudge: {gold: null}\ntrainer: null\n")
    with pytest.raises(WorkFailed), noting_stops(folder, "judge"):
        raise WorkFailed("the endpoint desk gave no answer for an hour")
    asked = pages(run_dir)
    for view in ("", "round/1"):
        text = asked.get(view).text
        assert "the endpoint desk gave no answer" in text and "to go on" in text, view


def test_how_a_pair_is_read_goes_on_to_the_next(asked: TestClient):
    pair = listed(asked, "outcome=kept&sort=margin")[0]["pair_id"]
    text = asked.get(f"round/1/pair/{pair}?outcome=kept&sort=margin&markdown=1").text
    steps = re.findall(r'href="[^"]*/pair/\w+\?([^"]*)" data-step', text)
    assert steps == ["outcome=kept&amp;sort=margin&amp;markdown=1"]
    assert 'pairs?outcome=kept&amp;sort=margin" data-key="p"' in text


def test_a_report_is_called_as_its_run_and_its_round(run_dir: Path, tmp_path: Path, monkeypatch):
    many_pairs(run_dir, 12)
    monkeypatch.chdir(tmp_path)
    for arguments, name in (([], "demo.html"), (["1"], "demo-0001.html")):
        done = CliRunner().invoke(app, ["report", str(run_dir), *arguments])
        assert done.exit_code == 0 and done.stdout == f"{name}\n", done.output
        assert "<html" in (tmp_path / name).read_text()
