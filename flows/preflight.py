"""Everything that can be found wrong before anything is spent."""

from collections.abc import Collection
from math import inf
from pathlib import Path

from endpoints.check import check_endpoint, check_sampling
from endpoints.config import EndpointConfig
from endpoints.hooks import check_hook
from endpoints.hub import named_policy, policy_folders
from endpoints.open import api_key
from endpoints.ray_driver import check_cluster
from endpoints.settled import recall
from endpoints.tuning_check import check_tuning
from endpoints.vllm_names import SERVER, check_names
from flows.config import Config
from flows.display import Display
from flows.plan_disk import disk_text, estimate_disk
from flows.plan_memory import estimate_memory, memory_text
from flows.suites import check_suites
from flows.trial import was_tried
from gate.metrics import load_metric
from judge.asking.rubric import load_rubrics
from judge.config import HUMAN, JudgeConfig, is_endpoint
from judge.health.config import wanted_accuracy
from judge.health.gold import read_gold
from judge.health.gold_labels import read_labelled
from judge.named import named_judges
from judge.panel import load_rule
from judge.person import person_told
from judge.strategies import STRATEGIES
from pairs.index.embedding import load_embedding
from pairs.index.embedding_check import check_embedding
from pairs.language import check_language
from preferences.data_files import left_out
from rounds.disk import DiskFull, require_room, size_text
from rounds.errors import UserError
from rounds.folder import next_round, run_config
from rounds.labels import is_path, labels_file, read_labels
from rounds.scratch import scratch
from rounds.stages import stage_stamps
from rounds.weights import Policy
from sampler.check import check_sampler, check_sampler_names
from sampler.dealing.config import generate_section
from sampler.dealing.sources.read import source_rows, unread_columns
from sampler.dealing.sources.recipes import read_material
from sampler.dealing.splits import read_sources, read_supply, train_sources
from sampler.writers import served_policy
from trainer.argument_names import check_argument_names
from trainer.config import FROM_GOLD, REFERENCES, TrainerConfig
from trainer.hosted import check_imported
from trainer.hosted_estimate import check_hosted
from trainer.presets import preset_text
from trainer.reference import find_reference
from trainer.row_counts import check_row_counts
from trainer.stage import check_training


def check(config: Config, display: Display, run_dir: Path, stages_here: bool = True) -> None:
    """Raise UserError for the first thing that cannot work.

    Where the GPU stages are not done here (`stages_here`), what this machine's own hardware and
    clusters can do says nothing: the trial, which is sent as well, finds out.
    """
    supply = read_supply(config.prompts, near=False)
    if supply.pool.merged:
        display.warn(f"{supply.pool.merged} duplicate prompts merged")
    if supply.held_out_again:
        display.warn(
            f"{supply.held_out_again} train prompts left out: they are gate or test prompts"
        )
    for key, source in read_sources(config.prompts):
        if names := unread_columns(source, key):
            display.tell(f"{key}: not read of {source.title}: {', '.join(names)}")
        if files := left_out(source.dataset, source.config) if source.dataset else "":
            display.tell(f"{key}: {files}")
    if (gold := config.judge.gold) and (files := left_out(gold.path.data, gold.path.config)):
        display.tell(f"judge.gold.path: {files}")
    for sentence in label_notes(config, run_dir):
        display.tell(sentence)
    if config.trainer is not None and all(row["split"] != "gate" for row in supply.held_out):
        raise UserError(
            "prompts.gate: every prompt of it is in prompts.test as well and stays there, which "
            "leaves the gate nothing to decide on; name prompts that test does not have"
        )
    check_files(config)
    check_sampler(
        config.sampler,
        config.policy.endpoint is not None,
        lambda: _any_reference(config),
        config.trainer is not None,
    )
    if stages_here:
        check_clusters(config)
    if config.pairs.semantic is not None:
        with scratch("embedding") as work:
            check_embedding(config.pairs.semantic.embed, work)
    prompts = min(len(supply.pool.keys), config.prompts.per_round)
    check_room(config, display, run_dir, prompts)
    check_memory(config, display, len(supply.pool.keys), prompts)
    for sentence in check_endpoints(config, config.used_endpoints, run_dir):
        display.warn(sentence)
    if config.trainer is not None and config.policy.endpoint is not None:
        name = config.policy.endpoint
        check_tuning(
            name, config.endpoints[name], api_key(name, config.endpoints[name], read_secret_block)
        )
        check_hosted(config.trainer, _most_rows(config, config.trainer, len(supply.pool.keys))[0])
        for sentence in check_imported(config.trainer):
            display.tell(sentence)
        return
    if config.trainer is not None:
        if (preset := config.trainer.preset) is not None:
            display.tell(f"trainer.preset: {preset_text(preset, config.trainer.args)}")
        if config.trainer.smooths_from_gold:
            _gold_suffices("judge", config.judge, f"trainer.args.label_smoothing: {FROM_GOLD}")
        _check_row_counts(config, config.trainer, len(supply.pool.keys))
        if not _training_was_checked(config, config.trainer, run_dir):
            with scratch("trainer") as work:
                shown = display.stage("trainer data")
                folders = policy_folders(str(config.policy.model), config.policy.adapter)
                elsewhere = not stages_here or config.trainer.ray is not None
                for sentence in check_training(config.trainer, *folders, work, shown, elsewhere):
                    display.tell(sentence)


