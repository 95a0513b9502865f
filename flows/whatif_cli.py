"""`prefloop whatif RUN ROUND --set ...`: a round by other settings, without a call."""

from typing import Annotated

import typer

from flows.terminal import AsJson, Overrides, RunFolder, one_message, print_json, print_table


def whatif(
    run: RunFolder,
    round: Annotated[int, typer.Argument(min=1, help="Number of the round.")],
    set: Overrides = None,
    json: AsJson = False,
) -> None:
    """Derive a round again by other settings from what is stored of it. No call is made.

    Says which pairs would be gained and lost, what that does to their lengths and to the accuracy
    on the gold set and on people's labels, and which settings would need new calls, and how many.
    The run is only read.
    """
    with one_message():
        from flows.display import Display
        from flows.whatif.derive import derive
        from flows.whatif.text import whatif_lines

        with Display() as display:
            found = derive(run, round, set or [], display.stage("whatif"))
        if json:
            print_json(found)
            return
        print_table(f"{found['run']}, round {round}, what if", whatif_lines(found))
