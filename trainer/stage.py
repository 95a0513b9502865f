"""The trainer stage: pairs and the policy in place to the next policy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from endpoints.child_main import progress_reader
from endpoints.children import PYTHON, ChildFailed, module_command, run_child
from rounds.errors import UserError
from rounds.files import read_json, replace_folder, write_json
from rounds.folder import policy_facts, run_of
from rounds.rows import EXTRA, PAIRS
from rounds.stages import Progress, run_stage, silent, stage_key, work_dir
from rounds.tables import iter_rows, remove_table, rows_hash, table_path, write_rows
from rounds.weights import Policy, local_policy
from rounds.written import note_folder, settle_written
from texts.leaks import DEFAULT_LIMITS, LeakLimits
from trainer.accelerate_flags import accelerate_flags
from trainer.answers import judged_answers
from trainer.config import FROM_GOLD, REFERENCES, TrainerConfig
from trainer.enough import LEAST_ANSWERS, nothing_to_train
from trainer.extra import extra_pairs
from trainer.ranks import dead_rank
from trainer.reference import (
    own_reference,
    reference_here,
    reference_id,
    reference_policies,
)
from trainer.sweep import TRAINING, Child, swept, too_few_to_choose
from trainer.weights import pair_weights


def train(
    folder: Path,
    config: TrainerConfig,
    policy: Policy,
    initial: Policy,
    seed: int,
    progress: Progress = silent,
    flip_rate: float | None = None,
    limits: LeakLimits = DEFAULT_LIMITS,
) -> tuple[Policy, dict[str, Any]]:
    """Train the next policy on the round's pairs, in a child process; returns it and its curves.

    With `config.kto` it is the answers that the screen scored, which need no pair, and the pairs
    where it scored fewer than two so high or so low. What it is trained on beside them (a warm
    start, a replay) is written to extra.parquet.
    `flip_rate` is the share of wrong labels that `label_smoothing: from_gold` stands for, `limits`
    how close imported pairs may come to the held-out prompts.
    The policy's folder is written whole or not at all. TRL's own checkpoints, where `save_steps`
    asks for them, are taken up again after a kill.
    """
    own = pq.read_metadata(table_path(folder, PAIRS)).num_rows
    judged = None if config.kto is None else judged_answers(folder, config.kto, limits)
    if why := nothing_to_train(config, own, len(judged.labels) if judged else 0):
        raise UserError(f"{folder}: {why}, so there is nothing to train on")
    scored = len(judged.labels) if judged else 0
    if judged is not None and scored < LEAST_ANSWERS:
        judged = judged._replace(labels=[])
    taught = len(judged.labels) // 2 if judged and judged.labels else own  # a pair has two answers
    extra = extra_pairs(folder, config, taught, seed, limits)
    if extra.rows:
        write_rows(folder, EXTRA, extra.rows)
    else:
        remove_table(folder, EXTRA)
    references = reference_policies(folder, config.reference, policy, initial)
    own_pairs = iter_rows(folder, PAIRS)
    pairs_hash = rows_hash("pairs", own_pairs)

    def key_without(*names: str) -> str:
        return stage_key(
            pairs_hash,
            rows_hash("extra", extra.rows),
            config.keyed({"trial", *names}),
            policy.policy_id,
            reference_id(references),
            seed,
            flip_rate,
            *([] if judged is None else [judged.labels]),
        )

    key = key_without()
    left_out = too_few_to_choose(config, own)
    alone = config.sweep is None or left_out is not None
    variants = [with_label_smoothing(args, flip_rate) for args in config.variants]
    target = folder / "policy"

    def run() -> dict[str, Any]:
        # each variant of a sweep is known by its own arguments, in whatever sweep it stands
        work_key = key if alone else key_without("args", "sweep")
        work = work_dir(folder, "train", work_key)
        log = run_of(folder) / "logs" / f"{folder.name}-trainer.log"
        if len(references) > 1:
            progress(0, 0, "averaging the accepted policies")
        reference = reference_here(references, work, log)
        job = {
            "round_dir": str(folder),
            "key": work_key,
            "method": config.method,
            "policy": policy._asdict(),
            "reference": reference._asdict(),
            "args": {"seed": seed, **variants[0]},
            "lora": config.lora,
            "held_out_pairs": config.held_out_pairs,
            "answers": judged.labels if judged else None,
        }
        if config.weights is not None:
            job["weights"] = str(work / "weights.json")
            warm = extra.facts.get("warm_start", 0)
            weights = pair_weights(folder, extra.rows, warm, config.weights)
            write_json(work / "weights.json", weights.factors)

        def child(module: str, told: Path, shown: Progress = progress) -> None:
            if module == TRAINING:
                run_training(told, log, config, shown)
            else:
                run_child(module, told, log, progress_reader(shown))

        if config.sweep is None or left_out:
            saved, facts = _trained_once(job, work, target, child, progress)
        else:
            every = [{"seed": seed, **args} for args in variants]
            saved, facts = swept(job, every, config.sweep, work, target, child, progress)
        named = {"name": config.reference, "policies": [one.policy_id for one in references]}
        facts["reference"] = {**named, **facts.get("reference", {})}
        if left_out:
            facts["adjusted"] = [*facts.get("adjusted", ()), left_out]
        if config.weights is not None and config.weights.by:
            facts["weights"] |= {"without_probability": weights.unknown}
        if extra.facts:
            facts["extra"] = extra.facts
        if judged is not None and judged.labels:
            facts["answers"] = judged.facts
        elif judged is not None:
            facts["adjusted"].append(
                f"on the pairs: {scored} answers scored beyond a line of trainer.kto, of which it "
                f"takes {LEAST_ANSWERS} at least"
            )
        if saved.exists():  # else a kill came between this rename and the stamp
            note_folder(folder, target.name, saved)
            replace_folder(saved, target)
            settle_written(folder, target.name)
        return facts

    facts = run_stage(folder, "train", key, run)
    full = policy.adapter is None and config.lora is None
    trained = local_policy(target) if full else local_policy(Path(policy.model), target)
    write_json(folder / "work" / "trained.json", policy_facts(run_of(folder), trained))
    return trained, facts


def _trained_once(
    job: dict[str, Any], work: Path, target: Path, child: Child, progress: Progress
) -> tuple[Path, dict[str, Any]]:
    """Where the one training of a round leaves its policy, and what it says of itself."""
    told, saved, trained = work / "job.json", work / "policy", work / "training.json"
    write_json(told, {**job, "out": str(saved)})
    if not saved.exists() and not target.exists():  # the policy was lost since
        trained.unlink(missing_ok=True)
    if not trained.exists():  # it is written last
        progress(0, 0, "loading the policy")
        child(TRAINING, told)
    return saved, read_json(trained)


def run_training(job: Path, log: Path, config: TrainerConfig, progress: Progress) -> None:
    """Run a job of trainer.train_child to its end, in as many processes as the config says."""
    try:
        run_child("trainer.train_child", job, log, progress_reader(progress), launcher(config))
    except ChildFailed as error:
        if (dead := dead_rank(log, config.processes)) is not None:
            raise dead from error
        raise


def check_training(
    config: TrainerConfig,
    model: Path,
    adapter: Path | None,
    scratch: Path,
    progress: Progress = silent,
    elsewhere: bool = False,
) -> list[str]:
    """Raise UserError for an argument that TRL or peft would refuse, and for imported data that
    cannot be trained on; returns what was found in the data. Spends seconds, no money.

    `model` and `adapter` are the folders of the policy. Where the training is `elsewhere`, what
    this machine's hardware cannot do is left to the trial there.
    """
    job = scratch / "trainer-check.json"
    named = config.reference not in REFERENCES
    reference = own_reference(config.reference)._asdict() if named else None
    write_json(
        job,
        {
            "method": config.method,
            "variants": [with_label_smoothing(args, 0.1) for args in config.variants],
            "lora": config.lora,
            "elsewhere": elsewhere,
            "policy": Policy(str(model), str(adapter) if adapter else None, "")._asdict(),
            "reference": reference,
            "imported": [[key, source.model_dump()] for key, source in config.imported],
        },
    )
    run_child("trainer.check", job, scratch / "trainer-check.log", progress_reader(progress))
    return list(read_json(scratch / "found.json"))


def with_label_smoothing(args: dict[str, Any], flip_rate: float | None) -> dict[str, Any]:
    """The arguments with the measured error rate in the place of `from_gold`."""
    if args.get("label_smoothing") != FROM_GOLD:
        return args
    if flip_rate is None:
        raise UserError(
            f"trainer.args.label_smoothing: {FROM_GOLD} needs judge.gold with at least "
            "judge.gold.min_n pairs that the judge decides; give a number instead"
        )
    return {**args, "label_smoothing": flip_rate}


def launcher(config: TrainerConfig) -> Sequence[str]:
    """What starts the training's Python script: one process, accelerate, or Ray."""
    if config.ray is not None:
        return module_command("trainer.ray_launch", config.ray.model_dump_json())
    if config.accelerate is None:
        return PYTHON
    given = accelerate_flags(config.accelerate)
    return [*PYTHON, "-m", "accelerate.commands.launch", *given]
