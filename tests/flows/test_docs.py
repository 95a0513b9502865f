"""The pages fit together: links lead somewhere, and quoted messages are those of the code."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from prefloop import PACKAGES as NAMES
from rounds.settings import PACKAGES as ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GAP = "\0"
"""Stands for what an f-string fills in."""


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {"".join("-" if sign.isspace() else sign for sign in heading) for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_is_in_the_list_of_pages():
    listed = re.findall(r"\]\((\w[\w-]*\.md)\)", (ROOT / "docs/README.md").read_text())
    there = {page.name for page in PAGES if page.parent.name == "docs"} - {"README.md"}
    assert there == set(listed)


@cache
def sources() -> dict[Path, str]:
    files = [ROOT / "prefloop.py"]
    files += [path for name in NAMES for path in sorted((ROOT / name).rglob("*.py"))]
    return {path: path.read_text(encoding="utf-8") for path in files}


@cache
def said(path: Path) -> list[str]:
    """Every text in a file of the source, what is filled in left out."""
    return [" ".join(text.split(" ")) for text in texts(ast.parse(sources()[path]))]


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            values = (getattr(value, "value", None) for value in node.values)
            yield "".join(value if isinstance(value, str) else GAP for value in values)


def is_said(quoted: str) -> bool:
    """Whether some text of the source has the words of a quotation in their order."""
    pieces = [re.escape(piece.strip()) for piece in quoted.split("...") if piece.strip()]
    wanted, words = re.compile(r"[\s\S]*?".join(pieces)), re.findall(r"[a-z]{4,}", quoted)
    files = (path for path, text in sources().items() if all(word in text for word in words))
    return any(wanted.search(text) for path in files for text in said(path))


def test_messages_that_are_quoted_are_those_of_the_code():
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r'^\| "(.+?)" \|', page, re.M)
    assert len(quoted) > 30
    assert [one for one in quoted if not is_said(one)] == []
    assert not is_said("a message that nobody ever wrote") and not is_said("is missing ... never")


def test_the_commands_of_the_pages_are_those_of_the_command_line():
    from typer.main import get_command

    from flows.cli import app

    known = set(get_command(app).commands)
    for page in PAGES:
        used = re.findall(r"^ {4}prefloop +([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.M)
        used += re.findall(r"`prefloop ([a-z][a-z-]*)", page.read_text(encoding="utf-8"))
        assert set(used) <= known | {"init"}, page.name


def test_keys_in_the_tables_of_the_config_are_known():
    from flows.reference import reference

    keys = set(re.findall(r"^\| `(\w+)`", reference(), re.M))
    text = (ROOT / "docs/config.md").read_text() + (ROOT / "README.md").read_text()
    sections = "judge|prompts|sampler|pairs|trainer|gate"
    for first, second in re.findall(rf"`({sections})\.(\w+)", text):
        assert second in keys | {"py", "md"}, f"{first}.{second}"


def test_the_readme_is_one_page_with_the_commands_that_people_type():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count("\n") <= 130
    assert "    make run " in readme and "    make test " in readme
    for promise in (
        "No label is ever invented.",
        "Nothing is paid for twice",
        "Every pair can be traced",
    ):
        assert promise in readme
