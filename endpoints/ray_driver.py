"""The network side of a Ray cluster: connecting a child process of ours to it, as its driver.

    python -m endpoints.ray_driver job.json      connect, look, and leave again

Ray is loaded in children only, and only where the config names a cluster.
"""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from endpoints.child_main import child_main
from endpoints.children import run_child
from endpoints.ray_config import AUTO, RayConfig
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.finish import versions
from rounds.settings import PACKAGES

CONNECT_SECONDS = 10.0
NODE_SECONDS = 120.0
"""How long the nodes have to say which versions they have."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_DEDUP_LOGS": "0",
}
"""Of a driver: nothing phones home, and the workers' lines reach its log as they were written."""


NO_CLUSTER = "Could not find any running Ray instance"
"""Ray's words where `auto` finds nothing; what it advises is no key of ours."""


@contextmanager
def connected(config: RayConfig, where: str) -> Iterator[None]:
    """This process as a driver of the cluster; its actors and tasks end with the block. Ray is
    imported here first: what imports it by itself is imported in the block.

    Raises UserError naming the config key `where`: Ray is not installed, no cluster answers, its
    nodes have other versions than this machine, or it can never hold the workers.
    """
    os.environ.update(ENVIRONMENT)
    if _head(config).startswith(("127.", "localhost:", "[::1]:")):
        # Ray's name of a switch: with it a loopback address is not taken for the machine's other
        # one, at which nobody listens where the nodes were bound to 127.0.0.1. Read by the import
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
    except ImportError:
        raise UserError(
            f'{where}: Ray is not installed; pip install "prefloop[ray]", here and on every node'
        ) from None
    _require_answer(config, where)
    try:
        # workers search the folder in which their driver connects for modules, before any other
        with chdir(PACKAGES):
            ray.init(config.address, include_dashboard=None, logging_level=logging.WARNING)
    except Exception as error:  # of several kinds, for a cluster that is none, or of other versions
        why = _first_line(error)
        if NO_CLUSTER in why:
            why = (
                "no cluster runs on this machine; make it a node (ray start --address HOST:PORT), "
                "or start one (ray start --head)"
            )
        raise UserError(f"{where}.address: {config.address}: {why}") from error
    try:
        check_room(config, living_nodes(), where)
        _check_versions([node for node in ray.nodes() if node["Alive"]], config, where)
        yield
    finally:
        ray.shutdown()


def check_cluster(config: RayConfig, where: str, folder: Path) -> None:
    """Raise UserError as `connected` does; a short child connects, which writes to `folder`."""
    job = folder / "ray.json"
    write_json(job, {"ray": config.model_dump(), "where": where})
    run_child("endpoints.ray_driver", job, folder / "ray.log", lambda _: None)


def actor_options(resources: Mapping[str, float]) -> dict[str, Any]:
    """Resources by Ray's names as `options` of an actor or a task takes them."""
    own = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
    named = {own[name]: amount for name, amount in resources.items() if name in own}
    others = {name: amount for name, amount in resources.items() if name not in own}
    return {"num_cpus": 0, **named, "resources": others}


def check_room(config: RayConfig, nodes: Mapping[str, Mapping[str, float]], where: str) -> None:
    """Raise UserError where the workers never fit on the nodes, of the given resources by name,
    even with nothing else on them.
    """
    room = sum(places(has, config.resources) for has in nodes.values())
    if room < config.workers:
        raise UserError(
            f"{where}: {config.workers} workers are wanted with {_amounts(config.resources)} each, "
            f"and the cluster holds {room}: {room_text(nodes)}"
        )


def places(node: Mapping[str, float], resources: Mapping[str, float]) -> int:
    """How many workers with these resources a node holds."""
    return int(min(node.get(name, 0) / amount + 1e-9 for name, amount in resources.items()))


def _head(config: RayConfig) -> str:
    """HOST:PORT of the cluster's head; of `auto`, what Ray will find, and empty where that is not
    written anywhere.
    """
    if config.address != AUTO:
        return config.address
    noted = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
    try:
        return os.environ.get("RAY_ADDRESS") or noted.read_text().strip()
    except OSError:
        return ""


def _require_answer(config: RayConfig, where: str) -> None:
    """Raise UserError where nobody listens at the cluster's head: Ray itself waits for minutes."""
    host, _, port = _head(config).rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"{where}.address: {config.address}: {host}:{port} does not answer ({error}); start "
            "the cluster (ray start --head), or name another"
        ) from error


def _check_versions(nodes: list[dict[str, Any]], config: RayConfig, where: str) -> None:
    """Raise UserError for a node that could hold a worker and has other versions than we have, or
    no prefloop at all.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def of_node() -> dict[str, str] | str:
        # defined in a function it travels whole: it has to run where there is no prefloop
        try:
            from rounds.finish import versions
        except ImportError as error:
            return str(error)
        return versions()

    remote = ray.remote(num_cpus=0, max_retries=0)(of_node)
    asked = {
        remote.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(): node_name(node)
        for node in nodes
        if places(node["Resources"], config.resources)
    }
    ours = versions()
    ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=NODE_SECONDS)
    for reply in ready:
        try:
            theirs = ray.get(reply)
        except ray.exceptions.RayError:
            continue  # it has just died, and takes no part
        if isinstance(theirs, str):
            raise UserError(
                f"{where}: {asked[reply]} has no prefloop ({theirs}); install the same version of "
                "it there"
            )
        if fault := version_fault(ours, theirs, bool(config.resources.get("GPU"))):
            raise UserError(f"{where}: {asked[reply]} has {fault}")
    if late and not ready:
        raise UserError(
            f"{where}: {asked[late[0]]} did not start a process in {NODE_SECONDS:.0f} s; see Ray's "
            "logs there"
        )


def version_fault(ours: Mapping[str, str], theirs: Mapping[str, str], on_gpus: bool) -> str | None:
    """What is wrong with the versions of a node, by package; None where nothing is.

    The machine that leads needs no GPU: builds for a GPU and for CPUs (2.13.0+cpu) are one version,
    but on nodes whose GPUs are wanted.
    """
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name].partition("+")[0] != theirs[name].partition("+")[0]:
            return f"{name} {theirs[name]}, and this machine {ours[name]}; install the same on all"
        if on_gpus and theirs[name].endswith("+cpu"):
            return f"{name} {theirs[name]}, a build for CPUs; install that for its GPU there"
    return None


def living_nodes() -> dict[str, Mapping[str, float]]:
    """The resources of every node that is up, by its name."""
    import ray

    return {node_name(node): node["Resources"] for node in ray.nodes() if node["Alive"]}


def room_text(nodes: Mapping[str, Mapping[str, float]]) -> str:
    """What nodes have, for a message."""
    return "; ".join(f"{name} has {_amounts(has)}" for name, has in sorted(nodes.items()))


def node_name(node: Mapping[str, Any]) -> str:
    """How messages and logs name a node of `ray.nodes()`."""
    return f"node {node['NodeManagerAddress']} ({node['NodeID'][:8]})"


def _amounts(resources: Mapping[str, float]) -> str:
    shown = {name: has for name, has in resources.items() if not name.startswith("node:")}
    left_out = {"object_store_memory", *(() if len(shown) == 1 else ("memory",))}
    named = [f"{name} {has:g}" for name, has in sorted(shown.items()) if name not in left_out]
    return ", ".join(named) or "nothing"


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def main(job_path: Path) -> None:
    """Connect once."""
    job = read_json(job_path)
    with connected(RayConfig(**job["ray"]), job["where"]):
        pass


if __name__ == "__main__":
    child_main(main)
