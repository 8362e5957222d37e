"""Layer-wise relevance propagation: hand-computed nets, conservation, and zennit."""

import sys
import types
import warnings

import pytest
import torch
from nets import MODELS, TARGET, classifier, pictures, plain, raw
from test_attribution_deeplift import Function, Functional
from torch import nn
from torch.nn import functional as F

from analysis import attribute
from analysis.attributions.completeness import Incomplete
from analysis.attributions.judgement import Judgement, judged
from analysis.attributions.lrp import relevance
from analysis.attributions.question import undisturbed
from analysis.attributions.sharing import Rule
from analysis.subjects.folding import folded
from iram.attention import ATTENTION
from iram.errors import InputError

RULES = {
    "lrp_epsilon": (Rule(0.25), Rule(0.25)), "lrp_gamma": (Rule(gamma=0.25), Rule(gamma=0.25)),
    "lrp_composite": (Rule(gamma=0.25), Rule(), True),
}
PAIR = torch.tensor([[[[0.5, 1.0]]]])  # a picture of two pixels


def dense(*layers) -> nn.Module:
    """A net of dense layers (weight, bias) with ReLUs between them."""
    steps = [nn.Flatten()]
    for weight, bias in layers:
        weight = torch.tensor(weight)
        steps += [nn.Linear(*weight.mT.shape), nn.ReLU()]
        steps[-2].weight.data, steps[-2].bias.data = weight, torch.tensor(bias)
    return nn.Sequential(*steps[:-1])


def told(model, x, target, *rules):
    with undisturbed(model):
        return relevance(model, x, torch.as_tensor(target).expand(len(x)), *rules)


TWO = dense(([[2.0, -0.5], [-1.0, 1.0]], [0.0, 0.25]), ([[1.0, 2.0], [0.0, 1.0]], [0.0, 0.0]))
ONE = dense(([[1.0, -2.0], [1.0, 0.5]], [0.5, 0.0]))  # logits -1 and 1 of PAIR


