"""A round whose judge is asked while its policy samples: over scripted endpoints, and real vLLM."""

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from leases import wait_for
from scripted import Raw, Scripted, honest_judge, varied_policy

import flows.ahead
from endpoints.config import EndpointConfig
from endpoints.reply import EndpointLost
from endpoints.serve import LiveEndpoint
from flows.ahead import is_asked_ahead, labels_ahead
from flows.config import Config
from flows.load import load_config
from flows.round import begin
from flows.session import session
from flows.tasks import (
    answer_held_out,
    deal_prompts,
    judge_the_held_out,
    judge_them,
    measure_judge,
    sample_candidates,
)
from judge.stage import judge_candidates
from rounds.folder import round_dir
from rounds.progress import PROGRESS
from rounds.schema import deterministic
from rounds.tables import read_rows
from rounds.weights import Policy

pytestmark = pytest.mark.slow

PROMPTS = 12


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endpoints.concurrency.LOOK_EVERY", 0.02)
    monkeypatch.setattr("rounds.progress.EVERY", 0.0)


def written(folder: Path, policy: Any, judge: Any, **judge_section: Any) -> Config:
    """A config of one round with a policy, and a judge at an endpoint of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"prompt": f"Question number {n}: why?"}) for n in range(PROMPTS + 2)]
    (folder / "prompts.jsonl").write_text("\n".join(lines))
    quick = {"model": "m", "max_retries": 0, "max_in_flight": 2, "wait_for": 0}
    at_endpoint = isinstance(policy, Scripted)
    tree: dict[str, Any] = {
        "name": "demo",
        "policy": {"endpoint": "policy"} if at_endpoint else policy,
        "prompts": {
            "train": str(folder / "prompts.jsonl"),
            "gate": 1,
            "test": 1,
            "per_round": PROMPTS,
        },
        "endpoints": {"judge": {**quick, "base_url": judge.base_url, "max_in_flight": 8}},
        "sampler": {"n": 3, "chunk": 2},
        "judge": {"endpoint": "judge", "health": {"sample": 0}, **judge_section},
        "trainer": None,
    }
    if at_endpoint:
        tree["endpoints"]["policy"] = {**quick, "base_url": policy.base_url}
    path = folder / "demo.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_config(str(path))


def labelled(config: Config, runs_dir: Path) -> Path:
    """The folder of a round, sampled and judged."""
    with session(config, runs_dir) as run:
        folder = begin(run)
        deal_prompts.fn(folder)
        sample_candidates.fn(folder)
        judge_them.fn(folder, measure_judge.fn(folder)["tau"])
    return folder


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{column: row[column] for column in deterministic(name)} for row in rows]
        for name in ("candidates", "verdicts")
        for rows in [read_rows(folder, name)]
    }


def questions(at: Scripted) -> Counter[str]:
    """What it was asked in rounds."""
    return Counter(
        json.dumps(body) for body in at.requests if "Question number" in json.dumps(body)
    )


class Slow:
    """A policy that takes its time; `judged` notes how far the judge was at each of its calls."""

    def __init__(self) -> None:
        self.judge: Scripted | None = None
        self.judged: list[int] = []

    def __call__(self, body: dict[str, Any]) -> Any:
        if body["messages"] and self.judge is not None:
            self.judged.append(sum(questions(self.judge).values()))
            time.sleep(0.06)
        answer = varied_policy(body)
        return f"{answer} by {body['model']}" if isinstance(answer, str) else answer


def test_the_judge_is_asked_while_the_policy_samples_and_all_is_as_without(
    endpoint, tmp_path: Path
):
    found = {}
    for ahead in (False, None):
        slow = Slow()
        policy, slow.judge = endpoint(slow), endpoint(honest_judge)
        config = written(tmp_path / str(ahead), policy, slow.judge, ahead=ahead)
        folder = labelled(config, tmp_path / str(ahead) / "runs")
        found[ahead] = tables(folder), questions(slow.judge), questions(policy)
        assert bool(slow.judged[-1]) is (ahead is None)
    assert found[None] == found[False]
    assert set(found[None][1].values()) == {1}


def test_the_progress_of_the_sampling_says_how_far_the_judge_is(endpoint, tmp_path: Path):
    slow, notes = Slow(), []

    class Noting(Slow):
        def __call__(self, body: dict[str, Any]) -> Any:
            path = round_dir(tmp_path / "runs" / "demo", 1) / "work" / PROGRESS
            if path.exists():
                notes.append(json.loads(path.read_text())["note"])
            return super().__call__(body)

    slow = Noting()
    policy, slow.judge = endpoint(slow), endpoint(honest_judge)
    labelled(written(tmp_path, policy, slow.judge), tmp_path / "runs")
    assert any("judged ahead" in note for note in notes)


def test_a_judge_that_is_lost_ends_the_asking_ahead_and_not_the_sampling(
    endpoint, tmp_path: Path, capsys
):
    slow = Slow()
    policy = endpoint(slow)
    down = True

    def judge(body: dict[str, Any]) -> Any:
        return Raw(401) if down and "Question number" in json.dumps(body) else honest_judge(body)

    slow.judge = endpoint(judge)
    config = written(tmp_path, policy, slow.judge)
    with pytest.raises(EndpointLost):
        labelled(config, tmp_path / "runs")
    folder = round_dir(tmp_path / "runs" / "demo", 1)
    assert len(read_rows(folder, "candidates", ["train"])) == 3 * PROMPTS
    assert len(slow.judge.requests) < 40, "once ahead, once by the stage, then no more"
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("asking ahead has ended, the judge's stage asks on: endpoint judge") == 1
    down = False
    labelled(config, tmp_path / "runs")
    assert read_rows(folder, "verdicts")


def test_a_pause_keeps_what_was_open_and_no_call_is_made_twice(
    endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As Ctrl-C does: the sampling is interrupted, and the same command goes on."""
    slow = Slow()
    policy, slow.judge = endpoint(slow), endpoint(honest_judge, delay=0.05)
    config = written(tmp_path, policy, slow.judge)
    note = flows.ahead.Ahead.beside

    def interrupting(self: Any, shown: Any) -> Any:
        report = note(self, shown)

        def reported(done: int, total: int, text: str = "") -> None:
            report(done, total, text)
            if done == 8:
                raise KeyboardInterrupt

        return reported

    with monkeypatch.context() as patch:
        patch.setattr(flows.ahead.Ahead, "beside", interrupting)
        with pytest.raises(KeyboardInterrupt):
            labelled(config, tmp_path / "runs")
    assert not [one for one in threading.enumerate() if one.name.startswith("asking ahead")]
    assert questions(slow.judge), "it was asked before the pause"
    folder = labelled(config, tmp_path / "runs")
    assert set(questions(slow.judge).values()) == {1}
    assert len({row["prompt_id"] for row in read_rows(folder, "verdicts")}) == PROMPTS


