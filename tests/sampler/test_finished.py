"""Prompts that have finished while others are sampled: as the table will have them."""

from pathlib import Path

import pytest
from builders import begun, prompt_row
from scripted import Raw
from scripted_child import Children, scripted_children

import sampler.chunks
from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.rows import HELD_OUT
from rounds.tables import read_rows
from rounds.weights import Policy
from sampler.answers import Completion
from sampler.chunks import ChunkWriter
from sampler.config import SamplerConfig
from sampler.finished import Finished, FinishedPrompt
from sampler.stage import sample, sample_held_out

HERE, TRAINED = Policy("m", None, "p0"), Policy("n", None, "p1")
NONE = Endpoints({}, Path("logs"))
PROMPTS = [prompt_row(f"q{number:02d}") for number in range(20)]


class Watching:
    """Takes what has finished whenever a chunk is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: list[Finished] = []
        self.found: list[FinishedPrompt] = []
        self.at: list[int] = []
        flush = ChunkWriter.flush

        def flushed(writer: ChunkWriter) -> None:
            flush(writer)
            self.found += self.of[-1].new()
            self.at.append(len(self.found))

        monkeypatch.setattr(ChunkWriter, "flush", flushed)


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Watching:
    return Watching(monkeypatch)


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Children:
    return scripted_children(monkeypatch, lambda policy, messages, seed: f"{policy} {seed}")


def without_tokens(rows: list) -> list:
    return [{**row, "token_ids": None, "prompt_token_ids": None} for row in rows]


def test_they_come_in_order_as_the_table_has_them_once_all_writers_are_done(
    run_dir: Path, vllm: Children, watching: Watching
):
    prompts = [*PROMPTS, prompt_row("g", "gate")]
    folder = begun(run_dir, prompts=prompts)
    also = {"other": {"model": "prefloop:starter/policy", "n": 1}}
    config = SamplerConfig(n=2, chunk=4, devices=["0", "1"], also=also)
    sample(folder, config, HERE, 0, NONE, begun=watching.of.append)
    rows = [row for one in watching.found for row in one.candidates]
    order = [one.prompt_id for one in watching.found]
    assert order == [row["prompt_id"] for row in PROMPTS[: len(order)]]
    assert rows == without_tokens(read_rows(folder, "candidates"))[: len(rows)]
    assert all(one.whole for one in watching.found)
    first_of_other = watching.at.index(next(at for at in watching.at if at))
    assert first_of_other >= 5, "the first source had written all of its chunks by then"
    assert 0 < len(order) < len(PROMPTS), "what comes with the last chunk is left to the stage"


def test_what_has_been_asked_for_is_in_memory_no_more(
    run_dir: Path, vllm: Children, watching: Watching
):
    config = SamplerConfig(n=2, chunk=4)
    sample(begun(run_dir, prompts=PROMPTS), config, HERE, 0, NONE, begun=watching.of.append)
    held, found = watching.of[-1]._chunks, watching.found
    assert 0 < len(found) < len(PROMPTS) and not [one for one in found if one.prompt_id in held]
    assert [row["prompt_id"] in held for row in PROMPTS[len(found) :]] == [True] * 4


def test_a_round_of_one_chunk_has_none(run_dir: Path, vllm: Children, watching: Watching):
    config = SamplerConfig(n=2, chunk=64)
    sample(begun(run_dir, prompts=PROMPTS), config, HERE, 0, NONE, begun=watching.of.append)
    assert watching.at == [0]


def test_a_slow_sampler_writes_before_a_chunk_is_full(
    run_dir: Path, vllm: Children, watching: Watching, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sampler.chunks, "LONGEST", 0.0)
    config = SamplerConfig(n=2, chunk=64)
    sample(begun(run_dir, prompts=PROMPTS), config, HERE, 0, NONE, begun=watching.of.append)
    assert len(watching.found) == len(PROMPTS) - 1


def test_after_a_kill_what_is_there_comes_at_once(
    run_dir: Path, vllm: Children, watching: Watching
):
    folder, config = begun(run_dir, prompts=PROMPTS), SamplerConfig(n=2, chunk=4)
    vllm.fail_after = 10
    with pytest.raises(RuntimeError):
        sample(folder, config, HERE, 0, NONE, begun=watching.of.append)
    before, vllm.fail_after = len(watching.found), None
    again: list[FinishedPrompt] = []
    sample(
        folder,
        config,
        HERE,
        0,
        NONE,
        begun=lambda now: again.extend(now.new()) or watching.of.append(now),
    )
    assert len(again) == before == 8 and again == watching.found[:8]
    sample(folder, config, HERE, 0, NONE, begun=lambda _: pytest.fail("it does not run again"))


@pytest.mark.parametrize(("most", "some"), [(0.5, False), (None, True)])
def test_none_come_while_too_many_answers_are_cut_off(
    run_dir: Path, vllm: Children, watching: Watching, most: float | None, some: bool
):
    """The round is about to stop before its judge is asked."""
    draw = vllm.draw

    async def cut(*given):
        drawn = await draw(*given)
        assert all(isinstance(one, Completion) for one in drawn)
        return [one._replace(finish_reason="length") for one in drawn]

    vllm.draw = cut  # type: ignore[method-assign]
    folder = begun(run_dir, prompts=PROMPTS)
    config = SamplerConfig(n=2, chunk=4, max_cut_off=most)
    try:
        sample(folder, config, HERE, 0, NONE, begun=watching.of.append)
    except Exception as error:
        assert "of the answers are cut off" in str(error)
    assert bool(watching.found) is some


@pytest.mark.parametrize("unanswerable", ["set_aside", "stop"])
def test_none_come_after_one_that_is_set_aside_and_may_not_be(
    run_dir: Path, endpoint, watching: Watching, unanswerable: str
):
    def policy(body: dict) -> str | Raw:
        return Raw(400) if "q02" in body["messages"][0]["content"] else "fine"

    at = endpoint(policy)
    served = Policy("desk", None, "desk/m", served="desk")
    there = Endpoints(
        {"desk": EndpointConfig(base_url=at.base_url, model="m", max_in_flight=1)}, run_dir / "logs"
    )
    folder = begun(run_dir, prompts=PROMPTS)
    config = SamplerConfig(n=2, chunk=1, unanswerable=unanswerable)
    try:
        sample(folder, config, served, 0, there, begun=watching.of.append)
    except UserError:
        raise
    except Exception as error:
        assert unanswerable == "stop" and "sampler.unanswerable" in str(error)
    found = [one.prompt_id for one in watching.found]
    aside = PROMPTS[2]["prompt_id"]
    assert aside not in found
    assert (len(found) > 2) is (unanswerable == "set_aside")


def test_what_an_endpoint_failed_at_is_not_whole(run_dir: Path, endpoint, watching: Watching):
    """After a kill it is asked again, and may give other candidates. What lay there from before is
    not what this sampling has finished."""

    def policy(body: dict) -> str | Raw:
        failing = "q01" in body["messages"][0]["content"] and body["seed"] % 2
        return Raw(400) if failing else f"seed {body['seed']}"

    at = endpoint(policy)
    served = Policy("desk", None, "desk/m", served="desk")
    there = Endpoints(
        {"desk": EndpointConfig(base_url=at.base_url, model="m", max_in_flight=1)}, run_dir / "logs"
    )
    folder, config = begun(run_dir, prompts=PROMPTS[:6]), SamplerConfig(n=2, chunk=1)
    sample(folder, config, served, 0, there, begun=watching.of.append)
    assert [one.whole for one in watching.found][:3] == [True, False, True]
    (folder / "work" / "sample.json").unlink()
    stale = next(folder.glob("work/sample-*/endpoints"))
    max(stale.glob("chunk-*")).unlink()

    def goes_on(now: Finished) -> None:
        assert list(now.new()) == []
        watching.of.append(now)

    sample(folder, config, served, 0, there, begun=goes_on)
    assert watching.of[1:], "it began again"


def test_a_prompt_without_the_reference_that_would_be_revised_is_whole(
    run_dir: Path, vllm: Children, watching: Watching
):
    prompts = [
        {**row, "reference": f"reference of {number}" if number % 2 else None}
        for number, row in enumerate(PROMPTS)
    ]
    also = {"given": {"reference": True}, "better": {"revise": "given"}}
    config = SamplerConfig(n=2, chunk=4, also=also)
    sample(begun(run_dir, prompts=prompts), config, HERE, 0, NONE, begun=watching.of.append)
    assert {len(one.candidates) for one in watching.found} == {2, 4}
    assert all(one.whole for one in watching.found)


def test_held_out_prompts_come_with_the_answers_of_the_other_policies(
    run_dir: Path, vllm: Children, watching: Watching
):
    held = [prompt_row(f"h{n}", HELD_OUT[n % 2]) for n in range(6)]
    folder, config = begun(run_dir, prompts=[PROMPTS[0], *held]), SamplerConfig(n=2, chunk=2)
    sample(folder, config, HERE, 0, NONE, begun=watching.of.append)
    watching.found.clear()
    sample_held_out(folder, config, [HERE, HERE, TRAINED], 0, NONE, begun=watching.of.append)
    rows = read_rows(folder, "candidates", HELD_OUT)
    assert 0 < len(watching.found) < len(held)
    for one in watching.found:
        wanted = [row for row in rows if row["prompt_id"] == one.prompt_id]
        by_policy = sorted(without_tokens(wanted), key=lambda row: row["policy_id"])
        assert one.candidates == by_policy and len(by_policy) == 2 and one.whole
