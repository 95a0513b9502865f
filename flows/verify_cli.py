"""`prefloop verify RUN [ROUND]`: a dataset checked without trusting its maker."""

from collections import Counter
from typing import Annotated, Any

import typer

from flows.terminal import AsJson, RunFolder, one_message, print_json


def verify(
    run: RunFolder,
    round: Annotated[
        str | None, typer.Argument(help="Finished rounds: 3, 2-4, 2- or 1,3-4; all if left out.")
    ] = None,
    resample: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Draw this share of the candidates again from seed and weights."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check finished rounds: files, ids, replies, pairs, leaks, decision, policies.

    Reads only and asks nobody. One line a check; exit code 1 where one fails.
    """
    with one_message():
        from flows.display import Display
        from flows.verify.run import verify as verify_rounds
        from rounds.checks import FAILED
        from rounds.folder import open_run, selected_rounds

        run_dir = open_run(run).resolve()
        folders = selected_rounds(run_dir, round)
        states, found = Counter[str](), []
        with Display() as display:
            for check in verify_rounds(run_dir, folders, resample, display.stage):
                states[check.state] += 1
                found.append(check.as_json())
                if not json:
                    print(*check_lines(found[-1]), sep="\n", flush=True)
        if json:
            print_json({"run": run_dir.name, "checks": found, "states": dict(states)})
        else:
            print(", ".join(f"{n} {state}" for state, n in sorted(states.items())))
        if states[FAILED]:
            raise typer.Exit(1)


def check_lines(check: dict[str, Any]) -> list[str]:
    """One line for a check, and one for each of its first faults and for what is not covered."""
    where = f"round {check['round']}" if check["round"] is not None else "run"
    lines = [
        f"{where:<9} {check['name']:<14} {check['looked_at']:<28} {check['n']:>8}  {check['state']}"
    ]
    for fault in check["faults"]:
        named = " ".join(filter(None, [fault["table"], fault["row"]]))
        lines.append(f"          FAILED {named}: {fault['what']}")
    if (more := check["n_faults"] - len(check["faults"])) > 0:
        lines.append(f"          and {more} more")
    return lines + [f"          not covered: {what}" for what in check["not_covered"]]
