"""Training: the same result however often it is killed, chosen on the validation split only."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy import toy_faces
from trainings import RECIPE, TIMES, architecture, read_log, run, same_weights

from iram import InputError, build_model
from iram.data import FaceDataset
from iram.dtype import native_bf16
from iram.evaluate import accuracy, predict
from iram.training.optimizer import Muon, height, parameter_groups
from iram.training.recipe import Recipe
from iram.training.targets import shuffled
from iram.training.train import _Run, derived_seed, difference, train

NATIVE = pytest.mark.skipif(native_bf16() is None, reason="this processor would emulate bf16")


@pytest.mark.parametrize("dtype", ["fp32", pytest.param("bf16", marks=NATIVE)])
def test_equal_seeds_give_equal_weights_and_another_seed_others(tmp_path, dtype):
    first = run(tmp_path / "a", dtype=dtype)
    assert same_weights(first.model, run(tmp_path / "b", dtype=dtype).model)
    assert not same_weights(first.model, run(tmp_path / "c", seed=1, dtype=dtype).model)


def test_training_leaves_the_global_random_numbers_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(tmp_path, Recipe(epochs=1, batch_size=8))
    assert torch.equal(torch.rand(3), expected)


def test_the_log_has_one_tidy_row_an_epoch(tmp_path):
    trained = run(tmp_path)
    rows = read_log(tmp_path)
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {"epoch", "training_loss", "training_accuracy", "validation_accuracy",
                            *TIMES}
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert [float(r["validation_accuracy"]) for r in rows] == [
        r["validation_accuracy"] for r in trained.log
    ]


@pytest.mark.parametrize(("curve", "best"), [([0.5, 0.7, 0.7], 2), ([0.9, 0.7, 0.8], 1)])
def test_the_first_of_the_best_validation_epochs_is_chosen(tmp_path, monkeypatch, curve, best):
    weights = []

    def scripted(logits, labels):
        return {"accuracy": curve[len(weights) - 1]}

    def watched(model, *arguments, **options):
        weights.append({k: v.clone() for k, v in model.state_dict().items()})
        return predict(model, *arguments, **options)

    monkeypatch.setattr("iram.training.train.accuracy", scripted)
    monkeypatch.setattr("iram.training.train.predict", watched)
    trained = run(tmp_path)
    assert trained.epoch == best
    assert not trained.model.training
    for name, tensor in trained.model.state_dict().items():
        assert torch.equal(tensor, weights[best - 1][name])


class TestIsSecret(FaceDataset):
    """Reading a face of its test split is an error."""

    __test__ = False

    def read_pixels(self, rows):
        assert not np.isin(rows, np.flatnonzero(self.secret)).any(), "the test split was read"
        return super().read_pixels(rows)


def test_training_and_selection_never_read_the_test_split(tmp_path):
    dataset = toy_faces(kind=TestIsSecret)
    dataset.secret = (dataset.metadata["split"] == "test").to_numpy()
    with pytest.raises(AssertionError, match="test split was read"):
        dataset.split("test").images([0])
    run(tmp_path, dataset=dataset)


def test_validation_faces_are_not_trained_on(tmp_path):
    dataset, other = toy_faces(), toy_faces()
    other._pixels = other._pixels.copy()
    other._pixels[(other.metadata["split"] == "validation").to_numpy()] = 0
    recipe = Recipe(epochs=1, batch_size=8)
    first, second = run(tmp_path / "a", recipe), run(tmp_path / "b", recipe, dataset=other)
    assert dataset.sha256 == other.sha256
    assert same_weights(first.model, second.model)


def test_so_many_faces_as_the_recipe_says_are_drawn_by_the_seed(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("iram.training.train._Run.save", lambda self: seen.append(self.training))
    dataset = toy_faces()
    whole = len(dataset.split("train"))
    for seed in (0, 0, 1):
        run(tmp_path, replace(RECIPE, epochs=1, faces=8), seed, dataset)
    run(tmp_path, replace(RECIPE, epochs=1, faces=10**6), 0, dataset)
    ids = [tuple(faces.metadata["image_id"]) for faces in seen]
    assert [len(set(names)) for names in ids] == [8, 8, 8, whole]
    assert ids[0] == ids[1] != ids[2]


def test_fewer_faces_than_a_batch_say_how_many_there_are(tmp_path):
    with pytest.raises(InputError, match=r"32 training faces.*one batch of 64"):
        run(tmp_path, Recipe())


def test_a_small_net_learns_32_faces_by_heart(tmp_path):
    still = {"rotation": 0, "shift": 0, "scale": 0, "brightness": 0, "contrast": 0, "flip": False}
    recipe = Recipe(epochs=25, batch_size=16, lr=0.05, **still)
    random = np.random.default_rng(0)
    dataset = toy_faces()
    dataset._labels[:] = random.integers(0, 2, len(dataset))  # nothing to learn but the faces
    trained = run(tmp_path, recipe, dataset=dataset)
    training = dataset.split("train")
    assert trained.log[-1]["training_accuracy"] > 0.95
    assert trained.log[0]["training_accuracy"] < 0.8
    last = train(architecture(), training, training, recipe, 0, tmp_path / "x", progress=False)
    assert accuracy(predict(last.model, training), training.labels)["accuracy"] > 0.95


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero_on_a_cosine():
    recipe = Recipe(warmup=0.2)
    expected = {0: 0.04, 0.1: 0.52, 0.2: 1.0, 0.6: 0.5, 1: 0.0}
    for share, wanted in expected.items():
        assert height(recipe, share) == pytest.approx(wanted, abs=1e-12)
    assert height(recipe, 0.4) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert height(Recipe(warmup=0), 0) == 1
    assert height(Recipe(warmup=1), 1) == pytest.approx(1)


@pytest.mark.parametrize(("optimizer", "muon"), [(torch.optim.SGD, 0), (Muon, 0.02)])
def test_each_optimizer_gets_its_learning_rate_of_each_step(tmp_path, monkeypatch, optimizer, muon):
    rates, original = [], optimizer.step

    def watched(self, *arguments):
        rates.extend({group["lr"] for group in self.param_groups})
        return original(self, *arguments)

    monkeypatch.setattr(optimizer, "step", watched)
    run(tmp_path, replace(RECIPE, muon=muon))
    peak = muon or RECIPE.lr
    assert rates == [peak * height(RECIPE, step / 12) for step in range(12)]


@pytest.mark.parametrize("attention", ["iram", "se", "cbam"])
def test_only_weights_decay_not_biases_norms_and_gains(attention):
    model = build_model(attention=attention, width=0.25)
    decayed, kept = parameter_groups(model, 0.01)
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.01, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    chosen = {names[id(p)] for p in decayed["params"]}
    assert chosen.isdisjoint({names[id(p)] for p in kept["params"]})
    assert len(chosen) + len(kept["params"]) == len(names)
    modules = dict(model.named_modules())
    for name in names.values():
        owner, _, last = name.rpartition(".")
        convolves = isinstance(modules[owner], torch.nn.Conv2d | torch.nn.Linear)
        assert (name in chosen) == (convolves and last == "weight"), name


def test_what_is_validated_and_kept_is_the_moving_average(tmp_path, monkeypatch):
    """By hand, after every step: d average + (1 - d) weights, d = min(ema, (1 + n) / (10 + n))."""
    weights, step = [], _Run.step

    def kept(self, *arguments):
        found = step(self, *arguments)
        weights.append(self.model.classifier.bias.detach().clone())
        return found

    monkeypatch.setattr(_Run, "step", kept)
    trained = run(tmp_path, Recipe(epochs=1, batch_size=8, lr=0.02, ema=0.5))
    wanted = weights[0]  # the first step takes the weights as they are
    for n, now in enumerate(weights[1:], 1):
        decay = min(0.5, (1 + n) / (10 + n))
        wanted = decay * wanted + (1 - decay) * now
    torch.testing.assert_close(trained.model.classifier.bias, wanted)
    assert not torch.equal(wanted, weights[-1])


def test_derived_seeds_depend_on_every_part():
    seeds = {derived_seed(0, 1), derived_seed(1, 0), derived_seed(0, "1"), derived_seed(0)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derived_seed(0, 1) == derived_seed(0, 1)


def test_a_difference_names_nested_fields_and_those_that_one_side_lacks():
    old, new = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}, "e": 5}
    text = "a.c: 2 there, 4 now, e: None there, 5 now, d: 3 there, None now"
    assert difference(old, new) == text
    assert difference(old, json.loads(json.dumps(old))) == ""


def test_shuffled_labels_are_the_seeds_and_as_many_of_each_class():
    labels = torch.arange(300) % 7
    assert torch.equal(shuffled(labels, 3), shuffled(labels, 3))
    assert not torch.equal(shuffled(labels, 3), shuffled(labels, 4))
    assert torch.equal(shuffled(labels, 3).bincount(), labels.bincount())
    assert (shuffled(labels, 3) == labels).float().mean() == pytest.approx(1 / 7, abs=0.06)


def test_with_random_labels_training_sees_shuffled_ones_and_validation_the_true(tmp_path):
    dataset, recipe = toy_faces(), Recipe(epochs=3, batch_size=8, random_labels=True)
    training, validation = dataset.split("train"), dataset.split("validation")
    state = _Run(architecture(), training, validation, recipe, 5, tmp_path, "cpu", "fp32")
    assert torch.equal(state.targets.argmax(1), shuffled(training.labels, 5))
    trained = run(tmp_path, recipe, seed=5, dataset=dataset, dtype="fp32")
    measured = accuracy(predict(trained.model, validation), validation.labels)["accuracy"]
    assert trained.log[-1]["validation_accuracy"] == measured


def test_with_random_labels_the_last_epoch_is_taken_whatever_validation_says(tmp_path, monkeypatch):
    falling = itertools.count(100, -1)
    monkeypatch.setattr("iram.training.train.accuracy",
                        lambda *a: {"accuracy": next(falling) / 100})
    assert run(tmp_path / "true").epoch == 1
    recipe = Recipe(epochs=3, batch_size=8, lr=0.02, random_labels=True)
    assert run(tmp_path / "random", recipe).epoch == 3
