"""Class activation maps against hand-set networks and Captum."""

import math

import pytest
import torch
from captum.attr import LayerGradCam
from nets import STEPS, classifier, pictures, placed, plain, pooled, raw, without_in_place
from torch import nn


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
