"""Cells trained by several processes: the same weights, errors told, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy import toy_faces

from analysis.studies.training.side_by_side import train_side_by_side
from iram import InputError
from iram.lock import BusyError, locked
from iram.threads import one_thread
from iram.training.grids import product
from iram.training.train_grid import is_done, train_grid

pytestmark = pytest.mark.exhaustive

RECIPE = {"epochs": 2, "batch_size": 8}
SMALL = {"width": 0.25}


def cells(seeds=(0, 1, 2), recipe=RECIPE):
    return product(["none"], seeds, "", SMALL, recipe)


def grid(cells, out, workers=2):
    return train_side_by_side(cells, toy_faces(), out, workers, device="cpu", dtype="fp32")


def test_the_weights_are_those_of_one_process_with_one_thread(tmp_path, capfd):
    assert grid(cells(), tmp_path / "two") == []
    with one_thread():
        train_grid(cells(), toy_faces(), tmp_path / "one", device="cpu", dtype="fp32")
    for cell in cells():
        one, two = (
            (tmp_path / n / f"{cell.name}.safetensors").read_bytes() for n in ("one", "two")
        )
        assert one == two
    error = capfd.readouterr().err
    assert "6/6" in error  # epochs, in the bar of this process


def test_what_diverges_is_named_and_the_rest_goes_on(tmp_path):
    wild = cells([7], RECIPE | {"lr": 1e30, "warmup": 0.0})
    assert grid([*wild, *cells([0])], tmp_path) == ["none-seed7"]
    assert is_done(cells([0])[0], tmp_path)


def test_a_cell_of_another_process_is_left_to_it(tmp_path):
    with locked(tmp_path / "none-seed1" / "lock"):
        assert grid(cells([0, 1]), tmp_path) == []
        assert is_done(cells([0])[0], tmp_path)
        assert not is_done(cells([1])[0], tmp_path)
        with pytest.raises(BusyError, match="none-seed1"):
            grid(cells([1]), tmp_path)
    grid(cells([0, 1]), tmp_path)
    assert is_done(cells([1])[0], tmp_path)


def test_a_finished_cell_of_another_training_is_an_input_error(tmp_path):
    grid(cells([0]), tmp_path)
    with pytest.raises(InputError, match=r"recipe\.lr"):
        grid(cells([0], RECIPE | {"lr": 0.01}), tmp_path)


HELPERS = str(Path(__file__).parents[1] / "helpers")
PROGRAM = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
sys.path.insert(0, sys.argv[2])
from toy import toy_faces
from analysis.commands import main as cli
import iram.data
iram.data.open_dataset = lambda spec: toy_faces((640, 12, 12))
sys.exit(cli.main(["train", "--data", "toy", "--out", sys.argv[1], "--attention", "none", "--seeds",
    "0,1", "--switches", "width=0.25", "--recipe", "epochs=12,batch_size=8", "--device", "cpu",
    "--workers", "2"]))
"""


def started(out: Path):
    """The command in a session of its own, once both cells have kept an epoch."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(out), HELPERS],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )
    waited = time.monotonic()
    while len(list(out.glob("*/checkpoint.safetensors"))) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() - waited < 120
        time.sleep(0.05)
    return process


def holder(out: Path, seed: int) -> int:
    return int((out / f"none-seed{seed}" / "lock").read_text().split()[0])


def goes_on(out: Path):
    """The same command again, to its end: every cell is whole, from its checkpoint on."""
    kept = {path: path.with_name("log.csv").read_text().splitlines()[1]
            for path in out.glob("*/checkpoint.safetensors")}
    assert kept
    again = subprocess.run([sys.executable, "-c", PROGRAM, str(out), HELPERS],
                           capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert {p.stem for p in out.glob("*.json")} == {"none-seed0", "none-seed1"}
    for path, first in kept.items():  # its seconds differ if the epoch was trained again
        assert path.with_name("log.csv").read_text().splitlines()[1] == first


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_worker_that_is_killed_is_told_and_a_second_run_goes_on(tmp_path):
    process = started(tmp_path)
    os.kill(holder(tmp_path, 0), signal.SIGKILL)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in error
    assert "iram: a worker process died" in error
    goes_on(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_ends_all_of_them_and_a_second_run_goes_on(tmp_path):
    process = started(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("*.json"))
    goes_on(tmp_path)
