"""Decoded pictures lie in files: memory does not grow with their number."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from iram.data import on_disk, open_dataset

PEAK = """
import resource, sys
from iram.data import open_dataset
import pandas, pyarrow.parquet, PIL.Image  # what they take is not the pictures'
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
open_dataset(sys.argv[1])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_where_files_cannot_be_reserved_zeros_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(on_disk, "BLOCK", 100)
    monkeypatch.delattr(on_disk.os, "posix_fallocate", raising=False)
    made = on_disk.empty((4, 8, 8), tmp_path)
    assert isinstance(made, np.memmap)
    assert not made.any()


@pytest.mark.parametrize("good", [[1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
def test_the_good_ones_of_an_array_in_a_file_stay_in_their_order(tmp_path, monkeypatch, good):
    monkeypatch.setattr(on_disk, "BLOCK", 100)
    made, good = on_disk.empty((4, 8, 8), tmp_path / "new"), np.array(good, bool)
    assert isinstance(made, np.memmap)
    assert not list((tmp_path / "new").iterdir())  # it has no name
    made[:] = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    before = np.array(made)
    kept = on_disk.kept(made, good)
    on_disk.let_go(kept)
    assert np.array_equal(kept, before[good])
    assert np.array_equal(np.concatenate([*on_disk.blocks(kept), before[:0]]), before[good])


def refuse(*_, **__):
    raise OSError(28, "no room")


@pytest.mark.parametrize("refused", [
    (on_disk.tempfile, "TemporaryFile", refuse), (on_disk, "_reserve", refuse),
])
def test_where_no_file_can_be_written_memory_is_taken(tmp_path, monkeypatch, refused):
    monkeypatch.setattr(on_disk, "BLOCK", 100)
    monkeypatch.setattr(*refused)
    made = on_disk.empty((4, 8, 8), tmp_path)
    assert not isinstance(made, np.memmap)
    assert made.shape == (4, 8, 8)


def written(folder, count: int, size: int = 16) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        place = folder / ("happy", "sad")[number % 2] / f"{number:04d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place)


def test_in_blocks_the_same_is_decoded_and_kept_also_beside_damaged_files(tmp_path, monkeypatch):
    written(tmp_path / "data", 20)
    (tmp_path / "data" / "happy" / "0000.png").write_bytes(b"damaged")
    spec = f"folder:{tmp_path / 'data'},size=16,skip_bad=1"
    with pytest.warns(UserWarning, match="0000.png"):
        whole = open_dataset(spec)
    expected = np.array(whole.images_uint8(slice(None))), np.array(whole.colours)
    monkeypatch.setenv("IRAM_CACHE", str(tmp_path / "again"))
    monkeypatch.setattr(on_disk, "BLOCK", 700)
    with pytest.warns(UserWarning, match="0000.png"):
        parts = open_dataset(spec)
    assert len(expected[0]) == 19
    assert np.array_equal(parts.images_uint8(slice(None)), expected[0])
    assert np.array_equal(parts.colours, expected[1])


@pytest.mark.exhaustive
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise elsewhere")
def test_memory_does_not_grow_with_the_pictures(tmp_path):
    """300 pictures of 1024 px are 300 MB."""
    written(tmp_path, 300)
    told = subprocess.run([sys.executable, "-c", PEAK, f"folder:{tmp_path},size=1024"],
                          capture_output=True, text=True, check=True)
    assert float(told.stdout) < 150
