"""The control tokens of a run's tokenizers: the policy's, and those of judges that it serves."""

from pathlib import Path
from typing import Any

from endpoints.hub import model_folder
from flows.config import Config
from rounds.added_tokens import added_tokens
from rounds.errors import UserError
from rounds.folder import read_round_start
from rounds.tokenizers import tokenizer_folder
from rounds.weights import Policy
from texts.own_tokens import control_tokens


def control_tokens_of(folder: Path, config: Config, policy: Policy) -> dict[str, Any]:
    """What a round's start says of them, beside those that the one list has; {} where none are.

    A round that is under way keeps what it began with: what the judge was shown stays as it was.
    """
    try:
        found = read_round_start(folder).get("control_tokens")
    except UserError:  # it has not begun
        found = own_tokens(config, policy)
    return {"control_tokens": found} if found else {}


def own_tokens(config: Config, policy: Policy) -> list[str]:
    """The tokens, sorted. The tokenizer of an endpoint that is not ours is not known."""
    folders = [] if policy.served else [Path(tokenizer_folder(policy))]
    served = (config.endpoints[name].serve for name in sorted(config.used_endpoints))
    folders += [model_folder(serve.model) for serve in served if serve is not None]
    return sorted({token for each in folders for token in control_tokens(added_tokens(each))})
