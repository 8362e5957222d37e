"""How far a grid is, and what it still takes."""

import json

import pytest

from iram import InputError
from iram.training.grids import Cell
from iram.training.ledger import read_log, seconds_left, status


def cell(label="none", seed=0, epochs=10, **architecture):
    return Cell(label, seed, {"attention": label} | architecture, {"epochs": epochs})


def finish(folder, cell, speed=100.0, faces=500):
    """What a finished training leaves, without the weights."""
    architecture = {"backbone": "compact"} | cell.architecture
    card = {"architecture": architecture, "seed": cell.seed, "weights_sha256": "",
            "images_per_second": speed, "data": {"training_faces": faces}}
    (folder / f"{cell.name}.safetensors").touch()
    (folder / f"{cell.name}.json").write_text(json.dumps(card))


def log(folder, cell, epochs):
    (folder / cell.name).mkdir()
    rows = "".join(f"{epoch},0.5\n" for epoch in range(1, epochs + 1))
    (folder / cell.name / "log.csv").write_text("epoch,validation_accuracy\n" + rows)


def test_a_cell_is_missing_then_unfinished_then_diverged_or_done(tmp_path):
    assert status(cell(), tmp_path) == ("missing", "")
    log(tmp_path, cell(), 3)
    assert status(cell(), tmp_path) == ("unfinished", "3 of 10 epochs")
    (tmp_path / "none-seed0" / "diverged.txt").write_text("the loss is nan in epoch 4\n")
    assert status(cell(), tmp_path) == ("diverged", "the loss is nan in epoch 4")
    finish(tmp_path, cell())
    assert status(cell(), tmp_path) == ("done", "")


def test_the_time_left_is_at_the_speed_of_the_finished_cells_of_that_attention(tmp_path):
    assert seconds_left([cell()], tmp_path) is None
    finish(tmp_path, cell("none"), 100.0)
    finish(tmp_path, cell("iram"), 50.0)
    assert seconds_left([cell("none"), cell("iram")], tmp_path) == 0
    assert seconds_left([cell("none", 1)], tmp_path) == 10 * 500 / 100
    assert seconds_left([cell("iram", 1), cell("none", 1)], tmp_path) == 10 * 500 * (1 / 50 + 0.01)
    assert seconds_left([cell("se", epochs=3)], tmp_path) == 3 * 500 / 75  # the median of both
    log(tmp_path, cell("none", 1), 4)
    assert seconds_left([cell("none", 1)], tmp_path) == 6 * 500 / 100


def test_a_cell_that_learns_a_few_faces_does_not_make_the_others_short(tmp_path):
    finish(tmp_path, cell("none"), 100.0)
    finish(tmp_path, cell("zz"), 100.0, faces=50)
    assert seconds_left([cell("none", 1)], tmp_path) == 10 * 500 / 100


@pytest.mark.parametrize("text", ["epoch,x\n1,a\n", "x\n1\n", "epoch,x\n1\n"])
def test_a_log_that_is_none_is_an_input_error(tmp_path, text):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(InputError, match=r"log.csv is not the log of a training"):
        read_log(tmp_path / "log.csv")
