"""How facts become text in a page: numbers, texts of others, addresses."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from rounds.health_lines import rate_text
from rounds.rows import Messages
from viewer.visible import visible

HERE = Path(__file__).parent

MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(
    ["image", "link", "autolink", "reference"]
)
"""Markdown of others: tags in it are text, and it can neither load nor link anything."""


def environment(run: str, token: str) -> Environment:
    """The templates of a session; what they are given is text unless it says that it is markup."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        shown=visible,
        markdown=lambda text: Markup(MARKDOWN.render(visible(text))),
        rate=rate_or_dash,
        number=number,
        last=last_turn,
    )
    templates.globals.update(
        run=run,
        at=lambda *parts: f"/{token}/" + "/".join(quote(str(part), safe="") for part in parts),
    )
    return templates


def rate_or_dash(rate: dict[str, Any] | None) -> str:
    """A rate with interval and n; a dash without a case."""
    return rate_text(rate) if rate and rate["value"] is not None else "–"


def number(value: Any, digits: int = 3) -> str:
    """A number in few digits; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return f"{value:.6g}" if text == "1" and value != 1 else text  # 0.99991 is not sure


def last_turn(messages: Messages | None) -> str:
    """What was said last; empty where nothing was."""
    return messages[-1]["content"] if messages else ""
