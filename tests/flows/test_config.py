"""A config that is wrong is refused in one message that says where and what would be right."""

import re
from pathlib import Path

import pytest
import yaml
from configs import TREE, load, refused

from flows.config import dump_config
from flows.load import load_config
from flows.preflight import first_policy
from rounds.errors import UserError
from rounds.settings import locate
from rounds.weights import weights_hash


def test_the_smallest_config_loads_with_its_defaults(tmp_path: Path):
    config = load(tmp_path)
    assert config.policy.model == "prefloop:starter/policy"
    assert config.judge.scale == (1, 10) and config.trainer is not None
    assert config.used_endpoints == {"desk"} and config.held_out_judge == config.judge


@pytest.mark.parametrize(
    ("override", "where", "nearest"),
    [
        ("polcy=x", "polcy", "policy"),
        ("sampler.chunks=3", "sampler.chunks", "chunk"),
        ("judge.rubrics.pairwize=x", "judge.rubrics.pairwize", "pairwise"),
        ("gate.treshold=0.5", "gate.treshold", "threshold"),
        ("gate.judge={endpoint: desk, rubric: {}}", "gate.judge.rubric", "rubrics"),
        ("endpoints.desk.max_in_fligt=3", "endpoints.desk.max_in_fligt", "max_in_flight"),
        ("endpoints.desk.price.inputs=3", "endpoints.desk.price.inputs", "input"),
        (
            "endpoints.price={base_url: http://x, model: m, timeot: 3}",
            "endpoints.price.timeot",
            "timeout",
        ),
        ("trainer.arg={}", "trainer.arg", "args"),
        ("policy.adaptor=x", "policy.adaptor", "adapter"),
    ],
)
def test_an_unknown_key_names_the_nearest_one(tmp_path: Path, override, where, nearest):
    message = refused(tmp_path, TREE, override)
    assert message.endswith(f"config.yaml: {where}: unknown key; did you mean {nearest}?")


def test_a_key_like_no_other_lists_those_that_are_known(tmp_path: Path):
    message = refused(tmp_path, TREE, "pairs.zzz=1")
    assert "pairs.zzz: unknown key; known here: held_out_near, held_out_overlap, " in message


@pytest.mark.parametrize("key", ["name", "policy", "prompts.train", "judge.endpoint"])
def test_a_missing_key_is_named(tmp_path: Path, key: str):
    tree = yaml.safe_load(TREE)
    *parents, last = key.split(".")
    below = tree[parents[0]] if parents else tree
    del below[last]
    assert refused(tmp_path, yaml.safe_dump(tree)).endswith(f"config.yaml: {key}: is missing")


