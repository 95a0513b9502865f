"""Arrays of one round in one file: written once, renamed into place, read by mapping the file."""

import io
import json
import mmap
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rounds.files import write_atomically

Array = NDArray[Any]

Texts = TypeVar("Texts")

TextsOfRound = Callable[[int], Iterable[tuple[str, Texts]]]
"""The pair_id and the text or texts of each pair that a round kept: what its segment is written
from again where it is missing or was written for other facts."""


def write_segment(path: Path, facts: dict[str, Any], arrays: list[Array]) -> None:
    """Write the arrays and the facts they depend on, in the .npy format one after another."""

    header = strings([json.dumps(_header(facts, arrays)).encode()])

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            for array in [header, *arrays]:
                np.save(file, array, allow_pickle=False)

    write_atomically(path, write)


def read_segment(path: Path, facts: dict[str, Any]) -> list[Array] | None:
    """The arrays, mapped into memory.

    None where there is no file, one that was written for other facts, or a damaged one.
    """
    try:
        with path.open("rb") as file:
            header, *arrays = _arrays(file)
        written = json.loads(header[0])
    except (OSError, ValueError, TypeError, IndexError):  # no file, or cut off anywhere
        return None
    return arrays if written == _header(facts, arrays) else None


def strings(values: list[bytes]) -> Array:
    """Strings in a fixed width, a multiple of 8 so that the arrays after them stay aligned."""
    width = -(-max(map(len, values), default=1) // 8) * 8
    return np.array(values, dtype=f"S{width}")


def _header(facts: dict[str, Any], arrays: list[Array]) -> dict[str, Any]:
    return {**facts, "sizes": [array.size for array in arrays]}


def put_aside(folder: Path, arrays: list[Array]) -> list[Array]:
    """The arrays, mapped from a file in the folder that has no name and goes with them."""
    with TemporaryFile(dir=folder) as file:
        for array in arrays:
            np.save(file, array, allow_pickle=False)
        file.flush()
        file.seek(0)
        return _arrays(file)


def _arrays(file: IO[bytes]) -> list[Array]:
    arrays: list[Array] = []
    whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    while file.tell() < len(whole):
        np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        header = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
        shape, _, dtype = header
        arrays.append(np.ndarray(shape, dtype, buffer=whole, offset=file.tell()))
        file.seek(arrays[-1].nbytes, io.SEEK_CUR)
    return arrays
