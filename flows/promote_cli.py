"""`prefloop promote RUN [ROUND]` and `prefloop rollback RUN [ROUND]`: what people put in place."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import AsJson, RunFolder, one_message, print_json

if TYPE_CHECKING:
    from rounds.by_people import Action

By = Annotated[str, typer.Option(help="Who decides so; kept with the run.")]
Why = Annotated[str, typer.Option(help="Why; kept with the run.")]


def promote(
    run: RunFolder,
    by: By,
    why: Why,
    round: Annotated[
        int | None, typer.Argument(min=1, help="The round that trained it; the last if not given.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Put the policy that a round trained in place, whatever the gate said of it."""
    _put(run, "promote", round, by, why, json)


def rollback(
    run: RunFolder,
    by: By,
    why: Why,
    round: Annotated[
        int | None,
        typer.Argument(
            min=0,
            help="Back to the policy in place after this round, 0 for the first policy; if not "
            "given, to the one that the policy in place was trained from.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Put an earlier policy back in place: the next round starts from it."""
    _put(run, "rollback", round, by, why, json)


def _put(
    run: RunFolder, action: "Action", number: int | None, by: str, why: str, json: bool
) -> None:
    with one_message():
        from rounds.by_people import put_in_place
        from rounds.finish import follow_manifests
        from rounds.folder import finished_rounds, next_round, open_run, run_config
        from rounds.lock import run_lock
        from rounds.proven import prove_rounds

        run_dir = open_run(run).resolve()
        with run_lock(run_dir):
            prove_rounds(finished_rounds(run_dir))
            decision = put_in_place(run_dir, action, number, by, why)
            follow_manifests(run_dir)
        if json:
            print_json(decision)
            return
        of = f"of round {decision['round']}" if decision["round"] else "that the run began with"
        print(f"in place: policy {decision['policy']['policy_id']}, {of}")
        print(f"before:   policy {decision['replaced']['policy_id']}")
        if next_round(run_dir).exists():
            print(f"round {int(next_round(run_dir).name)} is under way, and begins anew from it")
        if run_config(run_dir).get("mirror"):
            print(f"`prefloop mirror {run}` tells the mirror")
