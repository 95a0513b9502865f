"""Many calls of a scripted endpoint at once, through the client and a journal."""

import asyncio
from pathlib import Path
from typing import Any

from scripted import Scripted

from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.reply import Reply
from endpoints.serve import LiveEndpoint


def question(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def ask_all(path: Path, at: Scripted, calls: list[tuple[Any, ...]], **given: Any) -> list[Reply]:
    """Ask all `calls` (body, rubric, repeat) at once; `given` to the config or to `asking`."""
    stream = {name: given.pop(name) for name in ("budget", "tally", "usable") if name in given}
    config = EndpointConfig(base_url=at.base_url, model="m", **given)

    async def run() -> list[Reply]:
        with Journal(path / "journal.sqlite") as journal:
            live = LiveEndpoint(at.base_url, "m", "m", "key")
            async with asking("desk", config, live, journal, **stream) as ask:
                return list(await asyncio.gather(*(ask(*call) for call in calls)))

    return asyncio.run(run())
