"""The attention of a net from outside: read as a map, and replaced."""

import outside
import pytest
import torch
from torch import nn

from analysis.subjects import open_subjects
from analysis.subjects.attention import AttentionLayers
from analysis.subjects.check import check
from analysis.subjects.description import Description
from analysis.subjects.outside import OutsideModel
from analysis.subjects.probe import pictures
from iram.errors import InputError

SEVEN = outside.CLASSES


def opened(spec, classes=SEVEN):
    return open_subjects(spec, classes)[0]


class Attentive(nn.Module):
    """Transformer-like: tokens of patches, with or without a class token."""

    def __init__(self, prefix: int):
        super().__init__()
        self.prefix, self.drop = prefix, nn.Dropout(0.1)
        torch.manual_seed(0)
        self.embed, self.q, self.k = nn.Conv2d(1, 8, 8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.tokens = nn.Parameter(torch.randn(1, prefix, 8))
        self.head = nn.Linear(8, 7)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], 1)
        scores = (self.q(x) @ self.k(x).transpose(1, 2))[:, None].expand(-1, 2, -1, -1)
        x = (self.drop(scores.softmax(-1)) @ x[:, None]).mean(1)
        return self.head(x[:, 0] if self.prefix else x.mean(1))


def attentive(prefix: int) -> OutsideModel:
    told = Description(SEVEN, 48, "gray",
                       attention=AttentionLayers(("drop",), "tokens", prefix))
    return OutsideModel(Attentive(prefix), told).eval()


@pytest.mark.parametrize("prefix", [0, 1, 3])
@torch.no_grad()
def test_token_attention_is_read_as_a_map_and_its_own_map_put_back_changes_nothing(prefix):
    model, images = attentive(prefix), pictures(3)
    seen = []
    handle = model.net.drop.register_forward_hook(lambda m, a, out: seen.append(out))
    logits = model(images)
    handle.remove()
    rows = seen[0][:, :, 0, prefix:] if prefix else seen[0].mean(2)
    trace = model.trace(images)
    torch.testing.assert_close(trace.attention[0], rows.view(3, 2, 6, 6))
    with model.intervene({0: trace.attention[0]}):
        torch.testing.assert_close(model(images), logits)
    with model.intervene({0: lambda own: own.flip(3)}):
        after = model.trace(images)
    assert (after.logits - logits).abs().max() > 1e-4
    if prefix:  # then the map is the row that was replaced
        torch.testing.assert_close(after.attention[0], trace.attention[0].flip(3))
    assert not model.net.drop._forward_hooks


@pytest.mark.parametrize("prefix", [0, 1])
@torch.no_grad()
def test_rows_of_tokens_keep_their_sums_when_the_map_is_replaced(prefix):
    model, seen = attentive(prefix), []
    with model.intervene({0: lambda own: own * torch.linspace(0.1, 4, 6)}):
        handle = model.net.drop.register_forward_hook(lambda m, a, out: seen.append(out))
        model(pictures(2))
        handle.remove()
    torch.testing.assert_close(seen[0].sum(3), torch.ones(2, 2, 36 + prefix))


def gated(tmp_path, layer, read="gate", result=outside.RESULT):
    extra = f'[attention]\nlayers = ["{layer}"]\nread = "{read}"'
    return opened(outside.write_net(tmp_path, result=result, extra=extra)).model


@torch.no_grad()
def test_a_gate_before_its_sigmoid_is_the_same_attention(tmp_path):
    images = pictures(2)
    after, before = gated(tmp_path, "gate"), gated(tmp_path, "gate.0", "sigmoid")
    maps = [model.trace(images).attention[0] for model in (after, before)]
    torch.testing.assert_close(*maps)
    new = torch.rand(maps[0].shape, generator=torch.Generator().manual_seed(0))
    answers = []
    for model in (after, before):
        with model.intervene({0: new}):
            answers.append(model(images))
    torch.testing.assert_close(*answers)


@torch.no_grad()
def test_a_replaced_gate_gives_what_the_net_gives_with_that_gate(tmp_path):
    model, images = gated(tmp_path, "gate"), pictures(2)
    x = model.net.features(model.prepared(images))
    expected = model.net.fc((x * 0.25).mean((2, 3)))
    with model.intervene({-1: torch.tensor(0.25)}):
        torch.testing.assert_close(model(images), expected)
    with pytest.raises(InputError, match=r"has shape .*; it must broadcast to"), \
            model.intervene({0: torch.rand(2, 1, 5, 5)}):
        model(images)
    assert not model.net.gate._forward_hooks
    with pytest.raises(InputError, match="no attention layer 1"), model.intervene({1: 0}):
        pass


@pytest.mark.parametrize(
    ("layer", "read", "told"),
    [
        ("gaet", "gate", "unknown layer 'gaet' .did you mean 'gate'"),
        ("conv", "gate", 'has a map from .*; it must be in .0, 1.: is it read = "sigmoid"'),
        ("fc", "gate", r"'fc' puts out \(3, 7\); 'gate' needs \(N, C, h, w\)"),
        ("conv", "tokens", "1024 tokens without|as many queries as keys|no square grid"),
        ("channels", "gate", "'channels' gates channels alone"),
        ("unused", "gate", "'unused' was not reached in a forward pass"),
        ("twice", "gate", "'twice' is used 2 times in a forward pass"),
    ],
)
def test_attention_that_is_not_as_described_is_told_at_once(tmp_path, layer, read, told):
    result = "self.fc(self.drop((self.channels(x) + self.twice(self.twice(x))).mean((2, 3))))"
    more = ("\n\nclass Channels(nn.Module):\n    def forward(self, x):\n        return "
            "x.mean((2, 3), keepdim=True).sigmoid()\n\n\n"
            "def build():\n    net = Net()\n    net.channels = Channels()\n"
            "    net.unused, net.twice = nn.Sigmoid(), nn.Sigmoid()\n    return net\n")
    extra = f'[attention]\nlayers = ["{layer}"]\nread = "{read}"'
    with pytest.raises(InputError, match=told):
        opened(outside.write_net(tmp_path, result=result, extra=extra, more=more))


def test_attention_that_nothing_uses_can_be_read_but_not_replaced(tmp_path):
    result = "(self.idle(x), self.fc(x.mean((2, 3))))[1]"
    more = "\n\ndef build():\n    net = Net()\n    net.idle = nn.Sigmoid()\n    return net\n"
    extra = '[attention]\nlayers = ["gate", "idle"]'
    model = opened(outside.write_net(tmp_path, result=result, more=more, extra=extra)).model
    assert model.num_layers == 2
    assert "the map of layer 1 changes nothing" in model.lacks["interventions"]


def test_attention_that_sums_to_zero_is_told_as_that_and_not_as_unused(tmp_path):
    more = ("\n\nclass Zero(nn.Module):\n    def forward(self, x):\n        return 0 * x\n\n\n"
            "def build():\n    net = Net()\n    net.gate = nn.Sequential(net.gate, Zero())\n"
            "    return net\n")
    extra = '[attention]\nlayers = ["gate.0", "gate"]'
    spec = outside.write_net(tmp_path, more=more, extra=extra)
    told = "the map of layer 1 sums to zero: it has no shares, and nothing to replace"
    assert opened(spec).model.lacks["interventions"] == told
    [found] = [one for one in check(spec) if one.what == "interventions"]
    assert (found.good, found.told) == (False, told)
