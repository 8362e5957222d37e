"""The model's own attention as an attribution: hand-set gates, and limits of rollout."""

import pytest
import torch
from nets import classifier, pictures, raw

from analysis.attributions.attention import reused_share, weighted_gate
from analysis.stimuli.resizing import resize
from iram.attention.iram import IRAM


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
