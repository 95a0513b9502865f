"""What is sampled, under which names and seeds, and how a served policy is asked."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from builders import begun, candidate_row, prompt_row, stamped
from scripted import Raw, completion
from scripted_child import Children, scripted_children

from endpoints.reply import EndpointLost
from rounds.errors import Stopped, UserError
from rounds.files import write_json
from rounds.ids import SEED_SPACING
from rounds.rows import Candidate
from rounds.stages import stage_stamps
from rounds.tables import read_rows, write_rows
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.requests import (
    PromptRequest,
    already_sampled,
    candidate_id,
    held_out_requests,
    train_requests,
)
from sampler.shortfall import sampling_warnings
from sampler.stage import sample, sample_held_out
from sampler.writers import Writer, writer_in_place

SERVED = Policy("desk", None, "desk/m", served="desk")
CONFIG = SamplerConfig(n=3, sampling={"temperature": 0.5, "max_tokens": 9})
PROMPTS = [prompt_row("q0"), prompt_row("q1"), prompt_row("g", "gate"), prompt_row("t", "test")]


def told(body: dict) -> str:
    return f"{body['messages'][-1]['content']} from {body['seed']}"


def sampled(folder: Path, endpoints, **given) -> list[Candidate]:
    sample(folder, CONFIG, SERVED, 0, endpoints, **given)
    return read_rows(folder, "candidates")


def test_every_prompt_is_answered_n_times_and_held_out_ones_once(run_dir, endpoint, desk):
    folder, at = begun(run_dir, prompts=PROMPTS), endpoint(told)
    rows = sampled(folder, desk(at))
    by_prompt = [
        [row["index"] for row in rows if row["prompt_id"] == p["prompt_id"]] for p in PROMPTS
    ]
    assert by_prompt == [[0, 1, 2], [0, 1, 2], [0], [0]]
    assert len({row["candidate_id"] for row in rows}) == len({row["text"] for row in rows}) == 8
    assert {row["policy_id"] for row in rows} == {"desk/m"}
    assert all(row["token_ids"] is row["logprob"] is None for row in rows)
    assert all(body["temperature"] == 0.5 and body["max_tokens"] == 9 for body in at.requests)


def test_answers_stand_with_the_prompt_that_was_asked(run_dir, endpoint, desk):
    rows = sampled(begun(run_dir, prompts=PROMPTS), desk(endpoint(told)))
    texts = {p["prompt_id"]: p["messages"][0]["content"] for p in PROMPTS}
    assert all(row["text"].startswith(texts[row["prompt_id"]] + " from ") for row in rows)


def test_without_a_gate_held_out_prompts_are_not_answered(run_dir, endpoint, desk):
    rows = sampled(begun(run_dir, prompts=PROMPTS), desk(endpoint(told)), held_out=False)
    assert {row["split"] for row in rows} == {"train"}


def test_sampling_again_sends_nothing_twice(run_dir, endpoint, desk):
    folder, at = begun(run_dir, prompts=PROMPTS), endpoint(told)
    before = sampled(folder, desk(at))
    (folder / "work" / "sample.json").unlink()
    (folder / "candidates.parquet").unlink()
    assert sampled(folder, desk(at)) == before
    assert len(at.requests) == 8


def test_an_endpoint_that_ignores_the_seed_is_still_asked_n_times(run_dir, endpoint, desk):
    folder, at = begun(run_dir, prompts=PROMPTS[:1]), endpoint(lambda body: "the same")
    assert len(sampled(folder, desk(at))) == len(at.requests) == 3


def test_a_prompt_without_any_answer_is_set_aside_with_the_reason(run_dir, endpoint, desk):
    def refuses_q1(body: dict):
        refused = completion(None, refusal="no")
        return refused if body["messages"][0]["content"] == "q1" else "an answer"

    folder = begun(run_dir, prompts=PROMPTS)
    rows = sampled(folder, desk(endpoint(refuses_q1)))
    assert PROMPTS[1]["prompt_id"] not in {row["prompt_id"] for row in rows}
    assert [row["set_aside"] for row in read_rows(folder, "prompts")] == [
        None,
        "refused",
        None,
        None,
    ]


def test_a_cut_answer_is_kept_as_cut(run_dir, endpoint, desk):
    folder = begun(run_dir, prompts=PROMPTS[:1])
    unbounded = CONFIG.model_copy(update={"max_cut_off": None})
    at = endpoint(lambda body: completion("half", "length"))
    sample(folder, unbounded, SERVED, 0, desk(at))
    rows = read_rows(folder, "candidates")
    assert [(row["text"], row["finish_reason"]) for row in rows] == [("half", "length")] * 3


def test_a_round_of_cut_answers_stops_with_the_reason_and_goes_on_with_more_tokens(
    run_dir, endpoint, desk
):
    def script(body: dict):
        cut = body["max_tokens"] < 20 and body["messages"][0]["content"] != "q0"
        return completion("half", "length") if cut else "whole"

    prompts = [prompt_row("q0"), prompt_row("q1"), prompt_row("q2"), prompt_row("g", "gate")]
    folder, at = begun(run_dir, prompts=prompts), endpoint(script)
    told = r"67% of the answers are cut off \(current 6 of 9 at max_tokens 9\).*sampler\.sampling"
    for _ in range(2):
        with pytest.raises(Stopped, match=told):
            sample(folder, CONFIG, SERVED, 0, desk(at))
    assert len(at.requests) == 10, "stopped again, it asked again"
    for bound in (0.7, None):
        sample(folder, CONFIG.model_copy(update={"max_cut_off": bound}), SERVED, 0, desk(at))
    assert len(at.requests) == 10, "another bound asked again"
    more = CONFIG.model_copy(update={"sampling": {"max_tokens": 20}})
    assert sample(folder, more, SERVED, 0, desk(at))["candidates"] == 10
    assert {row["text"] for row in read_rows(folder, "candidates", ["train"])} == {"whole"}


def test_a_lost_endpoint_stops_the_stage(run_dir, endpoint, desk):
    folder = begun(run_dir, prompts=PROMPTS)
    with pytest.raises(EndpointLost):
        sampled(folder, desk(endpoint(lambda body: Raw(401))))
    assert read_rows(folder, "candidates") == []


FOUR = writer_in_place(SamplerConfig(), SERVED)


def requests_in(folder: Path, *writers: Writer) -> list[PromptRequest]:
    return list(train_requests(folder, list(writers) or [FOUR], 0))


def test_requests_draw_from_seeds_of_their_own(run_dir: Path):
    folder = begun(run_dir, prompts=PROMPTS)
    requests = requests_in(folder) + held_out_requests(folder, 0)
    split_and_n = [(one.split, one.writer_requests[0].n) for one in requests]
    assert split_and_n == [("train", 4)] * 2 + [("gate", 1), ("test", 1)]
    seeds = sorted(request.seed for request in requests)
    assert all(b - a >= SEED_SPACING for a, b in pairwise(seeds))


def test_another_round_draws_otherwise_and_held_out_answers_do_not(run_dir: Path):
    folders = [begun(run_dir, number, prompts=PROMPTS) for number in (1, 2)]
    trains = [requests_in(folder) for folder in folders]
    assert trains[0][0].seed != trains[1][0].seed
    assert held_out_requests(folders[0], 0) == held_out_requests(folders[1], 0)
    assert held_out_requests(folders[0], 0) != held_out_requests(folders[0], 1)


def test_a_candidate_is_named_by_prompt_policy_sampling_seed_index_and_source(run_dir: Path):
    first, second = requests_in(begun(run_dir, prompts=PROMPTS))
    names = {
        candidate_id(first, FOUR, 0),
        candidate_id(second, FOUR, 0),
        candidate_id(first, FOUR._replace(policy=Policy("m", None, "p2")), 0),
        candidate_id(first, FOUR._replace(sampling={"temperature": 0}), 0),
        candidate_id(first._replace(seed=1), FOUR, 0),
        candidate_id(first, FOUR, 1),
        candidate_id(first, FOUR._replace(name="hot"), 0),
    }
    assert len(names) == 7


def test_held_out_answers_of_earlier_rounds_are_not_sampled_again(run_dir, endpoint, desk):
    at = endpoint(told)
    first = begun(run_dir, 1, prompts=PROMPTS)
    held = [row for row in sampled(first, desk(at)) if row["split"] != "train"]
    stamped(first)
    write_json(first / "manifest.json", {})
    second = begun(run_dir, 2, prompts=[prompt_row("q2"), *PROMPTS[2:]])
    rows = sampled(second, desk(at))
    assert {row["split"] for row in rows} == {"train"} and len(at.requests) == 8 + 3
    wanted = {row["candidate_id"] for row in held}
    assert already_sampled(second, wanted, include_this_round=True) == held


def test_this_rounds_own_answers_count_only_where_asked(run_dir: Path):
    folder = begun(run_dir, prompts=PROMPTS)
    row = candidate_row(PROMPTS[2], "x")
    write_rows(folder, "candidates", [row])
    assert already_sampled(folder, {row["candidate_id"]}, include_this_round=True) == [row]
    assert already_sampled(folder, {row["candidate_id"]}, include_this_round=False) == []
    assert already_sampled(folder, {"other"}, include_this_round=True) == []


@pytest.mark.parametrize("name", ["n", "seed", "logprobs"])
def test_what_prefloop_sets_cannot_be_set(name: str):
    with pytest.raises(ValueError, match=f"sampling.{name} is set by prefloop"):
        SamplerConfig(sampling={name: 1})
    assert json.loads(CONFIG.model_dump_json())["n"] == 3


FIRST, NEXT = Policy("m", None, "p0"), Policy("m2", None, "p1")


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Children:
    """Models that take prompts of up to 9 characters."""
    return scripted_children(monkeypatch, lambda policy, messages, seed: f"{policy} {seed}", 9)


def held_out_ids(folder: Path) -> set[tuple[str, str, str]]:
    rows = read_rows(folder, "candidates", ["gate", "test"])
    return {(row["prompt_id"], row["policy_id"], row["split"]) for row in rows}


def test_a_gate_prompt_that_is_too_long_stops_no_round(run_dir: Path, desk, endpoint, vllm):
    long = prompt_row("far too long a prompt", "gate")
    folder, none = begun(run_dir, prompts=[*PROMPTS, long]), desk(endpoint(told))
    sample(folder, CONFIG, FIRST, 0, none)
    for _ in range(2):
        sample_held_out(folder, CONFIG, [FIRST, FIRST, NEXT], 0, none)
    assert vllm.loaded == ["p0", "p1"], "weights were loaded for a prompt that nobody can answer"
    assert held_out_ids(folder) == {
        (prompt["prompt_id"], policy, prompt["split"])
        for prompt in PROMPTS[2:]
        for policy in ("p0", "p1")
    }
    prompts = read_rows(folder, "prompts")
    assert [row["set_aside"] for row in prompts] == [None] * 4 + ["too long"]
    write_json(folder / "manifest.json", {})
    second = begun(run_dir, 2, prompts=[prompt_row("q2"), *prompts[2:]])
    sample(second, CONFIG, NEXT, 0, none)
    assert [job["prompts"] for job in vllm.jobs] == [5, 2, 1]
    assert read_rows(second, "prompts")[1:] == prompts[2:]


def test_what_one_policy_alone_leaves_unanswered_the_next_is_asked(run_dir, desk, endpoint, vllm):
    none, third = desk(endpoint(told)), Policy("m3", None, "p2")
    gate = PROMPTS[2]["prompt_id"]
    vllm.silent = {("p1", "g")}
    folder = begun(run_dir, prompts=PROMPTS)
    sample(folder, CONFIG, FIRST, 0, none)
    for _ in range(2):
        facts = sample_held_out(folder, CONFIG, [FIRST, FIRST, NEXT], 0, none)
    (warning,) = sampling_warnings(facts)
    assert warning.startswith("1 prompt set aside: ") and "content_filter" in warning
    assert vllm.asked.count(("current", "g")) == 2, "once a policy, whatever is done again"
    assert (gate, "p1", "gate") not in held_out_ids(folder)
    assert read_rows(folder, "prompts")[2]["set_aside"] == "content_filter"
    write_json(folder / "manifest.json", {})
    second = begun(run_dir, 2, prompts=[prompt_row("q2"), *PROMPTS[2:]])
    sample(second, CONFIG, FIRST, 0, none)
    sample_held_out(second, CONFIG, [FIRST, FIRST, third], 0, none)
    assert {(gate, "p0", "gate"), (gate, "p2", "gate")} <= held_out_ids(second)
    assert read_rows(second, "prompts")[1]["set_aside"] is None


def test_what_is_set_aside_once_stays_aside_in_every_later_round(run_dir, desk, endpoint, vllm):
    long, none = prompt_row("far too long a prompt", "test"), desk(endpoint(told))
    prompts = [*PROMPTS, long]
    for number, (in_place, trained) in enumerate(
        [(FIRST, NEXT), (NEXT, Policy("m3", None, "p2")), (NEXT, Policy("m4", None, "p3"))], 1
    ):
        # as rounds before this were dealt: the reason is gone from the table of the next one
        folder = begun(run_dir, number, prompts=[prompt_row(f"q{number}"), *prompts[2:]])
        sample(folder, CONFIG, in_place, 0, none)
        sample_held_out(folder, CONFIG, [FIRST, in_place, trained], 0, none)
        assert {name for name, _, _ in held_out_ids(folder)} == {
            prompt["prompt_id"] for prompt in PROMPTS[2:]
        }
        write_json(folder / "manifest.json", {})
    assert vllm.loaded == ["p0", "p1", "p2", "p3"]
    assert len(vllm.jobs) == 6, "weights were loaded for what was set aside before"


def test_a_split_with_answers_from_before_is_not_empty(run_dir, desk, endpoint, vllm):
    folder, none = begun(run_dir, prompts=PROMPTS), desk(endpoint(told))
    sample(folder, CONFIG, FIRST, 0, none)
    write_json(folder / "manifest.json", {})
    more = [*PROMPTS, prompt_row("far too long a prompt", "test")]
    second = begun(run_dir, 2, prompts=more)
    sample(second, CONFIG, FIRST, 0, none)
    assert read_rows(second, "prompts")[-1]["set_aside"] == "too long"


def test_a_prompt_that_the_template_refuses_is_set_aside_or_ends_by_setting(
    run_dir, desk, endpoint, vllm
):
    system = {**prompt_row("q7"), "source": "mine.jsonl:7"}
    system["messages"] = [{"role": "system", "content": "Be kind."}, *system["messages"]]
    folder, none = begun(run_dir, prompts=[*PROMPTS, system]), desk(endpoint(told))
    vllm.takes_system = False
    named = (
        rf"mine.jsonl:7 \({system['prompt_id']}\): the chat template refuses it \(System role not"
    )
    stop = CONFIG.model_copy(update={"unanswerable": "stop"})
    with pytest.raises(UserError, match=f"sampler cannot answer 1 of 3 train prompts: {named}"):
        sample(folder, stop, FIRST, 0, none)
    assert not vllm.asked
    facts = sample(folder, CONFIG, FIRST, 0, none)
    assert facts["set_aside"] == 1 and facts["candidates"] == 8
    (warning,) = sampling_warnings(facts)
    assert re.match(f"1 prompt set aside: {named}", warning)
    with pytest.raises(Stopped, match=named):
        sample(folder, stop, FIRST, 0, none)


def test_a_prompt_that_fits_after_all_is_no_longer_set_aside(run_dir: Path, desk, endpoint, vllm):
    rows = [{**row, "set_aside": "too long"} for row in PROMPTS]
    folder = begun(run_dir, prompts=rows)
    sample(folder, CONFIG, FIRST, 0, desk(endpoint(told)))
    assert read_rows(folder, "prompts") == PROMPTS


def test_a_change_taken_back_samples_the_held_out_rows_it_lost(run_dir, desk, endpoint, vllm):
    folder, none = begun(run_dir, prompts=PROMPTS), desk(endpoint(told))
    sample(folder, CONFIG, FIRST, 0, none)
    sample_held_out(folder, CONFIG, [FIRST, NEXT], 0, none)
    wanted = held_out_ids(folder)
    sample_held_out(folder, CONFIG, [FIRST, NEXT._replace(policy_id="other")], 0, none)
    assert held_out_ids(folder) != wanted
    sample_held_out(folder, CONFIG, [FIRST, NEXT], 0, none)
    assert held_out_ids(folder) == wanted


@pytest.mark.parametrize("killed_at", ["set_aside", "rows_hash", "write_sealed"])
def test_a_kill_before_the_stamp_loses_no_count(
    run_dir: Path, tmp_path: Path, desk, endpoint, vllm, killed_at: str
):
    long, none = prompt_row("far too long a prompt", "gate"), desk(endpoint(told))
    calm, killed = (
        begun(one, prompts=[*PROMPTS, long]) for one in (tmp_path / "runs" / "calm", run_dir)
    )

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    for folder in (calm, killed):
        write_rows(folder, "candidates", [])
        if folder is killed:
            where = "rounds.stages" if killed_at == "write_sealed" else "sampler.stage"
            with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(f"{where}.{killed_at}", kill)
                sample_held_out(folder, CONFIG, [NEXT], 0, none)
        sample_held_out(folder, CONFIG, [NEXT], 0, none)
    stamps = [stage_stamps(folder)["sample_held_out_p1"] for folder in (calm, killed)]
    assert stamps[0]["facts"] == stamps[1]["facts"] and stamps[0]["key"] == stamps[1]["key"]
    assert stamps[0]["facts"]["set_aside"] == 1 and stamps[0]["facts"]["tokens"]
    assert held_out_ids(calm) == held_out_ids(killed)
    assert len(vllm.asked) == 4, "a prompt was sampled again"


def test_answers_follow_a_held_out_prompt_to_its_new_split(run_dir, desk, endpoint, vllm):
    folder, none = begun(run_dir, prompts=PROMPTS), desk(endpoint(told))
    sample_held_out(folder, CONFIG, [FIRST, NEXT], 0, none)
    gate, test = {**PROMPTS[3], "split": "gate"}, {**PROMPTS[2], "split": "test"}
    write_rows(folder, "prompts", [*PROMPTS[:2], gate, test])
    sample_held_out(folder, CONFIG, [FIRST, NEXT], 0, none)
    splits = {prompt["prompt_id"]: prompt["split"] for prompt in (gate, test)}
    assert {(name, split) for name, _, split in held_out_ids(folder)} == set(splits.items())
    assert vllm.loaded == ["p0", "p1"]


def test_a_split_that_nobody_can_answer_stops_the_stage(run_dir, desk, endpoint, vllm):
    folder = begun(run_dir, prompts=[prompt_row("q0"), prompt_row("far too long", "gate")])
    for _ in range(2):
        with pytest.raises(UserError, match=r"no gate prompt fits: here:1 .*: too long; lower"):
            sample(folder, CONFIG, FIRST, 0, desk(endpoint(told)))
    assert not vllm.asked, "something was sampled before"
