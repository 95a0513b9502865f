"""`prefloop export`: the pairs of a run as a data set, in a folder or on the Hub."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.command import typed
from flows.terminal import RunFolder, Verify, one_message

HUB = "hub:"


def export(
    run: RunFolder,
    format: Annotated[
        Literal["trl", "openai", "ultrafeedback"],
        typer.Option(
            help="trl: conversational, with ids, scores, judge and sources. openai: train.jsonl "
            "for preference fine-tuning. ultrafeedback: the columns of UltraFeedback-binarized."
        ),
    ],
    to: Annotated[str, typer.Option(help="A new or empty folder, or hub:owner/name.")],
    rounds: Annotated[
        str | None, typer.Option(help="Finished rounds: 3, 2-4, 2- or 1,3-4; all if not given.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make the data set on the Hub a private one.")
    ] = False,
    verify: Verify = False,
) -> None:
    """Write the pairs of finished rounds, one split a round, with a card that says how they came.

    An export that is there already is replaced; any other folder or data set stays as it is.
    For the Hub, the token is that of HF_TOKEN or of hf auth login.
    """
    with one_message():
        from rounds.errors import UserError
        from rounds.folder import selected_rounds
        from rounds.proven import prove_rounds

        folders = selected_rounds(run, rounds)
        prove_rounds(folders, verify)
        repo = to.removeprefix(HUB) if to.startswith(HUB) else None
        if repo is None and private:
            raise UserError(f"--private: {to} is a folder; it is for --to hub:owner/name")
        if repo is not None:
            from preferences.hub import check_push

            check_push(repo, private)
        target = Path(to) if repo is None else run / "exports" / repo.replace("/", "--")
        print_export(folders, format, target)
        if repo is not None:
            from preferences.hub import push

            print(f"pushed to {push(target, repo, private)}")
            shutil.rmtree(target)


def print_export(folders: list[Path], format: str, target: Path) -> None:
    """Write the export with a progress line, and say what is in it."""
    from flows.display import Display
    from preferences.export import export as write

    with Display() as display:
        exported = write(folders, format, target, typed(), display.stage("export"))
    for number in exported.empty:
        print(f"round {number} kept no pair and is left out")
    print(f"{exported.pairs} pairs in {target}: {', '.join(exported.files)}")
