"""DeepLIFT, guided backpropagation and integrated gradients: complete, and equal to Captum's."""

import warnings

import pytest
import torch
from captum.attr import DeepLift, GuidedBackprop
from nets import change, classifier, pictures, plain, without_in_place
from torch import nn
from torch.nn import functional as F

from analysis import attribute
from analysis.attributions.completeness import Incomplete
from analysis.attributions.masking import baseline
from iram.attention import ATTENTION


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
        }
        return kinds[self.kind](x)


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


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_deeplift_names_the_function_that_it_has_no_rule_for():
    model = nn.Sequential(Function(lambda x: torch.sinc(3 * x)), nn.Flatten(), nn.Linear(256, 2))
    model[2].weight.data.fill_(1)
    with pytest.warns(Incomplete, match="there is no rule for sinc$"):
        attribute(model, pictures(), 0, "deeplift")


class Attending(nn.Module):
    """Attention of two heads over the places of (N, 6, 14, 14)."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.attend = nn.MultiheadAttention(6, 2, batch_first=True).double()

    def forward(self, x):
        tokens = x[:, :, :4, :4].flatten(2).transpose(1, 2)
        return self.attend(2 * tokens, 3 * tokens, tokens)[0]


FUNCTIONS = {
    "prelu": nn.PReLU(6, 0.3),
    "in-place elu": nn.ELU(inplace=True),
    "in-place elu, as a function": F.elu_,
    "in-place leaky relu": nn.LeakyReLU(0.2, inplace=True),
    "in-place leaky relu, as a function": lambda x: F.leaky_relu_(x, 0.2),
    "in-place power": lambda x: (x.clone().pow_(2)),
    "adaptive maximum": nn.AdaptiveMaxPool2d(4),
    "maximum of an axis": lambda x: x.max(dim=1, keepdim=True).values * x,
    "maximum of an axis, as a function": lambda x: torch.max(x, 1)[0],
    "maximum of two": lambda x: torch.maximum(x, x.flip(1)),
    "minimum with a number": lambda x: torch.minimum(x, torch.tensor(0.1)),
    "layer norm": nn.LayerNorm(14),
    "group norm": nn.GroupNorm(3, 6),
    "instance norm": nn.InstanceNorm2d(6),
    "log-softmax": nn.LogSoftmax(1),
    "softmax": nn.Softmax(1),
    "log sum exp": lambda x: x.logsumexp(1, keepdim=True) - x,
    "attention": lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1),
    "attention of several heads": Attending(),
    "einsum": lambda x: torch.einsum("nchw,nchv->nchv", x, x.tanh()),
    "normalize": F.normalize,
    "glu": lambda x: F.glu(x, 1),
    "sine": torch.sin,
}


@pytest.mark.filterwarnings("error::analysis.attributions.completeness.Incomplete")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_with_a_rule_is_complete(name):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(1, 6, 3), Function(FUNCTIONS[name]), nn.Flatten(),
                              nn.LazyLinear(3)).double()
        model(pictures(1).double())
    x, target = pictures().double(), torch.tensor([0, 2, 1])
    maps = attribute(model, x, target, "deeplift")
    torch.testing.assert_close(maps.double().sum((1, 2)), change(model, x, target, "mean"), rtol=0,
                               atol=1e-5)


def rising(common: float) -> tuple[nn.Module, torch.Tensor]:
    """Softmax of (c x, c x + 0.01 x), and a picture of one pixel beside its mean."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(2), nn.Softmax(1),
                          nn.Flatten(), nn.Linear(4, 2, bias=False))
    model[0].weight.data = torch.tensor([common, common + 0.01]).view(2, 1, 1, 1)
    model[4].weight.data = torch.tensor([[0.0, 0, 1, 0], [1, 0, 0, 0]])
    return model, torch.tensor([[[[0.9, 0.1]]]])


