"""A published policy on the Hugging Face hub, by huggingface_hub."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preferences.hub import hub_says, stays
from rounds.errors import Stopped, UserError, WorkFailed
from trainer.publish.folder import published_files

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo


def check_model_push(repo: str, private: bool) -> Any:
    """Raise UserError unless model `repo` ("owner/name") can be pushed to with our token; returns
    the front of the card there. It must be new, empty or a publication of before.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise UserError(f"--to hub:{repo}: expected hub:owner/name")
    try:
        HfApi().whoami()
        try:
            model = HfApi().model_info(repo)
        except RepositoryNotFoundError:
            return None
    except (HTTPError, OSError, ValueError) as error:
        raise UserError(f"hub:{repo}: {hub_says(error)}") from error
    if private and not model.private:
        raise UserError(f"hub:{repo}: is public already; make it private there, or name another")
    if other := min(_files(model)[1], default=None):
        raise UserError(
            f"hub:{repo}: holds {other}, which no publication wrote; name another model"
        )
    card: Any = model.card_data
    return card.to_dict() if card else None


def push_model(folder: Path, repo: str, private: bool) -> str:
    """Make the model `repo` what the folder is, in one commit; returns its address.

    Raises WorkFailed where the hub refuses or is lost; pushing again sends what is not there.
    """
    from httpx2 import HTTPError
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    try:
        address = HfApi().create_repo(
            repo, repo_type="model", private=private or None, exist_ok=True
        )
        model = HfApi().model_info(repo)
        old, others = _files(model)
        if others:
            raise ValueError(f"holds {min(others)} by now, which no publication wrote")
        new = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
        HfApi().create_commit(
            repo,
            [
                *(CommitOperationDelete(name) for name in sorted(old - new.keys())),
                *(CommitOperationAdd(name, path) for name, path in new.items()),
            ],
            commit_message="Policy of prefloop",
            repo_type="model",
            parent_commit=model.sha,
        )
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        message = f"hub:{repo}: {hub_says(error)}"
        if stays(error):
            then = "put that right and run the same command again"
            raise Stopped(message, then) from error
        raise WorkFailed(message) from error
    return str(address)


def _files(model: "ModelInfo") -> tuple[set[str], set[str]]:
    """The files of a model: those a publication wrote by the card there, and all others."""
    names = {file.rfilename for file in model.siblings or []} - {".gitattributes"}
    card: Any = model.card_data
    ours = names & published_files(card.to_dict() if card else None)
    return ours, names - ours
