"""FullGrad: the parts of the picture and of all biases sum to the logit."""

import pytest
import torch
from nets import MODELS, STEPS, classifier, pictures
from test_attribution_deeplift import Function
from torch import nn
from torch.nn import functional as F

from analysis import attribute
from analysis.attributions.completeness import Incomplete
from analysis.attributions.fullgrad import logit_parts
from analysis.attributions.question import undisturbed
from iram.attention import ATTENTION


def parts(model, x, target):
    with undisturbed(model):
        return logit_parts(model, x, target)


def test_the_map_holds_the_pictures_and_the_biases_parts():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    model[0].weight.data.fill_(2)
    model[0].bias.data.fill_(-0.5)
    model[3].weight.data, model[3].bias.data = torch.tensor([[1.0] * 4, [-1.0] * 4]), torch.ones(2)
    found = parts(model, STEPS, torch.tensor([1]))  # the first place is off: 2 * 0 - 0.5 < 0
    torch.testing.assert_close(found.maps[0], torch.tensor([[0.0, 2.5], [4.5, 6.5]]))
    torch.testing.assert_close(found.total, torch.tensor([-9.5]))  # 1 - (1.5 + 3.5 + 5.5)
    torch.testing.assert_close(found.total, found.logit)


@pytest.mark.parametrize("attention", sorted(ATTENTION))
def test_all_parts_sum_to_the_logit_through_every_attention_module(attention):
    model = classifier(attention)
    model.classifier.weight.data *= 20
    found = parts(model, pictures(), torch.tensor([0, 2, 1]))
    torch.testing.assert_close(found.total, found.logit, rtol=1e-4, atol=1e-4)


def test_and_through_functions_of_every_kind():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attend = nn.MultiheadAttention(16, 2, batch_first=True)
            self.conv, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4 * 49, 2)
            self.attend.in_proj_bias.data.normal_()

        def forward(self, x):
            tokens = F.layer_norm(x[:, 0], (16,)) + 1
            tokens = F.scaled_dot_product_attention(tokens, 2 * tokens, tokens)
            tokens = tokens + self.attend(tokens, tokens, tokens)[0]
            x = self.conv(x + 0.1 * F.normalize(tokens, dim=2)[:, None])
            y = F.max_pool2d(F.gelu(x), 2) * torch.tanh(F.avg_pool2d(x, 2))
            y = y / (1 + y.square()) + (y.abs() + 1) ** 0.5 + 1 / (2 + y.sigmoid())
            y = torch.addcmul(y, y.exp(), F.silu(y), value=0.5)
            y = 0.5 - y
            y *= 2
            return self.last(y.flatten(1)).log_softmax(1)

    torch.manual_seed(0)
    found = parts(Attending(), pictures(), torch.tensor([0, 1, 1]))
    torch.testing.assert_close(found.total, found.logit, rtol=1e-4, atol=1e-4)


def test_biases_without_a_place_are_left_out_and_small_layers_keep_their_sum():
    model = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(64, 2))
    model[1].weight.data.fill_(0)
    model[1].bias.data.fill_(3)
    model[3].weight.data.fill_(1)
    found = parts(model, pictures(1), torch.tensor([0]))
    torch.testing.assert_close(found.maps.sum((1, 2)), torch.tensor([64 * 3.0]))


def test_a_function_whose_bias_is_not_known_is_told():
    model = nn.Sequential(Function(lambda x: torch.sinc(3 * x)), nn.Flatten(), nn.Linear(256, 2))
    model[2].weight.data.fill_(1)
    with pytest.warns(Incomplete, match="fullgrad: .*whose implicit bias is not known"):
        attribute(model, pictures(), 0, "fullgrad")
    attribute(MODELS["iram"], pictures(), 0, "fullgrad")
