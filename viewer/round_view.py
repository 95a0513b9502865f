"""The page of a round: what became of its prompts, whether its judge can be believed, the gate."""

from pathlib import Path
from typing import Any

from starlette.requests import Request

from rounds.errors import UserError
from rounds.folder import run_config, run_of
from rounds.health_lines import health_lines
from rounds.report import round_lines, stage_name, stages_in_order
from rounds.schema import OPTIONAL
from rounds.sweep_lines import sweep_lines
from rounds.win_rate_lines import custom_metric_lines, win_rate_lines
from viewer.filters import PairFilter
from viewer.plots import bars, curves, rates_by_tag, reliability
from viewer.site import RoundFiles, Site, round_files, round_state_lines
from viewer.tables import RoundTables

Step = dict[str, Any]
"""A step of the funnel: `name`, `count`, `of` (that of the first step), and `lost`, the rows that
fell out before it as (reason, count, address of the rows or None)."""

BINS = 20
MOST_PROMPTS = 200
SPENT = ("judge", "policy", "sampler's calls", "generator's calls", "seconds of start-up")
"""The lines of a round's table that say what it took beside its stages' time."""


def round_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `round.html` shows."""
    folder = site.folder(request.path_params["number"])
    files, tables = round_files(folder), site.tables(folder)
    return {
        "number": files.number,
        "missing": _missing(tables, files),
        "found": [*files.faults, *tables.faults.values()],
        "under_way": round_state_lines(folder) if files.manifest is None else None,
        **round_facts(folder, files, tables),
    }


def round_facts(folder: Path, files: RoundFiles, tables: RoundTables) -> dict[str, Any]:
    """What is known of a round, for its page and its report."""
    metrics = files.metrics or {}
    judge = metrics.get("judge") or {}
    lines = round_lines(metrics) if metrics else []
    return {
        "funnel": funnel(tables, metrics),
        "decision": metrics.get("reasons") or [],
        "promoted": metrics.get("promoted"),
        "health": health_lines(judge.get("health"), judge.get("gold")),
        "bounds": _bounds(folder),
        "gate": win_rate_lines(metrics) + custom_metric_lines(metrics.get("custom") or {}),
        "alarms": [
            *((metrics.get("train") or {}).get("warnings") or []),
            *(metrics.get("alarms") or []),
        ],
        "variants": sweep_lines(metrics),
        "all_lines": lines,
        "stages": _stages(metrics),
        "spent": [line for line in lines if line[0] in SPENT],
    }


def round_plots_page(site: Site, request: Request) -> dict[str, Any]:
    """The plots of the round's page, which fetches them."""
    folder = site.folder(request.path_params["number"])
    return {"plots": round_plots(site.tables(folder), round_files(folder).metrics or {})}


