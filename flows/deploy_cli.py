"""`prefloop deploy` and `prefloop serve`: the loop on a schedule of Prefect's."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import (
    ConfigFile,
    FromConfig,
    Overrides,
    one_message,
    paths_from,
    prepare_libraries,
)

if TYPE_CHECKING:
    from flows.deployment import Wish

Named = Annotated[
    str | None, typer.Option("--name", help="What the deployment is called; else as the config is.")
]
Schedule = Annotated[
    str | None, typer.Option("--cron", help='When it runs, as "0 2 * * *"; else when it is asked.')
]
Zone = Annotated[str, typer.Option("--timezone", help="The time zone of --cron.")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="Rounds of each flow run.")]
Kept = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir", help="Folder that holds the runs; else one in the user's data folder."
    ),
]


def deploy(
    config: ConfigFile,
    name: Named = None,
    cron: Schedule = None,
    timezone: Zone = "UTC",
    pool: Annotated[str, typer.Option("--pool", help="Work pool that runs it.")] = "prefloop",
    gpu_pool: Annotated[
        str | None,
        typer.Option(
            "--gpu-pool",
            help="Work pool that samples and trains; the rest stays in --pool. Needs --runs-dir.",
        ),
    ] = None,
    rounds: Rounds = 1,
    runs_dir: Kept = None,
    set: Overrides = None,
    relative_to_config: FromConfig = False,
) -> None:
    """Deploy a config to a Prefect work pool, nightly for one. Typed again, it takes its place.

    A worker of the pool runs it in the current folder, where the config's paths start.
    """
    with one_message(), paths_from(config, relative_to_config) as config:
        wish = _wish(config, name, cron, timezone, rounds, runs_dir, set, gpu_pool)
        from prefect.runner.storage import LocalStorage

        from flows.deployment import (
            check_placing,
            check_pool,
            check_server,
            deployment_of,
            gpu_deployment_of,
        )

        noted = None if gpu_pool is None else check_placing(wish, pool)
        check_server()
        here = LocalStorage(path=os.getcwd())
        made = deployment_of(wish, storage=here)
        check_pool(pool)
        if gpu_pool is not None:
            check_pool(gpu_pool, "--gpu-pool")
            gpu_deployment_of(wish, storage=here).apply(work_pool_name=gpu_pool)
        made.apply(work_pool_name=pool)
    print(f"deployed  prefloop/{wish.name}, of {wish.config.name}, to the work pool {pool}")
    if gpu_pool is not None:
        print(f"GPU       prefloop-gpu-stage/{wish.name}, to the work pool {gpu_pool}")
    if noted is not None:
        print(f"note      {noted}")
    print(f"schedule  {f'{cron} ({timezone})' if cron else 'none: it runs when it is asked'}")
    print(f"rounds    in {_kept(wish)}")
    print(f"next      prefect worker start --pool {pool}             in a terminal of its own")
    if gpu_pool is not None:
        print(f"          prefect worker start --pool {gpu_pool}             on a GPU machine")
    print(f"          prefect deployment run prefloop/{wish.name}    a run now")


def serve(
    config: ConfigFile,
    name: Named = None,
    cron: Schedule = None,
    timezone: Zone = "UTC",
    rounds: Rounds = 1,
    runs_dir: Kept = None,
    set: Overrides = None,
    relative_to_config: FromConfig = False,
) -> None:
    """Deploy a config and run it from here until Ctrl-C: no work pool and no worker."""
    with one_message(), paths_from(config, relative_to_config) as config:
        wish = _wish(config, name, cron, timezone, rounds, runs_dir, set, None, quiet=False)
        from prefect import serve as serve_deployments

        from flows.deployment import check_server, deployment_of

        check_server()
        print(f"rounds of {wish.config.name} in {_kept(wish)}", flush=True)
        serve_deployments(deployment_of(wish))


def _wish(
    config: str,
    name: str | None,
    cron: str | None,
    timezone: str,
    rounds: int,
    runs_dir: Path | None,
    overrides: list[str] | None,
    gpu_pool: str | None,
    quiet: bool = True,
) -> "Wish":
    """What was asked for, its config checked. Raises UserError naming what is wrong."""
    from flows.load import load_config

    tree = load_config(config, overrides)
    prepare_libraries(runs_dir or Path("runs"), quiet)
    from flows.deployment import Wish
    from flows.preflight import check_files

    check_files(tree)
    where = None if runs_dir is None else str(runs_dir.expanduser().resolve())
    return Wish(tree, name or tree.name, rounds, where, cron, timezone, gpu_pool)


def _kept(wish: "Wish") -> Path:
    from flows.parameters import runs_folder

    return runs_folder(wish.runs_dir, None) / wish.config.name
