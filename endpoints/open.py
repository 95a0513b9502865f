"""Endpoints as a run uses them: started when first needed, and kept to the end."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.config import EndpointConfig
from endpoints.reply import Reply
from endpoints.serve import LiveEndpoint, serve
from rounds.errors import UserError
from rounds.stages import Progress, count_startup, silent

ReadBlock = Callable[[str], str]


def bypass_proxies_to_localhost() -> None:
    """Our own servers listen on this machine; no proxy stands between."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def api_key(name: str, config: EndpointConfig, read_block: ReadBlock | None = None) -> str:
    """The endpoint's key from its environment variable or Secret block; "EMPTY" if it has none."""
    if config.api_key_env:
        key = os.environ.get(config.api_key_env)
        if not key:
            where = f"endpoints.{name}.api_key_env"
            raise UserError(f"{where}: environment variable {config.api_key_env} is not set")
        return key
    if config.api_key_block:
        if read_block is None:
            raise UserError(f"endpoints.{name}.api_key_block: read inside a Prefect flow only")
        return read_block(config.api_key_block)
    return "EMPTY"


def headers_of(name: str, config: EndpointConfig) -> dict[str, str]:
    """The endpoint's own headers, with the values that stand in the environment."""
    headers = {}
    for header, value in config.extra_headers.items():
        if not isinstance(value, str):
            found = os.environ.get(value.env)
            if not found:
                where = f"endpoints.{name}.extra_headers.{header}.env"
                raise UserError(f"{where}: environment variable {value.env} is not set")
            value = found
        if not (value.isascii() and value.isprintable()):
            raise UserError(f"endpoints.{name}.extra_headers.{header}: is no header's value")
        headers[header] = value
    return headers


def read_endpoints(tree: dict[str, Any]) -> dict[str, EndpointConfig]:
    """The endpoints of a run.yaml."""
    return {
        name: EndpointConfig.model_validate(section) for name, section in tree["endpoints"].items()
    }


class AskedAhead(NamedTuple):
    """What the journal does not keep of calls that were made before their stage: paid replies that
    are no answer, by key, and how calls were answered, as `asking` counts it.
    """

    unusable: dict[str, Reply]
    traffic: Counter[str]


class Endpoints:
    """The endpoints of one run. A served model is started at its first use and kept to the end.

    `ahead` is what was asked ahead of the stage that comes next, which does not ask it again.
    Several threads may use them.
    """

    def __init__(
        self,
        configs: dict[str, EndpointConfig],
        logs: Path,
        progress: Progress = silent,
        read_block: ReadBlock | None = None,
    ) -> None:
        bypass_proxies_to_localhost()
        self._configs = configs
        self._logs = logs
        self._progress = progress
        self._read_block = read_block
        self._live: dict[str, LiveEndpoint] = {}
        self._servers: dict[str, ExitStack] = {}
        self._locks: dict[str, threading.RLock] = {}
        self.ahead = AskedAhead({}, Counter())

    def __enter__(self) -> "Endpoints":
        return self

    def __exit__(self, *raised: object) -> None:
        for name in list(self._live):
            self.close(name)

    def close(self, name: str) -> None:
        """Let go of an endpoint; a served one is stopped, and started again when next needed."""
        with self._lock(name):
            self._live.pop(name, None)
            if name in self._servers:
                self._servers.pop(name).close()

    def config(self, name: str) -> EndpointConfig:
        """The config of an endpoint."""
        return self._configs[name]

    def live(self, name: str, progress: Progress | None = None) -> LiveEndpoint:
        """The endpoint, answering. A start is told to `progress`, which may end it by raising."""
        with self._lock(name):
            if name not in self._live:
                self._live[name] = self._open(name, progress or self._progress)
            return self._live[name]

    def _lock(self, name: str) -> threading.RLock:
        """One starts or stops it, the others wait; of another nobody waits for that."""
        return self._locks.setdefault(name, threading.RLock())

    def _open(self, name: str, progress: Progress) -> LiveEndpoint:
        config = self._configs[name]
        if config.serve is not None:
            log = self._logs / f"serve-{name}.log"
            server = self._servers[name] = ExitStack()
            started = time.monotonic()
            live = server.enter_context(serve(config.serve, log, progress))
            count_startup(f"server of {name}", time.monotonic() - started)
            return live
        key = api_key(name, config, self._read_block)
        model = str(config.model)
        headers = headers_of(name, config)
        hidden = [
            headers[header]
            for header, value in config.extra_headers.items()
            if not isinstance(value, str)
        ]
        first, *others = config.addresses
        return LiveEndpoint(first, model, model, key, headers, tuple(hidden), tuple(others))
