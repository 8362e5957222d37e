"""Trials of methods: a linear net whose answers have a closed form, what is undefined, chance."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import entropy, spearmanr
from torch import nn

from analysis.metrics import TRIALS, Case, better
from analysis.metrics.in_domain import GRID, grid
from analysis.metrics.randomised import BINS, NOISE, SMOOTHED, histogram_entropy
from analysis.metrics.stability import FLOOR, relative_change
from analysis.metrics.trials import NEAR, STABLE
from iram.seeds import generators

N, SIDE = 5, 8
STABILITIES = ("relative_input_stability", "relative_representation_stability",
               "relative_output_stability")


class Linear(nn.Module):
    """Three logits, each a weighted sum of the pixels; the first is the highest by far."""

    def __init__(self, side: int = SIDE):
        super().__init__()
        draws = torch.rand(3, side * side, generator=torch.Generator().manual_seed(1))
        self.weights = nn.Parameter(0.5 + draws / 2)
        self.bias = nn.Parameter(torch.tensor([100.0, 0, 0]))

    def forward(self, x):
        return x.flatten(1) @ self.weights.T + self.bias

    def of(self, target):
        side = round(self.weights.shape[1] ** 0.5)
        return self.weights[target].detach().view(-1, side, side)


def pictures(n=N, side=SIDE):
    """Pixels from 0.5 to 1, of which none is at the floor."""
    return 0.5 + torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(2)) / 2


def case(explain=None, model=None, images=None, ids=None, partner=None, **options) -> Case:
    """Of `explain` (model, images, places) -> maps; by default input x gradient."""
    model = model or Linear()
    images = pictures() if images is None else images
    explain, n = explain or input_x_gradient, len(images)
    ids = [f"face{i}" for i in range(n)] if ids is None else ids
    made = {
        "model": model, "images": images, "target": torch.zeros(n, dtype=torch.long),
        "maps": explain(model, images, torch.arange(n)),
        "partner": torch.arange(1, n + 1) % n if partner is None else partner,
        "explain": lambda some, places: explain(model, some, places),
        "logits": lambda some: model(some).detach(),
        "features": lambda some: 3 * some.flatten(1),
        "generators": lambda purpose: list(generators(0, purpose, ids)),
        "weights": lambda purpose: torch.Generator().manual_seed(7), "fill": "mean",
    }
    return Case(**made | options)


def gradient(model, images, places):
    return model.of(torch.zeros(len(images), dtype=torch.long))


def input_x_gradient(model, images, places):
    return images[:, 0] * gradient(model, images, places)


def of_the_picture(model, images, places):
    return images[:, 0].clone()


def value(name, *arguments, **options):
    return TRIALS[name](case(*arguments, **options))[0]


# --- stability, in closed form


@pytest.mark.parametrize("name", STABILITIES[:2])
def test_a_map_that_moves_as_its_picture_does_has_stability_0(name):
    """Input x gradient of a linear net: each pixel changes by the same share in both."""
    assert value(name).tolist() == pytest.approx([0] * N, abs=1e-5)


def test_output_stability_is_the_relative_change_of_the_map_over_that_of_the_logits():
    one = case()
    found, _ = TRIALS["relative_output_stability"](one)
    for face in range(N):
        ratios = []
        image = one.images[face]
        for near in one.near.pictures[face]:
            moved = one.model(near[None]) - one.model(image[None])
            ratios.append(((near - image) / image).norm() / moved.norm())
        assert found[face].item() == pytest.approx(math.log10(max(ratios).item()), abs=1e-4)


@pytest.mark.parametrize("name", STABILITIES)
def test_a_map_that_does_not_move_has_the_least_and_another_faces_map_more(name):
    own, chance = TRIALS[name](case(gradient))
    assert own.tolist() == [-6] * N
    assert chance.tolist() == [-6] * N  # all faces have this map
    own, chance = TRIALS[name](case())
    assert (chance > own).all()


def test_only_pictures_of_which_the_prediction_stays_count():
    model = Linear()
    seen = case(model=model)
    stays = torch.rand(N, STABLE, generator=torch.Generator().manual_seed(4)) < 0.5
    stays[2] = False
    logits = seen.near.logits.clone()
    logits[:, 1:][~stays] = torch.tensor([0.0, 1, 0], dtype=torch.float64)  # another class
    seen.__dict__["near"] = replace(seen.near, logits=logits)
    assert torch.equal(seen.near.stays, stays)
    found, _ = TRIALS["relative_output_stability"](seen)
    assert found.isnan().tolist() == [face == 2 for face in range(N)]
    change = (logits[:, 1:] - logits[:, :1]).norm(dim=2)
    moved = relative_change(seen.near.maps, seen.maps[:, None])
    expected = (moved / change)[3][stays[3]].max().log10()
    assert found[3].item() == pytest.approx(expected.item())


def test_an_element_that_is_almost_0_counts_as_a_share_of_the_largest():
    old = torch.tensor([[[2.0, 1e-9, -1.0]]])
    new = torch.tensor([[[2.0, 1e-9 + 2 * FLOOR, -1.0], [3.0, 1e-9, -1.0], [2.0, 1e-9, -2.0]]])
    assert relative_change(new, old).tolist() == [pytest.approx([1, 0.5, 1])]
    assert relative_change(new, torch.zeros(1, 1, 3)).isnan().all()


def test_near_pictures_are_as_far_as_is_said():
    one = case(images=pictures(40, 16), model=Linear(16))
    noise = one.near.pictures - one.images[:, None]
    assert noise.shape[:2] == (40, STABLE)
    assert noise.std().item() == pytest.approx(NEAR, rel=0.02)
    assert noise.mean().abs().item() < 0.001


# --- random weights


def test_a_map_of_the_picture_stays_and_its_complexity_too():
    for name, stays in (("smooth_mprt", 1.0), ("efficient_mprt", 0.0)):
        assert value(name, of_the_picture).tolist() == pytest.approx([stays] * N)


def test_the_likeness_of_denoised_maps_is_that_of_weights_times_mean_pictures():
    """Input x gradient of a linear net, averaged: the mean noisy picture times the weights."""
    one = case()
    found, chance = TRIALS["smooth_mprt"](one)
    sd = NOISE * (one.images.amax((1, 2, 3)) - one.images.amin((1, 2, 3)))
    mean = one.noisy("smooth", SMOOTHED, sd.view(-1, 1, 1, 1, 1)).mean(1)[:, 0].flatten(1)
    before = one.model.weights[0].detach().clone()
    with one.without_weights():
        after = one.model.weights[0].detach().clone()
    assert not torch.equal(before, after)
    assert torch.equal(one.model.weights[0], before)
    for face in range(N):
        expected = spearmanr(mean[face] * before, mean[face] * after).statistic
        assert found[face].item() == pytest.approx(expected, abs=1e-3)
        other = spearmanr(mean[face] * before, mean[(face + 1) % N] * before).statistic
        assert chance[face].item() == pytest.approx(other, abs=1e-3)


def test_the_entropy_of_a_histogram_is_scipys_and_of_one_value_0():
    maps = torch.randn(3, 24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = [entropy(np.histogram(one, bins=BINS)[0]) for one in maps.numpy()]
    assert histogram_entropy(maps).tolist() == pytest.approx(expected)
    assert histogram_entropy(-5 * maps).tolist() == pytest.approx(expected, rel=0.01)
    two = torch.zeros(3, 2, 2)
    two[0, 0], two[2, 0, 0] = 1, torch.nan
    assert histogram_entropy(two).tolist() == pytest.approx([math.log(2), 0, math.nan], nan_ok=True)


def test_the_rise_is_in_shares_of_the_complexity_before():
    """A map of two values, and as the weights are lost of four: log 4 / log 2 - 1."""
    model = Linear(4)
    model.weights.data[0] = torch.tensor([0.0, 1]).repeat(8)
    kept = model.weights[0].detach().clone()

    def explain(model, images, places):
        values = 2 if torch.equal(model.weights[0], kept) else 4
        return torch.arange(16.0).remainder(values).view(1, 4, 4).expand(len(images), 4, 4)

    found, chance = TRIALS["efficient_mprt"](case(explain, model, pictures(3, 4)))
    assert found.tolist() == pytest.approx([1] * 3)
    assert chance.tolist() == [0] * 3


# --- deletion in domain


def test_deletion_of_a_linear_net_is_told_by_input_minus_mean_times_gradient():
    def account(model, images, places):
        return (images - images.mean((2, 3), keepdim=True))[:, 0] * gradient(model, images, places)

    assert value("in_domain_deletion", account).tolist() == pytest.approx([1] * N)
    turned = value("in_domain_deletion", lambda *given: -account(*given))
    assert turned.tolist() == pytest.approx([-1] * N)


def test_deletion_is_correlated_patch_by_patch_by_hand():
    one = case(of_the_picture)
    found, _ = TRIALS["in_domain_deletion"](one)
    image, weights = one.images[0, 0], one.model.of(0)[0]
    lost = weights * (image - image.mean())
    step = SIDE // GRID
    patches = [(slice(r, r + step), slice(c, c + step))
               for r in range(0, SIDE, step) for c in range(0, SIDE, step)]
    expected = spearmanr([image[p].sum() for p in patches], [lost[p].sum() for p in patches])
    assert found[0].item() == pytest.approx(expected.statistic)


def test_deletion_of_a_class_against_another_follows_what_the_maps_explain():
    """The second output less the third, which is column 1 of what can be explained."""
    def difference(logits):
        return torch.stack([logits[:, 0], logits[:, 1] - logits[:, 2]], 1)

    def account(model, images, places):
        weights = model.of(1) - model.of(2)
        return (images - images.mean((2, 3), keepdim=True))[:, 0] * weights

    target = torch.ones(N, dtype=torch.long)
    against = value("in_domain_deletion", account, target=target, scores=difference)
    assert against.tolist() == pytest.approx([1] * N)
    assert (value("in_domain_deletion", account) < 0.99).all()


def test_patches_share_any_picture_evenly():
    assert grid(8, 8)[0, ::2, ::2].flatten().tolist() == list(range(16))
    counts = grid(49, 50).unique(return_counts=True)[1]
    assert len(counts) == GRID**2
    assert counts.max() <= 13 * 13
    assert counts.min() >= 12 * 12


# --- every trial


@pytest.mark.parametrize("name", TRIALS)
class TestEveryTrial:
    def test_is_free_of_the_batch_and_of_the_other_faces(self, name):
        images = pictures()
        whole = TRIALS[name](case(images=images))
        small = TRIALS[name](case(images=images, batch_size=1))
        for one, other in zip(whole, small, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        order = [3, 1]
        some = TRIALS[name](case(images=images[order], ids=["face3", "face1"]))[0]
        torch.testing.assert_close(some, whole[0][order], rtol=1e-4, atol=1e-5)

    def test_gives_the_model_back_and_draws_from_no_global_generator(self, name):
        model, state = Linear(), torch.get_rng_state()
        before = model.weights.detach().clone()
        TRIALS[name](case(model=model))
        assert torch.equal(model.weights, before)
        assert torch.equal(torch.get_rng_state(), state)

    def test_is_undefined_where_a_map_is_not_finite_and_there_alone(self, name):
        def broken(model, images, places):
            maps = input_x_gradient(model, images, places)
            maps[places == 2, 0, 0] = torch.nan
            return maps

        own, chance = TRIALS[name](case(broken))
        assert own.isnan().tolist() == [face == 2 for face in range(N)]
        assert chance[[0, 3, 4]].isfinite().all()
        assert chance[1].isnan()  # its partner is the third

    def test_chance_is_undefined_without_a_partner(self, name):
        own, chance = TRIALS[name](case(partner=torch.tensor([1, 0, -1, -1, -1])))
        assert own.isfinite().all()
        assert chance.isnan().tolist() == [False, False, True, True, True]

    def test_is_free_of_the_unit_of_the_maps(self, name):
        own, _ = TRIALS[name](case())
        scaled, _ = TRIALS[name](case(lambda *given: 1e-4 * input_x_gradient(*given)))
        torch.testing.assert_close(scaled, own, rtol=1e-3, atol=1e-4)

    def test_tells_its_title_direction_and_cost(self, name):
        about = TRIALS.about(name)
        assert about.title != name.replace("_", " ")
        assert better(name) in ("higher", "lower")
        assert about.family in ("sanity", "faithfulness")
        assert about.maps + about.passes > 0 or name == "relative_output_stability"  # RIS's
        assert set(about.needs) <= {"weights", "layers", "covering"}

    def test_has_the_chance_that_it_tells_for_maps_that_know_nothing(self, name):
        if TRIALS.about(name).chance is None:
            return
        n, side = 120, 16
        draws = torch.randn(n, side, side, generator=torch.Generator().manual_seed(9))
        unrelated = case(lambda model, images, places: draws[places], Linear(side),
                         pictures(n, side))
        for found in TRIALS[name](unrelated):
            assert found.mean().item() == pytest.approx(TRIALS.about(name).chance, abs=0.06)


# --- Quantus, where it is installed


@pytest.fixture
def quantus():
    return pytest.importorskip("quantus", reason="Quantus is not installed")


@pytest.mark.parametrize("name", STABILITIES)
def test_stability_is_quantus_objective(quantus, name):
    one = case(lambda model, images, places: 1 + images[:, 0] * input_x_gradient(
        model, images, places))
    near, found = one.near, TRIALS[name](one)[0]
    kwargs = {"disable_warnings": True, "normalise": False}
    x, e = one.images.numpy(), one.maps[:, None].numpy()
    objectives = []
    for draw in range(STABLE):
        xs, es = near.pictures[:, draw].numpy(), near.maps[:, draw, None].numpy()
        if name == "relative_input_stability":
            metric = quantus.RelativeInputStability(**kwargs)
            objectives.append(metric.relative_input_stability_objective(x, xs, e, es))
        elif name == "relative_output_stability":
            metric = quantus.RelativeOutputStability(**kwargs)
            h, hs = near.logits[:, 0].numpy(), near.logits[:, 1 + draw].numpy()
            objectives.append(metric.relative_output_stability_objective(h, hs, e, es))
        else:
            metric = quantus.RelativeRepresentationStability(layer_names=["x"], **kwargs)
            features = [3 * values.reshape(N, -1) for values in (x, xs)]
            objectives.append(metric.relative_representation_stability_objective(*features, e, es))
    expected = np.log10(np.max(objectives, 0))
    assert found.numpy() == pytest.approx(expected, abs=1e-4)


def test_complexity_is_quantus_discrete_entropy(quantus):
    from quantus.functions.complexity_func import discrete_entropy

    maps = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected = [discrete_entropy(one, one, n_bins=BINS) for one in maps.numpy()]
    assert histogram_entropy(maps).tolist() == pytest.approx(expected)
