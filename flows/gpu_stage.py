"""One stage of a round in a work pool of its own: the flow that a round's flow run sends it to."""

from pathlib import Path

from prefect import flow

from flows import one_line
from flows.flow_runs import name_flow_run
from flows.returned import returning
from flows.session import borrowed_session
from flows.tasks import (
    answer_held_out,
    answer_the_suites,
    sample_candidates,
    train_policy,
    trained_here,
    try_training,
)
from rounds.errors import UserError
from rounds.folder import run_of
from rounds.lent import borrowed
from rounds.lock import LEASE
from rounds.stages import stage_stamps

one_line.install()

STAGES = ("trial", "sample", "train", "sample held-out", "sample suites")
"""What can be sent, as it is called on the display."""


@flow(name="prefloop-gpu-stage", validate_parameters=False)
def gpu_stage(round: str, stage: str, lease: str) -> None:
    """Do one stage of a round whose flow run waits for it. Not for running by hand.

    `round` is the round's folder, which must be seen here under the same path; `lease` what the
    flow run lent for it: when that is taken back, or another takes the run over, nothing more is
    written. The config is the run's run.yaml.
    """
    folder = Path(round)
    run_dir = run_of(folder)
    if stage not in STAGES:
        raise UserError(f"stage: {stage!r:.40}, expected one of {', '.join(STAGES)}")
    name_flow_run(f"{run_dir.name} round {int(folder.name)}: {stage}", run_dir.name)
    with (
        borrowed(run_dir, lease, LEASE) as held,
        returning(folder, lease),
        borrowed_session(folder, held),
    ):
        _do(stage, folder)


def _do(stage: str, folder: Path) -> None:
    if stage == "trial":
        try_training.fn(folder)
    elif stage == "sample":
        sample_candidates.fn(folder)
    elif stage == "train":
        gold = stage_stamps(folder).get("gold", {"facts": {}})
        train_policy.fn(folder, gold["facts"].get("flip_rate"))
    elif stage == "sample held-out":
        answer_held_out.fn(folder, trained_here(folder))
    else:
        answer_the_suites.fn(folder, trained_here(folder))
