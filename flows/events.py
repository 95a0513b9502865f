"""Events of a round, for Prefect's automations: what happened to which round of which run, and why.

    prefloop.round.promoted    the new policy is in place
    prefloop.round.refused     the round is finished, the policy in place stays
    prefloop.round.finished    the round is finished and trained nothing, so nothing was decided
    prefloop.round.stopped     it stopped, or could not begin
    prefloop.round.waiting     it waits for people
    prefloop.round.budget      a budget is used up, the round goes on with less

The resource is `prefloop.run.NAME`, with the labels `prefloop.run` and `prefloop.round`; the
payload says the rest. The flow run and the deployment are Prefect's related resources.
"""

from contextlib import suppress
from typing import Any, Literal

from prefect.context import FlowRunContext
from prefect.events import emit_event

from flows.plain import is_there

Happening = Literal["promoted", "refused", "finished", "stopped", "waiting", "budget"]


def tell_round(happening: Happening, run: str, number: int, **payload: Any) -> None:
    """Emit the event, within a flow run. A server that cannot be reached stops no round."""
    if FlowRunContext.get() is None:
        return
    resource = {
        "prefect.resource.id": f"prefloop.run.{run}",
        "prefect.resource.name": f"{run} round {number}",
        "prefloop.run": run,
        "prefloop.round": str(number),
    }
    facts = {"run": run, "round": number, **payload}
    if not is_there():
        return
    with suppress(Exception):
        emit_event(event=f"prefloop.round.{happening}", resource=resource, payload=facts)


def tell_finished(run: str, metrics: dict[str, Any]) -> None:
    """The event of a finished round, with its decision, reasons and counts."""
    decided: Happening = "promoted" if metrics["promoted"] else "refused"
    tell_round(
        "finished" if metrics["train"] is None else decided,
        run,
        metrics["round"],
        reasons=metrics["reasons"],
        counts=metrics["counts"],
    )
