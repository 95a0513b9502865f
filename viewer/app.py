"""The pages as an application: addresses, who may ask, and what a wrong address or file answers.

Every address begins with the session's token. Nothing is loaded from elsewhere, and what a browser
is told about that holds for every answer.
"""

import asyncio
import hmac
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import duckdb
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from rounds.errors import UserError
from viewer.compare_view import compare_page
from viewer.export_view import export_pairs
from viewer.label_view import label_page, vote
from viewer.pairs_view import pairs_page
from viewer.prompt_view import pair_page, prompt_page
from viewer.round_view import prompts_page, round_page, round_plots_page
from viewer.run_view import live, run_page, run_plots_page
from viewer.site import Site
from viewer.tables import first_line
from viewer.templating import HERE, environment
from viewer.visible import visible
from viewer.what_if_view import what_if_page

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src "
        "'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

View = Callable[[Site, Request], dict[str, Any]]
"""A page: what its template is given. Works in a thread; raises UserError for a wrong address."""


class Guarded:
    """Lets in who has the token, and a change only from a page of its own origin."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._start = f"/{token}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 404 where the token is not at the address's beginning, 403 to another origin."""
        if scope["type"] != "http":
            return  # there is nothing else to be had here
        request = Request(scope)
        given = scope["path"][: len(self._start)]
        if not hmac.compare_digest(given.encode(), self._start.encode()):
            answer = PlainTextResponse(
                "This is no address of the session: take the one that `prefloop inspect` printed.",
                404,
            )
        elif request.method not in ("GET", "HEAD") and not _own(request):
            answer = PlainTextResponse("Only the session's own pages can change anything.", 403)
        else:
            await self._app(scope, receive, _with_headers(send))
            return
        await answer(scope, receive, _with_headers(send))


def make_app(site: Site) -> ASGIApp:
    """The application of a session."""
    templates = environment(site.run_dir.name, site.token)

    def page(template: str, view: View) -> Callable[[Request], Awaitable[Response]]:
        def answer(request: Request) -> Response:
            return HTMLResponse(templates.get_template(template).render(view(site, request)))

        return _answering(templates, answer)

    def plain(
        answer: Callable[[Site, Request], Response],
    ) -> Callable[[Request], Awaitable[Response]]:
        return _answering(templates, lambda request: answer(site, request))

    pages = [
        Route("/", page("run.html", run_page)),
        Route("/plots", page("plots.html", run_plots_page)),
        Route("/live", plain(lambda site, _: JSONResponse(live(site)))),
        Route("/round/{number:int}", page("round.html", round_page)),
        Route("/round/{number:int}/plots", page("plots.html", round_plots_page)),
        Route("/round/{number:int}/prompts", page("prompts.html", prompts_page)),
        Route("/round/{number:int}/pairs", page("pairs.html", pairs_page)),
        Route("/round/{number:int}/pairs.{kind}", plain(export_pairs)),
        Route("/round/{number:int}/prompt/{prompt_id}", page("prompt.html", prompt_page)),
        Route("/round/{number:int}/pair/{pair_id}", page("prompt.html", pair_page)),
        Route("/round/{number:int}/whatif", page("whatif.html", what_if_page)),
        Route("/label", page("label.html", label_page)),
        Route("/label", _voting(site), methods=["POST"]),
        Route("/compare", page("compare.html", compare_page)),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app = Starlette(routes=[Mount(f"/{site.token}", routes=pages)], middleware=[hosts])
    return Guarded(app, site.token)  # outermost: its headers are on what Starlette answers too


def _answering(
    templates: Environment, answer: Callable[[Request], Response]
) -> Callable[[Request], Awaitable[Response]]:
    """The answer, made in a thread; what is wrong with the request is a page that says so."""

    async def answered(request: Request) -> Response:
        try:
            return await run_in_threadpool(answer, request)
        except UserError as error:
            fault, status = str(error), 400
        except duckdb.Error as error:
            fault, status = f"a table of this round cannot be read: {first_line(error)}", 500
        except Exception as error:  # figures that nobody expected: the other pages go on
            fault = (
                f"a file of the run holds what was not expected ({type(error).__name__}: {error})"
            )
            status = 500
            print(visible(fault), file=sys.stderr)
        return HTMLResponse(templates.get_template("fault.html").render(fault=fault), status)

    return answered


def _voting(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Takes a vote as JSON; what is wrong with it is said as JSON."""
    one_vote = asyncio.Lock()

    async def voted(request: Request) -> Response:
        try:
            given = await request.json()
            if not isinstance(given, dict):
                raise ValueError("not an object")
            async with one_vote:  # what is undone is what was looked at
                return await run_in_threadpool(vote, site, given)
        except (UserError, ValueError, OSError, RecursionError) as error:
            return JSONResponse({"fault": str(error)}, 400)

    return voted


def _own(request: Request) -> bool:
    """Whether a page of this session asks: a browser names where a page comes from."""
    origin = request.headers.get("origin")
    json = request.headers.get("content-type", "").partition(";")[0] == "application/json"
    return origin == f"{request.url.scheme}://{request.headers.get('host')}" and json


def _with_headers(send: Send) -> Send:
    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            given = dict(message["headers"])
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [
                *message["headers"],
                *(header for header in added if header[0] not in given),
            ]
        await send(message)

    return sent
