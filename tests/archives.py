"""Bytes packed as the ending of a file's name says, by what people pack with."""

import bz2
import gzip
import lzma

import pyarrow as pa


def packed(ending: str, data: bytes) -> bytes:
    """The data as a file of this ending holds it; "" packs nothing."""
    if ending == ".zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()
    pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return pack[ending](data)
