"""How long the search for copies takes, and how much memory: `python bench_copies.py [FACES SIZE]`.

Pictures of blocks of noise in a file that is mapped, as the cache maps them; every fiftieth is a
copy. By default as many and as large as FER2013's, 35,887 of 48 px. Needs FACES * SIZE^2 bytes of
disk.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap

from iram.data.copies import search
from iram.data.dataset import FaceDataset


def main(faces: int = 35_887, size: int = 48) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pixels.npy"
        write(path, faces, size)
        metadata = pd.DataFrame({"image_id": np.arange(faces).astype(str), "usage": "train",
                                 "split": np.where(np.arange(faces) % 10, "train", "test")})
        dataset = FaceDataset(name="noise", classes=("a", "b"), labels=np.arange(faces) % 2,
                              metadata=metadata, size=size, pixels=np.load(path, mmap_mode="r"))
        started = time.perf_counter()
        found = search(dataset)
        seconds = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"{faces:,} pictures of {size} px: {seconds:.1f} s, {memory:.0f} MB at most; "
              f"{len(found.listed()):,} copies")


def write(path: Path, faces: int, size: int, block: int = 500) -> None:
    random = np.random.default_rng(0)
    pixels = open_memmap(path, "w+", np.uint8, (faces, size, size))
    for start in range(0, faces, block):
        count = min(block, faces - start)
        cells = random.integers(0, 256, (count, 16, 16), np.uint8)
        zoomed = cells.repeat(-(-size // 16), 1).repeat(-(-size // 16), 2)[:, :size, :size]
        zoomed[1::50] = zoomed[0::50][: len(zoomed[1::50])]
        pixels[start : start + count] = zoomed
    pixels.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
