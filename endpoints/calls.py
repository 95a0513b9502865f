"""The calls behind verdicts, word for word, from a journal that may be written meanwhile.

Promise 3: from a pair one reaches both judge calls as they were sent and answered.
"""

import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from rounds.errors import UserError

COLUMNS = "endpoint, model, request, answer, cost, at"


class Call(NamedTuple):
    """One call: the messages and every other argument as they were sent, and the whole reply.

    `model` is the endpoint's name for it, of a served model the hash of its weights. `at` is the
    time of the reply, in seconds since 1970.
    """

    endpoint: str
    model: str
    messages: list[dict[str, str]]
    parameters: dict[str, Any]
    reply: dict[str, Any]
    cost: float
    at: float


def read_calls(journal: Path, keys: Iterable[str]) -> dict[str, Call]:
    """The calls of these request keys that were answered, by key; an unusable reply where there is
    no other.

    Raises UserError where the journal is not there (it stays on the machine that asked) or damaged.
    """
    if not journal.exists():
        raise UserError(
            f"{journal}: no journal here; requests and replies are kept where the run was made"
        )
    calls: dict[str, Call] = {}
    try:
        with closing(sqlite3.connect(_address(journal), uri=True)) as db:
            for key in dict.fromkeys(keys):
                for table in ("answers", "failed"):
                    row = db.execute(
                        f"SELECT {COLUMNS} FROM {table} WHERE key = ? ORDER BY at DESC LIMIT 1",
                        (key,),
                    ).fetchone()
                    if row is not None:
                        calls[key] = _call(*row)
                        break
    except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{journal}: cannot be read as a journal ({type(error).__name__}: {error}); the tables "
            "of the rounds need none, so leave out --requests, or put a copy of it back"
        ) from error
    return calls


def _address(journal: Path) -> str:
    """Where SQLite opens it to read: a folder that cannot be written to has no place for the lists
    that readers and writers share, and holds no writer either.
    """
    alone = not os.access(journal.parent, os.W_OK) and not Path(f"{journal}-wal").exists()
    return f"file:{quote(str(journal.resolve()))}?mode=ro" + ("&immutable=1" if alone else "")


def _call(endpoint: str, model: str, request: str, reply: str, cost: float, at: float) -> Call:
    parameters, answered = json.loads(request), json.loads(reply)
    messages = parameters.pop("messages")
    if not (isinstance(answered, dict) and all(isinstance(one, dict) for one in messages)):
        raise ValueError(f"no request and reply of a chat: {request[:60]!r}, {reply[:60]!r}")
    return Call(endpoint, model, messages, parameters, answered, cost, at)
