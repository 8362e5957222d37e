"""Reducing and resizing maps."""

import torch

from analysis.attributions.maps import spatial_attention
from analysis.stimuli.resizing import resize


def test_spatial_attention_is_the_mean_over_channels():
    attention = torch.rand(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(spatial_attention(attention), attention.sum(1) / 5)


def test_a_channel_gate_has_no_place():
    gate = torch.rand(2, 5, 1, 1).expand(2, 5, 4, 4)
    spatial = spatial_attention(gate)
    assert (spatial == spatial[:, :1, :1]).all()


def test_resizing_is_bilinear_with_corners_not_aligned():
    maps = torch.tensor([[[0.0, 4.0]]])
    torch.testing.assert_close(resize(maps, 1, 4), torch.tensor([[[0.0, 1.0, 3.0, 4.0]]]))


def test_resizing_keeps_a_constant_map():
    assert (resize(torch.full((1, 3, 3), 0.5), 48, 48) == 0.5).all()