@pytest.mark.parametrize(
    ("override", "start"),
    [
        ("sampler.n=many", "sampler.n: Input should be a valid integer"),
        ("sampler.n=1", "sampler.n: Input should be greater than or equal to 2"),
        ("judge.scale=[1, ten]", "judge.scale.1: Input should be a valid integer"),
        ("judge.scale=[1]", "judge.scale.1: is missing"),
        ("judge.scale=[5, 5]", "judge.scale: [5, 5] has no room"),
        ("gate.threshold=1.5", "gate.threshold: Input should be less than 1"),
        ("gate.must_exceed=mean", "gate.must_exceed: Input should be 'low' or 'value'"),
        ("sampler=7", "sampler: expected a section with some of n, sampling"),
        ("endpoints.desk=7", "endpoints.desk: expected a section with some of base_url, serve"),
        ("judge.gold=gold.jsonl", "judge.gold: expected a section with some of path, min_n"),
        ("name=../x", "name: '../x' is no folder name"),
        ("name=''", "name: '' is no folder name"),
        ("prompts.gate=0", "prompts.gate: 0 leaves the gate nothing to decide on"),
        ("prompts.gate=-1", "prompts.gate: how many prompts to hold out cannot be negative"),
        ("endpoints.desk.model=null", "endpoints.desk: needs model"),
        ("sampler.sampling.seed=1", "sampler.sampling.seed is set by prefloop"),
        ("sampler.sampling.max_tokens=many", "sampler.sampling.max_tokens: 'many'; expected"),
        ("sampler.sampling.max_tokens=0", "sampler.sampling.max_tokens: 0; expected a whole"),
        ("gate.metrics.decision=a:b", "gate.metrics: decision is a name"),
        ("trainer.args.output_dir=x", "trainer.args.output_dir is set by prefloop"),
        ("policy={model: a, endpoint: desk}", "policy: needs exactly one of model"),
        ("policy={endpoint: desk, adapter: a}", "policy.adapter: goes on model"),
        ("endpoints.desk.base_url=x:80/v1", "endpoints.desk.base_url: 'x:80/v1' is no address"),
        (
            "endpoints.desk.replicas=2",
            "endpoints.desk.replicas: unknown key; did you mean serve.replicas?",
        ),
        ("base_url=x", "base_url: unknown key; did you mean endpoints.NAME.base_url?"),
        ("gate.suites={a b: {prompts: x, score: exact}}", "gate.suites: 'a b' is no name for a"),
        (
            "gate.suites.s={prompts: {file: x}, score: exact}",
            "gate.suites.s.prompts: expected a text, and this is a section",
        ),
        (
            "on_promotion=[{webhook: {evn: X}}]",
            "on_promotion.0.webhook.env: is missing; on_promotion.0.webhook.evn: unknown key; did "
            "you mean env?",
        ),
        (
            "endpoints.desk.extra_headers={a: {env: 5}}",
            "endpoints.desk.extra_headers.a.env: Input should be a valid string (it is 5)",
        ),
        ("seed=-5", "seed: Input should be greater than or equal to 0 (it is -5)"),
        ("seed=4294967296", "seed: Input should be less than 4294967296"),
        (
            "trainer={args: {beta: 0.3}, sweep: [{beta: 0.3}, {}], held_out_pairs: 0.1}",
            "trainer.sweep: needs two variants at least, and none of them twice with args",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_key(tmp_path: Path, override: str, start: str):
    message = refused(tmp_path, TREE, override)
    assert message.split("config.yaml: ", 1)[1].startswith(start)


JUDGES = (
    "endpoints.served={serve: {model: 'prefloop:starter/judge'}}",
    "endpoints.several={base_url: [http://x, http://y], model: m}",
    "endpoints.priced={base_url: http://x, model: m, price: {input: 1}}",
)
GOLD = "judge.gold={path: gold.jsonl}"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ("judge.strategy=screen_confrm", "judge.strategy: Input should be .*; did you mean screen"),
        ("judge.strategy=best_of_n", r"judge.strategy: Input should be .* \(it is 'best_of_n'\)$"),
        ("judge.channel=jsn", "judge.channel: Input should be .*; did you mean json"),
        ("judge.select.rule=best_wurst", "judge.select.rule: .* did you mean best_worst"),
        ("judge.select.band=[3, 1]", "judge.select.band: expected the smallest difference, then"),
        ("judge.select.rule=delta", "judge.select.delta: names the two sources of rule delta"),
        (
            "judge.select={rule: delta, delta: {better: big, worse: current}}",
            "judge.select.delta.better: no source 'big'; there are current",
        ),
        (
            "judge.select={rule: delta, delta: {better: current, worse: old}} "
            "sampler.also={old: {policy: previous}}",
            "judge.select.delta.worse: old has no policy in round 1, so that no round",
        ),
        (
            "policy={endpoint: desk} trainer.method=openai "
            "gate.suites.s={prompts: x, score: perplexity, at_most: 9}",
            "gate.suites.s.score: perplexity is measured with the policy's weights, and desk does",
        ),
        (
            "sampler.vllm.logprobs_mode=raw_logits "
            "gate.suites.s={prompts: x, score: perplexity, at_most: 9}",
            "gate.suites.s.score: .* which sampler.vllm.logprobs_mode: raw_logits changes",
        ),
        (
            "sampler.vllm.kv_sharing_fast_prefill=true "
            "gate.suites.s={prompts: x, score: perplexity, at_most: 9}",
            "gate.suites.s.score: .* which sampler.vllm.kv_sharing_fast_prefill: True changes",
        ),
        (
            "trainer.weights.sources={train.jsonl: 0}",
            "trainer.weights.sources: every source of prompts.train has 0, so that no pair of a",
        ),
        (
            "trainer.weights.sources={replay: 2, 'x.jsonl': 1}",
            "trainer.weights.sources: 'x.jsonl' is none of pairs, warm_start, replay, ",
        ),
        (
            "trainer.weights.by=probability judge.sampling.logprobs=false",
            "trainer.weights.by: probability needs the judge's, and there are none without logp",
        ),
        (
            "trainer.weights.by=probability judge.endpoint=python:mine:choose "
            "judge.strategy=random_pair",
            "trainer.weights.by: probability needs the judge's, and python:mine:choose is no endp",
        ),
        (
            "trainer.weights.by=probability judge.criteria.honesty=1",
            "trainer.weights.by: probability needs the judge's, and criteria have none",
        ),
        (
            "trainer.sweep.beta=[0.1,0.5] prompts.per_round=100",
            "trainer.sweep: its variants are told apart on 10 held-out pairs or more; "
            "trainer.held_out_pairs: 0.05 of at most 100 pairs a round is 5: raise it",
        ),
        (
            "trainer.sweep={label_smoothing: [0.1, from_gold]} prompts.per_round=400",
            "trainer.args.label_smoothing: from_gold needs judge.gold",
        ),
        ("judge.select.pairs=0", "judge.select.pairs: Input should be greater than or equal to 1"),
        (
            "judge.strategy=random_pair judge.select.pairs=2",
            "judge.select: random_pair selects nothing; leave it out, or take screen_confirm, ",
        ),
        ("judge.channel=token", r"judge.scale: \[1, 10\] is beyond one token; .* \[0, 9\]"),
        ("judge.channel=token judge.scale=[-1,5]", r"judge.scale: \[-1, 5\] is beyond one token"),
        (
            "judge.channel=token judge.scale=[1,5] judge.strategy=listwise",
            "judge.channel: one token cannot rank a list",
        ),
        (
            "judge.channel=token judge.scale=[1,5] judge.sampling.logprobs=false",
            "judge.sampling.logprobs: the token channel reads its verdict from them",
        ),
        ("judge.channel=text judge.criteria.honesty=1", "judge.criteria: are read from the json"),
        ("judge.criteria.honesty=0", "judge.criteria.honesty: Input should be greater than 0"),
        ("judge.criteria.honesty=.inf", "judge.criteria.honesty: Input should be a finite number"),
        ("judge.criteria.verdict=1", "judge.criteria: verdict is a field that every reply has"),
        (
            "judge.endpoint=7",
            r"judge.endpoint: Input .* string \(it is 7\); judge.endpoint: ",
        ),
        ("judge.endpoint=[]", "judge.endpoint: needs at least one judge"),
        ("judge.endpoint=[desk,desk]", "judge.endpoint: needs at least one judge, each named once"),
        ("judge.appeal.endpoint=[]", "judge.appeal.endpoint: needs at least one judge"),
        ("judge.appeal.endpoint=desk", "judge.appeal.endpoint: desk has judged already"),
        ("judge.health.second=desk", "judge.health.second: desk has judged already"),
        (
            "judge.appeal.endpoint=served judge.appeal.max_share=0",
            "judge.appeal.max_share: Input should be greater than 0",
        ),
        ("judge.strategy=pairwise", "judge.strategy: pairwise compares two, sampler.n is 4"),
        ("judge.strategy=listwise sampler.n=27", "judge.strategy: listwise ranks 26 at most, "),
        (
            "judge.endpoint=human:people.jsonl",
            "judge.strategy: screen_confirm needs scores, and human:people.jsonl has comparisons",
        ),
        (
            "judge.endpoint=python:mine:score judge.strategy=listwise",
            "judge.strategy: listwise asks an endpoint for rankings, and python:mine:score is none",
        ),
        ("judge.batch=true judge.endpoint=served", "judge.batch: .* and served has no base_url"),
        (
            "judge.batch=true judge.endpoint=several",
            "judge.batch: .*several.base_url names several",
        ),
        (
            "policy={endpoint: several} trainer.method=openai",
            "trainer.method: openai trains at one server, and endpoints.several.base_url names",
        ),
        (
            "trainer.method=kto trainer.kto={above: 11, below: 3}",
            "trainer.kto: judge.scale goes from 1 to 10, so nothing would be above 11",
        ),
        (
            "trainer.method=kto trainer.kto={above: 7, below: 0}",
            "trainer.kto: judge.scale goes from 1 to 10, .* or below 0",
        ),
        ("judge.batch=true judge.endpoint=python:mine:score", "judge.batch: .* has no base_url"),
        ("judge.batch=true judge.budget.calls=9", "judge.batch: .* a budget could not stop it"),
        (
            "judge.batch=true judge.strategy=tournament",
            "judge.batch: is for the screen of screen_confirm, and tournament has none",
        ),
        ("judge.budget.calls=0", "judge.budget.calls: Input should be greater than or equal to 1"),
        ("judge.budget.tokens=0", "judge.budget.tokens: Input should be greater than or equal"),
        ("judge.budget.cost=0", "judge.budget.cost: Input should be greater than 0"),
        ("judge.budget.cost=5", "judge.budget.cost: no judge has a price; set endpoints"),
        (
            "judge.tau=0.4",
            r"judge.tau: expected a number .* from_gold\(0.9\), or from_gold\(0.9, point\)",
        ),
        ("judge.tau=1", "judge.tau: expected a number from 0.5 to 1"),
        ("judge.tau=from_gold", "judge.tau: expected .* .it is 'from_gold'"),
        ("judge.tau=from_gold(90) " + GOLD, "judge.tau: expected a number"),
        ("judge.tau=from_gold(0.9)", r"judge.tau: from_gold\(0.9\) needs judge.gold; give"),
        (
            "judge.tau=from_gold(0.9) judge.channel=text " + GOLD,
            "judge.tau: .* needs probabilities, and there are none without logprobs",
        ),
        (
            "judge.tau=from_gold(0.9) judge.criteria.honesty=1 " + GOLD,
            "judge.tau: .* needs probabilities, and criteria have none",
        ),
        (
            "judge.gold.path=null",
            "judge.gold.path: expected a file, a folder or the id of a dataset",
        ),
        (GOLD + " judge.gold.min_n=0", "judge.gold.min_n: Input should be greater than or equal"),
        ("judge.health.sample=-1", "judge.health.sample: Input should be greater than or equal"),
        ("judge.health.bounds.max_flips=1.5", "judge.health.bounds.max_flips: .* less than or eq"),
        ("judge.health.bounds.min_yield=-0.1", "judge.health.bounds.min_yield: .* greater than or"),
        (
            "judge.health.bounds.max_flip=0.5",
            "judge.health.bounds.max_flip: .* did you mean max_flips",
        ),
        (
            "gate.judge={endpoint: desk, tau: from_gold(0.9), gold: {path: g.jsonl}}",
            r"gate.judge.tau: from_gold\(0.9\) is for labels, the gate's judge takes a number",
        ),
        ("gate.judge={endpoint: desk, gold: {path: g}}", "gate.judge.gold: is for labels, leave"),
        ("gate.judge={endpoint: desk, budget: {calls: 9}}", "gate.judge.budget: is for labels"),
        ("gate.judge={endpoint: desk, batch: true}", "gate.judge.batch: is for labels"),
        ("gate.judge={endpoint: desk, appeal: {endpoint: served}}", "gate.judge.appeal: is for la"),
        (
            "trainer.args.label_smoothing=from_gold",
            "trainer.args.label_smoothing: from_gold needs judge.gold; give a number, or a gold",
        ),
    ],
)
def test_a_judge_that_cannot_work_is_refused_with_the_reason(tmp_path: Path, overrides, says):
    given = re.split(r" (?=[a-z]+\.[a-z_.]+=)", overrides)
    message = refused(tmp_path, TREE, *JUDGES, *given)
    assert re.search(f"config.yaml: {says}", message), message


@pytest.mark.parametrize(
    "overrides",
    [
        ["judge.channel=token", "judge.scale=[0, 9]"],
        ["judge.channel=token", "judge.strategy=pairwise", "sampler.n=2"],
        ["judge.channel=token", "judge.strategy=tournament"],
        ["gate.judge={endpoint: desk, channel: token}"],
        ["judge.strategy=pairwise", "sampler.n=2", "judge.endpoint=human:people.jsonl"],
        ["judge.strategy=round_robin", "judge.select.pairs=2"],
        ["judge.appeal.endpoint=[served, human:people.jsonl]"],
        ["judge.health.second=human:people.jsonl"],
        ["judge.batch=true"],
        ["judge.budget.cost=5", "judge.endpoint=priced"],
        ["judge.budget.cost=5", "judge.appeal.endpoint=priced"],
        ["judge.tau=from_gold(0.9)", GOLD, "trainer.args.label_smoothing=from_gold"],
        ["judge.health.bounds.max_flips=null"],
        ["gate.judge={endpoint: served, tau: 0.6}"],
    ],
)
def test_what_goes_together_loads_and_is_written_down_as_it_is(tmp_path: Path, overrides):
    config = load(tmp_path, TREE, *JUDGES, *overrides)
    assert load(tmp_path, dump_config(config)) == config


def test_everything_wrong_is_said_at_once(tmp_path: Path):
    message = refused(tmp_path, TREE, "sampler.n=1", "pairs.margin=2")
    assert "sampler.n: " in message and "pairs.margin: unknown key" in message


@pytest.mark.parametrize(
    "key",
    ["judge.endpoint", "judge.appeal.endpoint", "judge.health.second", "gate.judge.endpoint"],
)
def test_an_endpoint_that_is_not_defined_is_told_with_those_that_are(tmp_path: Path, key: str):
    message = refused(tmp_path, TREE, f"{key}=jury")
    assert message.endswith(f"{key}: no endpoint 'jury' under endpoints (desk)")


def test_a_policy_at_an_endpoint_is_not_trained(tmp_path: Path):
    served = "policy={endpoint: desk}"
    assert "trainer: a policy at an endpoint has no weights here" in refused(tmp_path, TREE, served)
    assert load(tmp_path, TREE, served, "trainer=null").trainer is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TREE + "judge: [\n", "config.yaml, line 1"),
        ("name: demo\n\tpolicy: x\n", "config.yaml, line 2: not YAML"),
        ("- a\n", "config.yaml: holds no mapping"),
        ("", "config.yaml: holds no mapping"),
        (TREE + "1: x\n", "config.yaml: 1: "),
    ],
)
def test_a_file_that_is_no_config_says_where(tmp_path: Path, text: str, says: str):
    assert says in refused(tmp_path, text)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path):
    message = refused(tmp_path, TREE + "judge: {endpoint: desk}\n")
    assert "config.yaml, line 9" in message and "judge" in message and "twice" in message


