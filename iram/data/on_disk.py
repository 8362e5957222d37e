"""Arrays of pictures that lie in a file and not in memory, however many there are."""

import contextlib
import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

BLOCK = 1 << 25  # bytes that are held at a time


def empty(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """An array of zeros, uint8; a large one in a file without a name that goes with it: in the
    folder, or where that can't be written among the system's temporary files, or else in memory."""
    for place in (folder, None) if math.prod(shape) > BLOCK else ():
        with contextlib.suppress(OSError):
            if place is not None:
                place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place) as file:
                _reserve(file, math.prod(shape))
                return np.memmap(file, np.uint8, "r+", shape=tuple(shape))
    return np.zeros(shape, np.uint8)


def _reserve(file, count: int) -> None:
    """Makes it so large, of zeros; what finds no room later, when a page is written, is killed.

    Raises:
        OSError: no room.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, count)
        return
    for start in range(0, count, BLOCK):
        file.write(bytes(min(BLOCK, count - start)))
    file.flush()


def blocks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """The pictures, some at a time."""
    step = max(1, BLOCK // max(1, pixels[:1].size))
    for start in range(0, len(pixels), step):
        yield pixels[start : start + step]
        let_go(pixels)


def kept(pixels: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The pictures that are `good` (N,), moved to the front of the array in its place."""
    if good.all():
        return pixels
    places = np.flatnonzero(good)
    for new, old in enumerate(places):
        if new != old:
            pixels[new] = pixels[old]
    return pixels[: len(places)]


def let_go(pixels: np.ndarray) -> None:
    """Pages of a file that were read or written need not stay in memory; nothing is lost."""
    mapped = getattr(pixels, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
