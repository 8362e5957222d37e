"""Attribution maps against closed forms, hand-set networks and Captum."""

import math
import warnings
from itertools import permutations

import pytest
import torch
from captum.attr import DeepLift, GuidedBackprop, LayerGradCam, Occlusion
from test_attributions import classifier, pictures, plain
from torch import nn
from torch.nn import functional as F

from analysis import attribute
from analysis.attributions import ATTRIBUTIONS, shapley_values
from analysis.attributions.attention import reused_share, weighted_gate
from analysis.attributions.face import grid
from analysis.attributions.masking import baseline
from analysis.attributions.question import undisturbed
from analysis.maps import resize, resize_labels
from iram.attention import ATTENTION
from iram.attention.iram import IRAM

STEPS = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])  # a picture of 2 x 2


def raw(model, x, target, method, **options):
    """The map at the method's own size."""
    with undisturbed(model):
        return ATTRIBUTIONS[method](model, x, target, **options).detach()


def pooled() -> nn.Module:
    """Channels x and -2x; logits 4 mean(x) + mean(-2x) and -4 mean(x) + 2 mean(-2x)."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(2, 2, bias=False),
    )  # fmt: skip
    model[0].weight.data = torch.tensor([1.0, -2.0]).view(2, 1, 1, 1)
    model[3].weight.data = torch.tensor([[4.0, 1.0], [-4.0, 2.0]])
    return model


def placed(weights) -> nn.Module:
    """One channel, x itself; one logit, its product with a weight per place (and its negative)."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2, bias=False))
    model[0].weight.data.fill_(1)
    model[2].weight.data = torch.stack([torch.tensor(weights), -torch.tensor(weights)])
    return model


@pytest.mark.parametrize(
    ("method", "target", "factor"),
    [
        ("gradcam", 0, 0.5), ("hirescam", 0, 0.5), ("layercam", 0, 0.5),
        ("gradcam", 1, -2.0), ("hirescam", 1, -2.0), ("layercam", 1, -1.0),
    ],
)  # fmt: skip
def test_cams_of_a_net_with_a_mean_before_its_classifier(method, target, factor):
    maps = raw(pooled(), STEPS, torch.tensor([target]), method)
    torch.testing.assert_close(maps, factor * STEPS[:, 0])
    cut = raw(pooled(), STEPS, torch.tensor([target]), method, relu=True)
    torch.testing.assert_close(cut, (factor * STEPS[:, 0]).relu())


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("gradcam", [[0.0, 1.0], [2.0, 3.0]]),  # the mean weight is 1
        ("hirescam", [[0.0, 2.0], [6.0, -6.0]]),
        ("layercam", [[0.0, 2.0], [6.0, 0.0]]),
        # a = 1 / (2 + 6 G) at G = 1, 2, 3; the negative gradient has no part
        ("gradcam++", [[0.0, 1 / 8 + 2 / 14 + 3 / 20], [2 * 117 / 280, 3 * 117 / 280]]),
    ],
)
def test_cams_of_a_net_with_a_weight_per_place(method, expected):
    maps = raw(placed([1.0, 2.0, 3.0, -2.0]), STEPS, torch.tensor([0]), method)
    torch.testing.assert_close(maps[0], torch.tensor(expected))


def test_gradcam_plus_plus_has_no_part_of_a_place_without_gradient():
    maps = raw(placed([0.0, 2.0, 0.0, 0.0]), STEPS, torch.tensor([0]), "gradcam++")
    torch.testing.assert_close(maps, STEPS[:, 0] * 2 / 14)
    assert (raw(placed([0.0] * 4), STEPS, torch.tensor([0]), "gradcam++") == 0).all()


