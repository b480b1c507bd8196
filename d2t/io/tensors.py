"""The header of a safetensors file, read and compared with the file before anything is allocated.

A file is 8 bytes with the length of the header, the header (JSON: type, shape and place of every
tensor), and the numbers.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING

from d2t.io.bounded import FileFault

if TYPE_CHECKING:
    from pathlib import Path

_MAX_HEADER = 8 << 20
_MAX_SIDE = 1 << 40
_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
    "U16": 2, "U32": 4, "U64": 8, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in the file, which holds exactly as many bytes as they need.

    Raises:
        FileFault: no such file, or not a safetensors file.
    """
    try:
        if not path.is_file():
            raise FileFault("not a readable safetensors file (there is no such file)")
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _MAX_HEADER:
                raise FileFault("not a readable safetensors file (its header is too large)")
            header = json.loads(stream.read(length))
        size = path.stat().st_size
    except OSError as error:
        raise FileFault(f"cannot be read: {error.strerror}") from None
    except (struct.error, ValueError, RecursionError) as error:
        if isinstance(error, FileFault):
            raise
        raise FileFault("not a readable safetensors file (its header is damaged)") from None
    if not isinstance(header, dict):
        raise FileFault("not a readable safetensors file (its header is no table)")
    shapes: dict[str, tuple[int, ...]] = {}
    needed = 0
    for name, entry in header.items():
        if name != "__metadata__":
            shapes[name], n_bytes = _entry(name, entry)
            needed += n_bytes
    if 8 + length + needed != size:
        raise FileFault(
            f"not a readable safetensors file ({size:,} bytes, its header describes "
            f"{8 + length + needed:,}; it is probably cut short)"
        )
    return shapes


def _entry(name: str, entry: object) -> tuple[tuple[int, ...], int]:
    """Shape and bytes of one tensor."""
    shape = entry.get("shape") if isinstance(entry, dict) else None
    kind = entry.get("dtype") if isinstance(entry, dict) else None
    whole = isinstance(shape, list) and all(
        type(side) is int and 0 <= side <= _MAX_SIDE for side in shape
    )
    if not whole or len(shape or ()) > 16 or not isinstance(kind, str) or kind not in _BYTES:
        raise FileFault(
            f"not a readable safetensors file (no shape or type of the tensor {name[:60]!r})"
        )
    sides = tuple(shape or ())
    return sides, math.prod(sides) * _BYTES[kind]
