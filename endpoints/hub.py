"""Models of the Hugging Face hub, by huggingface_hub."""

from pathlib import Path

from rounds.errors import UserError
from rounds.settings import locate, require_plain
from rounds.weights import Policy, adapter_base, local_policy, require_weights

LOOKS_LOCAL = ("/", ".", "~", "prefloop:")


def model_folder(reference: str) -> Path:
    """The folder of a model: a local or shipped folder as it is, a hub id through the hub cache.

    Raises UserError where there is no such folder or hub model, it has no weights, or vLLM would
    look for it elsewhere.
    """
    path = locate(reference)
    if not path.is_dir() and (reference.startswith(LOOKS_LOCAL) or reference.count("/") != 1):
        raise UserError(f"{reference}: no such model folder (looked at {path.resolve()})")
    folder = path.resolve() if path.is_dir() else _download(reference)
    require_weights(folder)
    require_plain(reference, folder, "vLLM")
    return folder


def named_policy(policy: str, adapter: str | None = None) -> Policy:
    """A policy by its folder, hub id or shipped name; a LoRA folder brings its base."""
    return local_policy(*policy_folders(policy, adapter))


def policy_folders(policy: str, adapter: str | None = None) -> tuple[Path, Path | None]:
    """The folder of a policy's model and that of its adapter, if it has one."""
    folder = model_folder(policy)
    if adapter is not None:
        return folder, model_folder(adapter)
    base = adapter_base(folder)
    return (folder, None) if base is None else (model_folder(base), folder)


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
    return folder
