"""The `ray` sections: which cluster does the work, and what each of its workers is given."""

import re

from pydantic import Field, field_validator

from rounds.settings import Section

AUTO = "auto"
HOST_AND_PORT = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")


class RayConfig(Section):
    """Workers on a Ray cluster that is there."""

    address: str = AUTO
    """auto, the cluster that this machine is a node of, or the HOST:PORT that `ray start --head`
    names, of a cluster that this machine is a node of."""
    workers: int = Field(1, ge=1)
    """How many there are, each on one node."""
    resources: dict[str, float] = Field({"GPU": 1}, min_length=1)
    """What each takes of its node by Ray's own names: CPU, GPU, memory (bytes), or what the nodes
    were started with."""

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        if address == AUTO:
            return address
        named = HOST_AND_PORT.fullmatch(address)
        if named is None or not 0 < int(named["port"]) < 65536:
            raise ValueError(f"{address!r} is neither auto nor HOST:PORT, as 10.0.0.1:6379 is")
        return address

    @field_validator("resources")
    @classmethod
    def _takes_something(cls, resources: dict[str, float]) -> dict[str, float]:
        for name, amount in resources.items():
            if not 0 < amount < float("inf"):
                raise ValueError(f"{name}: {amount:g} is not above 0")
            if name == "GPU" and amount > 1 and amount != int(amount):
                raise ValueError(f"{name}: {amount:g} is neither a whole number nor below 1")
        return resources
