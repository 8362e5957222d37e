"""PNGs without their texts: metadata can be larger than a decoder's limit, or broken, while the
pixels are whole."""

import struct
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEFT_OUT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")  # of PNG 1.2: texts and the colour profile


def without_texts(path: str | Path, data: bytes | None = None) -> bytes | None:
    """The bytes of a PNG without its texts and colour profile; None if it is no PNG or has none.

    Args:
        data: the file's bytes, else they are read from `path`.
    """
    if data is None:
        with open(path, "rb") as file:
            data = file.read(len(SIGNATURE))
            data += file.read() if data == SIGNATURE else b""
    if not data.startswith(SIGNATURE):
        return None
    kept, place = [SIGNATURE], len(SIGNATURE)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind not in LEFT_OUT:
            kept.append(data[place : place + length + 12])
        place += length + 12
    bare = b"".join(kept)
    return bare if len(bare) < len(data) else None
