"""The judges of a config, open to be asked outside of a round."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from endpoints.open import Endpoints
from flows.config import Config
from flows.display import Display
from flows.preflight import check_endpoints
from flows.secrets import read_secret_block
from flows.server import check_prefect, prefect_server
from rounds.lock import run_lock


@contextmanager
def open_judges(
    config: Config, run_dir: Path, names: Collection[str], display: Display
) -> Iterator[Endpoints]:
    """The endpoints, of which `names` were reached, with the run's lock held."""
    with ExitStack() as stack:
        if config.secret_blocks:
            check_prefect()
            log = run_dir / "logs" / "prefect-server.log"
            stack.enter_context(stack.enter_context(prefect_server(log))())
        check_endpoints(config, names)
        stack.enter_context(run_lock(run_dir))
        shown = display.stage("endpoint")
        yield stack.enter_context(
            Endpoints(config.endpoints, run_dir / "logs", shown, read_secret_block)
        )
