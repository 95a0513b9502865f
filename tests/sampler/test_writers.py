"""Several sources a round: which are there, what they are asked, and what is recorded of them."""

from pathlib import Path
from typing import Any

import pytest
from builders import POLICY, begun, prompt_row
from configs import TREE, load, refused
from scripted import Raw, Scripted, completion
from scripted_child import Children, scripted_children

from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.files import write_json
from rounds.folder import round_dir
from rounds.rows import Candidate
from rounds.tables import read_rows
from rounds.weights import Policy, local_policy
from sampler.check import check_sampler, vllm_samplings
from sampler.config import SamplerConfig
from sampler.loadings import loadings
from sampler.stage import sample
from sampler.writers import writers_of_round

HERE = Policy("m", None, "p0")
PROMPTS = [
    {**prompt_row("q0"), "reference": "right 0"},
    prompt_row("q1"),
    {**prompt_row("q2"), "reference": "right 2"},
    prompt_row("g", "gate"),
]
NONE = Endpoints({}, Path("logs"))


def config(n: int = 2, **also: dict[str, Any]) -> SamplerConfig:
    return SamplerConfig(n=n, sampling={"max_tokens": 9}, also=also)


def weights(folder: Path) -> dict[str, Any]:
    """A policy with files of its own, as a manifest has it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(f'{{"name": "{folder}"}}')
    (folder / "model.safetensors").write_bytes(b"w")
    return local_policy(folder)._asdict()


def past(run_dir: Path, *places: tuple[dict[str, Any], dict[str, Any]]) -> Path:
    """The round after some finished ones that began with, and ended with, these policies."""
    for number, (start, end) in enumerate(places, start=1):
        trained = end if end != start else {"policy_id": f"refused in {number}"}
        facts = {"policy": start, "initial": places[0][0], "in_place": end, "trained": trained}
        facts["round"] = number
        write_json(round_dir(run_dir, number) / "manifest.json", facts)
    return begun(run_dir, len(places) + 1, prompts=PROMPTS)


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Children:
    return scripted_children(monkeypatch, says)


def says(policy: str, messages: list[dict[str, str]], seed: int) -> str:
    return f"{policy}: {messages[-1]['content']} from {seed}"


def sources(rows: list[Candidate]) -> list[tuple[str, int]]:
    return [(row["source"], row["index"]) for row in rows]


def test_a_round_records_who_wrote_what_in_the_order_of_the_config(run_dir: Path, vllm):
    folder = begun(run_dir, prompts=PROMPTS)
    also: dict[str, Any] = {
        "hot": {"sampling": {"temperature": 1.4}, "n": 2},
        "right": {"reference": True},
        "first": {"policy": "initial"},
    }
    found = sample(folder, config(**also), HERE, 0, NONE)
    rows = read_rows(folder, "candidates", ["train"])
    first, second, third = ([*rows[:6]], [*rows[6:11]], [*rows[11:]])
    whole = [("current", 0), ("current", 1), ("hot", 2), ("hot", 3), ("right", 4), ("first", 5)]
    assert sources(first) == sources(third) == whole
    assert sources(second) == [one for one in whole if one[0] != "right"]
    assert [row["prompt_id"] for row in rows] == sorted(
        [row["prompt_id"] for row in rows],
        key=[prompt["prompt_id"] for prompt in PROMPTS].index,
    )
    assert len({row["candidate_id"] for row in rows}) == len(rows)
    assert {row["text"] for row in rows if row["source"] == "right"} == {"right 0", "right 2"}
    assert found["sources"] == {"current": 6, "hot": 6, "right": 2, "first": 3}
    assert found["candidates"] == 18
    texts = [row["text"] for row in first if row["source"] != "right"]
    assert texts == [f"p0: q0 from {first[0]['seed'] + index}" for index in (0, 1, 2, 3, 5)]


def test_held_out_prompts_are_answered_by_the_policy_alone(run_dir: Path, vllm):
    folder = begun(run_dir, prompts=PROMPTS)
    sample(folder, config(hot={"n": 3}, first={"policy": "initial"}), HERE, 0, NONE)
    rows = read_rows(folder, "candidates", ["gate", "test"])
    assert sources(rows) == [("current", 0)]


def test_equal_sources_draw_differently(run_dir: Path, vllm):
    folder = begun(run_dir, prompts=PROMPTS[:1])
    sample(folder, config(again={"n": 2}), HERE, 0, NONE)
    rows = read_rows(folder, "candidates")
    assert len({row["candidate_id"] for row in rows}) == len({row["text"] for row in rows}) == 4


def test_earlier_policies_are_found_in_the_manifests(run_dir: Path, tmp_path: Path):
    a, b, c = (weights(tmp_path / name) for name in "abc")
    # round 2 promoted b, round 3 nothing, round 4 c
    folder = past(run_dir, (a, a), (a, b), (b, b), (b, c))
    write_json(folder / "work" / "start.json", {"policy": c, "initial": a, "seed": 0})
    also: dict[str, Any] = {
        "first": {"policy": "initial"},
        "last": {"policy": "previous"},
        "third": {"policy": 3},
        "future": {"policy": 9},
        "better": {"revise": "future"},
    }
    found = writers_of_round(folder, config(**also), Policy(**c), NONE)
    who = {writer.name: writer.policy and Path(writer.policy.model).name for writer in found}
    assert who == {"current": "c", "first": "a", "last": "b", "third": "b"}
    assert [writer.first_index for writer in found] == [0, 2, 3, 4]
    third = past(run_dir.with_name("other"), (a, a), (a, b), (b, b))
    (last,) = writers_of_round(third, config(last={"policy": "previous"}), Policy(**b), NONE)[1:]
    assert last.policy == Policy(**a), "the policy in place is no previous one"
    (tmp_path / "b" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"sampler.also.last.policy: .*b: no weights"):
        writers_of_round(folder, config(**also), Policy(**c), NONE)


def test_before_there_is_an_earlier_policy_it_gives_no_candidates(run_dir: Path, vllm):
    folder = begun(run_dir, prompts=PROMPTS[:1])
    sample(folder, config(last={"policy": "previous", "n": 2}, two={"policy": 2}), HERE, 0, NONE)
    assert sources(read_rows(folder, "candidates")) == [("current", 0), ("current", 1)]


def test_tokens_are_kept_only_where_they_are_the_policys(run_dir: Path, vllm, tmp_path: Path):
    other = weights(tmp_path / "other")
    folder = begun(run_dir, prompts=PROMPTS[:1])
    also: dict[str, Any] = {
        "other": {"model": other["model"]},
        "mended": {"revise": "other"},
        "better": {"revise": "current"},
        "right": {"reference": True},
        "right_again": {"revise": "right"},
    }
    sample(folder, config(1, **also), HERE, 0, NONE)
    rows = {row["source"]: row for row in read_rows(folder, "candidates")}
    kept = {name: row["token_ids"] is not None for name, row in rows.items()}
    assert kept == {
        "current": True,
        "other": False,
        "mended": False,
        "better": True,
        "right": False,
        "right_again": True,
    }
    known = {name for name, row in rows.items() if row["logprob"] is not None}
    assert known == {"current"}, "a log-probability under another prompt or model"
    assert all(rows[name]["n_tokens"] for name in ("other", "mended", "better", "right_again"))
    written_by = {name: row["policy_id"] for name, row in rows.items()}
    assert written_by["other"] == written_by["mended"] == other["policy_id"]
    assert written_by["right"] == "reference" and written_by["right_again"] == "p0"


def test_sources_of_the_same_weights_arguments_and_env_share_a_loading(run_dir: Path, tmp_path):
    other = weights(tmp_path / "other")
    folder = begun(run_dir, prompts=PROMPTS)
    also: dict[str, Any] = {
        "hot": {"sampling": {"temperature": 2}},
        "long": {"vllm": {"max_model_len": 9}},
        "far": {"env": {"A": "1"}},
        "other": {"model": other["model"]},
        "better": {"revise": "other"},
        "right": {"reference": True},
    }
    found = loadings(writers_of_round(folder, config(**also), HERE, NONE))
    assert [one.names for one in found] == [
        ["current", "hot"],
        ["long"],
        ["far"],
        ["other", "better"],
    ]


def test_adapters_of_one_base_share_a_loading(run_dir: Path):
    folder = begun(run_dir, prompts=PROMPTS)
    tuned = HERE._replace(adapter="lora", policy_id="p1")
    found = loadings(writers_of_round(folder, config(first={"policy": "initial"}), tuned, NONE))
    assert POLICY["adapter"] is None and POLICY["model"] != "m"
    assert [one.names for one in found] == [["current"], ["first"]]
    write_json(folder / "work" / "start.json", {"policy": POLICY, "initial": HERE._asdict()})
    found = loadings(writers_of_round(folder, config(first={"policy": "initial"}), tuned, NONE))
    assert [one.names for one in found] == [["current", "first"]]


def hosted(at: Scripted, **given: Any) -> Endpoints:
    desk = EndpointConfig(base_url=at.base_url, model="m", price={"input": 1e6}, **given)
    return Endpoints({"desk": desk}, Path("logs"))


def told(body: dict[str, Any]) -> str:
    return f"desk: {body['messages'][-1]['content']} from {body['seed']}"


def test_an_endpoint_beside_the_policy_is_journalled_and_counted(run_dir, endpoint, vllm):
    folder, at = begun(run_dir, prompts=PROMPTS), endpoint(told)
    also: dict[str, Any] = {"big": {"endpoint": "desk", "n": 2, "sampling": {"temperature": 1}}}
    found = sample(folder, config(1, **also), HERE, 0, hosted(at))
    rows = read_rows(folder, "candidates")
    assert sources(rows)[:3] == [("current", 0), ("big", 1), ("big", 2)]
    assert {row["policy_id"] for row in rows if row["source"] == "big"} == {"desk/m"}
    assert len(at.requests) == 6
    usage = {"calls": 6, "prompt_tokens": 60, "completion_tokens": 18, "cost": 60.0}
    usage |= {"cached_tokens": 0, "estimated": 0}
    assert found["sampler_usage"] == usage
    (folder / "work" / "sample.json").unlink()
    (folder / "candidates.parquet").unlink()
    assert sample(folder, config(1, **also), HERE, 0, hosted(at)) == found
    assert read_rows(folder, "candidates") == rows
    assert len(at.requests) == 6 and len(vllm.jobs) == 1


def test_a_prompt_is_set_aside_only_if_nobody_answers_it(run_dir, endpoint, monkeypatch):
    def refuses_q1(body: dict[str, Any]) -> Any:
        asked = body["messages"][0]["content"]
        return completion(None, refusal="no") if asked == "q1" else told(body)

    scripted_children(monkeypatch, says, longest=1)
    prompts = [{**prompt_row("q1"), "reference": "yes"}, prompt_row("q2"), prompt_row("q")]
    folder = begun(run_dir, prompts=prompts)
    also: dict[str, Any] = {"big": {"endpoint": "desk"}, "right": {"reference": True}}
    sample(folder, config(1, **also), HERE, 0, hosted(endpoint(refuses_q1)))
    assert [row["set_aside"] for row in read_rows(folder, "prompts")] == ["too long", None, None]
    rows = read_rows(folder, "candidates")
    assert sources(rows) == [("big", 1), ("current", 0), ("big", 1)], "a reference alone"


def test_a_lost_endpoint_keeps_what_the_policy_wrote(run_dir, endpoint, vllm):
    folder, down = begun(run_dir, prompts=PROMPTS), [True]
    at = endpoint(lambda body: Raw(401) if down[0] else told(body))
    also: dict[str, Any] = {"big": {"endpoint": "desk"}}
    with pytest.raises(Exception, match="endpoint desk"):
        sample(folder, config(**also), HERE, 0, hosted(at))
    down[0] = False
    sample(folder, config(**also), HERE, 0, hosted(at))
    assert len(vllm.jobs) == 1
    assert len(read_rows(folder, "candidates", ["train"])) == 9


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sampler.also.x.revise=y", "sampler.also.x.revise: no source 'y' above it (current)"),
        ("sampler.also.x.polcy=initial", "sampler.also.x.polcy: unknown key; did you mean policy?"),
        ("sampler.also.x.policy=first", "sampler.also.x.policy: 'first' is none of current, init"),
        ("sampler.also.x.policy=0", "sampler.also.x.policy: rounds count from 1"),
        ("sampler.also.x={reference: true, n: 2}", "sampler.also.x.n does not go with reference"),
        ("sampler.also.x={revise: current, vllm: {a: 1}}", "x.vllm does not go with revise"),
        ("sampler.also.x={model: a, endpoint: desk}", "and not model and endpoint at once"),
        ("sampler.also.x={endpoint: desc}", "sampler.also.x.endpoint: no endpoint 'desc' under"),
        ("sampler.also.x={revise: current, by: big}", "sampler.also.x.by: no endpoint 'big'"),
        ("sampler.also.x.sampling.n=3", "sampler.also.x.sampling.n is set by prefloop"),
        ("sampler.also.current.n=3", "sampler.also.current: no name for a source"),
        ("sampler.also.x.n=1024", "sampler.also: 3076 candidates a prompt; 2048 at most"),
        ("sampler.devices=[0, 0]", "sampler.devices: 0 stands twice"),
        ("sampler.devices=['0,1', ' 01']", "sampler.devices: 1 stands twice"),
        ("sampler.devices=[0, cuda:1]", "sampler.devices.1: expected numbers of GPUs, GPU-"),
        ("sampler.devices=['0,']", "sampler.devices.0: expected numbers of GPUs"),
        ("sampler={devices: [0], env: {CUDA_VISIBLE_DEVICES: '1'}}", "under env as well"),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_its_key(tmp_path, override: str, message: str):
    more = ["sampler.also.a.n=1024", "sampler.also.b.n=1024"] if "3076" in message else []
    assert message in refused(tmp_path, TREE, *more, override)


def test_devices_are_numbers_and_uuids_with_or_without_spaces(tmp_path: Path):
    found = load(tmp_path, TREE, "sampler.devices=['0, 1', 2, GPU-8932f937-d72c, MIG-GPU-8/1/2]")
    assert found.sampler.devices == ["0,1", "2", "GPU-8932f937-d72c", "MIG-GPU-8/1/2"]


@pytest.mark.parametrize(
    ("also", "fits"),
    [
        ("{x: {policy: previous, n: 3}}", False),
        ("{x: {policy: 2}, y: {revise: x}}", False),
        ("{x: {policy: previous}, y: {revise: current}}", True),
        ("{x: {policy: initial}}", True),
    ],
)
def test_one_answer_has_another_beside_it_in_round_1(tmp_path: Path, also: str, fits: bool):
    given = ("sampler.n=1", f"sampler.also={also}")
    if fits:
        load(tmp_path, TREE, *given)
    else:
        says = "sampler.n: one answer a prompt has none beside it while also.x has no policy, as in"
        assert says in refused(tmp_path, TREE, *given)


def test_the_first_child_is_told_what_every_source_draws(run_dir: Path, vllm, tmp_path: Path):
    cold, hot = {"temperature": 0}, {"temperature": 2}
    also: dict[str, Any] = {
        "big": {"model": weights(tmp_path / "big")["model"], "sampling": cold, "n": 3},
        "last": {"policy": "previous", "sampling": hot},
        "right": {"reference": True},
        "desk": {"endpoint": "desk"},
        "better": {"revise": "desk"},
    }
    tree = config(**also)
    told_cold, told_hot = ({"temperature": t, "max_tokens": 9} for t in (0, 2))
    assert vllm_samplings(tree, True) == [("sampler.also.big.sampling", told_cold, 3)]
    del also["desk"], also["better"]
    sample(begun(run_dir, prompts=PROMPTS), config(**also), HERE, 0, NONE)
    assert [writer["name"] for writer in vllm.jobs[0]["writers"]] == ["current", "right"]
    assert vllm.jobs[0]["samplings"] == [
        ["sampler.sampling", {"temperature": 1, "max_tokens": 9}, 2],
        ["sampler.also.big.sampling", told_cold, 3],
        ["sampler.also.last.sampling", told_hot, 1],
    ]


def test_one_answer_is_enough_beside_another_source(tmp_path: Path):
    load(tmp_path, TREE, "sampler.n=1", "sampler.also.right.reference=true")
    pairwise = ["judge.strategy=pairwise", "sampler.n=1", "sampler.also.x.n=1"]
    assert load(tmp_path, TREE, *pairwise).sampler.candidates == 2
    message = refused(tmp_path, TREE, "judge.strategy=pairwise", "sampler.also.x.n=1")
    assert "pairwise compares two, the sampler's sources give 5" in message


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ({"sampling": {"temprature": 1}}, "sampler.also.x.sampling.temprature: vLLM knows no such"),
        ({"vllm": {"max_len": 1}}, "sampler.also.x.vllm.max_len: vLLM knows no such argument"),
        ({"model": "./nowhere"}, "sampler.also.x.model: ./nowhere: no such model folder"),
        ({"endpoint": "desk"}, "sampler.also.x.sampling.min_p: chat completions take no such"),
        ({"revise": "current", "principles": "no.txt"}, "sampler.also.x.principles: no such file"),
        ({"reference": True}, "sampler.also.x.reference: no train prompt has a reference"),
    ],
)
def test_what_a_source_needs_is_checked_before_anything_is_spent(also: Any, message: str):
    tree = SamplerConfig(sampling={"min_p": 0.1}, also={"x": also})
    with pytest.raises(UserError) as caught:
        check_sampler(tree, False, lambda: False)
    assert message in str(caught.value)


def test_sampling_arguments_are_those_of_whoever_writes():
    chat = {"sampling": {"top_logprobs": 1}}
    by_desk = {"big": {"endpoint": "desk", **chat}, "better": {"revise": "big", **chat}}
    check_sampler(SamplerConfig(also=by_desk), False, lambda: False)
    typo = SamplerConfig(vllm={"max_len": 1}, also={"x": {"model": "prefloop:starter/policy"}})
    with pytest.raises(UserError, match=r"sampler.also.x.vllm.max_len: vLLM knows no such"):
        check_sampler(typo, True, lambda: False)
    earlier = SamplerConfig(also={"x": {"policy": "previous"}})
    check_sampler(earlier, True, lambda: False)
    with pytest.raises(UserError, match="never trained with trainer: null; there is no earlier"):
        check_sampler(earlier, True, lambda: False, False)
