"""Attribution maps against closed forms, sums over all orders, and Captum."""

import math
from itertools import permutations

import pytest
import torch
from captum.attr import Occlusion
from nets import classifier, pictures, plain
from torch import nn
from torch.nn import functional as F

from analysis import attribute
from analysis.attributions import shapley_values
from analysis.attributions.masking import baseline
from analysis.attributions.regions import grid
from analysis.stimuli.resizing import resize_labels

# Linear models: every contribution has a closed form.


class Linear(nn.Module):
    def __init__(self, side: int = 6):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn(2, 1, side, side, generator=generator))

    def forward(self, x):
        return (x[:, None] * self.weight).sum((2, 3, 4)) + 1.5


LINEAR = Linear()
X = pictures(3, 6)
W = LINEAR.weight.detach()[:1, 0]  # of class 0


@pytest.mark.parametrize("method", ["saliency", "smoothgrad", "guided_backprop"])
def test_the_gradient_of_a_linear_model_is_its_weights(method):
    torch.testing.assert_close(attribute(LINEAR, X, 0, method), W.expand(3, 6, 6))


def test_saliency_can_leave_out_the_sign():
    torch.testing.assert_close(
        attribute(LINEAR, X, 0, "saliency", absolute=True), W.abs().expand(3, 6, 6)
    )


@pytest.mark.parametrize("fill", ["black", "mean", "blur"])
@pytest.mark.parametrize("method", ["integrated_gradients", "deeplift", "gradient_shap"])
def test_a_linear_models_contributions_are_weight_times_change(method, fill):
    options = {"baselines": [fill]} if method == "gradient_shap" else {"baseline": fill}
    maps = attribute(LINEAR, X, 0, method, **options)
    torch.testing.assert_close(maps, W * (X - baseline(X, fill))[:, 0], rtol=1e-4, atol=1e-5)


def test_input_x_gradient_of_a_linear_model():
    torch.testing.assert_close(attribute(LINEAR, X, 0, "input_x_gradient"), W * X[:, 0])


def test_gradient_shap_averages_over_its_baselines():
    maps = attribute(LINEAR, X, 0, "gradient_shap", samples=4000, baselines=["black", "mean"])
    start = (baseline(X, "black") + baseline(X, "mean")) / 2
    torch.testing.assert_close(maps, W * (X - start)[:, 0], rtol=0, atol=0.03)


@pytest.mark.parametrize("method", ["region_shapley", "kernel_shap", "feature_ablation"])
def test_a_linear_models_regions_are_worth_what_is_in_them(method):
    regions = grid(6, 6, 2, 3)
    parts = W * (X - baseline(X, "blur"))[:, 0]
    options = {"samples": 60} if method == "kernel_shap" else {}
    maps = attribute(LINEAR, X, 0, method, regions=regions, baseline="blur", **options)
    for region in range(6):
        inside = regions == region
        wanted = parts[:, inside].mean(1, keepdim=True).expand(3, 6)
        torch.testing.assert_close(maps[:, inside], wanted, rtol=1e-4, atol=1e-5)


def test_occlusion_of_a_linear_model_is_the_mean_over_the_windows_of_a_pixel():
    maps = attribute(LINEAR, X, 0, "occlusion", window=2, stride=2, baseline="black")
    cells = F.avg_pool2d(W * X[:, 0], 2) * 4
    torch.testing.assert_close(maps, cells.repeat_interleave(2, 1).repeat_interleave(2, 2))


# Occlusion against Captum.


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (5, 3), (3, 1), (16, 1), (7, 5)])
@pytest.mark.parametrize("fill", ["mean", "blur"])
def test_occlusion_equals_captums(window, stride, fill):
    model, x, target = classifier(), pictures(), torch.tensor([0, 2, 1])
    with torch.no_grad():
        expected = Occlusion(model).attribute(
            x, (1, window, window), (1, stride, stride), baseline(x, fill), target,
            perturbations_per_eval=20,
        )[:, 0]
    maps = attribute(model, x, target, "occlusion", window=window, stride=stride, baseline=fill)
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-5)


