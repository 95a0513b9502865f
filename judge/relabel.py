"""A round labelled again from its stored verdicts, by other settings and without one call.

The strategy itself goes through them again. Where it comes to a question that nobody was asked, it
goes no further with that prompt: what was compared until then is known, and the rest is not.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from judge.asking.questions import both_orders, orders, usable
from judge.asking.rows import Judge
from judge.config import JudgeConfig, is_endpoint
from judge.inputs import JudgeInput, judge_inputs
from judge.labels import APPEAL, FIRST, Appealed, to_appeal
from judge.stored import Memory, NotStored
from judge.strategies import STRATEGIES
from rounds.grouped import grouped
from rounds.rows import VERDICTS, Verdict
from rounds.tables import iter_rows, table_path, table_writer
from rounds.verdicts import SETTLED_BY, comparisons, settle


class Open(NamedTuple):
    """A prompt that calls would go on with: the comparisons whose outcome is known all the same, as
    sets of two candidate ids, and the calls of endpoints that it takes at least and at most."""

    known: set[frozenset[str]]
    least_calls: int
    most_calls: int


def judged_ids(folder: Path, ids: Sequence[str]) -> list[str]:
    """Those of the prompts that have verdicts, in order; a budget may have left others out."""
    rows = iter_rows(folder, VERDICTS, ["train"], ["prompt_id"])
    judged = {row["prompt_id"] for row in rows}
    return [prompt_id for prompt_id in ids if prompt_id in judged]


async def relabel(
    folder: Path,
    into: Path,
    ids: Sequence[str],
    config: JudgeConfig,
    tau: float,
    without: Collection[str] = (),
) -> dict[str, Open]:
    """Write the verdict rows on the prompts `ids` into the folder `into`, appeals included.

    `read_labels` reads them in order. Verdicts of the kinds, or by the judges, `without` count as
    never given. Returns the prompts that are left open, by id.
    """
    left: dict[str, Open] = {}
    with table_writer(table_path(into / FIRST, VERDICTS), VERDICTS) as writer:
        names = [*config.jury, *([config.writer] if config.writer else [])]
        for item, memory in _remembered(folder, ids, dict.fromkeys(names), without):
            judge = memory.judge(config, config.jury, tau)
            try:
                rows = await STRATEGIES[config.strategy].run(judge, item.prompt, item.candidates)
            except NotStored:
                rows = memory.said
                left[item.prompt["prompt_id"]] = _left_open(judge, item, memory)
            writer.write_rows(rows)
    with table_writer(table_path(into / APPEAL, VERDICTS), VERDICTS) as writer:
        if config.appeal is not None:
            settled = [name for name in ids if name not in left]
            verdicts = grouped(into / FIRST, VERDICTS, settled, columns=SETTLED_BY)
            appeals = to_appeal(verdicts, config.appeal.max_share, config.select.pairs)
            of_prompt: dict[str, list[Appealed]] = {}
            for appealed in appeals:
                of_prompt.setdefault(settled[appealed.prompt], []).append(appealed)
            first = grouped(into / FIRST, VERDICTS, list(of_prompt), columns=SETTLED_BY)
            again = _remembered(folder, list(of_prompt), config.appealed_to, without)
            for (item, memory), rows in zip(again, first, strict=True):
                name = item.prompt["prompt_id"]
                judge = memory.judge(config, config.appealed_to, tau, 1)
                writer.write_rows(await _judged_again(judge, item, of_prompt[name], memory))
                if memory.missing:
                    left[name] = _appeal_open(rows, memory)
    return left


def _remembered(
    folder: Path, ids: Sequence[str], names: Collection[str], without: Collection[str]
) -> Iterator[tuple[JudgeInput, Memory]]:
    verdicts = grouped(folder, VERDICTS, ids, ["train"])
    for item, rows in zip(judge_inputs(folder, ids), verdicts, strict=True):
        yield item, Memory(rows, names, without)


async def _judged_again(
    judge: Judge, item: JudgeInput, appeals: list[Appealed], memory: Memory
) -> list[Verdict]:
    by_id = {row["candidate_id"]: row for row in item.candidates}
    for appealed in appeals:
        try:
            await both_orders(judge, item.prompt, by_id[appealed.a], by_id[appealed.b])
        except NotStored:
            continue
    return memory.said


def _left_open(judge: Judge, item: JudgeInput, memory: Memory) -> Open:
    config, n = judge.config, len(usable(item.candidates))
    complete = sum(len(orders(juror)) for juror in judge.jury)
    known = {
        frozenset(pair)
        for pair, rows in comparisons(memory.said).items()
        if len(rows) == complete
        # a higher judge may decide what this one did not
        and not (config.appeal is not None and settle(rows).outcome == "abstain")
    }
    asked = sum(map(is_endpoint, config.jury))
    said = sum(is_endpoint(row["judge_id"]) for row in memory.said)
    least = _calls(memory)
    most = STRATEGIES[config.strategy].most_calls(n, config.select, asked) if asked else 0
    return Open(known, least, max(least, most - said))


def _appeal_open(first: list[Verdict], memory: Memory) -> Open:
    """What is known of a prompt of which appeals are not: all comparisons but these."""
    appealed = {
        frozenset((question.a["candidate_id"], question.b["candidate_id"]))
        for _, question in memory.missing
        if question.b
    }
    compared = {frozenset(pair) for pair in comparisons(first)}
    calls = _calls(memory)
    return Open(compared - appealed, calls, calls)


def _calls(memory: Memory) -> int:
    return sum(is_endpoint(name) for name, _ in memory.missing)
