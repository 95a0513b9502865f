"""The panel that tries other settings on a judged round: which pairs would come and go."""

from typing import Any

from starlette.requests import Request

from viewer.site import Site

TRIED = ("judge.tau=0.8", "pairs.min_margin=1", "pairs.length_guard=0.1")
"""Settings that are offered to begin with."""


def what_if_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `whatif.html` shows. Raises UserError as deriving does."""
    number = request.path_params["number"]
    folder = site.folder(number)
    settings = [line.strip() for line in request.query_params.get("set", "").splitlines()]
    given = [line.removeprefix("--set ") for line in settings if line]
    found = site.what_if(folder.parent.parent, number, given) if given and site.what_if else None
    return {"number": number, "given": given, "tried": TRIED, "found": found}
