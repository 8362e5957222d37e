"""Grids of cells: skipped when finished, shared between processes, marked when they diverge."""

import argparse
import contextlib
import json
import os

import numpy as np
import pytest
import torch
from lock_holder import held
from toy import toy_faces

from analysis.commands import main as cli
from iram import InputError, files, load_model
from iram.evaluate import accuracy, predict
from iram.lock import BusyError, locked
from iram.training.grids import product
from iram.training.train import DivergedError, _Run
from iram.training.train_grid import code_commit, is_done, train_cell, train_grid

RECIPE = {"epochs": 1, "batch_size": 8}
SMALL = {"width": 0.25}


def cells(attention=("none",), seeds=(0,), recipe=RECIPE, suffix=""):
    return product(attention, seeds, suffix, SMALL, recipe)


def grid(cells, out, dataset=None, dtype="fp32"):
    return train_grid(cells, dataset or toy_faces(), out, device="cpu", dtype=dtype)


@pytest.fixture
def diverging(monkeypatch):
    """Every run of seed 1 has a loss that is not a number."""
    step = _Run.step

    def broken(self, *arguments):
        loss, right = step(self, *arguments)
        return (loss * float("nan") if self.seed == 1 else loss), right

    monkeypatch.setattr(_Run, "step", broken)


def test_a_finished_cell_is_weights_a_log_and_a_card_measured_on_the_weights(tmp_path, capsys):
    dataset = toy_faces()
    assert grid(cells(["iram"]), tmp_path, dataset) == []
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"iram-seed0.safetensors", "iram-seed0.json", "iram-seed0/log.csv"}
    card = json.loads((tmp_path / "iram-seed0.json").read_text())
    assert card["selected_on"] == "PublicTest"
    assert (card["label"], card["seed"], card["precision"]) == ("iram", 0, "fp32")
    splits = [split + views for split in ("PublicTest", "PrivateTest")
              for views in ("", ", flip", ", crops")]
    assert list(card["accuracy"]) == splits
    model, faces = load_model(tmp_path / "iram-seed0.safetensors"), dataset.split("test")
    for views in ("single", "flip", "crops"):
        name = "PrivateTest" if views == "single" else f"PrivateTest, {views}"
        measured = accuracy(predict(model, faces, views=views), faces.labels)
        assert card["accuracy"][name] == measured
    assert "PrivateTest" in capsys.readouterr().out


def test_what_is_finished_is_skipped_and_what_is_new_is_trained(tmp_path, capsys):
    grid(cells(), tmp_path)
    before = (tmp_path / "none-seed0.safetensors").stat().st_mtime_ns
    grid(cells(seeds=[0, 1]), tmp_path)
    assert (tmp_path / "none-seed0.safetensors").stat().st_mtime_ns == before
    assert "none-seed0: finished before" in capsys.readouterr().out
    assert all(is_done(cell, tmp_path) for cell in cells(seeds=[0, 1]))


def test_what_a_card_lacks_is_measured_and_added(tmp_path, capsys):
    grid(cells(), tmp_path)
    path = tmp_path / "none-seed0.json"
    whole = path.read_text()
    card = json.loads(whole)
    for split in ("PublicTest", "PrivateTest"):
        del card["accuracy"][f"{split}, crops"]
    card["accuracy"]["PublicTest"]["low"] = 0.123  # what is known is not measured again
    path.write_text(json.dumps(card, indent=1) + "\n")
    grid(cells(), tmp_path)
    added = "added to its card: PublicTest, crops; PrivateTest, crops"
    assert f"none-seed0: finished before; {added}" in capsys.readouterr().out
    expected = json.loads(whole)
    expected["accuracy"]["PublicTest"]["low"] = 0.123
    assert path.read_text() == json.dumps(expected, indent=1) + "\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": cells(recipe=RECIPE | {"lr": 0.01})}, r"recipe\.lr: 0\.08 there, 0\.01 now"),
        ({"dataset": toy_faces(seed=3)}, "data: toy"),
        ({"dtype": "bf16"}, "precision: fp32 there"),
    ],
)
def test_a_finished_cell_of_another_training_is_not_taken_for_this_one(tmp_path, changes, message):
    grid(cells(), tmp_path)
    with pytest.raises(InputError, match=message):
        grid(**{"cells": cells(), "out": tmp_path} | changes)


def test_a_card_without_a_training_is_an_input_error(tmp_path):
    grid(cells(), tmp_path)
    path = tmp_path / "none-seed0.json"
    card = json.loads(path.read_text())
    del card["recipe"]
    path.write_text(json.dumps(card))
    with pytest.raises(InputError, match=r"none-seed0.json is not the card of a training"):
        grid(cells(), tmp_path)


