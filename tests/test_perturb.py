"""From a condition to pictures."""

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate

from analysis.perturb import perturb
from analysis.pose import rotate_in_plane
from analysis.study import CLEAN, PRESETS, Condition

IDS = [f"face{i}" for i in range(6)]


@pytest.fixture
def images():
    return torch.rand(6, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def test_the_clean_pass_changes_nothing(images):
    seen = perturb(images, CLEAN, IDS, seed=0)
    assert torch.equal(seen.images, images)
    assert not seen.occlusion_mask.any()
    assert seen.occlusion_fraction.sum() == 0


@pytest.mark.parametrize("condition", PRESETS["smoke"] + PRESETS["quick"], ids=lambda c: c.name)
def test_pixels_are_the_same_whatever_the_batch_and_its_order(condition, images):
    whole = perturb(images, condition, IDS, seed=3).images
    for place in (4, 1):
        alone = perturb(images[place : place + 1], condition, [IDS[place]], seed=3).images
        assert torch.equal(alone[0], whole[place])
    backwards = perturb(images.flip(0), condition, IDS[::-1], seed=3).images
    assert torch.equal(backwards.flip(0), whole)


def test_a_place_is_the_same_for_every_fill(images):
    masks = [perturb(images, Condition("box", 0.3, fill), IDS, 0).occlusion_mask
             for fill in ("mean", "noise")]  # fmt: skip
    assert torch.equal(*masks)


def test_the_recorded_fractions_are_those_of_the_mask(images):
    seen = perturb(images, Condition("eyes", 0.3, "black"), IDS, 0)
    shares = seen.occlusion_mask.float().mean((1, 2))
    torch.testing.assert_close(seen.painted_fraction, shares)
    assert seen.occlusion_fraction[0] == pytest.approx(0.3, abs=0.02)
    black = seen.images[:, 0] == 0
    assert (black[seen.occlusion_mask]).all()


def test_rotating_by_nothing_changes_nothing(images):
    torch.testing.assert_close(rotate_in_plane(images, 0.0), images, atol=1e-5, rtol=0)


def test_a_quarter_turn_is_clockwise(images):
    turned = rotate_in_plane(images, 90.0)
    torch.testing.assert_close(turned, images.rot90(-1, (2, 3)), atol=1e-4, rtol=0)


def test_rotation_agrees_with_scipy_inside(images):
    ours = rotate_in_plane(images, 15.0)[0, 0].numpy()
    theirs = rotate(images[0, 0].numpy(), -15.0, reshape=False, order=1, mode="nearest")
    inside = np.s_[10:-10, 10:-10]
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-3)
