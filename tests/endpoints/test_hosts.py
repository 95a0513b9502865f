"""Another host under the same name is another model; another port of this machine is none."""

from pathlib import Path

import pytest

from endpoints.config import EndpointConfig, Serve
from endpoints.hosts import host_of, model_there, remember_hosts
from endpoints.journal import Journal

MODEL = "big"


def at(url: str, model: str = MODEL) -> EndpointConfig:
    return EndpointConfig(base_url=url, model=model)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://127.0.0.1:8000/v1", "http://localhost:9123/v1", True),
        ("http://[::1]:8000/v1", "http://0.0.0.0/v1", True),
        ("https://API.one.com/v1", "http://api.one.com:8443/other", True),
        ("https://api.one.com/v1", "https://api.two.com/v1", False),
        ("http://127.0.0.1:8000/v1", "http://gpu7:8000/v1", False),
    ],
)
def test_a_host_is_a_machine_and_no_port(one: str, other: str, same: bool):
    assert (host_of(one) == host_of(other)) == same


def test_the_first_host_keeps_the_name_alone_and_any_other_carries_its_own(tmp_path: Path):
    def known(url: str, name: str = "desk", model: str = MODEL) -> str:
        with Journal(tmp_path / "journal.sqlite") as journal:  # as one run after the other
            return model_there(journal, name, at(url), model)

    assert known("https://one.com/v1") == MODEL
    assert known("https://two.com/v1") == "big@two.com"
    assert known("https://three.com/v1") == "big@three.com"
    assert known("https://one.com:444/v1") == MODEL, "back where its answers are"
    assert known("https://two.com/v1", "second") == MODEL, "each endpoint has a first host"
    assert known("https://two.com/v1", model="small") == "small", "another model is another anyway"


def test_a_served_model_is_its_weights(tmp_path: Path):
    served = EndpointConfig(serve=Serve(model="prefloop:starter/judge"))
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert model_there(journal, "desk", served, "hash") == "hash"


def test_answers_from_before_hosts_were_noted_are_of_the_host_in_the_old_config(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.put("k", "desk", MODEL, {"messages": []}, {"choices": []}, 0.0)
        old = {"base_url": "https://one.com/v1", "model": MODEL}
        unused = {"base_url": "https://one.com/v1", "model": "never asked"}
        served = {"serve": {"model": "x"}, "base_url": None, "model": None}
        remember_hosts(journal, {"desk": old, "other": unused, "served": served})
        assert model_there(journal, "desk", at("https://two.com/v1"), MODEL) == "big@two.com"
        assert model_there(journal, "desk", at("https://one.com/v1"), MODEL) == MODEL
        assert model_there(journal, "other", at("https://two.com/v1"), "never asked") == (
            "never asked"
        )
