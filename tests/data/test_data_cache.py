import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sources import faces, fer_rows, write_csv

from iram.data import fer2013_csv, open_dataset

ROOT = Path(__file__).parents[2]


def entry(cache, suffix):
    (file,) = (cache / "data").glob(f"*{suffix}")
    return file


@pytest.fixture
def opened(fer_csv):
    """The specification of a CSV that is in the cache."""
    open_dataset(f"fer2013:{fer_csv}")
    return f"fer2013:{fer_csv}"


def decoding_fails(*_):
    raise AssertionError("decoded again")


def test_the_second_opening_maps_the_file_and_decodes_nothing(opened, monkeypatch):
    monkeypatch.setattr(fer2013_csv, "decode_csv", decoding_fails)
    dataset = open_dataset(opened)
    assert isinstance(dataset._pixels, np.memmap)
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(12))
    assert dataset.labels.tolist() == [i % 7 for i in range(12)]


def test_an_entry_goes_by_content_not_by_name(opened, tmp_path, monkeypatch):
    other = tmp_path / "renamed.csv"
    other.write_bytes((tmp_path / "fer2013.csv").read_bytes())
    monkeypatch.setattr(fer2013_csv, "decode_csv", decoding_fails)
    assert len(open_dataset(f"fer2013:{other}")) == 12


def test_other_content_is_another_entry(opened, tmp_path):
    write_csv(tmp_path / "fer2013.csv", fer_rows(5))
    assert len(open_dataset(opened)) == 5


def test_problems_come_out_of_the_cache_with_the_name_of_this_file(tmp_path):
    rows = fer_rows(4)
    rows[1][0] = "9"
    for name in ("one.csv", "two.csv"):
        path = write_csv(tmp_path / name, rows)
        with pytest.warns(UserWarning, match=f"{name} line 3: emotion '9'"):
            open_dataset(f"fer2013:{path},skip_bad=1")


def truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


def flip(file):
    data = bytearray(file.read_bytes())
    data[-50] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".json"])
@pytest.mark.parametrize(
    "damage", [truncate, flip, Path.unlink, lambda file: file.write_text("[]")]
)
def test_a_damaged_entry_is_found_and_made_anew(opened, cache, suffix, damage, monkeypatch):
    whole = entry(cache, suffix).read_bytes()
    damage(entry(cache, suffix))
    dataset = open_dataset(opened)
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(12))
    assert dataset.labels.tolist() == [i % 7 for i in range(12)]
    assert entry(cache, suffix).read_bytes() == whole


def test_without_a_writable_cache_the_data_is_read_and_a_warning_says_so(fer_csv, monkeypatch):
    monkeypatch.setenv("IRAM_CACHE", f"{fer_csv}/below-a-file")
    with pytest.warns(UserWarning, match="no cache, so each opening decodes anew: cannot write"):
        dataset = open_dataset(f"fer2013:{fer_csv}")
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(12))


def test_a_full_disk_leaves_no_half_written_file(fer_csv, cache, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        dataset = open_dataset(f"fer2013:{fer_csv}")
    assert len(dataset.images_uint8([0, 11])) == 2
    assert list((cache / "data").iterdir()) == []


def test_processes_may_fill_the_cache_at_the_same_time(fer_csv, cache):
    code = (
        "import hashlib, sys; from iram.data import open_dataset\n"
        "pixels = open_dataset(sys.argv[1]).images_uint8(slice(None))\n"
        "print(hashlib.sha256(pixels).hexdigest())"
    )
    command = [sys.executable, "-W", "error", "-c", code, f"fer2013:{fer_csv}"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(4)]
    hashes = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert len(hashes) == 1
    suffixes = sorted(file.suffix for file in (cache / "data").iterdir())
    assert suffixes == [".json", ".npy", ".parquet"]  # one entry, nothing half-written
