"""`prefloop judge forget RUN`: have the judge of the round under way asked again, on purpose."""

import sys
from typing import Annotated, Any

import typer

from flows.terminal import AsJson, RunFolder, one_message, print_json


def forget(
    run: RunFolder,
    failed: Annotated[
        bool, typer.Option("--failed", help="Calls that gave no verdict, for any reason.")
    ] = False,
    reason: Annotated[
        list[str] | None, typer.Option(help="Calls that gave none for this reason: off_menu.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="Calls of this endpoint.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="pointwise, pairwise, listwise, questions, answers.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every call.")] = False,
    json: AsJson = False,
) -> None:
    """Drop replies behind the round under way; the next run asks those calls again, and pays.

    What is given must all hold of a call. Dropped replies stay in the journal as paid ones, with
    the time and the reason; those that finished rounds rest on are kept.
    """
    with one_message():
        from judge.forget import Which

        which = Which(failed, tuple(reason or ()), judge, kind)
        facts = forget_in_run(run, which, every)
        if json:
            print_json(facts)
        else:
            print(*forget_lines(facts), sep="\n")


def forget_in_run(run: Any, which: Any, every: bool) -> dict[str, Any]:
    """Forget in the round under way. Raises UserError where there is none, or nothing is named."""
    from judge.forget import Which, verdicts_so_far
    from judge.forget import forget as forget_replies
    from rounds.errors import UserError
    from rounds.folder import next_round, open_run, run_config
    from rounds.lock import run_lock

    folder = next_round(open_run(run).resolve())
    if (which == Which()) != every:
        raise UserError(
            "judge forget: say which replies: --failed, --reason, --judge or --kind, or --all of "
            "them"
        )
    if not folder.is_dir():
        raise UserError(
            f"{run}: no round is under way; finished rounds keep the replies that they rest on"
        )
    tree = run_config(run)
    with run_lock(run.resolve()):
        rows = list(verdicts_so_far(folder, tree))
        _known("--reason", which.reasons, {row["reason"] for row in rows if row["reason"]})
        _known("--kind", [which.kind] if which.kind else [], {row["kind"] for row in rows})
        judges = {row["judge_id"] for row in rows}
        names = judges | {judge_id.partition("/")[0] for judge_id in judges}
        _known("--judge", [which.judge] if which.judge else [], names)
        return forget_replies(folder, rows, which, " ".join(["prefloop", *sys.argv[1:]]))


def forget_lines(facts: dict[str, Any]) -> list[str]:
    """What the command says."""
    calls = facts["forgotten"] + facts["unanswered"]
    reasons = ", ".join(f"{reason} {n}" for reason, n in facts["reasons"].items())
    lines = [f"round {facts['round']}: the next run asks {calls} calls again ({reasons or 'none'})"]
    if facts["forgotten"]:
        cost = f"; they had cost {facts['cost']:g}" if facts["cost"] else ""
        lines.append(
            f"  {facts['forgotten']} replies are answers no more and stay in the journal{cost}"
        )
    if facts["kept"]:
        lines.append(f"  {facts['kept']} kept: finished rounds rest on them")
    return lines


def _known(option: str, given: Any, known: set[str]) -> None:
    from rounds.errors import UserError

    for name in given:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise UserError(f"{option} {name}: no such call in this round (there: {there})")
