"""`prefloop mirror RUN`: what the mirror has not is sent, or weights are fetched from it."""

from typing import Annotated

import typer

from flows.terminal import RunFolder, one_message


def mirror(
    run: RunFolder,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read back all that is there, and send again what is wrong."),
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(help="Fetch the weights of these rounds instead: 3, 2-4, 2- or 1,3-4."),
    ] = None,
) -> None:
    """Send to the mirror what it has not of a run, or fetch the weights of earlier rounds."""
    with one_message():
        from flows.display import Display
        from flows.mirrored import sent_text
        from rounds.errors import UserError, WorkFailed
        from rounds.folder import open_run, round_number, run_config, selected_rounds
        from rounds.lock import run_lock
        from rounds.mirror.address import open_store
        from rounds.mirror.fetch import fetch_weights
        from rounds.mirror.send import send_run
        from rounds.mirror.there import check_same, rounds_here, rounds_there

        run_dir = open_run(run).resolve()
        address = run_config(run_dir).get("mirror")
        if address is None:
            raise UserError(
                f"{run_dir / 'run.yaml'}: names no mirror; give the config one, `mirror: ADDRESS`, "
                "and run it: its rounds are sent when the next one ends"
            )
        numbers = [round_number(folder) for folder in selected_rounds(run_dir, weights)]
        store = open_store(address, run_dir)
        with run_lock(run_dir), Display() as display:
            if weights is not None:
                there = rounds_there(store)
                check_same(store, run_dir, rounds_here(run_dir), there)
                got = fetch_weights(store, run_dir, there, numbers, display.stage("mirror"))
                print(f"fetched the weights of rounds {', '.join(map(str, got)) or 'none'}")
                return
            sent = send_run(store, run_dir, display.stage("mirror"), verify)
            print(sent_text(store, sent))
        if sent.lost:
            raise WorkFailed(
                f"mirror {store.address}: damaged there, and no longer here: {', '.join(sent.lost)}"
            )
