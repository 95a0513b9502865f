"""What the commands share: their arguments, the one message of an error, tables."""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rounds.errors import UserError
from rounds.files import json_text

ConfigFile = Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped example.")]
RunsDir = Annotated[Path, typer.Option(help="Folder that holds the runs.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a key: a.b=value.")]
RunFolder = Annotated[Path, typer.Argument(help="A run folder, such as runs/starter.")]
FromConfig = Annotated[
    bool,
    typer.Option(
        "--relative-to-config",
        help="Paths, that of --runs-dir too, start from the config's folder, not the current one.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@contextmanager
def one_message() -> Iterator[None]:
    """A user's error is one message and exit code 2, work that failed one message and 1, a round
    that waits for people one message and 3."""
    from rounds.errors import Waiting, WorkFailed
    from viewer.visible import visible

    try:
        yield
    except UserError as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        raise typer.Exit(2) from error
    except Waiting as error:
        print(visible(f"waiting: {error}"), file=sys.stderr)
        print(f"Nothing is lost: {error.then} to continue.", file=sys.stderr)
        raise typer.Exit(3) from error
    except WorkFailed as error:
        print(visible(f"failed: {error}"), file=sys.stderr)
        print(f"Nothing is lost: {error.then} to continue.", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print("stopped; run the same command again to continue", file=sys.stderr)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(0) from None


@contextmanager
def paths_from(config: str, its_folder: bool) -> Iterator[str]:
    """The config as it is named where paths start: from its folder, or from the current one.

    A shipped example has no folder of the user's.
    """
    path = Path(config)
    if not its_folder or not path.is_file():
        yield config
        return
    whole = path.resolve()
    with chdir(whole.parent):
        yield str(whole)


def prepare_libraries(runs_dir: Path, quiet: bool = True) -> None:
    """What libraries are told before they are imported: where their files go, and to be quiet.

    Our display speaks on the terminal, Prefect's log goes to its server, unless it is not to be
    `quiet`. No telemetry.
    """
    from rounds.home import usable_home

    if moved := usable_home(runs_dir):
        print(moved, file=sys.stderr)
    defaults = {
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    if not quiet:
        del defaults["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"]
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def print_table(title: str, lines: list[tuple[str, str]]) -> None:
    """A two-column table that survives a narrow terminal and a log file."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from viewer.visible import visible

    table = Table(title=Text(visible(title)), title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for what, value in lines:
        table.add_row(Text(visible(what)), Text(visible(value)))
    console = Console()
    console.print(table, width=max(console.width, 100) if not console.is_terminal else None)


def print_round(folder: Path) -> None:
    """The table of a finished round."""
    from rounds.files import read_json
    from rounds.folder import run_of
    from rounds.report import round_lines

    title = f"{run_of(folder).name}, round {int(folder.name)}"
    print_table(title, round_lines(read_json(folder / "metrics.json")))


def print_json(value: Any, indent: int | None = 2) -> None:
    """JSON on stdout; half a character in it is written as JSON's own escape."""
    text = json_text(value, indent)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
