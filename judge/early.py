"""Judging for a gate that stops asking as soon as it is decided."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from endpoints.concurrency import map_concurrently
from judge.inputs import JudgeInput
from rounds.contests import contests_between
from rounds.early import STEP, Early, in_order, stopped, worth
from rounds.rows import Candidate, Prompt, Verdict
from rounds.stages import Progress


class Against(NamedTuple):
    """When the gate may stop, and the id of the policy in place: what is said of that decides."""

    rule: Early
    current: str


async def ask_until_decided(
    prompts: Sequence[Prompt],
    candidates: list[Candidate],
    matches: Sequence[JudgeInput],
    trained: str,
    against: Against,
    work: Callable[[JudgeInput], Awaitable[list[Verdict]]],
    progress: Progress,
) -> list[list[Verdict]]:
    """The verdict rows of the matches that were asked about, in the order of the matches.

    Those of the test prompts all are. Those of the gate prompts are in the order that the seed
    fixes, some prompts at a time and with each all of its matches, until the gate is decided. What
    is asked at once bounds how many calls are under way.
    """
    places: dict[str, list[int]] = {}
    for place, match in enumerate(matches):
        places.setdefault(match.prompt["prompt_id"], []).append(place)
    gate = {prompt["prompt_id"]: prompt for prompt in prompts if prompt["split"] == "gate"}
    deciding = contests_between(list(gate.values()), candidates, [], trained, against.current)
    order = in_order((one.prompt["prompt_id"] for one in deciding), against.rule.seed)
    order = order[: against.rule.horizon(len(order))]
    test = [place for name in places if name not in gate for place in places[name]]
    in_all = len(test) + sum(len(places.get(name, ())) for name in order)
    answered: dict[int, list[Verdict]] = {}

    async def ask(wanted: list[int]) -> list[Verdict]:
        before = len(answered)

        def shown(done: int, total: int, note: str = "") -> None:
            progress(before + done, in_all, note)

        rows = await map_concurrently([matches[place] for place in wanted], work, shown)
        answered.update(zip(wanted, rows, strict=True))
        return [row for some in rows for row in some]

    await ask(test)
    values: list[float] = []
    for start in range(0, len(order), STEP):
        step = order[start : start + STEP]
        rows = await ask([place for name in step for place in places.get(name, ())])
        some = [gate[name] for name in step]
        said = contests_between(some, candidates, rows, trained, against.current)
        values += [worth(one.outcome) for one in said]
        if stopped(values, against.rule, len(deciding)) is not None:
            break
    return [answered[place] for place in sorted(answered)]
