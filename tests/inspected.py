"""A run folder to look into: a round of pairs of every kind, without a model."""

from pathlib import Path
from typing import Any

from builders import POLICY, both, candidate_row, prompt_row, scored, stamped
from starlette.testclient import TestClient

from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.finish import finish_round
from rounds.folder import round_dir, write_round_start
from rounds.tables import write_rows
from viewer.app import make_app
from viewer.site import Site

TOKEN = "t0ken"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "![x](http://elsewhere.example/a.png) [y](javascript:alert(1)) <svg onload=alert(1)>",
    "\x1b[31mred\x1b[0m \x00 nul \x9b2J",
    "safe \u202egnp.exe\u202c \u2066x\u2069",
    "'; DROP TABLE listed; -- \" {{ 7 * 7 }} {% raw %}",
)


def many_pairs(run_dir: Path, count: int = 120, number: int = 1) -> Path:
    """A finished round: kept, flipped, tied, cut and abstained ones; two tags, two sources."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for place in range(count):
        prompt = prompt_row(f"Question {place} about {'apples' if place % 2 else 'Pears'}?")
        prompt["tags"] = [("fruit", "trade")[place % 3 == 0]] if place % 5 else None
        long = " and more" * (place % 9)
        a = candidate_row(prompt, f"Answer {place}, good{long}.")
        b = candidate_row(prompt, f"Answer {place}, quite bad.", 1)
        a["n_tokens"], b["n_tokens"] = 5 + 2 * (place % 9), 6
        a["source"] = "other" if place % 7 == 0 else "current"
        b["finish_reason"] = "length" if place % 11 == 0 else "stop"
        orders = {1: ("a", "b"), 2: ("tie", "tie"), 3: ("a", "abstain")}.get(place % 10, ("a", "a"))
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b, candidate_row(prompt, f"Not compared {place}.", 2)]
        scores = [scored(a, 9.0 - place % 4), scored(b, 2.0)]
        tables["verdicts"] += [*scores, *both(a, b, *orders, reason="malformed")]
    return write_round(run_dir, number, tables)


def write_round(run_dir: Path, number: int, tables: dict[str, list[Any]]) -> Path:
    """A finished round with these tables."""
    folder = round_dir(run_dir, number)
    write_round_start(folder, {"policy": POLICY, "initial": POLICY, "seed": 0})
    for name, rows in tables.items():
        write_rows(folder, name, rows)
    (run_dir / "run.yaml").write_text("name: demo\n")
    stamped(folder)
    build_pairs(folder, PairsConfig())
    finish_round(folder, "name: demo\n", None, {"promoted": False, "reasons": ["looked at only"]})
    return folder


def hostile_round(run_dir: Path) -> Path:
    """A finished round whose texts try to be more than text, one of a megabyte among them."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for place, text in enumerate([*HOSTILE, "word " * 200_000]):
        prompt = prompt_row(f"{place}: {text[:2000]}")
        a, b = candidate_row(prompt, f"{text} first"), candidate_row(prompt, f"{text} other one", 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b]
        verdicts = both(a, b, "a", "a")
        for row in verdicts:
            row["rationale"], row["raw_text"] = text[:500], text[:500]
        tables["verdicts"] += verdicts
    return write_round(run_dir, 1, tables)


def pages(run_dir: Path) -> TestClient:
    """The pages of a run, asked without a network; addresses begin with the token."""
    site = Site(run_dir, TOKEN)
    return TestClient(make_app(site), base_url=f"http://127.0.0.1/{TOKEN}/")
