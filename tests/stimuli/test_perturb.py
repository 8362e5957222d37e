"""From a condition to pictures."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from scipy.ndimage import rotate

from analysis.stimuli import perturb
from analysis.stimuli.conditions import CLEAN, FRONTAL, PRESETS, Condition, select
from analysis.stimuli.layout import FRONTAL as FRONTAL_CAMERA
from analysis.stimuli.occluders import occlusion_fraction
from analysis.stimuli.perturb import Perturbed, cover_faces, finish, layout_at, pose
from analysis.stimuli.pose import rotate_in_plane, turn
from iram import open_dataset

IDS = [f"face{i}" for i in range(6)]


@pytest.fixture
def images():
    return torch.rand(6, 1, 48, 48, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def dataset(images):
    """As many faces, of two classes, that can stand for one another."""
    return tiny.dataset(6, classes=("a", "b"))


def seen(images, condition, ids=IDS, seed=0, dataset=None, part=slice(0, 6)):
    """The pictures and the cover."""
    layout = layout_at(condition, None, images.shape[-1])
    covered = cover_faces(layout, condition, ids, seed)
    return finish(images, covered, condition, ids, seed, dataset, part), covered


def test_the_clean_pass_changes_nothing(images):
    pictures, covered = seen(images, CLEAN)
    assert torch.equal(pictures, images)
    assert not covered.mask.any()


ONE_OF_EACH = {c.fill if c.occluder == "box" else c.occluder + c.corruption: c
               for c in PRESETS["full"] if c.severity in (0, 3) and not c.roll_deg}


@pytest.mark.parametrize("condition", ONE_OF_EACH.values(), ids=lambda c: c.name)
def test_pixels_are_the_same_whatever_the_batch_and_its_order(condition, images, dataset):
    whole, _ = seen(images, condition, seed=3, dataset=dataset)
    assert not torch.equal(whole, images)
    assert whole.min() >= 0
    assert whole.max() <= 1
    for place in (4, 1):
        part = slice(place, place + 1)
        alone, _ = seen(images[part], condition, [IDS[place]], 3, dataset, part)
        assert torch.equal(alone[0], whole[place])


def test_a_place_is_the_same_for_every_fill(images):
    masks = [seen(images, Condition("box", 0.3, fill))[1].mask for fill in ("mean", "noise")]
    assert torch.equal(*masks)


def test_a_fill_is_the_same_noise_at_every_fraction(images):
    small, large = (seen(images, Condition("mouth", f, "noise")) for f in (0.1, 0.4))
    inside = small[1].mask.expand(6, -1, -1)
    assert torch.equal(small[0][:, 0][inside], large[0][:, 0][inside])


def test_corruption_comes_after_the_occluder(images):
    condition = Condition("mouth", 0.3, "black", corruption="gaussian_noise", severity=5)
    pictures, covered = seen(images, condition)
    inside = pictures[:, 0][covered.mask.expand(6, -1, -1)]
    assert inside.std() > 0.01


def test_an_occluder_follows_the_cameras():
    """A face that stands further right is covered further right."""
    cameras = torch.stack([FRONTAL_CAMERA, FRONTAL_CAMERA])
    cameras[1, 0, 3] += 0.2
    layout = layout_at(Condition("nose", 0.1, "mean"), cameras, 48)
    mask = cover_faces(layout, Condition("nose", 0.1, "mean"), IDS[:2], 0).mask
    middles = [one.nonzero().float().mean(0)[1] for one in mask]
    assert middles[1] - middles[0] == pytest.approx(0.2 * 48, abs=0.5)


def test_a_turned_face_is_covered_where_it_turned_to():
    turned = Condition("nose", 0.1, "mean", yaw_deg=30.0)
    still = Condition("nose", 0.1, "mean", yaw_deg=0.0)
    middles = [cover_faces(layout_at(c, None, 48), c, IDS[:1], 0).mask[0].nonzero().float().mean(0)
               for c in (turned, still)]
    assert middles[0][1] - middles[1][1] > 1  # the nose points to the picture's right


@pytest.mark.parametrize("name", ["clean", "hand-natural-object", "box-0.3-other_class", "jpeg-3",
                                  "roll+15", "yaw+30-eyes-0.3-mean"])
def test_faces_under_a_condition_are_turned_covered_and_finished(name):
    """And come out the same whether what they share with another condition was found before."""
    faces, dataset, (*_, condition) = np.array([1, 4, 5]), tiny.dataset(8), select(name)
    cameras = FRONTAL_CAMERA.repeat(3, 1, 1)
    cameras[1, 0, 3] += 0.1
    ids = ["face001", "face004", "face005"]
    posed = pose(dataset, faces, condition)
    layout = layout_at(condition, cameras, 48)
    cover = cover_faces(layout, condition, ids, 7)
    expected = finish(posed.images, cover, condition, ids, 7, dataset, faces)
    found = Perturbed(dataset, faces, condition, cameras=cameras, seed=7)
    assert found.ids == ids
    assert torch.equal(found.pictures, expected)
    assert torch.equal(found.mask, cover.mask.expand(3, -1, -1))
    assert torch.equal(found.shares[0], occlusion_fraction(cover.mask, layout).expand(3))
    assert torch.equal(found.shares[2], posed.self_occlusion_fraction)
    for before in (CLEAN, replace(condition, corruption="contrast", severity=3)):
        first = Perturbed(dataset, faces, before, cameras=cameras, seed=7)
        assert torch.equal(first.under(condition).pictures, expected)
        assert torch.equal(first.under(condition).shares, found.shares)


def test_what_two_conditions_have_in_common_is_found_once(monkeypatch):
    placed, genuine = [], perturb.cover_faces
    monkeypatch.setattr(perturb, "cover_faces", lambda *a: placed.append(a[1].name) or genuine(*a))
    first = Perturbed(tiny.dataset(4), slice(0, 4), Condition("box", 0.3, "mean"))
    for fill in ("mean", "noise", "black"):
        first.under(Condition("box", 0.3, fill)).pictures  # noqa: B018
    first.under(Condition("eyes", 0.3, "mean")).pictures  # noqa: B018
    assert placed == ["box-0.3-mean", "eyes-0.3-mean"]


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
