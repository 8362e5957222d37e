"""Ensembles: how their members are combined, and the controls on the card."""

import numpy as np
import pytest
import torch
from toy import toy_faces

from iram import build_model
from iram.evaluate import accuracy, predict
from iram.training.combining import anneal, combine, members_of, vote
from iram.training.grids import Cell
from iram.training.train_grid import train_cell
from iram.weights import load_model
from iram.zoo.common import Mixture


def planted(faces=300, classes=3):
    """Decisions of four members, of which the first two are right only together, if the first has
    more than half and less than 10/11 of the say; the others are noise."""
    draws = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (faces,), generator=draws)
    right = torch.nn.functional.one_hot(labels, classes).float()
    wrong, sure = right.roll(1, 1), (torch.arange(faces) % 3 > 0)[:, None]
    first = torch.where(sure, right, 0.55 * wrong + 0.45 * right)
    second = torch.where(sure, wrong, right)
    noise = torch.softmax(6 * torch.randn(2, faces, classes, generator=draws), 2)
    return torch.stack([first, second, *noise], 1).clamp_min(1e-6).log(), labels


def error(decisions, labels, weights):
    mixed = torch.einsum("nmk,m->nk", decisions.double().softmax(2), weights.double())
    return (mixed.argmax(1) != labels).double().mean().item()


def test_annealing_finds_the_planted_weights():
    decisions, labels = planted()
    found = anneal(decisions, labels, 0)
    assert found.sum().item() == pytest.approx(1)
    assert found.min() >= 0
    assert error(decisions, labels, torch.full((4,), 0.25)) > 0.1
    assert error(decisions, labels, found) == 0
    assert found[0] > found[1] > found[2:].max()
    assert torch.equal(found, anneal(decisions, labels, 0)), "the seed alone decides"


def test_annealing_is_never_worse_than_equal_weights_on_its_own_faces():
    draws = torch.Generator().manual_seed(1)
    decisions = torch.randn(200, 5, 4, generator=draws)
    labels = torch.randint(4, (200,), generator=draws)
    equal = error(decisions, labels, torch.full((5,), 0.2))
    assert error(decisions, labels, anneal(decisions, labels, 0, steps=200)) <= equal


def test_a_vote_goes_to_the_most_and_equal_ones_to_the_more_certain():
    sure, unsure = [9.0, 0.0, 0.0], [0.0, 0.1, 0.0]
    decisions = torch.tensor([[sure, unsure, unsure], [sure, unsure, [0.0, 0.0, 0.1]]])
    assert vote(decisions).argmax(1).tolist() == [1, 0]


def test_a_mixture_is_the_log_of_the_weighted_mean_probability():
    decisions, mixture = torch.randn(5, 3, 4), Mixture(3)
    mixture.weights.copy_(torch.tensor([0.5, 0.5, 0.0]))
    known = decisions[:, :2].softmax(2).mean(1).log()
    torch.testing.assert_close(mixture(decisions), known)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("ensembles")
    cards = {}
    for name in ("ensemble", "bidirectional"):
        cell = Cell(name, 0, {"backbone": name, "attention": "none", "width": 0.25}, {
            "epochs": 2, "batch_size": 8, "terms": "cross_entropy:0+members:1"})
        cards[name] = train_cell(cell, toy_faces(), out, device="cpu", progress=False)
    return out, cards


def test_the_card_of_an_ensemble_has_its_weights_and_its_controls(trained):
    out, cards = trained
    told = cards["ensemble"]["ensemble"]
    assert sum(told["weights"]) == pytest.approx(1, abs=1e-3)
    for usage in ("PublicTest", "PrivateTest"):
        assert set(told[usage]) == {"members", "equal", "vote", "annealed", "shuffled"}
        assert len(told[usage]["members"]) == 6
        assert told[usage]["annealed"]["accuracy"] == (
            cards["ensemble"]["accuracy"][usage]["accuracy"])
    best = told["PublicTest"]
    assert best["annealed"]["accuracy"] >= best["equal"]["accuracy"]
    model, validation = load_model(out / "ensemble-seed0.safetensors"), toy_faces().split(
        "validation")
    np.testing.assert_allclose(model.classifier.weights, told["weights"], atol=1e-3)
    found = accuracy(predict(model, validation), validation.labels)["accuracy"]
    assert found == best["annealed"]["accuracy"]


def test_three_that_vote_have_equal_weights_and_no_annealing(trained):
    told = trained[1]["bidirectional"]["ensemble"]
    assert told["weights"] == pytest.approx([1 / 3] * 3, abs=1e-3)
    assert set(told["PublicTest"]) == {"members", "equal", "vote"}


def test_the_test_split_has_no_say_in_the_weights():
    dataset, other = toy_faces(), toy_faces()
    other._labels = other._labels.copy()
    places = (other.metadata["split"] == "test").to_numpy()
    other._labels[places] = 1 - other._labels[places]
    found = []
    for one in (dataset, other):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = build_model("ensemble", "none", width=0.25, classes=("up", "down"),
                                input_size=16).eval()
        found.append(combine(model, one, 0))
    assert found[0]["weights"] == found[1]["weights"]
    assert found[0]["PrivateTest"] != found[1]["PrivateTest"]


def test_a_net_that_is_no_ensemble_is_not_combined_and_members_are_told_apart():
    assert combine(build_model("compact", "none", width=0.25), toy_faces(), 0) == {}
    model = build_model("bidirectional", "none", width=0.25, classes=("a", "b"), input_size=16)
    faces = toy_faces().split("test")
    decisions = members_of(model, faces)
    assert decisions.shape == (len(faces), 3, 2)
    torch.testing.assert_close(Mixture(3)(decisions), predict(model, faces))
