"""`prefloop blame RUN ROUND`: which part of a round's pairs hurts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.terminal import AsJson, RunFolder, one_message, prepare_libraries, print_json

if TYPE_CHECKING:
    from judge.health.gold_lines import GoldPair
    from trainer.rows import TrainingRow


def blame(
    run: RunFolder,
    round: Annotated[int, typer.Argument(min=1, help="Number of a finished round.")],
    json: AsJson = False,
) -> None:
    """Name the part of a round's pairs that hurts: by tag, source, reason, margin or length.

    Trains short LoRAs with and without each part and measures them on held-out pairs. The round
    stays as it is. Killed, the same command begins the training that was under way anew.
    """
    with one_message("run the same command again to continue"):
        prepare_libraries(run.resolve().parent)
        found = blamed(run, round)
        if json:
            print_json(found)
        else:
            print_blame(found, run.resolve().name)


def blamed(run: Path, number: int) -> dict[str, Any]:
    """What `trainer.blame.blame` finds of a round, told its gold set.

    Raises UserError for a round that is not there, not finished, or cannot be looked at.
    """
    from flows.display import Display
    from flows.load import config_of
    from flows.whatif.gold import gold_of_round
    from rounds.errors import UserError
    from rounds.folder import open_run, read_manifest, selected_rounds
    from trainer.blame import blame as look

    [folder] = selected_rounds(open_run(run).resolve(), str(number))
    manifest = read_manifest(folder) or {}
    where = f"{folder / 'manifest.json'}: the config of the round"
    config = config_of(manifest["config"], where, Path.cwd())
    if config.trainer is None or manifest["trained"] is None:
        raise UserError(f"{run}: round {number} trained nothing, so no pair of it can be to blame")
    gold = gold_of_round(folder, config.judge)
    with Display() as display:
        if gold.fault:
            display.warn(f"the majority counts as right, for the gold set is gone: {gold.fault}")
        return look(folder, config.trainer, gold_pairs(gold.pairs), display.stage("blame"))


def gold_pairs(pairs: "list[GoldPair]") -> "list[TrainingRow]":
    """The gold pairs that are decided, as rows that a training is measured on."""
    from rounds.ids import digest, prompt_id

    return [
        {
            "prompt": pair.prompt,
            "chosen": [{"role": "assistant", "content": pair.a if pair.label == "a" else pair.b}],
            "rejected": [{"role": "assistant", "content": pair.b if pair.label == "a" else pair.a}],
            "prompt_token_ids": None,
            "chosen_token_ids": None,
            "rejected_token_ids": None,
            "cut": [],
            "prompts_differ": False,
            "prompt_id": prompt_id(pair.prompt),
            "pair_id": digest("gold", pair.prompt, pair.a, pair.b),
            "extra": True,
        }
        for pair in pairs
        if pair.label in ("a", "b")
    ]


def print_blame(found: dict[str, Any], run: str) -> None:
    """The table of the parts, and what it says."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from viewer.visible import visible

    table = Table(title=Text(visible(f"{run}, round {found['round']}: what hurts")))
    table.title_justify = "left"
    for name in ("part", "pairs", "gain without it", "margin on it alone", right_name(found), ""):
        table.add_column(name, overflow="fold")
    for one in found["parts"]:
        state = "hurts" if one["hurts"] else "contradicts the rest" if one["contradicts"] else ""
        figures = [shown(one[name]) for name in ("gain", "alone", "right")]
        named = visible(f"{one['by']}: {one['name']}")
        table.add_row(Text(named), str(one["pairs"]), *figures, Text(state, style="bold"))
    console = Console()
    console.print(table, width=max(console.width, 120) if not console.is_terminal else None)
    for line in lines(found):
        console.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def right_name(found: dict[str, Any]) -> str:
    """What the column is called that says which of two contradicting parts is right."""
    return "gold pairs, without less alone" if found["gold"] else "majority on the rest"


def shown(figure: dict[str, float]) -> str:
    """A figure with its interval."""
    return f"{figure['value']:+.3f} ({figure['low']:+.3f} to {figure['high']:+.3f})"


def lines(found: dict[str, Any]) -> list[str]:
    """What was found, and how."""
    named = [f"{one['by']}: {one['name']}" for one in found["named"]]
    contradicting = any(one["contradicts"] for one in found["parts"])
    if named:
        said = f"hurts: {'; '.join(named)}"
    elif contradicting:
        said = (
            "parts contradict each other, and nothing says which is right: a larger judge.gold "
            "would, or people's labels on some pairs of each"
        )
    else:
        said = "no part is shown to hurt"
    gold = f" and {found['gold']} gold pairs" if found["gold"] else ""
    return [
        said,
        f"margins in nats, {1 - found['error']:.0%} intervals for all {len(found['parts'])} parts "
        f"together; {found['trainings']} trainings of {found['steps']} steps on "
        f"{found['trained_on']} pairs at most, measured on {found['held_out']} held-out pairs"
        f"{gold}; between random halves the margin has a standard deviation of "
        f"{found['noise']:.3f}",
    ]