def test_score_cam_weighs_channels_by_the_softmax_of_their_scores():
    model = pooled()
    model[0].weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    model[3].weight.data = torch.tensor([[4.0, 0.0], [0.0, 0.0]])
    x = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])
    # The first mask is x itself and scores 4 mean(x^2) = 1; the second hides the one bright pixel.
    maps = raw(model, x, torch.tensor([0]), "score_cam", baseline="black")
    torch.testing.assert_close(maps, math.tanh(0.5) * x[:, 0])
    # A third, constant channel shows nothing, and takes a share of the softmax.
    model[0] = nn.Conv2d(1, 3, 1)
    model[0].weight.data = torch.tensor([1.0, -1.0, 0.0]).view(3, 1, 1, 1)
    model[0].bias.data = torch.tensor([0.0, 0.0, 5.0])
    model[3].weight = nn.Parameter(torch.tensor([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    maps = raw(model, x, torch.tensor([0]), "score_cam", baseline="black")
    total = math.e + 2
    torch.testing.assert_close(maps, (math.e - 1) / total * x[:, 0] + 5 / total)


@pytest.mark.parametrize("layer", ["0", "1", "3", "4", "5"])
def test_gradcam_equals_captums(layer):
    model = without_in_place(plain())
    x, target = pictures(), torch.tensor([0, 2, 1])
    expected = LayerGradCam(model, model.get_submodule(layer)).attribute(x, target)[:, 0]
    torch.testing.assert_close(raw(model, x, target, "gradcam", layer=layer), expected.detach())


def test_gradcam_of_our_net_equals_captums():
    model, x, target = classifier(), pictures(), torch.tensor([0, 2, 1])
    expected = LayerGradCam(model, model.backbone.head).attribute(x, target)[:, 0]
    torch.testing.assert_close(raw(model, x, target, "gradcam"), expected.detach())


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
        )[:, 0]  # fmt: skip
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


# DeepLIFT and guided backpropagation.


class Functional(nn.Module):
    """The layers of a Sequential with its activations as functions, methods or one module."""

    def __init__(self, layers: nn.Sequential, kind: str):
        super().__init__()
        self.layers, self.kind, self.act = layers, kind, nn.ReLU()

    def forward(self, x):
        for layer in self.layers:
            x = self.activated(x) if isinstance(layer, nn.ReLU) else layer(x)
        return x

    def activated(self, x):
        kinds = {
            "function": F.relu, "method": torch.Tensor.relu, "in place": torch.relu_,
            "in place option": lambda x: F.relu(x, inplace=True), "one module": self.act,
        }  # fmt: skip
        return kinds[self.kind](x)


def without_in_place(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return model


def averaging(model: nn.Sequential) -> nn.Sequential:
    """With the maximum pooling, in which Captum's contributions are not complete, taken out."""
    model[2] = nn.AvgPool2d(2)
    return model


@pytest.mark.parametrize(
    "kind", [None, "function", "method", "in place", "in place option", "one module"]
)
def test_deeplift_and_guided_backprop_equal_captums_however_a_relu_is_called(kind):
    reference, layers = without_in_place(averaging(plain())), averaging(plain())
    x, target = pictures(), torch.tensor([0, 2, 1])
    model = Functional(layers, kind).eval() if kind else layers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lifted = DeepLift(reference).attribute(x, baseline(x), target)[:, 0].detach()
        guided = GuidedBackprop(reference).attribute(x, target)[:, 0].detach()
    torch.testing.assert_close(attribute(model, x, target, "deeplift"), lifted)
    torch.testing.assert_close(attribute(model, x, target, "guided_backprop"), guided)
    assert not torch.allclose(guided, attribute(model, x, target, "saliency"))


@pytest.mark.parametrize("attention", sorted(ATTENTION))
@pytest.mark.parametrize("fill", ["mean", "black"])
def test_deeplift_is_complete_through_every_attention_module(attention, fill):
    model, x, target = classifier(attention), pictures(), torch.tensor([0, 2, 1])
    model.classifier.weight.data *= 20
    maps = attribute(model, x, target, "deeplift", baseline=fill)
    torch.testing.assert_close(maps.sum((1, 2)), change(model, x, target, fill), rtol=0, atol=1e-4)


def change(model, x, target, fill):
    with torch.no_grad():
        return (model(x) - model(baseline(x, fill))).gather(1, target[:, None])[:, 0]


class Exotic(nn.Module):
    """Non-linear functions of every kind that there is a rule for."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4 * 49 + 4, 2)

    def forward(self, x):
        x = self.conv(x)
        y = F.max_pool2d(F.gelu(x), 2) * torch.tanh(F.avg_pool2d(x, 2))
        y = y / (1 + y.square()) + (y.abs() + 1) ** 0.5 + 1 / (2 + y.sigmoid())
        weights = y.flatten(2).softmax(2)
        mixed = (weights @ y.flatten(2).transpose(1, 2)).amax(2)
        y = torch.addcmul(y, y.exp(), F.silu(y), value=0.5)
        y *= F.hardswish(y)
        return self.last(torch.cat([y.flatten(1), mixed], 1))


def test_deeplift_is_complete_for_every_kind_of_function():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Exotic()
    x, target = pictures(), torch.tensor([0, 1, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps = attribute(model, x, target, "deeplift")
    torch.testing.assert_close(
        maps.sum((1, 2)), change(model, x, target, "mean"), rtol=1e-4, atol=1e-4
    )


def test_deeplift_warns_of_a_function_that_it_has_no_rule_for():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(1, 4), nn.Flatten(), nn.Linear(784, 2))
    with pytest.warns(UserWarning, match="no rule for"):
        attribute(model, pictures(), 0, "deeplift")


def test_guided_backprop_counts_relu6_and_no_other_clipping():
    x = torch.tensor([-1.0, 0.5, 7.0]).view(1, 1, 1, 3)
    for module, wanted in ((nn.ReLU6(), [0.0, 0.0, 0.0]), (nn.Hardtanh(-2, 2), [-1.0, -1.0, 0.0])):
        model = nn.Sequential(module, nn.Flatten(), nn.Linear(3, 2, bias=False))
        model[2].weight.data = torch.tensor([[-1.0] * 3, [1.0] * 3])
        maps = attribute(model, x, 0, "guided_backprop")
        torch.testing.assert_close(maps[0, 0], torch.tensor(wanted))
        assert (attribute(model, x, 1, "guided_backprop") >= 0).all()


def test_integrated_gradients_are_complete():
    model, x, target = classifier(), pictures(), torch.tensor([0, 2, 1])
    for fill in ("black", "mean", "blur"):
        maps = attribute(model, x, target, "integrated_gradients", baseline=fill, steps=64)
        wanted = change(model, x, target, fill)
        torch.testing.assert_close(maps.sum((1, 2)), wanted, rtol=0.05, atol=2e-3)


# Native attention.


def test_attention_is_the_mean_of_the_layers_at_the_size_of_the_largest():
    model, x = classifier(), pictures()
    with torch.no_grad():
        maps = [a.mean(1) for a in model.trace(x).attention]
    wanted = torch.stack([resize(m, 8, 8) for m in maps]).mean(0)
    torch.testing.assert_close(raw(model, x, 0, "attention"), wanted)
    torch.testing.assert_close(raw(model, x, 0, "attention_last"), maps[-1])
    for layer, wanted in ((1, maps[1]), ("1", maps[1]), (-2, maps[4])):
        torch.testing.assert_close(raw(model, x, 0, "attention_layer", layer=layer), wanted)


def test_a_channel_gate_is_weighted_by_the_energy_of_each_place():
    gate = torch.tensor([0.2, 0.8]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    features = torch.tensor([[[[3.0, 0.0, 0.0]], [[3.0, -2.0, 0.0]]]])
    wanted = torch.tensor([[[0.5, 0.8, 0.5]]])  # equal energies; the second alone; none at all
    torch.testing.assert_close(weighted_gate(gate, features), wanted)


@pytest.mark.parametrize("attention", ["se", "eca"])
def test_gates_over_channels_have_a_map_with_places(attention):
    model = classifier(attention)
    for parameter in model.parameters():
        parameter.data *= 2  # gates that differ
    maps = raw(model, pictures(), 0, "attention_layer", layer=2)
    assert (maps.amax((1, 2)) - maps.amin((1, 2)) > 1e-3).all()
    assert ((maps > 0) & (maps < 1)).all()


def test_rollout_without_reuse_is_the_last_attention():
    for model in (classifier("cbam"), build_without_reuse()):
        x = pictures()
        last = resize(raw(model, x, 0, "attention_last"), 8, 8)
        torch.testing.assert_close(raw(model, x, 0, "attention_rollout"), last)


def build_without_reuse():
    model = classifier()
    for module in model.modules():
        if isinstance(module, IRAM) and module.reuse_layer:
            module.memory_weight.data.zero_()
    return model


def test_rollout_of_maps_that_are_reused_whole_is_the_first_attention():
    model, x = classifier(), pictures()
    for module in model.modules():
        if isinstance(module, IRAM) and module.reuse_layer:
            module.expand.weight.data.zero_()
            module.expand.bias.data.zero_()
            module.input_weight.data.zero_()
    first = raw(model, x, 0, "attention_layer", layer=0)
    torch.testing.assert_close(raw(model, x, 0, "attention_rollout"), first, rtol=0, atol=1e-4)


def test_the_reused_share_is_what_came_from_memory_of_the_sizes_of_both():
    module = IRAM(2, 2)
    memory = torch.tensor([3.0, -1.0, 0.0]).view(1, 1, 1, 3).expand(1, 2, 1, 3)
    logits = memory + torch.tensor([1.0, 1.0, 0.0])
    share = reused_share(module, memory, logits)
    torch.testing.assert_close(share, torch.tensor([[[0.75, 0.5, 0.0]]]))


def test_activation_energy_is_the_mean_square_over_channels():
    maps = raw(pooled(), STEPS, torch.tensor([0]), "activation_energy")
    torch.testing.assert_close(maps, 2.5 * STEPS[:, 0] ** 2)


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
