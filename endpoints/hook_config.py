"""The entries of `on_promotion`: who is told that a policy has come into place."""

import re
from typing import Any

from pydantic import Field, model_validator

from endpoints.config import FromEnvironment
from endpoints.said import is_address
from rounds.errors import did_you_mean
from rounds.settings import Section

FACTS = {
    "run": "the run's name",
    "run_dir": "the run's folder",
    "round": "the round that trained the policy; null for the first policy",
    "policy": "the folder of its weights, or of its LoRA adapter; at an endpoint its model name",
    "base": "the folder that an adapter goes on; else null",
    "policy_id": "the hash of its weights, or endpoint and model",
    "served": "the endpoint that it is at; null for weights here",
    "win_rate": "against the policy that was in place, on the gate prompts",
    "low": "the lower end of its interval",
    "high": "the upper end",
    "n": "gate prompts that were decided",
}
"""What is told, by name and in this order."""
PLACE = re.compile(r"\{([a-z_]+)\}")


class Hook(Section):
    """A command or a webhook that is told of a promotion, until it has worked once.

    In `command` and `body`, {policy} and the other facts stand for their values.
    """

    command: list[str] | None = Field(None, min_length=1)
    """Program and arguments, without a shell; PREFLOOP_PROMOTION holds all facts as JSON."""
    webhook: str | FromEnvironment | None = None
    """The address that a POST with JSON goes to, or `{env: NAME}` where it is secret: one with a
    login, a query or a part that looks like a key is taken in no other way."""
    body: dict[str, Any] | None = None
    """JSON of the POST; null sends all facts."""
    headers: dict[str, str | FromEnvironment] = Field(default_factory=dict)
    """Headers of the POST: a text, or `{env: NAME}` for what is secret."""
    timeout: float = Field(30.0, gt=0, allow_inf_nan=False)
    """Seconds that one attempt may take."""
    retries: int = Field(3, ge=0)
    """Further attempts when the round has ended; at the start of a run there is one."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Hook":
        if (self.command is None) == (self.webhook is None):
            raise ValueError("needs exactly one of command or webhook")
        if self.command is not None and (self.body is not None or self.headers):
            raise ValueError("body and headers go with webhook")
        if isinstance(self.webhook, str) and not is_address(self.webhook):
            raise ValueError(f"webhook: {self.webhook!r} is no address; write http://HOST:PORT/...")
        for where, value in (("command", self.command), ("body", self.body)):
            for name in _places(value):
                if name not in FACTS:
                    hint = did_you_mean(name, FACTS)
                    known = ", ".join(FACTS)
                    raise ValueError(f"{where}: {{{name}}} is none of {known}; {hint}".rstrip("; "))
        return self

    @property
    def title(self) -> str:
        """What it is called in messages; an address may be a secret by its path."""
        if self.command is not None:
            return f"command {self.command[0]}"
        if isinstance(self.webhook, FromEnvironment):
            return f"webhook {self.webhook.env}"
        return f"webhook {re.sub(r'(?<=[^:/])/.*', '', str(self.webhook))}"


def filled(value: Any, facts: dict[str, Any]) -> Any:
    """A value with its places filled, in one pass; a text that is one place is the fact itself."""
    if isinstance(value, dict):
        return {name: filled(below, facts) for name, below in value.items()}
    if isinstance(value, list):
        return [filled(below, facts) for below in value]
    if not isinstance(value, str):
        return value
    if whole := PLACE.fullmatch(value):
        return facts[whole[1]]
    return PLACE.sub(lambda place: _text(facts[place[1]]), value)


def _text(fact: Any) -> str:
    return "" if fact is None else str(fact)


def _places(value: Any) -> list[str]:
    if isinstance(value, str):
        return PLACE.findall(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for part in parts for name in _places(part)]
