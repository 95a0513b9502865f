"""The `prefloop` command."""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.blame_cli import blame
from flows.chat_cli import chat
from flows.command import typed
from flows.deploy_cli import deploy, serve
from flows.export_cli import export
from flows.gc_cli import gc
from flows.init_cli import init
from flows.inspect_cli import inspect
from flows.judge_cli import judge_app
from flows.mirror_cli import mirror
from flows.promote_cli import promote, rollback
from flows.publish_cli import publish
from flows.report_cli import report
from flows.status_cli import status
from flows.terminal import (
    AsJson,
    ConfigFile,
    FromConfig,
    Overrides,
    RunFolder,
    RunsDir,
    Verify,
    one_message,
    paths_from,
    prepare_libraries,
    print_json,
    print_table,
)
from flows.verify_cli import verify
from flows.warm_start_cli import warm_start
from flows.whatif_cli import whatif

app = typer.Typer(
    help="Closed-loop preference data: sample, judge, pair, train with DPO, gate, repeat.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.add_typer(judge_app, name="judge")
app.command()(blame)
app.command()(chat)
app.command()(deploy)
app.command()(serve)
app.command()(export)
app.command()(gc)
app.command()(init)
app.command()(inspect)
app.command()(mirror)
app.command()(promote)
app.command()(publish)
app.command()(report)
app.command()(rollback)
app.command()(status)
app.command()(verify)
app.command()(warm_start)
app.command()(whatif)


def say_version(asked: bool) -> None:
    """The version alone."""
    if asked:
        print(f"prefloop {version('prefloop')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=say_version),
    ] = False,
) -> None:
    """What stands before a command."""


@app.command()
def run(
    config: ConfigFile,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds to run; one under way is first.")] = 1,
    runs_dir: RunsDir = Path("runs"),
    set: Overrides = None,
    relative_to_config: FromConfig = False,
    verify: Verify = False,
    without_prefect_server: Annotated[
        bool,
        typer.Option(
            "--without-prefect-server", help="Run without Prefect: no server is started or asked."
        ),
    ] = False,
) -> None:
    """Run rounds. A finished round or stage is not run again; a stopped one continues."""
    with (
        one_message("run the same command again to continue"),
        paths_from(config, relative_to_config) as config,
    ):
        from flows.load import load_config

        tree = load_config(config, set)
        prepare_libraries(runs_dir)
        from flows.server import check_prefect, prefect_server
        from flows.session import session

        if without_prefect_server:
            run_without_prefect(tree, rounds, runs_dir)
            return
        check_prefect()
        log = runs_dir.resolve() / tree.name / "logs" / "prefect-server.log"
        with ExitStack() as stack:
            if tree.secret_blocks:  # the checks read them, so the server comes first
                stack.enter_context(stack.enter_context(prefect_server(log))())
            opened = stack.enter_context(session(tree, runs_dir, typed(), verify))
            stack.enter_context(stack.enter_context(prefect_server(log))())
            from flows.loop import run_here

            run_here(tree, rounds, runs_dir)
        raise_waiting(opened.run_dir)
    print_end(opened.run_dir, tree)


def run_without_prefect(tree: Any, rounds: int, runs_dir: Path) -> None:
    """Run rounds as plain functions."""
    from flows.loop import run_here
    from flows.plain import do_without
    from flows.session import session
    from rounds.errors import UserError

    if tree.secret_blocks:
        raise UserError(
            "--without-prefect-server: a key of this config is in a Prefect Secret block "
            "(api_key_block), which a Prefect server keeps; name an environment variable instead "
            "(api_key_env)"
        )
    do_without()
    with session(tree, runs_dir, typed()) as opened:
        run_here(tree, rounds, runs_dir)
        run_dir = opened.run_dir
    raise_waiting(run_dir)
    print_end(run_dir, tree)


@app.command()
def plan(
    config: ConfigFile,
    runs_dir: RunsDir = Path("runs"),
    set: Overrides = None,
    json: AsJson = False,
    relative_to_config: FromConfig = False,
) -> None:
    """Say what the next round will do and cost. Nothing is spent.

    Endpoints, models and training data are checked by `prefloop run`.
    """
    with one_message(), paths_from(config, relative_to_config) as config:
        from flows.load import load_config
        from flows.plan import make_plan
        from flows.preflight import check_files

        loaded = load_config(config, set)
        check_files(loaded)
        planned = make_plan(loaded, runs_dir)
        if json:
            print_json({**planned.numbers, "lines": dict(planned.lines)})
        else:
            print_table("plan", planned.lines)


@app.command()
def show(
    run: RunFolder,
    round: Annotated[int, typer.Argument(min=1, help="Number of the round.")],
    pair: Annotated[
        str | None, typer.Option(help="One pair by its id, or the id's beginning.")
    ] = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="What was not kept, and why.")] = False,
    requests: Annotated[
        bool, typer.Option("--requests", help="Every call of the judge, word for word.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Page through a round's judged pairs: prompt, answers, verdicts, why kept or dropped."""
    with one_message():
        from rounds.files import read_json_if_whole
        from rounds.folder import round_dir
        from rounds.removed import removed_calls
        from rounds.show import traced_pairs
        from rounds.status import state_of, state_text
        from rounds.sweep_lines import sweep_lines
        from viewer.pages import page, with_requests

        pairs: Iterable[Mapping[str, Any]] = traced_pairs(run, round, dropped, pair)
        if under_way := state_of(run, round):
            print(f"round {round} is under way: {state_text(under_way)}", file=sys.stderr)
        else:
            metrics = read_json_if_whole(round_dir(run, round) / "metrics.json")
            for what, how in sweep_lines(metrics or {}):
                print(f"{what}: {how}", file=sys.stderr)
        if requests:
            if gone := removed_calls(round_dir(run, round)):
                print(gone, file=sys.stderr)
            pairs = with_requests(pairs, run / "journal.sqlite")
        if json:
            for row in pairs:
                print_json(row, indent=None)
        else:
            page(pairs)


def raise_waiting(run_dir: Path) -> None:
    """Raise what the round under way waits for, where it waits."""
    from rounds.errors import Waiting
    from rounds.folder import next_round
    from rounds.stopped import read_stop

    stop = read_stop(next_round(run_dir))
    if stop is not None and stop["waiting"]:
        raise Waiting(stop["reason"], stop["then"], stop["waiting"])


def print_end(run_dir: Path, config: Any) -> None:
    """Where the files of the last round are, and what to type next."""
    from flows.refused import check_refused
    from rounds.errors import Stopped
    from rounds.folder import finished_rounds

    folder = finished_rounds(run_dir)[-1]
    shown = shlex.quote(os.path.relpath(run_dir))
    number = int(folder.name)
    print(f"\nfiles   {Path(os.path.relpath(folder))}")
    print(f"next    prefloop inspect {shown}           look at it, on a local page")
    print(f"        prefloop show {shown} {number}            the judged pairs")
    print(f"        prefloop show {shown} {number} --dropped  what was not kept, and why")
    print(f"        prefloop status {shown}            every round")
    try:
        check_refused(config, run_dir)
    except Stopped as stop:
        print(f"\nno further round: {stop}; {stop.then}")
        return
    print("        the same command again              the next round, from the policy in place")
