"""The effective multiplier: what attention's pattern makes of what the next block gets."""

import pytest
import torch
from torch import nn

from iram import build_model
from iram.attention import ATTENTION, Attention
from iram.backbones import BACKBONES, PLACES, Block, effective_multiplier

CHANNELS_ALONE = ("se", "eca")
HALVES = torch.tensor([0.2, 0.2, 0.6, 0.6]).expand(1, 3, 4, 4)  # columns; 0.4 in the middle


class Planted(Attention):
    """The same map on every picture."""

    def gate(self, x, memory):
        return HALVES.expand(len(x), -1, -1, -1), None


class Gone(nn.Module):
    def forward(self, x):
        return 0 * x


def effective(branch=None, shortcut=None, act=None, place="branch", attention=None, replace=None):
    block = Block(branch or nn.Identity(), attention or Planted(3), shortcut, act or nn.Identity(),
                  place)
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    return block(x, None, replace, measure=True).effective


@pytest.mark.parametrize("place", PLACES)
def test_without_a_shortcut_it_is_the_gate_over_its_mean(place):
    torch.testing.assert_close(effective(place=place), (HALVES / 0.4)[:, 0].expand(2, -1, -1))


def test_a_shortcut_past_the_gate_halves_its_say():
    # x + 0.2 x against x + 0.4 x: 1.2 / 1.4 on the left, 1.6 / 1.4 on the right.
    known = ((1 + HALVES) / 1.4)[:, 0].expand(2, -1, -1)
    torch.testing.assert_close(effective(shortcut=nn.Identity()), known)


def test_a_shortcut_does_not_pass_a_gate_after_the_addition():
    found = effective(shortcut=nn.Identity(), place="block")
    torch.testing.assert_close(found, (HALVES / 0.4)[:, 0].expand(2, -1, -1))


def test_fusion_counts():
    module = ATTENTION["iram"](3).eval()  # y = x (1 - a + a A), a = 1/2
    found = effective(attention=module, replace=lambda own: HALVES.expand_as(own))
    torch.testing.assert_close(found, ((1 + HALVES) / 1.4)[:, 0].expand(2, -1, -1))


@pytest.mark.parametrize("place", PLACES)
def test_flat_gates_have_no_effect(place):
    found = effective(place=place, replace=lambda own: own.mean((2, 3), keepdim=True) + 0 * own)
    torch.testing.assert_close(found, torch.ones_like(found))


def test_a_branch_that_is_zero_gives_its_gate_no_effect():
    assert torch.equal(effective(Gone(), nn.Identity()), torch.ones(2, 4, 4))
    assert torch.equal(effective(Gone()), torch.ones(2, 4, 4))  # nothing at all arrives


def test_what_the_activation_takes_away_has_no_effect():
    class Down(nn.Module):
        def forward(self, x):
            return -x

    assert torch.equal(effective(Down(), act=nn.ReLU()), torch.ones(2, 4, 4))


def test_a_dark_place_does_not_blow_it_up():
    y, flat = torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    flat[..., 0, 0] = 0
    assert effective_multiplier(y, flat).amax() < 1100


@pytest.mark.parametrize("attention", [name for name in ATTENTION if name != "none"])
@pytest.mark.parametrize("backbone", BACKBONES.where(gated=True))
def test_every_module_tells_it_in_every_layer(backbone, attention):
    model = build_model(backbone, attention, width=0.25).eval()
    with torch.inference_mode():
        trace = model.trace(torch.rand(2, 1, 48, 48))
    assert len(trace.effective) == model.num_layers
    for one, own in zip(trace.effective, trace.attention, strict=True):
        assert one.shape == (2, *own.shape[2:])
        assert one.isfinite().all()
        if attention in CHANNELS_ALONE:
            # Of cells whose features are small single precision tells fewer digits.
            torch.testing.assert_close(one, torch.ones_like(one), atol=2e-4, rtol=0)


def test_it_is_the_features_of_the_trace_against_those_of_the_flattened_net():
    """What an intervention makes of the last layer, whose input it leaves as it is."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model("compact", "cbam", width=0.25).eval()
    x = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    own = model.trace(x)
    with model.intervene({-1: lambda a: a.mean((2, 3), keepdim=True)}):
        flat = model.trace(x)
    known = own.features[-1].norm(dim=1) / flat.features[-1].norm(dim=1)
    torch.testing.assert_close(own.effective[-1], known)
    torch.testing.assert_close(flat.effective[-1], torch.ones_like(known))


def test_a_net_without_attention_has_none():
    model = build_model("compact", "none", width=0.25)
    assert model.trace(torch.rand(1, 1, 48, 48)).effective == []


def test_asking_for_it_changes_nothing_else():
    model = build_model("compact", "iram", width=0.25).eval()
    x = torch.rand(2, 1, 48, 48)
    with torch.inference_mode():
        assert torch.equal(model.trace(x).logits, model(x))