def check_clusters(config: Config) -> None:
    """Raise UserError for a Ray cluster that is not there or too small, at every start: one that
    was there in an earlier round may be gone.
    """
    engine, trainer = config.sampler.engine, config.trainer
    named = {
        "sampler.engine.ray": engine.ray if engine is not None else None,
        "trainer.ray": trainer.ray if trainer is not None else None,
    }
    for where, ray in named.items():
        if ray is not None:
            with scratch("ray") as work:
                check_cluster(ray, where, work)


def check_room(config: Config, display: Display, run_dir: Path, prompts: int) -> None:
    """Raise DiskFull where a round cannot even begin or keep its policy, and warn where it may not
    end.
    """
    require_room(run_dir)
    disk = estimate_disk(config, run_dir, prompts, prompts)
    if disk.free < disk.policy:
        raise DiskFull(run_dir, f"the policy alone takes {size_text(disk.policy)}")
    if disk.free < disk.most:
        display.warn(f"{run_dir}: the round may not have room: it takes {disk_text(disk)}")


def check_memory(config: Config, display: Display, source: int, prompts: int) -> None:
    """Warn where a round of so many of the sources' prompts may not have the memory."""
    memory = estimate_memory(source, prompts, prompts * config.sampler.candidates)
    if not memory.suffices:
        display.warn(f"the round may not have the memory: it takes {memory_text(memory)}")


def check_files(config: Config) -> None:
    """Raise UserError for a file, a function or a name that is wrong, where neither an endpoint nor
    a model has to be asked.
    """
    if (section := generate_section(config.prompts)) is not None:
        key, generated = section
        read_material(generated, key)
        check_sampling(f"{key}.sampling", generated.sampling)
    for where, judge in (("judge", config.judge), ("gate.judge", config.held_out_judge)):
        check_judge(where, judge)
    check_sampler_names(config.sampler, config.policy.endpoint is not None)
    for name in sorted(config.used_endpoints):
        check_served_names(name, config.endpoints[name])
    for name, reference in config.gate.metrics.items():
        load_metric(name, reference)
    if config.trainer is not None and not config.trains_here:
        check_hosted(config.trainer, config.prompts.per_round * config.judge.select.pairs)
    elif config.trainer is not None:
        check_argument_names(config.trainer)
    for number, hook in enumerate(config.on_promotion):
        check_hook(f"on_promotion.{number}", hook)
    check_suites(config)
    check_language(config.pairs.language)
    if config.trainer is not None and config.trainer.reference not in REFERENCES:
        find_reference(config.trainer.reference)
    if config.pairs.semantic is not None:
        load_embedding(config.pairs.semantic.embed)


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


