"""Models of the Hugging Face hub, by huggingface_hub."""

from pathlib import Path

from rounds.errors import UserError
from rounds.settings import locate
from rounds.weights import require_weights

LOOKS_LOCAL = ("/", ".", "~", "prefloop:")


def model_folder(reference: str) -> Path:
    """The folder of a model: a local or shipped folder as it is, a hub id through the hub cache.

    Raises UserError where there is no such folder or hub model, or it has no weights.
    """
    path = locate(reference)
    if path.is_dir():
        require_weights(path)
        return path.resolve()
    if reference.startswith(LOOKS_LOCAL) or reference.count("/") != 1:
        raise UserError(f"{reference}: no such model folder (looked at {path.resolve()})")
    return _download(reference)


def _download(repo: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repo, ignore_patterns=["*.gguf", "*.onnx", "original/*"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{repo}: neither a folder here nor a model the hub gave us ({reason})"
        ) from error
    require_weights(folder)
    return folder
