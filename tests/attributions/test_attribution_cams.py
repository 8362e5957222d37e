"""Class activation maps against hand-set networks and Captum."""

import math

import pytest
import torch
from captum.attr import Deconvolution, LayerGradCam
from nets import STEPS, classifier, pictures, placed, plain, pooled, raw, without_in_place
from torch import nn

from analysis import Subject, attribute
from analysis.attributions.layers import activation
from analysis.stimuli.resizing import resize
from iram.errors import InputError


@pytest.mark.parametrize(
    ("method", "target", "factor"),
    [
        ("gradcam", 0, 0.5), ("hirescam", 0, 0.5), ("layercam", 0, 0.5),
        ("gradcam", 1, -2.0), ("hirescam", 1, -2.0), ("layercam", 1, -1.0),
    ],
)
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
    dead = raw(placed([0.0] * 4), STEPS, torch.tensor([0]), "gradcam++", layer="0")
    assert (dead == 0).all()


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


def test_activation_energy_is_the_mean_square_over_channels():
    maps = raw(pooled(), STEPS, torch.tensor([0]), "activation_energy")
    torch.testing.assert_close(maps, 2.5 * STEPS[:, 0] ** 2)


def test_ablation_cam_weighs_channels_by_what_the_logit_loses_without_them():
    # logit 0 is 4 mean(x) + mean(-2 x), with mean 1.5: weights 6 and -3
    maps = raw(pooled(), STEPS, torch.tensor([0]), "ablation_cam")
    torch.testing.assert_close(maps, 6 * STEPS[:, 0] - 3 * -2 * STEPS[:, 0])


class Beside(nn.Module):
    """A layer that what follows reads beside the picture: no copies of its result would fit."""

    def __init__(self, layers):
        super().__init__()
        self.layer, self.rest = layers[:6], layers[6:]

    def forward(self, x):
        made = self.layer(x)
        beside = x.mean((2, 3), keepdim=True).expand(-1, -1, *made.shape[2:])
        return self.rest(torch.cat([made, beside], 1)[:, 1:])


@pytest.mark.parametrize("net", ["iram", "beside"])
def test_ablation_cam_is_one_pass_for_each_channel_and_takes_any_batch_size(net):
    model = classifier() if net == "iram" else Beside(plain()).eval()
    name = "backbone.head" if net == "iram" else "layer"
    x, target = pictures(2), torch.tensor([0, 2])
    features = activation(model, x, name)
    wanted = torch.zeros_like(features[:, 0])
    for channel in range(features.shape[1]):

        def off(module, arguments, output, channel=channel):
            output = output.clone()
            output[:, channel] = 0
            return output

        with torch.no_grad():
            whole = model(x)
            handle = model.get_submodule(name).register_forward_hook(off)
            lost = (whole - model(x)).gather(1, target[:, None])
            handle.remove()
        wanted += lost[:, :, None] * features[:, channel]
    for batch_size in (1, 5, 64):
        found = raw(model, x, target, "ablation_cam", layer=name, batch_size=batch_size)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


class Tail(nn.Module):
    """An outside net; it counts the pictures before and behind its last features, and may fold
    them by the number of pictures that it was given."""

    def __init__(self, fold: bool):
        super().__init__()
        torch.manual_seed(0)
        self.before, self.fc = nn.Conv2d(1, 9, 5, 5), nn.Linear(9, 3)
        self.fold, self.shown = fold, []

    def forward(self, x):
        made = self.before(x).relu()
        self.shown.append((len(x), len(made)))
        made = made.reshape(len(x), -1, made.shape[2] * made.shape[3]) if self.fold else (
            made.flatten(2))
        return self.fc(made.mean(2)[:, :9])


def test_ablation_cam_of_a_net_from_outside_computes_what_lies_before_the_layer_once():
    found = {}
    for fold in (False, True):
        net = Tail(fold)
        subject = Subject.of(net, classes=["happy", "sad", "angry"], size=20)
        net, x = subject.model.net, torch.rand(2, 1, 20, 20)
        x = torch.rand(2, 1, 20, 20, generator=torch.Generator().manual_seed(0))
        net.shown.clear()
        found[fold] = attribute(subject.model, x, 1, "ablation_cam", layer="before")
        wide = [one for one in net.shown if one == (1, 10)]
        assert len(wide) == (0 if fold else 2)
        net.shown.clear()
    torch.testing.assert_close(found[True], found[False])


class Again(nn.Module):
    """A convolution that is used several times, one after the other or side by side."""

    def __init__(self, beside: bool):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.beside = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(1, 2), beside

    def forward(self, x):
        if self.beside:
            x = self.conv(x).relu() + self.conv(x * 0.5).relu()
        else:
            x = self.conv(self.conv(x).relu())
        return self.fc(x.mean((2, 3)))


def test_a_layer_that_is_used_again_counts_by_its_last_use_or_is_refused():
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    chain = Again(beside=False)
    last = chain.conv(chain.conv(x).relu()).detach()[:, 0]
    for method in ("gradcam", "ablation_cam"):
        found = raw(chain, x, torch.tensor([1, 1]), method, layer="conv")
        if method == "gradcam":
            wanted = chain.fc.weight[1, 0] / 64 * last
        else:
            wanted = chain.fc.weight[1, 0] * last.mean((1, 2), keepdim=True) * last
        torch.testing.assert_close(found, wanted.detach())
    with pytest.raises(InputError, match="layer 'conv' is used 2 times in a pass"):
        attribute(Again(beside=True), x, 1, "gradcam", layer="conv")


def test_eigen_cam_is_the_first_component_with_a_positive_sum():
    for sign in (1, -1):
        model = pooled()
        model[0].weight.data *= sign
        maps = raw(model, STEPS, torch.tensor([0]), "eigen_cam", layer="0")
        torch.testing.assert_close(maps, math.sqrt(5) * STEPS[:, 0])  # of channels x and -2 x


def test_eigen_cam_equals_pytorch_grad_cams_of_centred_features():
    projections = pytest.importorskip(
        "pytorch_grad_cam.utils.svd_on_activations",
        reason="pytorch-grad-cam (with torchvision) is not installed (an optional oracle)")
    features = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    features -= features.mean((2, 3), keepdim=True)
    wanted = torch.tensor(projections.get_2d_projection(features.numpy()))
    model = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(80, 2))
    found = raw(model, features, torch.tensor([0, 1]), "eigen_cam", layer="0")
    sign = (found * wanted).sum((1, 2)).sign()[:, None, None]
    torch.testing.assert_close(found, sign * wanted, rtol=1e-4, atol=1e-5)


def test_deconvolution_equals_captums_and_guided_gradcam_is_the_product():
    model, x, target = without_in_place(plain()), pictures(), torch.tensor([0, 2, 1])
    with pytest.warns(UserWarning, match="hooks"):
        wanted = Deconvolution(model).attribute(x, target)[:, 0].detach()
    torch.testing.assert_close(attribute(plain(), x, target, "deconvolution"), wanted)
    where = resize(raw(model, x, target, "gradcam", relu=True), 16, 16)
    torch.testing.assert_close(attribute(model, x, target, "guided_gradcam"),
                               where * attribute(model, x, target, "guided_backprop"))