def check_endpoints(
    config: Config, names: Collection[str], run_dir: Path | None = None
) -> list[str]:
    """Raise UserError for an endpoint that cannot be reached, or takes no such argument.

    Returns a sentence for each that has answered in this run before and is away for now.
    """
    away = []
    for name in sorted(names):
        endpoint = config.endpoints[name]
        check_served_names(name, endpoint)
        key = api_key(name, endpoint, read_secret_block)
        known = run_dir is not None and bool(recall(run_dir, name, endpoint).asked)
        away.append(check_endpoint(name, endpoint, key, known))
    return [sentence for sentence in away if sentence]


def check_served_names(name: str, endpoint: EndpointConfig) -> None:
    """Raise UserError for an argument that vLLM's server does not have."""
    if endpoint.serve is not None:
        check_names(f"endpoints.{name}.serve.args", endpoint.serve.args, SERVER)


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
            _gold_suffices(where, judge, f"tau: {judge.tau}")


def _training_was_checked(config: Config, trainer: TrainerConfig, run_dir: Path) -> bool:
    """Whether the round under way began with this very training: importing TRL takes seconds.

    Data of others may have changed meanwhile and is looked at each time.
    """
    if not trainer.imported and trainer.trial and was_tried(config, run_dir):
        return True
    if trainer.imported or not stage_stamps(next_round(run_dir)):
        return False
    try:
        before = run_config(run_dir)
    except UserError:  # it is written anew by this very run
        return False
    now = config.model_dump(mode="json")
    return all(before.get(section) == now[section] for section in ("policy", "trainer"))


def _check_row_counts(config: Config, trainer: TrainerConfig, prompts: int) -> None:
    """Raise UserError for an argument of TRL that needs more pairs than a round can have.

    `prompts` are the train prompts that there are.
    """
    own, rows = _most_rows(config, trainer, prompts)
    for args in trainer.variants:
        check_row_counts(args, trainer.held_out_pairs, own, rows, trainer.processes)


def _most_rows(config: Config, trainer: TrainerConfig, prompts: int) -> tuple[int, float]:
    """The most pairs that a round can make of so many train prompts, and can train on."""
    judge, per_round = config.judge, config.prompts.per_round
    if generate_section(config.prompts) is None:
        per_round = min(per_round, prompts)
    a_prompt = judge.select.pairs if STRATEGIES[judge.strategy].selects else 1
    own = per_round * a_prompt
    replayed = trainer.replay.share if trainer.replay else 0.0
    unknown = trainer.warm_start or trainer.method == "kto"  # of which each side is a row
    return own, inf if unknown else own / (1 - replayed)


def _any_reference(config: Config) -> bool:
    sources = train_sources(config.prompts)
    return any(row["reference"] for key, source in sources for row in source_rows(source, key))


def _gold_suffices(where: str, judge: JudgeConfig, wants: str) -> None:
    assert judge.gold is not None, "the config says that what is taken from gold needs a gold set"
    pairs = read_gold(judge.gold.path, f"{where}.gold.path")
    if len(pairs) < judge.gold.min_n:
        raise UserError(
            f"{where}.gold.path: {judge.gold.path} has {len(pairs)} pairs, and {wants} must rest "
            f"on {judge.gold.min_n} ({where}.gold.min_n)"
        )


def first_policy(config: Config) -> Policy:
    """The policy a run begins with, its weights found and hashed."""
    policy = config.policy
    if policy.endpoint is not None:
        return served_policy(policy.endpoint, config.endpoints[policy.endpoint])
    return named_policy(str(policy.model), policy.adapter)


def read_secret_block(name: str) -> str:
    """The value of a Prefect Secret block. Raises UserError where there is none of that name."""
    from prefect.blocks.system import Secret

    try:
        return str(Secret.load(name).get())
    except ValueError as error:
        raise UserError(f"api_key_block: there is no Secret block {name!r} in Prefect") from error
