"""From a condition to pictures."""

import numpy as np
import pytest
import tiny
import torch
from scipy.ndimage import rotate

from analysis.perturb import occlude, pose
from analysis.pose import rotate_in_plane, turn
from analysis.study import CLEAN, FRONTAL, PRESETS, Condition
from iram import open_dataset

IDS = [f"face{i}" for i in range(6)]


@pytest.fixture
def images():
    return torch.rand(6, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def test_the_clean_pass_changes_nothing(images):
    seen = occlude(images, CLEAN, IDS, seed=0)
    assert torch.equal(seen.images, images)
    assert not seen.occlusion_mask.any()
    assert seen.occlusion_fraction.sum() == 0


@pytest.mark.parametrize("condition", PRESETS["quick"], ids=lambda c: c.name)
def test_pixels_are_the_same_whatever_the_batch_and_its_order(condition, images):
    whole = occlude(images, condition, IDS, seed=3).images
    for place in (4, 1):
        alone = occlude(images[place : place + 1], condition, [IDS[place]], seed=3).images
        assert torch.equal(alone[0], whole[place])
    backwards = occlude(images.flip(0), condition, IDS[::-1], seed=3).images
    assert torch.equal(backwards.flip(0), whole)


def test_a_place_is_the_same_for_every_fill(images):
    masks = [occlude(images, Condition("box", 0.3, fill), IDS, 0).occlusion_mask
             for fill in ("mean", "noise")]  # fmt: skip
    assert torch.equal(*masks)


def test_the_recorded_fractions_are_those_of_the_mask(images):
    seen = occlude(images, Condition("eyes", 0.3, "black"), IDS, 0)
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


def test_photographs_are_turned_and_heads_are_rendered_anew():
    photographs, heads = tiny.dataset(4), open_dataset("heads:n=4")
    condition = Condition(yaw_deg=45.0)
    turned = pose(photographs, slice(0, 4), condition)
    expected = turn(photographs.images(slice(0, 4)), 45.0)
    assert torch.equal(turned.images, expected.images)
    rendered, frontal = (pose(heads, slice(1, 3), c) for c in (condition, FRONTAL))
    assert rendered.images.shape == (2, 1, 48, 48)
    assert (rendered.images - frontal.images).abs().mean() > 0.03
    assert (rendered.self_occlusion_fraction > 0.1).all()
    assert (turned.self_occlusion_fraction > 0.05).all()
    assert (frontal.self_occlusion_fraction < 0.03).all()


def test_a_pose_in_depth_does_not_depend_on_the_batch():
    heads = open_dataset("heads:n=6")
    condition = Condition(yaw_deg=-30.0, pitch_deg=15.0)
    whole, part = pose(heads, slice(0, 6), condition), pose(heads, slice(4, 5), condition)
    assert torch.equal(whole.images[4:5], part.images)
    assert torch.equal(whole.self_occlusion_fraction[4:5], part.self_occlusion_fraction)


def test_no_pose_asked_for_leaves_the_pictures_alone():
    dataset = tiny.dataset(4)
    posed = pose(dataset, slice(0, 4), CLEAN)
    assert torch.equal(posed.images, dataset.images(slice(0, 4)))


def test_roll_alone_turns_the_picture_in_its_plane():
    dataset = tiny.dataset(4)
    posed = pose(dataset, slice(0, 4), Condition(roll_deg=15.0))
    assert torch.equal(posed.images, rotate_in_plane(dataset.images(slice(0, 4)), 15.0))
