"""Secrets in a config are refused by their key, without being shown; what is none passes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from endpoints.config import EndpointConfig
from endpoints.open import headers_of
from flows.load import load_config
from flows.secrets import refuse_secrets
from rounds.errors import UserError
from rounds.settings import locate

SECRET = "a8f7e6d5c4b3a2918273645abcdef"


def at(path: str, value: Any) -> dict[str, Any]:
    """A tree with a value at a path."""
    *above, last = path.split("/")
    tree: dict[str, Any] = {last: value}
    for name in reversed(above):
        tree = {name: tree}
    return tree


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("endpoints/desk/base_url", f"https://ada:{SECRET}@host/v1"),
        ("endpoints/desk/base_url", f"https://{SECRET}@host/v1"),
        ("endpoints/desk/base_url", f"https://host/v1?api-key={SECRET}"),
        ("endpoints/desk/extra_headers/Authorization", f"Bearer {SECRET}"),
        ("endpoints/desk/extra_headers/X-Api-Key", "short"),
        ("endpoints/desk/extra_headers/X-Custom", SECRET),
        ("endpoints/desk/serve/env/HF_TOKEN", "hf_x"),
        ("endpoints/desk/api_key", "short"),
        ("endpoints/desk/api_key_env", "sk-abcdefghijklmnop1234"),
        ("judge/sampling/extra_headers/x-api-key", "short"),
        ("judge/sampling/extra_query/key", "short"),
        ("sampler/env/WANDB_API_KEY", "short"),
        ("trainer/args/hub_token", "short"),
    ],
)
def test_a_secret_is_refused_and_not_shown(path: str, value: str):
    with pytest.raises(UserError) as raised:
        refuse_secrets(at(path, value))
    said = str(raised.value)
    assert said.startswith(f"{path.replace('/', '.')}: ") and "environment" in said
    assert value not in said and SECRET not in said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("endpoints/desk/base_url", "https://host:8000/v1?api-version=2024-10-21"),
        ("endpoints/desk/api_key_env", "OPENAI_API_KEY"),
        ("endpoints/desk/extra_headers/X-Title", "my app"),
        ("endpoints/desk/extra_headers/anthropic-beta", "prompt-caching-2024-07-31"),
        ("endpoints/desk/extra_headers/X-Key", {"env": "DESK_KEY"}),
        ("endpoints/desk/serve/env/TOKENIZERS_PARALLELISM", "false"),
        (
            "sampler/env/CUDA_VISIBLE_DEVICES",
            "GPU-8f6d1234-1111-2222-3333-444455556666",
        ),
        ("trainer/args/pad_token", "<pad>"),
        ("judge/criteria", "Write to ada@example.org about the key."),
    ],
)
def test_what_is_none_passes(path: str, value: Any):
    refuse_secrets(at(path, value))


def test_every_example_passes():
    for path in locate("prefloop:examples").glob("*.yaml"):
        refuse_secrets(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("value", ["sk-abcdefghijklmnop1234", "[sk-abcdefghijklmnop1234"])
def test_one_given_on_the_command_line_is_not_shown_either(value: str):
    with pytest.raises(UserError) as raised:
        load_config("starter", [f"endpoints.desk.api_key={value}"])
    assert "sk-abc" not in str(raised.value)


def test_headers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    headers = {"X-Title": "mine", "X-Key": {"env": "DESK_KEY"}}
    config = EndpointConfig(base_url="http://h/v1", model="m", extra_headers=headers)
    with pytest.raises(UserError, match=r"extra_headers.X-Key.env: .* DESK_KEY is not set"):
        headers_of("desk", config)
    monkeypatch.setenv("DESK_KEY", SECRET)
    assert headers_of("desk", config) == {"X-Title": "mine", "X-Key": SECRET}
    assert SECRET not in config.model_dump_json()


def test_a_pickle_is_not_loaded(tmp_path: Path):
    from rounds.weights import require_weights

    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UserError, match=r"only \*.safetensors are loaded"):
        require_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    require_weights(tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.example.com/services/T024BE7LD/B0251ABCD/8f3KdP0qXyZr1LmN7tVwAbCd",
        "https://hooks.example.com/services/T024BE7LD/B0251ABCD/kdPqXyZrLmNtVwAbCdKqEfUo",
        "https://chat.example.com/api/webhooks/1184/aB3dE_fGh1jKlMn0pQrStUvWxYz-9f",
        "https://example.com/hook/0b7c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3",
        "https://user:pass@example.com/hook",
        "https://example.com/hook?x=1",
    ],
)
def test_the_address_of_a_webhook_that_is_a_secret_stands_in_the_environment_alone(address: str):
    with pytest.raises(UserError) as caught:
        refuse_secrets({"on_promotion": [{"webhook": address}]})
    assert str(caught.value) == (
        "on_promotion.0.webhook: looks like a secret; name the environment variable that holds it: "
        "on_promotion.0.webhook: {env: NAME} (its value is not shown)"
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000/v1/load_lora_adapter",
        "https://build.example.com/hooks/loadTheAdapterOfPolicies",
        "https://automation.internal.example.com/policies/promotions/staging-2",
    ],
)
def test_a_plain_address_of_a_webhook_is_taken_as_it_is(address: str):
    refuse_secrets({"on_promotion": [{"webhook": address}, {"webhook": {"env": "HOOK"}}]})
