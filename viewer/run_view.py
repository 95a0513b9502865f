"""The page of a run: how its rounds went, whose policy is in place, what is under way."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request

from rounds.errors import UserError
from rounds.folder import by_people, put_by_hand, round_folders, round_number
from viewer.plots import curves, rates_by_round
from viewer.site import RoundFiles, Site, round_files, round_state_lines


def run_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `run.html` shows."""
    folders = round_folders(site.run_dir)
    files = [round_files(folder) for folder in folders]
    return {
        "rounds": [round_line(each) for each in files],
        "metric_names": metric_names(files),
        "faults_found": [fault for each in files for fault in each.faults],
        "lineage": lineage(site.run_dir, files),
        "under_way": live(site),
    }


def run_plots_page(site: Site, request: Request) -> dict[str, Any]:
    """The plots of the run's page, which fetches them: what is drawn comes after what is read."""
    files = [round_files(folder) for folder in round_folders(site.run_dir)]
    return {"plots": list(run_plots(files).values())}


def live(site: Site) -> dict[str, Any] | None:
    """The round under way: its number and the lines of its state."""
    folder = under_way(site.run_dir)
    if folder is None:
        return None
    return {"round": round_number(folder), "lines": round_state_lines(folder)}


def under_way(run_dir: Path) -> Path | None:
    """The folder of the round that is begun and not finished."""
    for folder in round_folders(run_dir):
        if not (folder / "manifest.json").exists():
            return folder
    return None


def metric_names(files: list[RoundFiles]) -> list[str]:
    """The metrics of the user that some round has."""
    return sorted({name for each in files for name in (each.metrics or {}).get("custom") or {}})


def run_plots(files: list[RoundFiles]) -> dict[str, str]:
    """Plots over the rounds of a run that have metrics, by name; none without such a round."""
    metrics = [each.metrics for each in files if each.metrics]
    if not metrics:
        return {}

    def rates(split: str, name: str) -> list[tuple[int, Any]]:
        return [(each["round"], (each.get(split) or {}).get(name)) for each in metrics]

    def custom(metric: str, name: str) -> list[tuple[int, Any]]:
        values = ((each["round"], (each.get("custom") or {}).get(metric)) for each in metrics)
        return [(number, value and value.get(name)) for number, value in values]

    def figures(*path: str) -> list[tuple[float, float | None]]:
        return [(each["round"], _under(each, *path)) for each in metrics]

    yields = [(each["round"], _under(each, "judge", "health", "yield")) for each in metrics]
    longer = figures("test", "mean_length_difference_vs_previous")
    plots = {
        f"win_rate_vs_{other}": rates_by_round(
            f"win rate vs {other}, test prompts",
            {
                "judge": rates("test", f"win_rate_vs_{other}"),
                **{name: custom(name, f"win_rate_vs_{other}") for name in metric_names(files)},
            },
            0.5,
        )
        for other in ("previous", "initial")
    }
    plots["yield"] = rates_by_round("labels per prompt (yield)", {"yield": yields})
    plots["kl"] = curves(
        "KL to the reference, a token", "round", {"KL": figures("train", "kl_per_token")}
    )
    plots["length"] = curves(
        "answers longer than the previous policy's, characters", "round", {"test": longer}
    )
    accuracies = figures("train", "held_out_accuracy")
    if any(value is not None for _, value in accuracies):
        plots["held_out_accuracy"] = curves(
            "held-out preference accuracy", "round", {"": accuracies}
        )
    for name, title in (("distinct_2", "distinct-2"), ("self_similarity", "self-similarity")):
        sides = {
            who: figures("answers", side, name)
            for side, who in (("trained", "new policy"), ("initial", "first policy"))
        }
        if any(value is not None for points in sides.values() for _, value in points):
            plots[name] = curves(f"{title} of held-out answers", "round", sides)
    prices = figures("usage", "label_per_pair", "cost")
    if any(price for _, price in prices):
        plots["price"] = curves("price of a pair", "round", {"": prices})
    return plots


def lineage(run_dir: Path, files: list[RoundFiles]) -> list[dict[str, Any]]:
    """Every policy that was in place or trained: its id, its parent, and what became of it."""
    manifests = [each.manifest for each in files if each.manifest]
    if not manifests:
        return []
    first = manifests[0]["initial"]["policy_id"]
    place, decided = manifests[-1]["in_place"]["policy_id"], []
    with suppress(UserError, OSError):  # what cannot be read says nothing
        decided = by_people(run_dir)
        if own := put_by_hand(run_dir):
            place = own["policy"]["policy_id"]
    line = [{"policy_id": first, "round": None, "parent": None, "became": "the first policy"}]
    for facts in manifests:
        if facts["trained"]:
            became = "promoted" if facts["decision"]["promoted"] else "refused"
            line.append(
                {
                    "policy_id": facts["trained"]["policy_id"],
                    "round": facts["round"],
                    "parent": facts["policy"]["policy_id"],
                    "became": became,
                }
            )
    for each in line:
        each["in_place"] = each["policy_id"] == place
        for one in decided:
            said = f"after round {one['after']} by {one['by']}: {one['why']}"
            if one["policy"]["policy_id"] == each["policy_id"]:
                each["became"] += f"; put in place {said}"
            elif one["replaced"]["policy_id"] == each["policy_id"]:
                what = "rolled back" if one["action"] == "rollback" else "replaced"
                each["became"] += f"; {what} {said}"
    return line


def round_line(files: RoundFiles) -> dict[str, Any]:
    """A round as a line of the table."""
    metrics = files.metrics or {}
    counts = metrics.get("counts") or {}
    usage = metrics.get("usage") or {}
    return {
        "round": files.number,
        "state": _outcome(files),
        "previous": _under(metrics, "test", "win_rate_vs_previous"),
        "initial": _under(metrics, "test", "win_rate_vs_initial"),
        "gold": {
            name: value.get("win_rate_vs_initial")
            for name, value in (metrics.get("custom") or {}).items()
        },
        "pairs": counts.get("pairs"),
        "prompts": counts.get("prompts"),
        "yield": _under(metrics, "judge", "health", "yield", "value"),
        "kl": _under(metrics, "train", "kl_per_token"),
        "cost": usage.get("judge_cost"),
        "seconds": sum((metrics.get("seconds") or {}).values()) or None,
    }


def _outcome(files: RoundFiles) -> str:
    if files.metrics is None or files.manifest is None:
        return "cannot be read" if files.faults else "under way"
    if files.manifest.get("trained") is None:
        return "nothing trained"
    return "promoted" if files.metrics.get("promoted") else "refused"


def _under(tree: dict[str, Any], *path: str) -> Any:
    """What lies at a path of keys; None where the path ends before."""
    value: Any = tree
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
