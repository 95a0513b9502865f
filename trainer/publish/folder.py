"""Writing a published policy: its files and its card, whole or not at all."""

import shutil
from pathlib import Path
from typing import Any

from endpoints.child_main import progress_reader
from endpoints.children import run_child
from preferences.export_folder import front_of, staged
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import read_manifest
from rounds.scratch import scratch
from rounds.stages import Progress, silent
from rounds.weights import NOT_WEIGHTS, weights_hash
from trainer.publish.card import CARD, KEY, model_card
from trainer.publish.choice import Choice

ADAPTER_CONFIG = "adapter_config.json"


def publish(
    choice: Choice,
    target: Path,
    title: str,
    progress: Progress = silent,
    old_front: Any = None,
) -> list[str]:
    """Write the policy to the folder `target`, new, empty or a publication of before, which it
    replaces once it is whole; returns its files. `old_front` is the front of a card elsewhere whose
    licence is kept.

    Raises UserError where the target is or lies in a run's folder, or holds anything else.
    """
    target = target.resolve()
    for folder in (target, *target.parents):
        if (folder / "run.yaml").exists():
            raise UserError(f"{target}: is in the run's folder {folder}; name another folder")
    with staged(target, published_files, "publication") as inside:
        _write(choice, inside, progress)
        files = [path.name for path in inside.iterdir()]
        front = front_of(target / CARD) if (target / CARD).is_file() else old_front
        card = model_card(choice, files, weights_hash(inside), title, front)
        (inside / CARD).write_text(card, encoding="utf-8")
        return sorted([CARD, *files])


def published_files(front: Any) -> set[str]:
    """The files that a publication wrote, by the front of its card."""
    ours = front.get(KEY) if isinstance(front, dict) else None
    files = ours.get("files") if isinstance(ours, dict) else None
    return (
        {str(name) for name in files if "/" not in str(name)} if isinstance(files, list) else set()
    )


def _write(choice: Choice, inside: Path, progress: Progress) -> None:
    policy = choice.policy
    if choice.form == "merged":
        assert policy.adapter is not None, "what is merged has an adapter"
        _merge(choice, inside, progress)
        before = {path.name for path in inside.iterdir()}
        _copy(Path(policy.adapter), inside, before | {ADAPTER_CONFIG}, weights=False)
        return
    _copy(Path(policy.adapter or policy.model), inside, set(), weights=True)
    if choice.form == "adapter":
        facts = read_json(inside / ADAPTER_CONFIG)
        write_json(inside / ADAPTER_CONFIG, facts | {"base_model_name_or_path": choice.base})


def _merge(choice: Choice, inside: Path, progress: Progress) -> None:
    config = (read_manifest(choice.folder) or {}).get("config") or {}
    args = (config.get("trainer") or {}).get("args") or {}
    trust = bool((args.get("model_init_kwargs") or {}).get("trust_remote_code"))
    with scratch("merge") as work:
        job = work / "job.json"
        given = {"model": choice.policy.model, "adapter": choice.policy.adapter}
        write_json(job, {**given, "out": str(inside), "trust": trust})
        log = work / "merge.log"
        run_child("trainer.publish.merge_child", job, log, progress_reader(progress))


def _copy(folder: Path, inside: Path, without: set[str], weights: bool) -> None:
    """Copy what belongs to a policy; pickles of a trainer do not."""
    for path in sorted(folder.iterdir()):
        left_out = path.name in NOT_WEIGHTS or path.name in without or path.name == CARD
        if path.is_file() and not left_out and (weights or path.suffix != ".safetensors"):
            shutil.copyfile(path, inside / path.name)