def test_a_pause_after_the_sampling_waits_for_what_is_open_as_well(
    endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    slow = Slow()
    policy, slow.judge = endpoint(slow), endpoint(honest_judge, delay=0.3)
    config = written(tmp_path, policy, slow.judge)
    join, interrupted = threading.Thread.join, list[str]()

    def joining(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "asking ahead" and not interrupted:
            interrupted.append(thread.name)
            time.sleep(0.1)  # the thread has been told by now, and waits for what is open
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", joining)
    with pytest.raises(KeyboardInterrupt):
        labelled(config, tmp_path / "runs")
    assert interrupted
    assert not [one for one in threading.enumerate() if one.name.startswith("asking ahead")]
    labelled(config, tmp_path / "runs")
    assert set(questions(slow.judge).values()) == {1}


def test_nothing_is_asked_before_the_trial_has_passed(
    endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("flows.ahead.trial_due", lambda config, folder: True)
    monkeypatch.setattr("flows.ahead.LOOK_EVERY", 0.02)
    slow = Slow()
    policy, slow.judge = endpoint(slow), endpoint(honest_judge)
    labelled(written(tmp_path, policy, slow.judge), tmp_path / "runs")
    assert slow.judged[-1] == 0


def test_nothing_is_asked_ahead_of_stages_in_another_pool(endpoint, tmp_path: Path):
    config = written(tmp_path, endpoint(varied_policy), endpoint(honest_judge))
    with session(config, tmp_path / "runs") as run:
        folder = begin(run)
        with labels_ahead(run, folder) as ahead:
            assert ahead is not None
        for elsewhere in (run._replace(gpu_stages="stages"), run._replace(borrowed=True)):
            with labels_ahead(elsewhere, folder) as ahead:
                assert ahead is None


def test_the_gates_comparisons_are_asked_while_the_new_policy_answers(
    endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    slow = Slow()
    policy, slow.judge = endpoint(slow), endpoint(honest_judge)
    config = written(tmp_path, policy, slow.judge)
    prompts = config.prompts.model_copy(update={"gate": 8, "test": 4, "per_round": 2})
    config = config.model_copy(update={"prompts": prompts})
    sampling = config.sampler.model_copy(update={"chunk": 1})
    config = config.model_copy(update={"sampler": sampling})
    with session(config, tmp_path / "runs") as run:
        folder = begin(run)
        deal_prompts.fn(folder)
        sample_candidates.fn(folder)
        judge_before = sum(questions(slow.judge).values())
        trained = Policy("new", None, "policy/new", served="policy")
        answer_held_out.fn(folder, trained)
        asked = sum(questions(slow.judge).values()) - judge_before
        assert asked > 0
        judge_the_held_out.fn(folder, trained)
    assert set(questions(slow.judge).values()) == {1}
    matches = {row["candidate_a"] for row in read_rows(folder, "verdicts", ["gate", "test"])}
    assert len(matches) == 12


AT = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("judge", "endpoints", "sampling", "asked"),
    [
        ({}, {"judge": AT}, [], True),
        ({"ahead": False}, {"judge": AT}, [], False),
        ({}, {"judge": None}, [], False),
        ({"ahead": True}, {"judge": None}, [], True),
        ({}, {"judge": AT, "policy": AT}, ["policy"], False),
        ({"ahead": True}, {"judge": AT, "policy": AT}, ["policy"], True),
        ({}, {"judge": AT, "policy": AT + "x"}, ["policy"], True),
        ({"batch": True}, {"judge": AT}, [], False),
        ({"endpoint": ["judge", "other"]}, {"judge": AT, "other": None}, [], False),
        ({"endpoint": ["judge", "python:len:len"]}, {"judge": AT}, [], False),
        (
            {"strategy": "questions", "questions": {"endpoint": "other"}},
            {"judge": AT, "other": None},
            [],
            False,
        ),
    ],
)
def test_it_is_asked_ahead_where_the_two_share_nothing_or_the_config_says_so(
    tmp_path: Path, judge: dict[str, Any], endpoints: dict[str, Any], sampling, asked: bool
):
    served = {"serve": {"model": "prefloop:starter/judge"}}
    tree = {
        "name": "demo",
        "policy": "prefloop:starter/policy",
        "prompts": {"train": "prompts.jsonl"},
        "endpoints": {
            name: {"base_url": url, "model": "m"} if url else served
            for name, url in endpoints.items()
        },
        "judge": {"endpoint": "judge", **judge},
    }
    config = Config.model_validate(tree)
    assert is_asked_ahead(config, config.judge, sampling) is asked


def test_with_real_vllm_the_judge_is_asked_before_the_last_chunk(endpoint, tmp_path: Path):
    at = endpoint(honest_judge)
    config = written(tmp_path, "prefloop:starter/policy", at)
    sampler = {
        "n": 3,
        "chunk": 1,
        "sampling": {"max_tokens": 64},
        "vllm": {"max_model_len": 512, "max_num_seqs": 2, "dtype": "float32"},
    }
    config = config.model_validate({**config.model_dump(), "sampler": sampler})
    with session(config, tmp_path / "runs") as run:
        folder = begin(run)
        deal_prompts.fn(folder)
        sample_candidates.fn(folder)
        assert questions(at), "a chunk was judged while vLLM was at the next"
        judge_them.fn(folder, 0.5)
    rows = read_rows(folder, "verdicts", ["train"])
    assert set(questions(at).values()) == {1} and len(rows) == sum(questions(at).values())
    calm = tmp_path / "calm" / "runs"
    shutil.copytree(folder, round_dir(calm, 1))
    (round_dir(calm, 1) / "verdicts.parquet").unlink()
    (round_dir(calm, 1) / "work" / "judge.json").unlink()
    judge_candidates(round_dir(calm, 1), config.judge, run.endpoints, 0.5)
    assert tables(round_dir(calm, 1)) == tables(folder), "as the stage alone makes them"


def test_a_served_judge_starts_beside_the_sampler_which_waits_for_none(
    endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """And where the sampling fails nobody waits until it is up."""
    slow, up = Slow(), threading.Event()
    slow.judge = endpoint(honest_judge)
    begun: list[str] = []
    ended: list[str] = []

    @contextmanager
    def serve(config: Any, log: Path, progress: Any) -> Iterator[LiveEndpoint]:
        begun.append(threading.current_thread().name)
        try:
            while not up.wait(0.02):
                progress(0, 0, "starting")
            yield LiveEndpoint(slow.judge.base_url, "m", "w", "k")
        finally:
            ended.append(threading.current_thread().name)

    failing = True

    def policy(body: dict[str, Any]) -> Any:
        starts, calls = (1, 12) if failing else (2, 16)
        if len(slow.judged) > calls:
            wait_for(lambda: len(begun) == starts, 20)  # a busy machine lets the thread begin late
            if failing:
                return Raw(401)
            up.set()
        return slow(body)

    monkeypatch.setattr("endpoints.open.serve", serve)
    config = written(tmp_path, endpoint(policy), slow.judge, ahead=True)
    served = {"judge": EndpointConfig(serve={"model": "prefloop:starter/judge"})}
    config = config.model_copy(update={"endpoints": {**config.endpoints, **served}})
    with pytest.raises(EndpointLost):
        labelled(config, tmp_path / "runs")
    assert begun == ended == ["asking ahead"] and not up.is_set()
    failing = False
    slow.judged.clear()
    folder = labelled(config, tmp_path / "runs")
    assert begun == ["asking ahead"] * 2
    assert len({row["prompt_id"] for row in read_rows(folder, "verdicts")}) == PROMPTS