def prompts_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `prompts.html` shows: prompts that were set aside, or that gave no pair."""
    folder = site.folder(request.path_params["number"])
    tables = site.tables(folder)
    which = request.query_params.get("which", "set_aside")
    if which not in ("set_aside", "not_compared"):
        raise UserError(f"which={which}: expected set_aside or not_compared")
    condition = {
        "set_aside": "set_aside IS NOT NULL",
        "not_compared": "split = 'train' AND set_aside IS NULL AND prompt_id NOT IN "
        "(SELECT prompt_id FROM listed)",
    }[which]
    (count,) = tables.rows(f"SELECT count(*) AS n FROM prompts WHERE {condition}")
    query = f"SELECT * FROM prompts WHERE {condition} ORDER BY file_row_number LIMIT {MOST_PROMPTS}"
    return {
        "number": request.path_params["number"],
        "which": which,
        "count": count["n"],
        "rows": tables.rows(query),
    }


def funnel(tables: RoundTables, metrics: dict[str, Any]) -> list[Step]:
    """From prompts to the pairs that were trained on; each step opens the rows that fell out. Steps
    whose tables are not there, or damaged, are left out.
    """
    (prompts,) = tables.rows(
        "SELECT count(*) AS dealt, count(set_aside) AS set_aside FROM prompts WHERE split = 'train'"
    )
    (pairs,) = tables.rows(
        "SELECT count(DISTINCT prompt_id) AS considered, count(*) FILTER (decided) AS decided, "
        "count(*) AS listed, count(*) FILTER (in_table = 'pairs') AS kept FROM listed"
    )
    reasons = tables.rows(
        "SELECT reason, decided, count(*) AS n FROM listed WHERE in_table = 'dropped' "
        "GROUP BY ALL ORDER BY n DESC, reason"
    )

    def lost(decided: bool) -> list[tuple[str, int, str]]:
        return [
            (row["reason"], row["n"], "pairs?" + PairFilter("dropped", row["reason"]).query())
            for row in reasons
            if row["decided"] == decided
        ]

    unread = {*tables.missing, *tables.faults}
    sampled = prompts["dealt"] - prompts["set_aside"]
    steps: list[Step] = []
    if "prompts" not in unread:
        steps += [
            {"name": "prompts dealt", "count": prompts["dealt"], "lost": []},
            {
                "name": "prompts answered",
                "count": sampled,
                "lost": [("set aside", prompts["set_aside"], "prompts?which=set_aside")],
            },
        ]
    if not unread & {"prompts", "verdicts", "pairs", "dropped"}:
        without = sampled - pairs["considered"]
        steps += [
            {
                "name": "considered for a pair",
                "count": pairs["listed"],
                "lost": [("prompts without one", without, "prompts?which=not_compared")],
            },
            {"name": "decided by the judge", "count": pairs["decided"], "lost": lost(False)},
            {"name": "pairs kept", "count": pairs["kept"], "lost": lost(True)},
        ]
    if train := metrics.get("train"):
        held_out = train.get("held_out_pairs") or 0
        trained = {"name": "pairs trained on", "count": train["pairs"]}
        steps.append({**trained, "lost": [("held out of training", held_out, None)]})
    most = max([step["count"] for step in steps] + [1])
    for step in steps:
        step["of"] = most
        step["lost"] = [each for each in step["lost"] if each[1] > 0]
    return steps


def round_plots(tables: RoundTables, metrics: dict[str, Any]) -> list[str]:
    """Scores, margins, lengths, training, tags and the judge's reliability, as far as there are."""
    plots = []
    scores = "SELECT score AS x FROM verdicts WHERE split = 'train' AND score IS NOT NULL"
    margins = "SELECT margin AS x FROM listed WHERE margin IS NOT NULL"
    for title, across, queries in (
        ("scores of candidates", "points", {"all": scores}),
        ("margin of pairs", "points", {"kept": f"{margins} AND in_table = 'pairs'"}),
        (
            "length of answers in kept pairs",
            "tokens",
            {
                side: f"SELECT {side}_tokens AS x FROM listed WHERE in_table = 'pairs'"
                for side in ("chosen", "rejected")
            },
        ),
    ):
        if drawn := _histogram(tables, title, across, queries):
            plots.append(drawn)
    points = (metrics.get("train") or {}).get("curves") or []
    for title, names in (
        ("loss", ["loss"]),
        ("rewards", ["rewards/chosen", "rewards/rejected"]),
        ("reward accuracy and margin", ["rewards/accuracies", "rewards/margins"]),
        ("log-probability of answers", ["logps/chosen", "logps/rejected"]),
        ("gradient norm", ["grad_norm"]),
    ):
        if any(name in point for point in points for name in names):
            series = {
                name.rpartition("/")[2]: [(each["step"], each.get(name)) for each in points]
                for name in names
            }
            plots.append(curves(f"training: {title}", "step", series))
    gold = (metrics.get("judge") or {}).get("gold") or {}
    if bins := [(each["confidence"], each["accuracy"]) for each in gold.get("reliability") or []]:
        plots.append(reliability("gold set: how often the judge is right", bins))
    tags = (metrics.get("gate") or {}).get("by_tag_vs_previous") or {}
    if tags := {tag: rate for tag, rate in tags.items() if rate["value"] is not None}:
        plots.append(rates_by_tag("gate: win rate vs previous by tag", tags))
    return plots


def _histogram(tables: RoundTables, title: str, across: str, queries: dict[str, str]) -> str | None:
    """Counts in equal bins over what all queries span (x each); None where there is nothing."""
    both = " UNION ALL ".join(queries.values())
    (span,) = tables.rows(f"SELECT min(x)::DOUBLE AS low, max(x)::DOUBLE AS high FROM ({both})")
    low, high = span["low"], span["high"]
    if low is None:
        return None
    (kind,) = tables.rows(
        f"SELECT bool_and(x = floor(x)) AS whole FROM ({both}) WHERE x IS NOT NULL"
    )
    if kind["whole"] and high - low <= 2 * BINS:  # whole numbers stand in the middle of their bars
        low, width = low - 0.5, 1.0
    else:
        width = (high - low) / BINS or 1.0
    series = {}
    for name, query in queries.items():
        found = tables.rows(
            f"SELECT least(floor((x - ?) / ?), {2 * BINS})::INTEGER AS bin, count(*) AS n "
            f"FROM ({query}) WHERE x IS NOT NULL GROUP BY bin ORDER BY bin",
            [low, width],
        )
        series[name] = [
            (low + row["bin"] * width, low + (row["bin"] + 1) * width, row["n"]) for row in found
        ]
    return bars(title, across, series)


def _missing(tables: RoundTables, files: RoundFiles) -> list[str]:
    """Which of the round's files are not there."""
    missing = [f"{name}.parquet" for name in tables.missing if name not in OPTIONAL]
    missing += ["metrics.json"] if files.metrics is None and not files.faults else []
    return missing + (["manifest.json"] if files.manifest is None and not files.faults else [])


def _bounds(folder: Path) -> list[tuple[str, Any]]:
    """The bounds that the judge is held to, as the run's config has them."""
    try:
        judge = run_config(run_of(folder))["judge"] or {}
        bounds = judge["health"]["bounds"]
    except (UserError, KeyError, TypeError):
        return []
    return [(name, value) for name, value in bounds.items() if value is not None]


def _stages(metrics: dict[str, Any]) -> list[tuple[str, float]]:
    seconds = metrics.get("seconds") or {}
    return [(stage_name(name), seconds[name]) for name in stages_in_order(seconds)]