def test_occlusion_of_oblong_pictures_in_colour_equals_captums():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ).eval()
    x = torch.rand(2, 3, 10, 13, generator=torch.Generator().manual_seed(0))
    expected = Occlusion(model).attribute(x, (3, 4, 4), (3, 3, 3), baseline(x), 1)[:, 0].detach()
    maps = attribute(model, x, 1, "occlusion", window=4, stride=3)
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["occlusion", "region_shapley", "score_cam"])
def test_the_batch_size_does_not_matter_and_bf16_is_near(method):
    model, x = classifier(), pictures()
    wanted = attribute(model, x, 1, method)
    for size in (7, 1000):
        maps = attribute(model, x, 1, method, batch_size=size)
        torch.testing.assert_close(maps, wanted, rtol=1e-4, atol=1e-6)
    rough = attribute(model, x, 1, method, bf16=True)
    assert not torch.equal(rough, wanted)
    assert torch.corrcoef(torch.stack([rough.flatten(), wanted.flatten()]))[0, 1] > 0.9


# Shapley values.


def brute_force(model, x, target, labels, count) -> torch.Tensor:
    """The mean gain of each region over all orders in which regions are shown."""
    gains, removed = torch.zeros(count, dtype=torch.float64), baseline(x)
    orders = list(permutations(range(count)))
    with torch.no_grad():
        for order in orders:
            shown = removed.clone()
            before = model(shown)[0, target]
            for region in order:
                shown = torch.where(labels == region, x, shown)
                after = model(shown)[0, target]
                gains[region] += (after - before).double()
                before = after
    return (gains / len(orders)).float()


def test_shapley_values_are_the_mean_gain_over_all_orders():
    model, x = classifier(), pictures(2)
    labels = torch.stack([grid(16, 16, 2, 2), grid(16, 16, 1, 4).flip(1)])
    exact = shapley_values(model, x, torch.tensor([2, 0]), labels)
    for i, target in enumerate((2, 0)):
        wanted = brute_force(model, x[i : i + 1], target, labels[i], 4)
        torch.testing.assert_close(exact[i], wanted, rtol=1e-4, atol=1e-6)


def test_shapley_values_are_complete_and_nothing_is_given_to_a_region_without_pixels():
    model, x = classifier(), pictures()
    labels = grid(16, 16, 2, 3) * 2  # no pixel has label 1, 3, ...
    values = shapley_values(model, x, 1, labels.clamp(max=8))
    with torch.no_grad():
        change = (model(x) - model(baseline(x)))[:, 1]
    torch.testing.assert_close(values.sum(1), change, rtol=1e-4, atol=1e-6)
    assert (values[:, 1::2].abs() < 1e-12).all()
    assert (values[:, ::2].abs() > 1e-6).all()


def test_the_map_of_shapley_values_sums_to_them_region_by_region():
    model, x = classifier(), pictures()
    labels = grid(16, 16, 3, 2)
    maps = attribute(model, x, 0, "region_shapley", regions=labels)
    values = shapley_values(model, x, 0, labels)
    for region in range(6):
        torch.testing.assert_close(
            maps[:, labels == region].sum(1), values[:, region], rtol=1e-4, atol=1e-6
        )


def test_kernel_shap_comes_near_the_exact_values():
    model, x, labels = classifier(), pictures(), grid(16, 16, 2, 2)
    near = attribute(model, x, 0, "kernel_shap", regions=labels, samples=600)
    exact = attribute(model, x, 0, "region_shapley", regions=labels)
    torch.testing.assert_close(near, exact, rtol=0, atol=float(0.1 * exact.abs().max()))


# Trivial maps, and regions.


def test_the_trivial_maps_are_what_they_say():
    x = torch.arange(8.0).expand(2, 1, 8, 8) / 10
    edges = attribute(plain(), x, 0, "sobel")
    torch.testing.assert_close(edges[:, :, 1:-1], torch.full((2, 8, 6), 0.1))
    bump = attribute(plain(), x, 0, "centre_gaussian")
    torch.testing.assert_close(bump, bump.flip(1).flip(2))
    assert bump[0, 4, 4] == bump.max()
    torch.testing.assert_close(bump[0, 3, 0] / bump[0, 3, 3], torch.tensor(math.exp(-3 / 2)))
    noise = attribute(plain(), pictures(2, 64), 0, "random")
    assert 0.45 < noise.mean() < 0.55
    mean = torch.rand(8, 8)
    assert torch.equal(attribute(plain(), x, 0, "mean_map", mean=mean)[1], mean)


def test_labels_are_resized_to_the_nearest_and_never_mixed():
    labels = torch.tensor([[0, 5], [7, 2]])
    assert torch.equal(
        resize_labels(labels, 4, 4), labels.repeat_interleave(2, 0).repeat_interleave(2, 1)
    )
    assert torch.equal(resize_labels(labels.repeat_interleave(2, 0), 2, 2), labels)
