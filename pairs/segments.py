"""Arrays of one round in one file: written once, renamed into place, read by mapping the file."""

import io
import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rounds.files import write_atomically

Array = NDArray[Any]


def write_segment(path: Path, facts: dict[str, Any], arrays: list[Array]) -> None:
    """Write the arrays and the facts they depend on, in the .npy format one after another."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            for each in [strings([json.dumps(facts).encode()]), *arrays]:
                np.save(file, each, allow_pickle=False)

    write_atomically(path, write)


def read_segment(path: Path, facts: dict[str, Any]) -> list[Array] | None:
    """The arrays, mapped into memory; None where there is no file or it was written for others."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays: list[Array] = []
        while file.tell() < len(whole):
            np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
            header = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
            shape, _, dtype = header
            arrays.append(np.ndarray(shape, dtype, buffer=whole, offset=file.tell()))
            file.seek(arrays[-1].nbytes, io.SEEK_CUR)
    return arrays[1:] if json.loads(arrays[0][0]) == facts else None


def strings(values: list[bytes]) -> Array:
    """Strings in a fixed width, a multiple of 8 so that the arrays after them stay aligned."""
    width = -(-max(map(len, values), default=1) // 8) * 8
    return np.array(values, dtype=f"S{width}")