def test_the_accuracies_are_of_the_weights_as_they_are_saved(tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr("iram.training.train_grid.measure",
                        lambda model, _: measured.append(model) or {})
    grid(cells(), tmp_path)
    saved = load_model(tmp_path / "none-seed0.safetensors").state_dict()
    assert all(torch.equal(saved[k], v) for k, v in measured[0].state_dict().items())


def test_a_cell_that_another_process_finished_just_before_is_not_trained_again(
    tmp_path, monkeypatch, capsys
):
    @contextlib.contextmanager
    def late(path):  # the lock is had when the other has finished
        with locked(path):
            train_cell(cells()[0], toy_faces(), tmp_path, device="cpu", dtype="fp32")
            monkeypatch.setattr(_Run, "run_epoch", lambda *a: pytest.fail("trained again"))
            yield

    monkeypatch.setattr("iram.training.train_grid.locked", late)
    grid(cells(), tmp_path)
    assert "none-seed0: finished before" in capsys.readouterr().out


@pytest.mark.parametrize("moment", ["measure", "save_model"])
def test_a_cell_killed_before_its_card_is_whole_is_not_finished(tmp_path, monkeypatch, moment):
    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"iram.training.train_grid.{moment}", killed)
        with pytest.raises(KeyboardInterrupt):
            grid(cells(), tmp_path)
    assert not is_done(cells()[0], tmp_path)
    monkeypatch.setattr(_Run, "run_epoch", killed)  # all epochs are in the checkpoint
    grid(cells(), tmp_path)
    assert is_done(cells()[0], tmp_path)


def test_the_grid_goes_on_after_a_cell_that_diverges(tmp_path, diverging, capsys):
    assert grid(cells(seeds=[1, 0]), tmp_path) == ["none-seed1"]
    assert (tmp_path / "none-seed1" / "diverged.txt").read_text() == "the loss is nan in epoch 1\n"
    assert is_done(cells(seeds=[0])[0], tmp_path)
    assert not is_done(cells(seeds=[1])[0], tmp_path)
    assert "none-seed1: stopped, the loss is nan" in capsys.readouterr().out


def test_a_run_that_diverges_raises_in_the_epoch_it_happens(tmp_path, diverging):
    from iram.model import plan
    from iram.training.recipe import Recipe
    from iram.training.train import train

    dataset, architecture = toy_faces(), plan(classes=("up", "down"), width=0.25)
    splits = dataset.split("train"), dataset.split("validation")
    with pytest.raises(DivergedError, match="nan in epoch 1"):
        train(architecture, *splits, Recipe(**RECIPE), 1, tmp_path, progress=False)


def test_the_mark_of_a_divergence_goes_when_the_cell_is_trained_after_all(tmp_path):
    mark = tmp_path / "none-seed0" / "diverged.txt"
    mark.parent.mkdir()
    mark.write_text("the loss is nan in epoch 1\n")
    grid(cells(), tmp_path)
    assert not mark.exists()


def test_a_really_absurd_learning_rate_diverges_by_itself(tmp_path):
    recipe = {"epochs": 3, "batch_size": 8, "lr": 1e30, "warmup": 0.0}
    assert grid(cells(recipe=recipe), tmp_path) == ["none-seed0"]


def test_a_divergence_is_exit_code_2_at_the_command_line(tmp_path, diverging, monkeypatch, capsys):
    monkeypatch.setattr("iram.data.open_dataset", lambda spec: toy_faces())
    code = cli.main(
        ["train", "--data", "toy", "--out", str(tmp_path), "--attention", "none", "--seeds", "1,0",
         "--switches", "width=0.25", "--recipe", "epochs=1,batch_size=8", "--device", "cpu"]
    )
    assert code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("iram: diverged: none-seed1;")
    assert (tmp_path / "none-seed0.json").exists()


def test_a_data_set_without_a_validation_split_says_so_before_anything_is_trained(tmp_path):
    with pytest.raises(InputError, match="toy has no split 'validation'; it has: train, test"):
        grid(cells(), tmp_path, toy_faces((32, 0, 12)))
    assert not list(tmp_path.rglob("log.csv"))


def test_a_data_set_without_a_test_split_is_trained_and_has_no_test_accuracy(tmp_path):
    grid(cells(), tmp_path, toy_faces((32, 12, 0)))
    card = json.loads((tmp_path / "none-seed0.json").read_text())
    assert set(card["accuracy"]) == {"PublicTest", "PublicTest, flip", "PublicTest, crops"}