def test_a_config_that_is_not_there_lists_the_shipped_ones(tmp_path: Path):
    with pytest.raises(UserError, match=r"startr: no such config \(shipped .*\bstarter\b"):
        load_config("startr")


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in locate("prefloop:examples").glob("*.yaml"))
)
def test_every_shipped_example_loads_and_is_written_down_as_it_is(tmp_path: Path, name: str):
    config = load_config(name)
    assert load(tmp_path, dump_config(config)) == config


def test_a_shipped_example_goes_by_its_name(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config("starter", ["sampler.n=8"])
    assert (config.name, config.sampler.n) == ("starter", 8)
    assert config.trainer.args["learning_rate"] == 6e-4  # a number, not YAML 1.1's text


def test_what_is_written_down_loads_as_the_same_config_and_names_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("DESK_KEY", "sk-very-secret")
    config = load(tmp_path, TREE, "endpoints.desk.api_key_env=DESK_KEY", "trainer.args.lr=2e-4")
    text = dump_config(config)
    assert "DESK_KEY" in text and "sk-very-secret" not in text
    assert load(tmp_path, text) == config


def test_a_policy_behind_a_server_of_ours_is_named_by_its_weights(tmp_path: Path):
    served = "{serve: {model: 'prefloop:starter/policy'}, model: any name}"
    overrides = ["policy={endpoint: own}", "trainer=null", f"endpoints.own={served}"]
    config = load(tmp_path, TREE, *overrides)
    folder = locate("prefloop:starter/policy")
    assert first_policy(config).policy_id == f"own/{weights_hash(folder)}"


@pytest.mark.parametrize(
    ("trainer", "why"),
    [
        ("{method: openai}", "trained at an endpoint has no KL"),
        ("{accelerate: {num_processes: 2}}", "trainer.accelerate starts more"),
        ("{accelerate: {multi_gpu: true}}", "starts one for each GPU without num_processes"),
        ("{accelerate: {mixed_precision: bf16}}", "starts one for each GPU without num_processes"),
    ],
)
def test_a_kl_that_is_never_measured_is_no_bound_of_the_gate(
    tmp_path: Path, trainer: str, why: str
):
    at = ["policy={endpoint: desk}"] if "openai" in trainer else []
    given = [*at, f"trainer={trainer}"]
    load(tmp_path, TREE, *given)
    message = refused(tmp_path, TREE, *given, "gate.kl_at_most=0.5")
    assert "gate.kl_at_most" in message and why in message
