"""`prefloop gc RUN`: remove what the run's `keep` section lets go."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import AsJson, RunFolder, one_message, print_json, print_table

if TYPE_CHECKING:
    from rounds.keep import Keep


def gc(
    run: RunFolder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    promoted: Annotated[
        int | None, typer.Option(min=0, help="Keep the last so many promoted policies.")
    ] = None,
    refused: Annotated[
        int | None, typer.Option(min=0, help="Keep the last so many refused policies.")
    ] = None,
    journal: Annotated[
        int | None, typer.Option(min=0, help="Keep the calls of the last so many rounds.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Remove policies and calls of finished rounds, by run.yaml's `keep` or by these options.

    The policy in place, the first one and what the round under way needs stay, as do all tables.
    """
    with one_message("run it again for the rest"):
        from rounds.folder import open_run, run_config
        from rounds.keep import Keep
        from rounds.lock import run_lock

        run_dir = open_run(run).resolve()
        given = {"promoted": promoted, "refused": refused, "journal": journal}
        section = run_config(run_dir).get("keep") or {}
        keep = Keep(**{**section, **{name: n for name, n in given.items() if n is not None}})
        if dry_run:
            lines, facts = collected(run_dir, keep, really=False)
        else:
            with run_lock(run_dir):
                lines, facts = collected(run_dir, keep, really=True)
        if json:
            print_json(facts)
        else:
            title = "would go" if dry_run else "removed"
            print_table(f"{run_dir.name}: {title}", lines)


def collected(
    run_dir: Path, keep: "Keep", really: bool
) -> tuple[list[tuple[str, str]], dict[str, object]]:
    """Remove what `keep` lets go, or (not `really`) only look; what that is, and its bytes."""
    from endpoints.shed import shed_calls
    from rounds.disk import size_text
    from rounds.folder import run_config
    from rounds.keep import removable, remove, rounds_without_calls

    removals = removable(run_dir, keep, dict(run_config(run_dir)))
    folders = rounds_without_calls(run_dir, keep)
    calls, size = shed_calls(run_dir, folders, really)
    if really:
        remove(run_dir, removals)
    lines = [
        (
            f"round {one.round}",
            f"policy {one.policy_id} ({'promoted' if one.promoted else 'refused'}), "
            f"{size_text(one.bytes)}",
        )
        for one in removals
    ]
    if calls:
        rounds = ", ".join(str(int(folder.name)) for folder in folders)
        lines.append(("journal", f"{calls} calls of round {rounds}, {size_text(size)}"))
    total = sum(one.bytes for one in removals) + size
    lines.append(("in all", size_text(total) if lines else "nothing: keep lets nothing go"))
    facts = {
        "policies": [
            {"round": one.round, "policy_id": one.policy_id, "bytes": one.bytes} for one in removals
        ],
        "calls": calls,
        "bytes": total,
        "removed": really,
    }
    return lines, facts
