"""`prefloop publish`: a policy of a run as others load it, in a folder or on the Hub."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.export_cli import HUB
from flows.terminal import RunFolder, Verify, one_message


def publish(
    run: RunFolder,
    to: Annotated[str, typer.Option(help="A new or empty folder, or hub:owner/name.")],
    round: Annotated[
        int | None,
        typer.Argument(
            min=1, help="The round that trained it, refused or not; else that in place."
        ),
    ] = None,
    merged: Annotated[
        bool, typer.Option("--merged", help="A LoRA policy as one model; what it is by default.")
    ] = False,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="A LoRA policy as its adapter alone.")
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(help="The first policy, or an adapter's base, as others load it: owner/name."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make the model on the Hub a private one.")
    ] = False,
    verify: Verify = False,
) -> None:
    """Write a policy with a model card: how it came, on what data, by which judge, how good it is.

    A publication that is there already is replaced, its licence kept; any other folder or model
    stays as it is. For the Hub, the token is that of HF_TOKEN or of hf auth login.
    """
    with one_message():
        from flows.display import Display
        from rounds.errors import UserError
        from rounds.folder import open_run
        from rounds.proven import prove_rounds
        from rounds.scratch import scratch
        from trainer.publish.choice import choose
        from trainer.publish.folder import publish as write
        from trainer.publish.hub import check_model_push, push_model

        repo = to.removeprefix(HUB) if to.startswith(HUB) else None
        if merged and adapter:
            raise UserError("--merged --adapter: takes one of them")
        if repo is None and private:
            raise UserError(f"--private: {to} is a folder; it is for --to hub:owner/name")
        run_dir = open_run(run).resolve()
        choice = choose(
            run_dir, round, "adapter" if adapter else "merged" if merged else None, base
        )
        prove_rounds(choice.rounds, verify)
        if not choice.promoted:
            print(
                f"warning: round {int(choice.folder.name)} was refused by the gate, and the card "
                "says so",
                file=sys.stderr,
            )
        with Display() as display:
            shown = display.stage("publish")
            if repo is None:
                files = write(choice, Path(to), Path(to).resolve().name, shown)
                where = to
            else:
                front = check_model_push(repo, private)
                with scratch("publish") as work:
                    inside = work / repo.partition("/")[2]
                    files = write(choice, inside, repo.partition("/")[2], shown, front)
                    where = push_model(inside, repo, private)
        print(f"policy {choice.policy.policy_id} ({choice.form}) in {where}: {', '.join(files)}")
