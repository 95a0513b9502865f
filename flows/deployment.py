"""A deployment of the loop on a Prefect server, made from a config."""

from typing import Any, NamedTuple

from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron
from prefect.settings import get_current_settings
from prefect.utilities.callables import ParameterSchema, parameter_schema

from flows.config import Config
from flows.gpu_stage import gpu_stage
from flows.loop import run_loop
from flows.parameters import runs_folder
from flows.server import check_prefect
from rounds.errors import UserError

FLOW, GPU_FLOW = "prefloop.run_loop", "prefloop.gpu_stage"
"""Where a worker finds the flows, whatever lies in the folder that it works in."""
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
    gpu_pool: str | None = None
    """The work pool that the GPU stages go to; None where they stay with the rest."""


class Strict(ParameterSchema):
    """A schema that has no other parameters than its own."""

    additionalProperties: bool


def check_server() -> None:
    """Raise UserError where no Prefect server is named, or the one that is does not answer."""
    if get_current_settings().api.url is None:
        raise UserError(NO_SERVER)
    check_prefect()


def check_pool(pool: str, option: str = "--pool") -> None:
    """Raise UserError where the server has no such work pool."""
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            raise UserError(
                f"{option} {pool}: there is no such work pool; make it: prefect work-pool create "
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
    if wish.gpu_pool is not None:
        parameters["gpu_stages"] = f"{gpu_stage.name}/{wish.name}"
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
    return _strictly(made, run_loop)


def gpu_deployment_of(wish: Wish, **given: Any) -> RunnerDeployment:
    """The deployment that the GPU stages of a round are sent to, not yet on the server."""
    made = RunnerDeployment(
        name=wish.name,
        flow_name=gpu_stage.name,
        entrypoint=GPU_FLOW,
        tags=[wish.config.name],
        description=f"GPU stages of {wish.config.name}, which its rounds send here",
        **given,
    )
    return _strictly(made, gpu_stage)


def _strictly(made: RunnerDeployment, flow: Any) -> RunnerDeployment:
    schema = parameter_schema(flow).model_dump(exclude_unset=True)
    made._parameter_openapi_schema = Strict(**schema, additionalProperties=False)
    return made


def check_placing(wish: Wish, pool: str) -> str | None:
    """Raise UserError where the GPU stages cannot be sent to a pool of their own, beside that of
    the rest; what is served with the rest all the same, in a sentence.
    """
    if wish.gpu_pool == pool:
        raise UserError(
            f"--gpu-pool {pool}: is the pool of the rest as well, where a round would hold the "
            "worker that its own stages wait for; name another, or leave it out"
        )
    config, policy = wish.config, wish.config.policy
    served = sorted(n for n in config.used_endpoints if config.endpoints[n].serve is not None)
    if policy.endpoint is not None and policy.endpoint not in served:
        raise UserError(
            f"--gpu-pool {wish.gpu_pool}: no stage of this config needs a GPU: the policy answers, "
            f"and is trained, at the endpoint {policy.endpoint}; leave it out"
        )
    if wish.runs_dir is None:
        mirror = "a mirror does not do, it gets whole rounds; " if config.mirror else ""
        raise UserError(
            f"--gpu-pool {wish.gpu_pool}: the workers of both pools work on one round folder, so "
            f"it lies on storage that both see under the same path; {mirror}name that folder with "
            "--runs-dir"
        )
    named = ", ".join(name for name in served if name != policy.endpoint)
    return f"{named}: its model server starts where the rest runs" if named else None


def _first(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("Value error")), lines[0])
    return said.removeprefix("Value error, ").partition(" [type=")[0]
