"""How texts are compressed where they are stored: Zstandard (RFC 8878) with its checksum, so that damage is noticed.

At level 1 it takes a third of the time that zlib takes for texts of 16,000 characters, unpacking a third too, and saves a
little more room. The module is that of Python 3.14's standard library, for older ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backports import zstd

_OPTIONS: Final[Mapping[int, int]] = {
    zstd.CompressionParameter.compression_level: 1,
    zstd.CompressionParameter.checksum_flag: 1,
}


def pack(data: bytes) -> bytes:
    """Return the data as one compressed frame."""
    return zstd.compress(data, options=_OPTIONS)


def unpack(packed: bytes) -> bytes:
    """Return what was packed. Raises ValueError if it is damaged."""
    try:
        return zstd.decompress(packed)
    except zstd.ZstdError as error:
        raise ValueError("damaged") from error
