"""Data sets on the Hugging Face hub, by huggingface_hub: an export is pushed there."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preferences.export_folder import export_files
from rounds.errors import Stopped, UserError, WorkFailed

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

PASSING = (408, 409, 425, 429)
"""Statuses of a request that may go through when it is sent again."""


def check_push(repo: str, private: bool) -> None:
    """Raise UserError unless data set `repo` ("owner/name") can be pushed to with our token.

    One that is there already must be empty or an export, and not public where `private` is wanted.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise UserError(f"--to hub:{repo}: expected hub:owner/name")
    try:
        HfApi().whoami()
        try:
            dataset = HfApi().dataset_info(repo)
        except RepositoryNotFoundError:
            return
    except (HTTPError, OSError, ValueError) as error:
        raise UserError(f"hub:{repo}: {hub_says(error)}") from error
    if private and not dataset.private:
        raise UserError(f"hub:{repo}: is public already; make it private there, or name another")
    if other := min(_files(dataset)[1], default=None):
        raise UserError(f"hub:{repo}: holds {other}, which no export wrote; name another data set")


def _files(dataset: "DatasetInfo") -> tuple[set[str], set[str]]:
    """The files of a data set: those an export wrote by the card there, and all others."""
    names = {file.rfilename for file in dataset.siblings or []} - {".gitattributes"}
    card: Any = dataset.card_data
    ours = names & export_files(card.to_dict() if card else None)
    return ours, names - ours


def push(folder: Path, repo: str, private: bool) -> str:
    """Make the data set `repo` what an export's folder is, in one commit; returns its address.

    Raises WorkFailed where the hub refuses or is lost, or `repo` has come to hold what no export
    wrote; the folder stays, and pushing it again sends only what is not there.
    """
    from httpx2 import HTTPError
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    try:
        address = HfApi().create_repo(
            repo, repo_type="dataset", private=private or None, exist_ok=True
        )
        dataset = HfApi().dataset_info(repo)
        old, others = _files(dataset)
        if others:
            raise ValueError(f"holds {min(others)} by now, which no export wrote")
        new = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        HfApi().create_commit(
            repo,
            [
                *(CommitOperationDelete(name) for name in sorted(old - new.keys())),
                *(CommitOperationAdd(name, path) for name, path in new.items()),
            ],
            commit_message="Pairs of prefloop",
            repo_type="dataset",
            parent_commit=dataset.sha,
        )
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        message = f"hub:{repo}: {hub_says(error)}; the export is in {folder}"
        if stays(error):
            then = "put that right and run the same command again"
            raise Stopped(message, then) from error
        raise WorkFailed(message) from error
    return str(address)


def stays(error: Exception) -> bool:
    """Whether the hub will say the same again: of the token, of the request, of what is there."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return 400 <= status < 500 and status not in PASSING
    return isinstance(error, (LocalTokenNotFoundError, ValueError))


def hub_says(error: Exception) -> str:
    """What the hub has against it, in one line."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    if isinstance(error, LocalTokenNotFoundError):
        return "no token here; set HF_TOKEN, or log in with `hf auth login`"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == 401:
        return "the hub does not know the token (HF_TOKEN, or that of `hf auth login`)"
    if status == 403:
        return "the token may not write there"
    return " ".join((str(error) or repr(error)).split())
