"""A flow run as a person sees it in a list: named by its rounds, tagged with its run."""

from contextlib import suppress

from prefect.context import FlowRunContext
from prefect.runtime import deployment


def name_flow_run(name: str, run: str) -> None:
    """Name the flow run that is under way and tag it with its run; outside of one nothing happens.

    A server that does not take it stops nothing.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    tags = sorted({*context.flow_run.tags, run})
    with suppress(Exception):
        context.client.update_flow_run(context.flow_run.id, name=name, tags=tags)
        context.flow_run.name = name


def rounds_title(run: str, first: int, rounds: int) -> str:
    """What a flow run that runs so many rounds is called."""
    last = first + rounds - 1
    return f"{run} round {first}" if rounds == 1 else f"{run} rounds {first} to {last}"


def deployed() -> bool:
    """Whether a deployment started this flow run, and nobody sits before it."""
    return deployment.id is not None
