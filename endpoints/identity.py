"""Which model an endpoint is: what its answers are kept under, and what they follow from."""

from typing import Any

from endpoints.config import EndpointConfig
from endpoints.hub import model_folder
from rounds.weights import weights_hash


def model_id(config: EndpointConfig) -> str:
    """The model as the journal knows it: the hash of a served model's weights, else its name.

    A server need not be up for that. Another host is another judge (`endpoints.hosts`).
    """
    if config.serve is not None:
        return weights_hash(model_folder(config.serve.model))
    return str(config.model)


def identity(config: EndpointConfig) -> dict[str, Any]:
    """What an endpoint's answers follow from, beside the requests: for the key of a stage."""
    named = {"dialect": config.dialect} if config.dialect else {}
    shown = config.model_dump(include={"base_url": True, "model": True, "serve": {"model", "args"}})
    if isinstance(config.base_url, list):  # their order says nothing
        shown["base_url"] = sorted(config.base_url)
    return shown | named
