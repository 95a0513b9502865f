"""`prefloop judge check CONFIG` and `prefloop judge reparse RUN`; forget is in `forget_cli`."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

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


@judge_app.command()
def check(
    config: ConfigFile,
    runs_dir: RunsDir = Path("runs"),
    set: Overrides = None,
    json: AsJson = False,
    relative_to_config: FromConfig = False,
) -> None:
    """Ask the judge some pairs whose answer is known, and estimate what a round takes."""
    with one_message(), paths_from(config, relative_to_config) as config:
        from flows.load import load_config

        tree = load_config(config, set)
        prepare_libraries(runs_dir)
        tried, plan = try_judge(tree, runs_dir)
        if json:
            print_json({**tried, "plan": dict(plan)})
            return
        print_table(f"the judge of {tree.name}", check_lines(tried))
        print_table("a round", plan)


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


def try_judge(config: Any, runs_dir: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the judge says of known pairs, and the plan of a round with what that measured."""
    from endpoints.open import Endpoints, bypass_proxies_to_localhost
    from flows.config import judged_by
    from flows.display import Display
    from flows.plan import plan_round
    from flows.preflight import check_endpoints, check_judge, read_secret_block
    from flows.server import check_prefect, prefect_server
    from judge.check import check_judge as ask
    from rounds.lock import run_lock

    bypass_proxies_to_localhost()
    run_dir = runs_dir.resolve() / config.name
    plan_round(config, runs_dir)  # the prompts are read before anything is asked
    check_judge("judge", config.judge)
    with ExitStack() as stack:
        display = stack.enter_context(Display())
        if config.secret_blocks:
            check_prefect()
            log = run_dir / "logs" / "prefect-server.log"
            stack.enter_context(stack.enter_context(prefect_server(log))())
        check_endpoints(config, {name for _, name in judged_by("judge", config.judge)})
        stack.enter_context(run_lock(run_dir))
        shown = display.stage("endpoint")
        endpoints = stack.enter_context(
            Endpoints(config.endpoints, run_dir / "logs", shown, read_secret_block)
        )
        journal = run_dir / "journal.sqlite"
        tried = ask(journal, config.seed, config.judge, endpoints, display.stage("judge"))
    measured = tried["prompt_tokens"], tried["completion_tokens"]
    return tried, plan_round(config, runs_dir, measured)


def check_lines(tried: dict[str, Any]) -> list[tuple[str, str]]:
    """What `judge check` shows."""
    lines = []
    for number, pair in enumerate(tried["pairs"], start=1):
        verdicts = ", ".join(row["reason"] or row["outcome"] for row in pair["verdicts"])
        why = f" ({pair['reason']})" if pair["reason"] else ""
        lines.append(
            (f"pair {number}", f"label {pair['label']}: {pair['outcome']}{why}; said {verdicts}")
        )
    failures = ", ".join(f"{reason} {n}" for reason, n in tried["failures"].items()) or "none"
    lines += [
        ("calls", f"{tried['calls']} in {tried['seconds']:.1f} s"),
        ("failures", failures),
        ("flips", f"{tried['flips']} of {tried['comparisons']} comparisons"),
        ("probabilities", f"with {tried['probabilities']} of {tried['readable']} verdicts"),
        (
            "tokens a call",
            f"{tried['prompt_tokens']:.0f} read, {tried['completion_tokens']:.0f} written",
        ),
    ]
    if gold := tried["gold"]:
        from rounds.health_lines import health_lines

        fault = gold.get("fault")
        lines += [("tau", fault or f"{gold['tau']:.3f}"), *health_lines(None, gold.get("gold"))]
    return lines


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
