"""Every fill keeps the contract; some are checked against an oracle."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from analysis.fills import FILLS, Scene, paint
from analysis.fills.plain import NOISE_MEAN, NOISE_SD, gaussian_matrix
from iram.seeds import generators

IDS = ["a", "b", "c"]


@pytest.fixture
def images():
    return torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def filled(fill, images, ids=IDS):
    mask = torch.zeros(1, 48, 48, dtype=torch.bool)
    mask[:, 10:30, 5:40] = True
    return paint(Scene(images, mask, generators(0, fill, ids)), fill), mask[0]


@pytest.mark.parametrize("fill", FILLS)
def test_only_what_is_under_the_mask_changes(fill, images):
    before = images.clone()
    painted, mask = filled(fill, images)
    assert painted.shape == images.shape
    torch.testing.assert_close(painted[..., ~mask], images[..., ~mask], rtol=0, atol=0)
    assert not torch.equal(painted[..., mask], images[..., mask])
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("fill", FILLS)
def test_a_picture_is_painted_alike_alone_and_in_a_batch(fill, images):
    painted, _ = filled(fill, images)
    alone, _ = filled(fill, images[1:2], IDS[1:2])
    assert torch.equal(alone[0], painted[1])


def test_mean_is_each_pictures_own_mean(images):
    painted, mask = filled("mean", images)
    expected = images.mean((1, 2, 3))[:, None].expand(3, int(mask.sum()))
    torch.testing.assert_close(painted[:, 0][:, mask], expected)


def test_noise_has_the_stated_mean_and_spread_and_differs_between_pictures(images):
    painted, mask = filled("noise", images)
    values = painted[:, 0][:, mask]
    assert values.mean() == pytest.approx(NOISE_MEAN, abs=0.02)
    assert values.std() == pytest.approx(NOISE_SD, abs=0.03)
    assert not torch.equal(values[0], values[1])


def test_blur_agrees_with_scipy(images):
    blurred = FILLS["blur"](Scene(images, torch.ones(1, 48, 48, dtype=torch.bool)))
    ours, theirs = blurred[0, 0].numpy(), gaussian_filter(
        images[0, 0].numpy().astype(np.float64), 48 / 8, mode="nearest", truncate=8
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_blur_leaves_a_constant_picture_as_it_is():
    torch.testing.assert_close(gaussian_matrix(48).sum(1), torch.ones(48))
