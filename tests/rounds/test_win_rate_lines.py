"""What a round's table says of a win rate: what it consists of, its split, and what it is for."""

from pathlib import Path

from builders import REFUSED, finished

from gate.win_rate import early_rate, win_rate
from rounds.card import write_card
from rounds.files import read_json
from rounds.report import round_lines
from rounds.win_rate_lines import win_rate_text

RATE = win_rate(["win"] * 18 + ["tie"] * 2 + ["identical"] * 20 + ["abstain"], 0.95)._asdict()
TEXT = (
    "0.725 [0.640, 0.813] n=40, 1 abstained; 18 won, 22 tied (20 identical answers), 0 lost; "
    "strictly better 0.450"
)
RESAMPLED = "bootstrap [0.650, 0.800]"
ALL = f"{TEXT}; {RESAMPLED}"
METRICS = {
    "gate": {
        "win_rate_vs_previous": RATE,
        "win_rate_vs_initial": RATE,
        "length_controlled_win_rate_vs_previous": 0.7,
        "length_controlled_win_rate_vs_initial": None,
    },
    "test": {"win_rate_vs_previous": RATE, "win_rate_vs_initial": RATE},
    "custom": {
        "gold": {
            "mean": 0.5,
            "mean_initial": 0.25,
            "win_rate_vs_previous": RATE,
            "win_rate_vs_initial": RATE,
        }
    },
}


def test_a_win_rate_shows_its_ties_its_split_and_what_it_is_for(run_dir: Path):
    lines = dict(round_lines(read_json(finished(run_dir) / "metrics.json") | METRICS))
    decides = lines["gate: win rate vs previous (decides)"]
    assert decides == f"{TEXT}; length-controlled 0.700; {RESAMPLED}"
    assert lines["gate: win rate vs initial (reported)"] == ALL
    assert lines["test: win rate vs previous (reported)"] == ALL
    assert lines["gold on test: win rate vs initial"] == ALL
    assert lines["gold on test: mean"] == "0.50 (first policy 0.25)"


def test_rounds_of_before_are_shown_without_the_figures_that_they_lack(run_dir: Path):
    old = {name: RATE[name] for name in ("value", "low", "high", "n", "abstained")}
    metrics = read_json(finished(run_dir) / "metrics.json")
    metrics["test"] = {"win_rate_vs_initial": old}
    lines = dict(round_lines(metrics))
    assert lines["test: win rate vs initial (reported)"] == (
        "0.725 [0.640, 0.813] n=40, 1 abstained"
    )


def test_the_card_has_the_win_rates_of_both_splits(run_dir: Path):
    finished(run_dir)
    folder = finished(run_dir, 2, REFUSED | {"metrics": METRICS})
    write_card(run_dir)
    card = (run_dir / "README.md").read_text()
    first, second = (
        line.split(" | ") for line in card.splitlines() if line.startswith(("| 1 |", "| 2 |"))
    )
    assert first[5:7] == ["", ""] and second[5:7] == [ALL, ALL]
    assert "A tie is half a win, and two identical answers are a tie." in card
    assert read_json(folder / "manifest.json")["win_rates"]["gate"] == METRICS["gate"]


def test_the_rate_of_a_gate_that_stopped_early_says_so():
    rate = early_rate(["win"] * 18 + ["tie"] * 2, 0.95, 40)._asdict()
    text = win_rate_text(rate)
    assert "(confidence sequence; where it stopped early, the value is biased)" in text
    assert "bootstrap" not in text
