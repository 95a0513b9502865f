"""Which host an endpoint's answers came from: another host is another model.

The first host that a run asks for a model is written down in its journal, and answers of the model
there are kept under its name alone. Those of any other host carry the host: they are asked anew.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.serve import LiveEndpoint

TABLE = """
CREATE TABLE IF NOT EXISTS hosts (
    endpoint TEXT NOT NULL, model TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (endpoint, model)
) WITHOUT ROWID
"""
HERE = "localhost"


def host_of(base_url: str) -> str:
    """The host of an address without its port; all names of this machine are one."""
    host = (urlsplit(base_url).hostname or base_url).rstrip(".").lower()
    local = host in (HERE, "::1", "0.0.0.0", "::") or host.startswith("127.")
    return HERE if local else host


def hosts_of(addresses: Sequence[str]) -> str:
    """The hosts of several servers of one model, as they are written down."""
    return ",".join(sorted(set(map(host_of, addresses))))


def model_there(journal: Journal, name: str, config: EndpointConfig, model_id: str) -> str:
    """The model of an endpoint as its answers are kept: its id, and the host if not the first.

    A served model is what its weights are, wherever it is served. Several servers of one model are
    the same as before while one of them stands where one stood at first.
    """
    if config.base_url is None:
        return model_id
    host = hosts_of(config.addresses)
    journal.db.execute(TABLE)
    journal.db.execute("INSERT OR IGNORE INTO hosts VALUES (?, ?, ?)", (name, model_id, host))
    (first,) = journal.db.execute(
        "SELECT host FROM hosts WHERE endpoint = ? AND model = ?", (name, model_id)
    ).fetchone()
    known = set(host.split(",")) & set(first.split(","))
    return model_id if known else f"{model_id}@{host}"


def placed(journal: Journal, name: str, config: EndpointConfig, live: LiveEndpoint) -> LiveEndpoint:
    """The endpoint with its model as its answers are kept."""
    return live._replace(model_id=model_there(journal, name, config, live.model_id))


def remember_hosts(journal: Journal, endpoints: dict[str, Any]) -> None:
    """Write down where answers from before hosts were noted came from: `endpoints` are the section
    of the config that the run was last worked on with.
    """
    for name, section in endpoints.items():
        address, model = section.get("base_url"), section.get("model")
        known = "SELECT 1 FROM answers WHERE endpoint = ? AND model = ? LIMIT 1"
        if address and journal.db.execute(known, (name, model)).fetchone():
            journal.db.execute(TABLE)
            noted = name, model, hosts_of([address] if isinstance(address, str) else address)
            journal.db.execute("INSERT OR IGNORE INTO hosts VALUES (?, ?, ?)", noted)
