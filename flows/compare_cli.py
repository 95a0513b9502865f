"""`prefloop judge compare CONFIG`: two ways of judging on the same labelled pairs."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import (
    AsJson,
    ConfigFile,
    FromConfig,
    Overrides,
    RunsDir,
    one_message,
    paths_from,
    prepare_libraries,
    print_json,
    print_table,
)


def compare(
    config: ConfigFile,
    rubric: Annotated[
        list[str] | None, typer.Option(help="A rubric file for comparisons; give it twice.")
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(help="A judge as judge.endpoint names it, a,b for a jury; give it twice."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Labelled pairs to compare on, not judge.gold.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    set: Overrides = None,
    json: AsJson = False,
    relative_to_config: FromConfig = False,
) -> None:
    """Ask two ways of judging about the gold set, and say which agrees with it more, and by how
    much.

    One --rubric or --judge alone is compared with the config's own. Replies are kept in the run's
    journal: the same command asks nothing again. judge.budget holds for both together.
    """
    with one_message(), paths_from(config, relative_to_config) as config:
        from flows.judge_compare import compare_judges, compare_lines, two_ways

        ways = two_ways(rubric or [], judge or [])
        prepare_libraries(runs_dir)
        found = compare_judges(config, set or [], ways, labels, runs_dir)
        if json:
            print_json(found)
        else:
            print_table("two ways of judging", compare_lines(found))
