"""A Ray cluster that the config names, looked for before anything is spent."""

from pathlib import Path
from typing import Any

import pytest
from configs import TREE, load

import flows.preflight
import flows.preflight_training
from flows.preflight import check
from flows.trial import trial_key
from rounds.errors import UserError
from rounds.files import write_json


class Silent:
    """A display that shows nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("trainer.ray", "trainer.ray={workers: 2, resources: {CPU: 1}}"),
        ("sampler.engine.ray", "sampler.engine={ray: {resources: {CPU: 1}}}"),
    ],
)
def test_it_is_looked_for_at_every_start_also_where_the_training_was_tried(
    tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch, key: str, given: str
):
    (tmp_path / "train.jsonl").write_text("".join(f'"Why {n}?"\n' for n in range(30)))
    monkeypatch.chdir(tmp_path)
    config = load(tmp_path, TREE, given, "prompts.gate=4", "prompts.test=4")
    write_json(run_dir / "trial.json", {"key": trial_key(config), "not_tried": None})

    def gone(cluster: object, where: str, work: Path) -> None:
        raise UserError(f"{where}.address: nobody there")

    monkeypatch.setattr(flows.preflight, "check_cluster", gone)
    monkeypatch.setattr(flows.preflight, "check_endpoints", lambda *_: [])
    monkeypatch.setattr(flows.preflight, "check_sampler", lambda *_: None)
    with pytest.raises(UserError, match=f"{key}.address: nobody there"):
        check(config, Silent(), run_dir)  # type: ignore[arg-type]


def test_it_is_not_looked_for_where_the_stages_are_sent_elsewhere(
    tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "train.jsonl").write_text("".join(f'"Why {n}?"\n' for n in range(30)))
    monkeypatch.chdir(tmp_path)
    given = "trainer={ray: {workers: 2}, args: {tf32: true}}"
    config = load(tmp_path, TREE, given, "prompts.gate=4", "prompts.test=4")
    told: list[bool] = []
    monkeypatch.setattr(flows.preflight, "check_cluster", lambda *_: pytest.fail("looked for"))
    monkeypatch.setattr(flows.preflight, "check_endpoints", lambda *_: [])
    monkeypatch.setattr(flows.preflight, "check_sampler", lambda *_: None)
    monkeypatch.setattr(flows.preflight_training, "policy_folders", lambda *_: (tmp_path, None))
    monkeypatch.setattr(
        flows.preflight_training, "check_training", lambda *given: [told.append(given[-1])][:0]
    )
    check(config, Silent(), run_dir, stages_here=False)  # type: ignore[arg-type]
    assert told == [True]
