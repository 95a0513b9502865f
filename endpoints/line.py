"""Chat completions of one server, as the openai client sends them, without its models in between.

The client says what is sent to whom: its address, key and headers, its aiohttp transport with the
proxies and certificates of the environment, its errors. The bytes of a call then go straight over
that transport's session: a request, a response and their headers as objects of their own, built
anew for every call, take more than twice the CPU time of all the rest.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import openai
from multidict import CIMultiDict
from yarl import URL

from endpoints.serve import LiveEndpoint

SLACK = 1.0
"""Seconds in which the timeouts of the connection come first: they know what did not happen."""
MODELS_TIMEOUT = 20.0
NO_LIST = (404, 405, 501)
"""Statuses of a server that does not list its models."""
MOST_OPEN = 1000
"""Connections to one server: as many as `max_in_flight` may be."""
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Line:
    """The line to one server; it is closed with its client."""

    def __init__(self, client: openai.AsyncOpenAI, http: httpx2.AsyncClient) -> None:
        self._client = client
        self.address = str(client.base_url).rstrip("/")
        base = client.base_url
        self._address = base.copy_with(raw_path=base.raw_path + b"chat/completions")
        transport: Any = http._transport_for_url(self._address)
        if not isinstance(transport.client, aiohttp.ClientSession):  # else another line began it
            transport.client = transport.get_client()
        self._session: aiohttp.ClientSession = transport.client
        self._headers: CIMultiDict[str] = CIMultiDict()
        for name, value in {**client.auth_headers, **client.default_headers}.items():
            if isinstance(value, str):  # else it is one that is left out
                self._headers[name] = value
        if base.userinfo:
            self._headers["Authorization"] = _login(base.username, base.password)
        self._url = URL(str(self._address.copy_with(userinfo=b"")), encoded=True)
        models = base.copy_with(raw_path=base.raw_path + b"models", userinfo=b"")
        self._models = URL(str(models), encoded=True)
        self._through = _through(transport.proxy)

    async def models(self) -> str:
        """The list of models that the server gives, as it is; empty where it has none. Raises as
        `complete`.
        """
        limits = aiohttp.ClientTimeout(total=MODELS_TIMEOUT)
        async with self._session.get(
            self._models, headers=self._headers, timeout=limits, **self._through
        ) as response:
            content = await response.read()
            if response.status in NO_LIST:
                return ""
            if not 200 <= response.status < 300:
                raise self._error(response, content)
            return _text(response, content)

    async def complete(self, fields: dict[str, Any], options: dict[str, Any]) -> str:
        """The body of the answer to a chat completion's JSON. `options`: timeout in seconds, and
        headers and params of this call.

        Raises what aiohttp raises, TimeoutError, ValueError for what cannot be sent, and
        openai.APIStatusError for every status but 2xx.
        """
        seconds, headers, url = options["timeout"], self._headers, self._url
        if options.get("headers"):
            headers = headers.copy()
            headers.update(options["headers"])
        if options.get("params"):
            url = url.update_query(options["params"])
        limits = aiohttp.ClientTimeout(connect=seconds, sock_connect=seconds, sock_read=seconds)
        asked = self._session.post(
            url, data=ENCODE(fields).encode(), headers=headers, timeout=limits, **self._through
        )
        async with asyncio.timeout(seconds + SLACK), asked as response:
            content = await response.read()
            if not 200 <= response.status < 300:
                raise self._error(response, content)
            return _text(response, content)

    def _error(self, response: aiohttp.ClientResponse, content: bytes) -> openai.APIStatusError:
        headers = [one for one in response.headers.items() if one[0].lower() != "content-encoding"]
        request = httpx2.Request("POST", self._address)
        said = httpx2.Response(response.status, headers=headers, content=content, request=request)
        return self._client._make_status_error_from_response(said)


def _through(proxy: httpx2.Proxy | None) -> dict[str, Any]:
    """The arguments of aiohttp for a proxy."""
    if proxy is None:
        return {}
    headers = dict(proxy.headers)
    if proxy.auth:
        headers["Proxy-Authorization"] = _login(*proxy.auth)
    return {"proxy": str(proxy.url), "proxy_headers": headers}


def _login(user: str | bytes, password: str | bytes) -> str:
    parts = [part.encode() if isinstance(part, str) else part for part in (user, password)]
    return f"Basic {b64encode(b':'.join(parts)).decode()}"


def _text(response: aiohttp.ClientResponse, content: bytes) -> str:
    try:
        return content.decode(response.charset or "utf-8", errors="replace")
    except LookupError:  # a charset that nobody knows
        return content.decode(errors="replace")


@asynccontextmanager
async def lines_to(live: LiveEndpoint, timeout: float) -> AsyncIterator[list[Line]]:
    """The lines to all servers of an endpoint."""
    servers = len(live.addresses)
    limits = httpx2.Limits(max_connections=MOST_OPEN * servers, max_keepalive_connections=100)
    async with openai.DefaultAioHttpClient(limits=limits) as http:
        clients = [
            openai.AsyncOpenAI(
                base_url=address,
                api_key=live.api_key,
                timeout=timeout,
                max_retries=0,
                default_headers=live.headers,
                http_client=http,
            )
            for address in live.addresses
        ]
        yield [Line(client, http) for client in clients]