def test_an_output_that_is_a_file_is_an_input_error_before_anything_is_trained(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_Run, "run_epoch", lambda *arguments: pytest.fail("it trained"))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"cannot write .*file"):
        grid(cells(), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_leftovers_of_a_process_killed_while_it_wrote_are_removed(tmp_path, monkeypatch):
    leftover = tmp_path / "none-seed0" / f".checkpoint.safetensors.x1{files._suffix()}"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")
    monkeypatch.setattr(files, "runs", lambda process: process != os.getpid())
    grid(cells(), tmp_path)
    assert not leftover.exists()


def test_a_cell_that_another_process_trains_is_left_to_it(tmp_path, capsys):
    with held(tmp_path / "none-seed0" / "lock") as other:
        assert grid(cells(seeds=[0, 1]), tmp_path) == []
        assert f"none-seed0: left to another process, {tmp_path}" in capsys.readouterr().out
        assert not is_done(cells()[0], tmp_path)
        assert is_done(cells(seeds=[1])[0], tmp_path)
        with pytest.raises(BusyError, match=f"held by process {other.pid} on "):
            grid(cells(), tmp_path)


def test_the_code_commit_is_a_commit_or_a_version(monkeypatch, tmp_path):
    found = code_commit()
    assert found.startswith("version ") or int(found.removesuffix("-dirty"), 16) >= 0
    monkeypatch.setattr("iram.training.train_grid.__file__",
                        str(tmp_path / "iram" / "training" / "train_grid.py"))
    assert code_commit().startswith("version ")


def test_weights_are_the_same_whether_trained_alone_or_in_a_grid(tmp_path):
    grid(cells(["iram"]), tmp_path / "alone")
    grid(cells(["none", "iram"]), tmp_path / "grid")
    one, other = (load_model(tmp_path / name / "iram-seed0.safetensors").state_dict()
                  for name in ("alone", "grid"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_that_do_not_fit_half_precision_count_as_diverged(tmp_path, monkeypatch):
    epoch = _Run.run_epoch

    def exploding(self, bar):
        epoch(self, bar)
        next(iter(self.best.values())).fill_(1e5)

    monkeypatch.setattr(_Run, "run_epoch", exploding)
    assert grid(cells(), tmp_path) == ["none-seed0"]
    assert "1e+05, above half precision" in (tmp_path / "none-seed0/diverged.txt").read_text()


def test_the_card_of_a_model_of_random_labels_says_so(tmp_path):
    grid(cells(recipe=RECIPE | {"epochs": 2, "random_labels": True}), tmp_path)
    card = json.loads((tmp_path / "none-seed0.json").read_text())
    assert card["recipe"]["random_labels"] is True
    assert (card["selected_on"], card["selected_epoch"]) == ("nothing: the last epoch", 2)


def with_copies():
    """Toy faces of which a test face is a training face once more, and one is nearly one."""
    dataset = toy_faces()
    pixels, role = dataset._pixels, dataset.metadata["split"].to_numpy()
    test = np.flatnonzero(role == "test")
    pixels[test[0]], pixels[test[1]] = pixels[0], pixels[1] // 2 + 40
    return dataset


def test_training_without_copies_leaves_out_those_of_test_faces_and_its_card_says_so(tmp_path):
    dataset = with_copies()
    grid(cells(recipe=RECIPE | {"without_copies": True}), tmp_path, dataset)
    card = json.loads((tmp_path / "none-seed0.json").read_text())
    assert card["recipe"]["without_copies"] is True
    assert card["data"]["training_faces"] == len(dataset.split("train")) - 2
    with pytest.raises(InputError, match=r"recipe\.without_copies: True there, False now"):
        grid(cells(), tmp_path, dataset)


def test_a_card_has_the_accuracy_without_copies_where_there_are_any(tmp_path, capsys):
    dataset = with_copies()
    grid(cells(), tmp_path, dataset)
    path = tmp_path / "none-seed0.json"
    card = json.loads(path.read_text())
    faces, model = dataset.split("test"), load_model(tmp_path / "none-seed0.safetensors")
    right = accuracy(predict(model, faces)[1:], faces.labels[1:])
    assert card["accuracy_without_copies"]["PrivateTest, without copies"] == right
    assert list(card["accuracy_without_copies"]) == [
        "PrivateTest, without copies", "PrivateTest, without near copies"]
    del card["accuracy_without_copies"]
    path.write_text(json.dumps(card))
    grid(cells(), tmp_path, dataset)
    assert "added to its card: PrivateTest, without copies" in capsys.readouterr().out
    assert json.loads(path.read_text())["accuracy_without_copies"]
    grid(cells(), tmp_path / "none")
    plain = json.loads((tmp_path / "none/none-seed0.json").read_text())
    assert "accuracy_without_copies" not in plain


def test_the_command_takes_without_copies_as_part_of_the_recipe(monkeypatch, tmp_path):
    from analysis.commands import train as command

    parser = argparse.ArgumentParser()
    command.configure(parser)
    arguments = ["--without-copies", "--recipe", "epochs=2", "--data", "x"]
    [cell] = command._cells(parser.parse_args(arguments))
    assert cell.recipe == {"epochs": 2, "without_copies": True}