@pytest.mark.parametrize(("model", "rule", "maps", "kept"), [
    # hidden 0.5 (1 - 0.5) and 0.75 (-0.5 + 1 + 0.25 of its bias), logit 0.5 + 1.5
    (TWO, Rule(1e-12), [0.0, 1.5], 0.5),
    # gamma 1: 1 and -0.5 count 2 and -0.5; -0.5, 1 and 0.25 count -0.5, 2 and 0.5
    (TWO, Rule(gamma=1.0), [2 / 3 - 0.375, -1 / 6 + 1.5], 0.375),
    # z < 0: what is negative counts twice: 0.5 - 4 + 0.5
    (ONE, Rule(gamma=1.0), [-1 / 6 * -1, -4 / 3], 1 / 6),
    # the root mean square of -1 and 1 is 1, so that half is kept, beside a half of the bias
    (ONE, Rule(1.0), [0.25, -1.0], -0.25),
])
def test_relevance_of_a_dense_net_is_as_computed_by_hand(model, rule, maps, kept):
    found = told(model, PAIR, 0, rule, rule)
    torch.testing.assert_close(found.maps[0, 0], torch.tensor(maps), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.absorbed, torch.tensor([kept]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.maps.sum((1, 2)) + found.absorbed, found.logit)


def test_the_first_convolution_shares_evenly_over_what_it_reads():
    model = nn.Sequential(nn.Conv2d(1, 1, (1, 2), bias=False), nn.Flatten(), nn.Linear(2, 2))
    model[0].weight.data = torch.tensor([[[[5.0, -1.0]]]])
    model[2].weight.data, model[2].bias.data = torch.tensor([[1.0, 1.0], [0, 0]]), torch.zeros(2)
    x = torch.tensor([[[[1.0, 2.0, 0.0]]]])  # units 3 and 10
    found = told(model, x, 0, Rule(gamma=0.25), Rule(), True)
    torch.testing.assert_close(found.maps[0, 0], torch.tensor([1.5, 6.5, 5.0]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("attention", sorted(ATTENTION))
def test_relevance_and_what_is_kept_sum_to_the_logit_through_every_attention_module(
        attention, method):
    model = classifier(attention)
    model.classifier.weight.data *= 20
    for module in model.modules():  # shifts, as of trained norms
        if isinstance(module, nn.BatchNorm2d):
            with torch.random.fork_rng():
                torch.manual_seed(3)
                module.bias.data.normal_(0, 0.3)
                module.running_mean.normal_(0, 0.3)
    found = told(model, pictures(), 1, *RULES[method])
    torch.testing.assert_close(found.maps.sum((1, 2)) + found.absorbed, found.logit, rtol=1e-4,
                               atol=1e-4)
    assert found.absorbed.abs().max() > 0.01 * found.logit.abs().max()


def test_an_epsilon_near_0_is_the_picture_times_the_gradient_where_there_are_only_relus():
    found = attribute(MODELS["plain"], pictures(), TARGET, "lrp_epsilon", epsilon=1e-9)
    wanted = attribute(MODELS["plain"], pictures(), TARGET, "input_x_gradient")
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("kind", [
    "function", "method", "in place", "in place option", "one module", "folded",
])
def test_a_batch_norm_is_folded_and_it_does_not_matter_how_a_relu_is_called(method, kind):
    layers = plain()
    layers[4].bias.data += torch.linspace(-1, 1, 6)
    wanted = attribute(layers, pictures(), TARGET, method)
    model = folded(layers) if kind == "folded" else Functional(layers, kind).eval()
    torch.testing.assert_close(attribute(model, pictures(), TARGET, method), wanted, rtol=1e-4,
                               atol=1e-6)


class Twice(nn.Module):
    """A convolution whose result is read by a batch norm and by something else."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.last = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(588, 2)
        self.norm.bias.data += 1

    def forward(self, x):
        x = self.conv(x)
        return self.last((self.norm(x).relu() + x).flatten(1))


@pytest.mark.parametrize("method", RULES)
def test_a_batch_norm_beside_another_reader_is_not_folded_and_relevance_is_conserved(method):
    found = told(Twice().eval(), pictures(), 0, *RULES[method])
    torch.testing.assert_close(found.maps.sum((1, 2)) + found.absorbed, found.logit, rtol=1e-4,
                               atol=1e-5)


class Gated(nn.Module):
    """(v x) times sigmoid(g x), or times (g x) itself."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate
        self.v, self.g = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.v.weight.data = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
        self.g.weight.data = torch.tensor([[2.0, 1.0], [1.0, 0.0]])

    def forward(self, x):
        x = x.flatten(1)
        return self.v(x) * self.gate(self.g(x))


def test_of_a_gate_and_a_signal_the_signal_takes_all():
    rule = Rule(1e-9)
    found = told(Gated(lambda z: 1 - (1 - torch.sigmoid(z))), PAIR, 0, rule, rule)
    gate = torch.sigmoid(torch.tensor(2.0))
    torch.testing.assert_close(found.maps[0, 0], gate * torch.tensor([0.5, 2.0]))


def test_two_signals_take_half_each():
    rule = Rule(1e-9)
    found = told(Gated(lambda z: z), PAIR, 0, rule, rule)  # 2.5 * 2 = 5: parts 0.5, 2 and 1, 1
    wanted = 2.5 * torch.tensor([0.5, 2.0]) / 2.5 + 2.5 * torch.tensor([1.0, 1.0]) / 2
    torch.testing.assert_close(found.maps[0, 0], wanted)


def test_it_is_conserved_through_functions_of_every_kind():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.LayerNorm(4)
            self.q, self.last = nn.Linear(4, 4), nn.Linear(4, 2)
            self.attend = nn.MultiheadAttention(4, 2, batch_first=True)
            self.attend.in_proj_bias.data.normal_()
            self.attend.out_proj.bias.data.normal_()

        def forward(self, x):
            x = F.max_pool2d(F.gelu(self.conv(x)), 2)
            x = x / (1 + x.square()) * F.hardsigmoid(x)
            x = x + 0.5
            x *= F.silu(x)
            tokens = 1 - self.norm(x.flatten(2).mT)
            tokens = tokens + F.scaled_dot_product_attention(self.q(tokens), tokens, tokens)
            tokens = F.normalize(tokens + self.attend(tokens, tokens, tokens)[0], dim=2)
            return F.log_softmax(self.last(tokens.amax(1)), 1)

    model = Net().eval()
    for rules in RULES.values():
        found = told(model, pictures(), 0, *rules)
        torch.testing.assert_close(found.maps.sum((1, 2)) + found.absorbed, found.logit, rtol=1e-3,
                                   atol=1e-4)
        assert found.maps.abs().sum() > 0


@pytest.mark.parametrize("method", RULES)
def test_a_function_without_a_rule_is_told_and_the_method_marked(method):
    model = nn.Sequential(nn.Conv2d(1, 3, 3), Function(lambda x: torch.sinc(3 * x)), nn.Flatten(),
                          nn.Linear(588, 2))
    model[3].weight.data.fill_(1)
    with pytest.warns(Incomplete, match=f"{method}: .*there is no rule for"):
        attribute(model, pictures(), 0, method)
    assert "no rule for" in judged(model, pictures(2), 0, method).marked
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attribute(MODELS["iram"], pictures(), 0, method)


@pytest.mark.parametrize(("method", "options"), [
    ("lrp_epsilon", {"epsilon": 0}), ("lrp_gamma", {"gamma": -1}),
    ("lrp_composite", {"gamma": "much"}),
])
def test_rules_need_a_number_above_0(method, options):
    with pytest.raises(InputError, match="must be a number above 0"):
        attribute(MODELS["plain"], pictures(), 0, method, **options)


def zennit():
    """zennit asks for torchvision, of which it needs names alone."""
    if "torchvision" not in sys.modules:
        names = {"torchvision": {}, "torchvision.models": {},
                 "torchvision.models.resnet": {"Bottleneck": nn.Module, "BasicBlock": nn.Module}}
        for name, held in names.items():
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update(held)
    try:
        return pytest.importorskip("zennit", reason="zennit is not installed (an optional oracle)")
    finally:
        for name in ("torchvision", "torchvision.models", "torchvision.models.resnet"):
            if not hasattr(sys.modules.get(name), "__file__"):
                sys.modules.pop(name, None)


@pytest.mark.parametrize("method", ["lrp_gamma", "lrp_composite"])
def test_zennit_gives_the_same(method):
    zennit()
    from zennit.composites import SpecialFirstLayerMapComposite
    from zennit.rules import Epsilon, Flat, Gamma, Norm, Pass
    from zennit.types import Activation, AvgPool, Convolution, Linear

    model = folded(plain())
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    dense_rule = Gamma(0.25) if method == "lrp_gamma" else Epsilon(1e-6)
    layers = [(Activation, Pass()), (AvgPool, Norm()), (Convolution, Gamma(0.25)),
              (nn.Linear, dense_rule)]
    first = [(Linear, Flat())] if method == "lrp_composite" else []
    composite = SpecialFirstLayerMapComposite(layer_map=layers, first_map=first)
    x, logits = pictures().requires_grad_(), torch.nn.functional.one_hot(TARGET, 3)
    with composite.context(model) as net:
        y = net(x)
        (wanted,) = torch.autograd.grad(y, x, y.detach() * logits)
    found = raw(plain(), pictures(), TARGET, method)
    torch.testing.assert_close(found, wanted.sum(1), rtol=1e-3, atol=1e-5)


class ClassToken(nn.Module):
    """Patches, with a token of its own beside them that looks at them; it decides alone."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.token = nn.Conv2d(1, 4, 4, 4), nn.Parameter(torch.randn(1, 1, 4))
        self.look, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        own = self.patches(x).flatten(2).mT
        tokens = torch.cat([self.token.expand(len(x), -1, -1), own], 1)
        looks = (self.look(tokens) @ tokens.mT).softmax(2)
        return self.head((tokens + looks @ tokens)[:, 0])


@pytest.mark.parametrize("method", ["lrp_epsilon", "lrp_gamma", "lrp_composite", "fullgrad"])
def test_a_token_beside_the_pictures_own_is_absorbed(method):
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert judged(ClassToken(), x, 1, method) == Judgement()
