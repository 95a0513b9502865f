"""The `endpoints` section: what answers requests."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from endpoints.dialect import PRESETS
from endpoints.said import is_address, without_login
from rounds.errors import did_you_mean
from rounds.settings import Section


class Price(Section):
    """What a call costs, in your currency per million tokens."""

    input: float = Field(0.0, ge=0, allow_inf_nan=False)
    """Of what is sent."""
    cached_input: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Of input that the provider read from its cache; null is the price of input."""
    output: float = Field(0.0, ge=0, allow_inf_nan=False)
    """Of what is answered, reasoning among it."""


class BudgetConfig(Section):
    """What one stage of a round may take; null is no limit. A stage that stops here is partial."""

    calls: int | None = Field(None, ge=1)
    """Requests that are answered."""
    tokens: int | None = Field(None, ge=1)
    """Tokens of prompts and answers together."""
    cost: float | None = Field(None, gt=0)
    """In the currency of the endpoint's `price`."""
    estimates: bool = False
    """Count an estimate, on the high side, where an endpoint does not report what it used; without
    it such an endpoint ends the stage at its first answer if `tokens` or `cost` is limited."""


class Serve(Section):
    """A local model behind vLLM's own OpenAI server, started and stopped by prefloop."""

    model: str
    """A folder, a hub id, or a shipped model (`prefloop:starter/judge`)."""
    args: dict[str, Any] = Field(default_factory=dict)
    """vLLM server arguments by vLLM's names, with dashes or underscores."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment of the server, CUDA_VISIBLE_DEVICES for one."""
    replicas: int = Field(1, ge=1, le=64)
    """Servers to start: each on the next GPU of those that it may see, or the next few of
    `tensor_parallel_size`."""

    @model_validator(mode="after")
    def _ours(self) -> "Serve":
        ours = {"model", "host", "port", "served_model_name", "api_key"}
        taken = sorted(name for name in self.args if name.replace("-", "_") in ours)
        if taken:
            raise ValueError(f"args.{taken[0]} is set by prefloop")
        return self


class FromEnvironment(Section):
    """A value that stands in the environment and never in a file of the run."""

    env: str
    """Name of the environment variable."""


class EndpointConfig(Section):
    """An OpenAI-compatible endpoint: one that is there (`base_url`) or one to start (`serve`)."""

    base_url: str | list[str] | None = None
    """Where an endpoint that is there is asked, up to and with /v1. A list names servers of one
    model, with one key: a call goes to the one with the fewest open, and one that fails is left
    out for a while."""
    serve: Serve | None = None
    model: str | None = None
    """Model name at the endpoint; not needed with `serve`."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key."""
    api_key_block: str | None = None
    """Name of a Prefect Secret block that holds the key."""
    extra_headers: dict[str, str | FromEnvironment] = Field(default_factory=dict)
    """Headers of every request: a text, or `{env: NAME}` for what is secret."""
    max_in_flight: int = Field(64, ge=1, le=1000)
    """Calls open at once; fewer while the endpoint answers 429. One that hangs while hundreds are
    answered does not count. Of several servers each may have so many."""
    rpm: int | None = Field(None, ge=1)
    """Requests a minute, of each server."""
    tpm: int | None = Field(None, ge=1)
    """Tokens a minute, of prompts and answers together, of each server."""
    timeout: float = Field(60.0, gt=0, allow_inf_nan=False)
    """Seconds one attempt may take."""
    max_retries: int = Field(8, ge=0)
    """Further attempts at a call that failed; waiting out a busy endpoint is none of them."""
    max_retry_after: float = Field(120.0, gt=0, allow_inf_nan=False)
    """Seconds of a Retry-After that are waited for; where the endpoint asks for more, the stage
    ends and says when it may be asked again."""
    wait_for: float = Field(1800.0, ge=0, allow_inf_nan=False)
    """Seconds that an endpoint at `base_url` may be away: nothing listens there, its name is not
    found, or a gateway before it says so (502, 503, 504). It uses up none of a call's retries."""
    dialect: str | None = None
    """What it takes, by the name of a known server (`endpoints.dialect.PRESETS`). Not needed: each
    kind of question is tried before a round, and what is refused is left out."""
    price: Price = Price()

    @field_validator("dialect")
    @classmethod
    def _known(cls, dialect: str | None) -> str | None:
        if dialect is not None and dialect not in PRESETS:
            hint = did_you_mean(dialect, PRESETS)
            raise ValueError(f"{dialect!r} is none of {', '.join(PRESETS)}; {hint}".rstrip("; "))
        return dialect

    @property
    def addresses(self) -> list[str]:
        """Where it is asked: none where it is served here."""
        given = self.base_url
        return [given] if isinstance(given, str) else given or []

    @property
    def servers(self) -> int:
        """How many servers answer."""
        return self.serve.replicas if self.serve is not None else len(self.addresses)

    @property
    def in_flight(self) -> int:
        """Calls open at once, at all servers together."""
        return self.max_in_flight * self.servers

    @property
    def time_away(self) -> float:
        """Seconds that it may be away; a server of ours that has ended does not come back."""
        return 0.0 if self.serve is not None else self.wait_for

    @field_validator("base_url")
    @classmethod
    def _several(cls, given: str | list[str] | None) -> str | list[str] | None:
        for address in [given] if isinstance(given, str) else given or ():
            if not is_address(address):
                raise ValueError(
                    f"{without_login(address)!r} is no address; write http://HOST:PORT/v1, several "
                    "as a list"
                )
        if not isinstance(given, list):
            return given
        if not given:
            raise ValueError("names no server; write one address, or a list of them")
        known: set[str] = set()
        for address in given:
            if (plain := address.rstrip("/")) in known:
                raise ValueError(f"names {without_login(address)} twice")
            known.add(plain)
        return given[0] if len(given) == 1 else given

    @model_validator(mode="after")
    def _one_kind(self) -> "EndpointConfig":
        if (self.base_url is None) == (self.serve is None):
            raise ValueError("needs exactly one of base_url (an endpoint that is there) or serve")
        if self.base_url is not None and self.model is None:
            raise ValueError("needs model, the model's name at base_url")
        if self.serve is not None and self.dialect is not None:
            raise ValueError("dialect: is for base_url; a served model takes everything")
        if self.api_key_env and self.api_key_block:
            raise ValueError("takes api_key_env or api_key_block, not both")
        return self
