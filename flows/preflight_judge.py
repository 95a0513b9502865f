"""What can be found wrong with who judges, before anybody is asked."""

from pathlib import Path

from endpoints.check import check_sampling
from flows.config import Config
from judge.asking.rubric import load_rubrics
from judge.config import HUMAN, JudgeConfig, is_endpoint
from judge.health.config import wanted_accuracy
from judge.health.gold import read_gold
from judge.health.gold_labels import read_labelled
from judge.named import named_judges
from judge.panel import load_rule
from judge.person import person_told
from rounds.errors import UserError
from rounds.labels import is_path, labels_file, read_labels


def check_judge(where: str, judge: JudgeConfig) -> None:
    """Raise UserError for a rubric, a rule, a gold set or an argument that cannot work."""
    load_rubrics(judge)
    check_sampling(f"{where}.sampling", judge.sampling)
    check_sampling(f"{where}.questions.sampling", judge.asked.sampling)
    for key, name in named_judges(where, judge):
        if not is_endpoint(name):
            load_rule(key, name)
    if judge.gold is not None:
        read_gold(judge.gold.path, f"{where}.gold.path")
        if wanted_accuracy(judge.tau) is not None:
            check_gold_suffices(where, judge, f"tau: {judge.tau}")


def check_gold_suffices(where: str, judge: JudgeConfig, wants: str) -> None:
    """Raise UserError where the gold set has fewer pairs than what rests on it must have."""
    assert judge.gold is not None, "the config says that what is taken from gold needs a gold set"
    pairs = read_gold(judge.gold.path, f"{where}.gold.path")
    if len(pairs) < judge.gold.min_n:
        raise UserError(
            f"{where}.gold.path: {judge.gold.path} has {len(pairs)} pairs, and {wants} must rest "
            f"on {judge.gold.min_n} ({where}.gold.min_n)"
        )


def label_notes(config: Config, run_dir: Path) -> list[str]:
    """What is left out of the labels by people that the judge, its gold set or the gate rests on.

    Raises UserError where the gate's are wrong, or a file that is not there.
    """
    judges = {"judge": config.judge}
    if config.gate.judge is not None:
        judges["gate.judge"] = config.gate.judge
    told = [
        f"{key}: {said}"
        for where, judge in judges.items()
        for key, name in named_judges(where, judge)
        if name.startswith(HUMAN) and (said := person_told(key, name))
    ]
    if (gold := config.judge.gold) and (labelled := read_labelled(gold.path)):
        told.append(f"judge.gold.path: {labelled.told}")
    if people := config.gate.people:
        path = labels_file(run_dir, people.labels)
        if is_path(people.labels) and not path.is_file():
            raise UserError(
                f"gate.people.labels: no such file {path.resolve()}; expected one of labels, or a "
                "NAME of labels in the run's folder, which are there once people have labelled"
            )
        told += [f"gate.people.labels: {torn}" for torn in read_labels(path).torn]
    return told