@pytest.mark.parametrize("common", [0.0, 1.0, 100.0, 1000.0])
def test_logits_that_rise_together_do_not_move_the_softmax(common):
    model, x = rising(common)
    # The second share is sigmoid(0.01 x); x goes from 0.5 to 0.9.
    truth = torch.sigmoid(torch.tensor(0.009)) - torch.sigmoid(torch.tensor(0.005))
    maps = attribute(model, x, 0, "deeplift")
    torch.testing.assert_close(maps[0, 0], torch.tensor([truth, 0.0]), rtol=0.02, atol=1e-7)


def test_a_secant_of_a_change_that_is_all_rounding_is_the_derivative():
    steep = nn.Sequential(Function(lambda x: torch.sigmoid(x + 8)), nn.Flatten(), nn.Linear(2, 1))
    steep[2].weight.data = torch.tensor([[1e6, 0.0]])
    x = torch.tensor([[[[0.5, 0.5 - 1e-6]]]])
    maps = attribute(steep, x, 0, "deeplift")
    by_hand = attribute(steep, x, 0, "saliency") * (x - x.mean()).sum(1)
    torch.testing.assert_close(maps, by_hand, rtol=1e-3, atol=1e-9)


def test_a_layout_without_pictures_first_is_told_as_the_cause():
    turned = Function(lambda x: x.flatten(2).permute(2, 0, 1).tanh().mean(0))
    model = nn.Sequential(nn.Conv2d(1, 6, 3, stride=3), turned, nn.Linear(6, 2))
    with pytest.warns(Incomplete, match=r"in 'tanh' of \(25, 6, 6\) the first axis is not the"):
        attribute(model, pictures() * 4, 0, "deeplift")


CUTS = {
    "relu6": (nn.ReLU6(), True), "hardtanh": (nn.Hardtanh(-2, 2), False),
    "clamp": (Function(lambda x: x.clamp(0, 6)), True),
    "clamp, in place": (Function(lambda x: x.clamp_(min=0, max=6)), True),
    "clamp from below 0": (Function(lambda x: x.clamp(min=-2, max=2)), False),
    "clamp_min": (Function(lambda x: x.clamp_min(0).clamp(max=6)), True),
    "threshold": (Function(lambda x: F.threshold(x, 0, 0).clamp(max=6)), True),
    "threshold elsewhere": (Function(lambda x: F.threshold(x, -2, 0).clamp(max=2)), False),
}


@pytest.mark.filterwarnings("ignore:guided_backprop")
@pytest.mark.parametrize("name", CUTS)
def test_guided_backprop_counts_what_cuts_from_0_and_no_other_clipping(name):
    cut, counts = CUTS[name]
    x = torch.tensor([-1.0, 0.5, 7.0]).view(1, 1, 1, 3)
    model = nn.Sequential(cut, nn.Flatten(), nn.Linear(3, 2, bias=False))
    model[2].weight.data = torch.tensor([[-1.0] * 3, [1.0] * 3])
    maps = attribute(model, x, 0, "guided_backprop")
    assert maps[0, 0].tolist() == ([0.0, 0.0, 0.0] if counts else [-1.0, -1.0, 0.0])
    assert (attribute(model, x, 1, "guided_backprop") >= 0).all()


def test_guided_backprop_says_where_there_is_no_relu():
    model = nn.Sequential(nn.GELU(), nn.Flatten(), nn.Linear(256, 2))
    with pytest.warns(UserWarning, match="no ReLU; this is the plain gradient"):
        maps = attribute(model, pictures(), 0, "guided_backprop")
    assert torch.equal(maps, attribute(model, pictures(), 0, "saliency"))


def test_integrated_gradients_are_complete():
    model, x, target = classifier(), pictures(), torch.tensor([0, 2, 1])
    for fill in ("black", "mean", "blur"):
        maps = attribute(model, x, target, "integrated_gradients", baseline=fill, steps=64)
        wanted = change(model, x, target, fill)
        torch.testing.assert_close(maps.sum((1, 2)), wanted, rtol=0.05, atol=2e-3)
