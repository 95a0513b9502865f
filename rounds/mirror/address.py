"""The address of a mirror: what one may be, and opening it."""

from pathlib import Path
from urllib.parse import urlsplit

from rounds.errors import UserError
from rounds.mirror.store import Store, names_in, put, read
from rounds.settings import PATTERN

PROBE = ".probe"


def check_address(address: str) -> None:
    """Raise ValueError for an address that names no place, or may hold a key."""
    _, separator, rest = address.partition("://")
    if not (rest if separator else address).strip(" /"):
        raise ValueError("names no place; expected an address such as s3://bucket/folder")
    if separator and (urlsplit(address).username or urlsplit(address).password or "?" in rest):
        raise ValueError(
            "holds what may be a key; an address is s3://bucket/folder, and keys come from the "
            "environment (AWS_ACCESS_KEY_ID, FSSPEC_S3) or fsspec's own config"
        )
    if found := PATTERN.search(address):
        raise ValueError(f"has {found[0]}, which fsspec takes for a pattern")


def whole_address(address: str) -> str:
    """An address that means the same in any folder: one on this machine gets its whole path."""
    if "://" in address or not address.strip():
        return address
    return str(Path(address).expanduser().absolute())


def open_store(address: str, run_dir: Path) -> Store:
    """Where the mirror has the files of this run: a folder of the run's name below the address.

    Nothing is asked yet. Raises UserError for an address that no installed package opens.
    """
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(address.rstrip("/"), skip_instance_cache=True)
    except ImportError as error:
        needed = "pip install 'prefloop[s3]'" if address.startswith("s3") else str(error)
        raise UserError(f"mirror: {address}: needs a package that is not here: {needed}") from error
    except ValueError as error:
        raise UserError(f"mirror: {address}: {error}") from error
    store = Store(files, f"{root.rstrip('/')}/{run_dir.name}", f"{address}/{run_dir.name}")
    if "file" in store.kinds:
        place, here = Path(store.root).resolve(), run_dir.resolve()
        if place == here or here in place.parents:
            raise UserError(f"mirror: {address}: lies in the run's own folder {here}")
    return store


def check_writable(store: Store) -> None:
    """Write a small file, read it back and remove it, where nothing of the run lies yet.

    Raises MirrorFailed where that cannot be done.
    """
    if names_in(store, ""):
        return
    put(store, PROBE, b"prefloop")
    read(store, PROBE)
    try:
        store.files.rm_file(store.path(PROBE))
    except Exception:  # a store that lets nothing be removed may keep it
        return
