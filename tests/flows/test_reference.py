"""The generated pages are those of the code, and say something of every key and column."""

import re

from flows.config import Config
from flows.reference import columns, meanings, reference
from gate.config import GateConfig
from rounds.settings import PACKAGES

ANEW = "the code has other keys or columns: python -P -m flows.reference writes the pages anew"


def test_the_pages_are_those_of_the_code():
    assert (PACKAGES / "docs/reference.md").read_text(encoding="utf-8") == reference(), ANEW
    assert (PACKAGES / "docs/columns.md").read_text(encoding="utf-8") == columns(), ANEW


def test_every_key_is_there_with_a_default_and_a_meaning():
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    cells = [re.split(r"(?<!\\)\|", row) for row in rows]
    unsaid = [row[1].strip() for row in cells if not row[4].strip()]
    assert unsaid == [] and {len(row) for row in cells} == {6}
    of_the_run = [row[1].strip(" `") for row in cells[: len(Config.model_fields)]]
    assert of_the_run == list(Config.model_fields)


def test_what_a_key_takes_is_said_with_its_bounds():
    page = reference()
    assert "| `n` | whole number >= 1, <= 1024 | `4` | Candidates of the policy" in page
    assert "| `rpm` | whole number >= 1 or null | `null` | Requests a minute, of each" in page
    assert "| `name` | text | required | What the run's folder is called" in page
    assert "| `judge` | section or null | `null` | " in page and "As [judge](#judge). |" in page
    assert "| `scale` | [whole number, whole number] | `[1, 10]` | " in page


def test_a_section_says_what_the_one_it_builds_on_says():
    assert "threshold" in meanings(GateConfig)
    assert {"threshold", "judge"} <= meanings(Config.model_fields["gate"].annotation).keys()


def test_links_within_the_page_lead_somewhere():
    page = reference()
    headings = {
        re.sub(r"[^a-z0-9_-]", "", name.lower()) for name in re.findall(r"^## (.+)$", page, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings
