"""Short trainings of a small net, and what they leave."""

import csv
import itertools

import pytest
import torch
from toy import toy_faces

from iram.model import plan
from iram.training.recipe import Recipe
from iram.training.train import _Run, train

RECIPE = Recipe(epochs=3, batch_size=8, lr=0.02)
TIMES = ("seconds", "images_per_second")


class Killed(BaseException):
    """As a signal would be: nothing in the package catches it."""


def architecture(attention="iram", size=16):
    return plan(attention=attention, classes=("up", "down"), width=0.25, input_size=size)


def run(folder, recipe=RECIPE, seed=0, dataset=None, attention="iram", dtype="auto"):
    dataset = dataset or toy_faces()
    splits = dataset.split("train"), dataset.split("validation")
    return train(
        architecture(attention), *splits, recipe, seed, folder, dtype=dtype, progress=False
    )


def killed_after(monkeypatch, epochs, folder, **options):
    """A run that is killed when this many epochs are saved."""
    saved, count = _Run.save, itertools.count(1)

    def save(self):
        saved(self)
        if next(count) == epochs:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(_Run, "save", save)
        with pytest.raises(Killed):
            run(folder, **options)


def same_weights(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def without_times(log):
    return [{k: v for k, v in row.items() if k not in TIMES} for row in log]


def read_log(folder):
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))
