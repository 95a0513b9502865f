"""Who judges, by the keys of the config that name them."""

from judge.config import JudgeConfig, is_endpoint


def judged_by(where: str, judge: JudgeConfig) -> list[tuple[str, str]]:
    """The endpoints that a judge asks, each with the key that names it."""
    return [(key, name) for key, name in named_judges(where, judge) if is_endpoint(name)]


def named_judges(where: str, judge: JudgeConfig) -> list[tuple[str, str]]:
    """Everyone who judges, endpoints or not, each with the key that names them."""
    named = [(f"{where}.endpoint", name) for name in judge.jury]
    if judge.writer is not None and judge.writer not in judge.jury:
        named.append((f"{where}.questions.endpoint", judge.writer))
    named += [(f"{where}.appeal.endpoint", name) for name in judge.appealed_to]
    if judge.health.second is not None:
        named.append((f"{where}.health.second", judge.health.second))
    return named
