"""How each endpoint of a run wants to be asked: dialects.json beside the journal.

It is found by a question before the round (`endpoints.settle`) and used by every call after it, in
this process and the next ones. Whoever deletes the file has it found again.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from endpoints.config import EndpointConfig
from endpoints.dialect import PLAIN, PRESETS, Dialect
from endpoints.hosts import hosts_of
from endpoints.identity import identity
from rounds.files import write_json
from rounds.ids import digest

FILE = "dialects.json"


class Settled(NamedTuple):
    """The dialect of an endpoint, and by which questions it was found.

    `asked` has the form (its arguments, hashed) of each kind of question that was answered, and
    `times` counts how often all of it was found anew: a question that is asked again on purpose is
    another one to the journal.
    """

    dialect: Dialect
    asked: dict[str, str]
    times: int


def form_of(body: dict[str, Any]) -> str:
    """What of a call's body a dialect depends on: everything but the words."""
    return digest("form", {name: value for name, value in body.items() if name != "messages"})


def first_dialect(config: EndpointConfig) -> Dialect:
    """The dialect that an endpoint is first asked in: the one that the config names, or plain."""
    return PRESETS[config.dialect] if config.dialect else PLAIN


def recall(folder: Path, name: str, config: EndpointConfig) -> Settled:
    """What is known of an endpoint in a run's folder; nothing yet where its config has changed."""
    known = _read(folder).get(name)
    if not isinstance(known, dict):
        return Settled(first_dialect(config), {}, 0)
    times = known.get("times", 0)
    if known.get("of") != _of(config):
        return Settled(first_dialect(config), {}, times)
    try:
        return Settled(Dialect(**known["dialect"]), known["asked"], times)
    except (ValidationError, KeyError, TypeError):
        return Settled(first_dialect(config), {}, times + 1)


def remember(folder: Path, name: str, config: EndpointConfig, settled: Settled) -> None:
    """Write down what was found of an endpoint."""
    known = _read(folder)
    before = known.get(name, {})
    spoken = [*before.get("spoken", []), settled.dialect.model_dump(exclude_defaults=True)]
    found = {
        "of": _of(config),
        "dialect": settled.dialect.model_dump(exclude_defaults=True),
        "asked": settled.asked,
        "times": settled.times,
        "spoken": [one for place, one in enumerate(spoken) if one not in spoken[:place]],
    }
    write_json(folder / FILE, {**known, name: found})


def forget(folder: Path, name: str, config: EndpointConfig) -> None:
    """Have an endpoint asked again, from the beginning: it has refused what it took before."""
    known = recall(folder, name, config)
    if known.asked:
        remember(folder, name, config, Settled(first_dialect(config), {}, known.times + 1))


def known_dialect(folder: Path, name: str, config: EndpointConfig) -> Dialect:
    """The dialect that calls are made in. A served model takes everything."""
    return PLAIN if config.serve is not None else recall(folder, name, config).dialect


def dialects_spoken(folder: Path, name: str, config: EndpointConfig) -> list[Dialect]:
    """Every dialect that an endpoint was ever asked in, the one of now first: its answers are kept
    under what was sent.
    """
    known = _read(folder).get(name)
    noted = known.get("spoken") if isinstance(known, dict) else None
    earlier = []
    for one in noted if isinstance(noted, list) else []:
        with suppress(ValidationError, TypeError):  # written into by hand
            earlier.append(Dialect(**one))
    return list(dict.fromkeys([known_dialect(folder, name, config), PLAIN, *earlier]))


def dialects_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What is special about the endpoints of a run, for the manifest of a round."""
    found = _read(folder).items()
    return {name: known["dialect"] for name, known in found if known.get("dialect")}


def _of(config: EndpointConfig) -> str:
    return digest("endpoint", {**identity(config), "base_url": hosts_of(config.addresses)})


def _read(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or written into by hand
        return {}
    return known if isinstance(known, dict) else {}
