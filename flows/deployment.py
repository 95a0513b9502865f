"""A deployment of the loop on a Prefect server, made from a config."""

from typing import Any, NamedTuple

from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron
from prefect.settings import get_current_settings
from prefect.utilities.callables import ParameterSchema, parameter_schema

from flows.config import Config
from flows.loop import run_loop
from flows.parameters import runs_folder
from flows.server import check_prefect
from rounds.errors import UserError

FLOW = "prefloop.run_loop"
"""Where a worker finds the flow, whatever lies in the folder that it works in."""
NO_SERVER = (
    "PREFECT_API_URL is not set, and a deployment lives on a Prefect server; start one in a "
    "terminal of its own (prefect server start) and say where it is: "
    "prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api"
)


class Wish(NamedTuple):
    """What is to be deployed: the config, how it is run, and when (None: when it is asked)."""

    config: Config
    name: str
    rounds: int
    runs_dir: str | None
    cron: str | None
    timezone: str


class Strict(ParameterSchema):
    """A schema that has no other parameters than its own."""

    additionalProperties: bool


def check_server() -> None:
    """Raise UserError where no Prefect server is named, or the one that is does not answer."""
    if get_current_settings().api.url is None:
        raise UserError(NO_SERVER)
    check_prefect()


def check_pool(pool: str) -> None:
    """Raise UserError where the server has no such work pool."""
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            raise UserError(
                f"--pool {pool}: there is no such work pool; make it: prefect work-pool create "
                f"{pool} --type process"
            ) from None


def deployment_of(wish: Wish, **given: Any) -> RunnerDeployment:
    """The deployment, not yet on the server. Raises UserError for a schedule that is none.

    Its parameters hold the config's tree as it was written: each key can be changed for one run.
    """
    parameters: dict[str, Any] = {
        "config": wish.config.model_dump(mode="json", exclude_unset=True),
        "rounds": wish.rounds,
    }
    if wish.runs_dir is not None:
        runs_folder(wish.runs_dir, None)
        parameters["runs_dir"] = wish.runs_dir
    try:
        schedules = [Cron(wish.cron, timezone=wish.timezone)] if wish.cron else []
        made = RunnerDeployment(
            name=wish.name,
            flow_name=run_loop.name,
            entrypoint=FLOW,
            parameters=parameters,
            schedules=schedules,
            tags=[wish.config.name],
            description=f"Rounds of {wish.config.name}",
            **given,
        )
    except ValueError as error:
        where = f"--cron {wish.cron!r}, --timezone {wish.timezone}"
        raise UserError(f"{where}: no schedule ({_first(error)})") from error
    schema = parameter_schema(run_loop).model_dump(exclude_unset=True)
    made._parameter_openapi_schema = Strict(**schema, additionalProperties=False)
    return made


def _first(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("Value error")), lines[0])
    return said.removeprefix("Value error, ").partition(" [type=")[0]
