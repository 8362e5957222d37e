from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.engine.spool import Spool
from iram.errors import InputError


def test_what_is_put_by_comes_back_as_it_was():
    spool = Spool()
    table = pd.DataFrame({"name": pd.Categorical(["a", "b", "a"]), "value": np.float32([1, 2, 3])})
    spool["table"], spool["map"] = table, np.eye(3)
    assert list(spool) == ["table", "map"]
    assert "other" not in spool
    pd.testing.assert_frame_equal(spool["table"], table)
    assert np.array_equal(spool["map"], np.eye(3))


def test_a_second_value_takes_the_place_of_the_first():
    spool = Spool()
    spool["one"], spool["two"] = 1, 2
    assert spool["two"] == 2
    spool["one"] = 3
    assert (spool["one"], spool["two"]) == (3, 2)


def resident() -> float:
    """MB of this process."""
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def test_values_put_by_take_no_memory():
    spool, before = Spool(), resident()
    for number in range(64):
        spool[number] = np.random.default_rng(number).random((1 << 17,))  # 1 MB each
    assert resident() - before < 16
    assert spool[63].shape == (1 << 17,)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full: a device without room")
def test_a_disk_without_room_is_one_line(tmp_path):
    spool = Spool()
    spool["one"] = 1
    with open("/dev/full", "r+b", buffering=0) as full:
        spool._file, kept = full, spool._file
        with pytest.raises(InputError, match=r"^cannot write a temporary file in .*: No space"):
            spool["two"] = 2
        spool._file = kept
    assert list(spool) == ["one"]
    assert spool["one"] == 1
