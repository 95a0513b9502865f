"""`prefloop judge check` and `reparse`; `forget` and `compare` have files beside this one."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.compare_cli import compare
from flows.forget_cli import forget
from flows.terminal import (
    AsJson,
    ConfigFile,
    FromConfig,
    Overrides,
    RunFolder,
    RunsDir,
    one_message,
    paths_from,
    prepare_libraries,
    print_json,
    print_table,
)
from rounds.rows import VERDICTS

judge_app = typer.Typer(help="Try a judge out, or read its replies again.", no_args_is_help=True)
judge_app.command()(forget)
judge_app.command()(compare)


@judge_app.command()
def check(
    config: ConfigFile,
    runs_dir: RunsDir = Path("runs"),
    set: Overrides = None,
    json: AsJson = False,
    relative_to_config: FromConfig = False,
) -> None:
    """Ask the judge what a round asks, and known pairs; exits with 1 where it cannot judge."""
    with one_message(), paths_from(config, relative_to_config) as config:
        from flows.judge_check import check_lines, try_judge
        from flows.load import load_config

        tree = load_config(config, set)
        prepare_libraries(runs_dir)
        tried, plan = try_judge(tree, runs_dir)
        if json:
            print_json({**tried, "plan": dict(plan)})
        else:
            print_table(f"the judge of {tree.name}", check_lines(tried))
            print_table("a round", plan)
    for fault in tried["faults"]:
        print(f"failed: {fault}", file=sys.stderr)
    if tried["faults"]:
        raise typer.Exit(1)


@judge_app.command()
def reparse(
    run: RunFolder,
    round: Annotated[int | None, typer.Option(min=1, help="One round; all if not given.")] = None,
    json: AsJson = False,
) -> None:
    """Read the judge's stored replies again with today's parser. No call is made."""
    with one_message():
        reparsed = reparse_run(run, round)
        if json:
            print_json(reparsed)
            return
        for facts in reparsed:
            print(*reparse_lines(facts), sep="\n")


def reparse_run(run: Path, number: int | None) -> list[dict[str, Any]]:
    """The judged rounds of a run, read again."""
    from judge.reparse import reparse as read_again
    from rounds.errors import UserError
    from rounds.folder import open_run, round_dir, round_folders, run_config
    from rounds.lock import run_lock
    from rounds.tables import read_rows

    folders = [round_dir(open_run(run), number)] if number else round_folders(open_run(run))
    judged = [folder for folder in folders if read_rows(folder, VERDICTS, ["train"])]
    if not judged:
        raise UserError(f"{run}: no round here has verdicts")
    tree = run_config(run)
    with run_lock(run.resolve()):
        return [read_again(folder, tree) for folder in judged]


def reparse_lines(facts: dict[str, Any]) -> list[str]:
    """What `judge reparse` shows of one round."""
    changes = Counter(
        (_verdict_text(change["before"]), _verdict_text(change["now"]))
        for change in facts["changed"]
    )
    lines = [
        f"round {facts['round']}: {facts['verdicts']} verdicts, {changes.total()} read otherwise"
    ]
    lines += [f"  {before} -> {now}: {n}" for (before, now), n in changes.most_common()]
    if facts["written"]:
        lines.append("  written; the next run of this round asks what is now missing")
    elif changes:
        lines.append("  not written: the round is finished, and its tables do not change any more")
    return lines


def _verdict_text(read: dict[str, Any] | None) -> str:
    if read is None:
        return "not asked"
    return read["reason"] or (read["outcome"] if read["score"] is None else f"{read['score']:g}")
