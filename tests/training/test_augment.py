"""Augmentation: each change does what it says, to whole batches, repeatably."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch.nn import functional as F

from iram import InputError
from iram.training.augment import augment, mix, move, relight, side_at
from iram.training.recipe import Recipe

STILL = {"flip": False, "rotation": 0.0, "shift": 0.0, "scale": 0.0, "brightness": 0.0,
         "contrast": 0.0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def faces(n=6, size=24, seed=1):
    return torch.empty(n, 1, size, size).uniform_(generator=generator(seed))  # see `always`


def smooth_face(size=24):
    """One picture without sharp edges, so that two ways of resampling agree."""
    y, x = np.mgrid[:size, :size] / size
    return torch.tensor(0.5 + 0.2 * np.sin(5 * x + 2) * np.cos(4 * y) + 0.2 * x).float()[None, None]


def always(monkeypatch, value):
    """Every draw of a uniform number is `value`: 1 is the far end of a range, 0.5 its middle."""
    monkeypatch.setattr(
        "iram.training.augment.torch.rand",
        lambda *shape, generator: torch.full(
            shape[0] if isinstance(shape[0], tuple) else shape, float(value)
        ),
    )


def test_a_recipe_that_asks_for_nothing_changes_nothing():
    x = faces()
    torch.testing.assert_close(augment(x, Recipe(**STILL), generator()), x, rtol=0, atol=1e-5)


def test_equal_generators_give_equal_pictures_and_others_do_not():
    recipe = Recipe(erasing=0.5)
    first, again = (augment(faces(), recipe, generator(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, augment(faces(), recipe, generator(4)))


def test_augmentation_leaves_its_input_alone():
    x = faces()
    before = x.clone()
    augment(x, Recipe(erasing=1.0), generator())
    assert torch.equal(x, before)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0, 180),
    st.floats(0, 1),
    st.floats(0, 0.9),
    st.floats(0, 1),
    st.sampled_from(["noise", "mean", "any"]),
    st.sampled_from(["rectangle", "regions"]),
)
def test_values_stay_in_0_to_1_and_shapes_as_they_were(
    seed, rotation, shift, scale, light, fill, shape
):
    recipe = Recipe(rotation=rotation, shift=shift, scale=scale, brightness=light, contrast=light,
                    erasing=0.7, erasing_fill=fill, erasing_shape=shape)
    out = augment(faces(), recipe, generator(seed))
    assert out.shape == (6, 1, 24, 24)
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 1


def test_a_flip_mirrors_about_half_of_the_pictures_left_to_right():
    x = faces(200)
    out = move(x, Recipe(**STILL | {"flip": True}), generator())
    mirrored = (out - x.flip(3)).abs().amax((1, 2, 3)) < 1e-5
    same = (out - x).abs().amax((1, 2, 3)) < 1e-5
    assert (mirrored ^ same).all()
    assert 0.35 < mirrored.float().mean() < 0.65


@pytest.mark.parametrize("draw", [0.0, 1.0])
def test_a_rotation_is_about_the_centre_by_the_recipes_degrees(monkeypatch, draw):
    always(monkeypatch, draw)
    x = smooth_face()
    out = move(x, Recipe(**STILL | {"rotation": 20.0}), generator())
    # scipy's positive angle turns rows towards columns, as a positive draw here does.
    angle = 20.0 * (2 * draw - 1)
    expected = ndimage.rotate(x[0, 0].numpy(), angle, reshape=False, order=1, mode="nearest")
    torch.testing.assert_close(out[0, 0], torch.tensor(expected), rtol=0, atol=1e-4)


def test_a_quarter_turn_is_exact(monkeypatch):
    always(monkeypatch, 1.0)
    x = faces(1)
    out = move(x, Recipe(**STILL | {"rotation": 90.0}), generator())
    torch.testing.assert_close(out, torch.rot90(x, 1, (2, 3)), rtol=0, atol=1e-4)


def test_a_shift_is_a_share_of_the_side_and_repeats_the_edge(monkeypatch):
    always(monkeypatch, 1.0)
    x = faces(1)
    out = move(x, Recipe(**STILL | {"shift": 0.25}), generator())
    torch.testing.assert_close(out[..., :18, :18], x[..., 6:, 6:], rtol=0, atol=1e-5)
    torch.testing.assert_close(out[..., :18, 20], x[..., 6:, 23], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("draw", "factor"), [(1.0, 1.5), (0.0, 0.5)])
def test_a_scale_zooms_about_the_centre(monkeypatch, draw, factor):
    always(monkeypatch, draw)
    x = smooth_face()
    out = move(x, Recipe(**STILL | {"scale": 0.5}), generator())
    centre = 11.5
    expected = ndimage.affine_transform(
        x[0, 0].numpy(), [factor, factor], centre - factor * centre, order=1, mode="nearest"
    )
    torch.testing.assert_close(out[0, 0], torch.tensor(expected), rtol=0, atol=1e-4)


def test_a_flip_comes_after_the_rotation_and_neither_distorts_the_other(monkeypatch):
    always(monkeypatch, 0.25)  # flips, and turns by half of the recipe's degrees the other way
    x = smooth_face()
    out = move(x, Recipe(**STILL | {"flip": True, "rotation": 40.0}), generator())
    turned = ndimage.rotate(x[0, 0].numpy(), -20.0, reshape=False, order=1, mode="nearest")
    torch.testing.assert_close(out[0, 0].flip(1), torch.tensor(turned), rtol=0, atol=1e-4)


def test_rotations_go_both_ways_and_no_further_than_the_recipe_says():
    n, turn = 400, 30.0
    y = torch.linspace(0.2, 0.8, 24)[:, None].expand(24, 24)  # a ramp shows its own angle
    out = move(y.repeat(n, 1, 1, 1), Recipe(**STILL | {"rotation": turn}), generator())[:, 0]
    across = out[:, 12, 14] - out[:, 12, 10]
    down = out[:, 14, 12] - out[:, 10, 12]
    angles = torch.rad2deg(torch.atan2(across, down))
    assert angles.abs().max() <= turn + 0.01
    assert angles.min() < -0.9 * turn
    assert angles.max() > 0.9 * turn
    assert abs(angles.mean()) < 3


def test_brightness_adds_and_contrast_stretches_about_the_mean(monkeypatch):
    always(monkeypatch, 1.0)
    x = 0.4 + 0.2 * faces()
    brighter = relight(x, Recipe(**STILL | {"brightness": 0.1}), generator())
    torch.testing.assert_close(brighter, x + 0.1)
    stretched = relight(x, Recipe(**STILL | {"contrast": 0.5}), generator())
    mean = x.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(stretched, mean + 1.5 * (x - mean))


def test_light_differs_from_picture_to_picture():
    x = torch.full((8, 1, 4, 4), 0.5)
    out = relight(x, Recipe(brightness=0.2), generator())[:, 0, 0, 0]
    assert out.unique().numel() == 8
    assert ((out - 0.5).abs() <= 0.2).all()


def test_erasing_is_off_in_a_recipe_that_does_not_ask_for_it(monkeypatch):
    monkeypatch.setattr("iram.training.augment.erase", lambda *arguments: pytest.fail("erased"))
    assert Recipe().erasing == 0
    augment(faces(), Recipe(), generator())


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 8.0])
def test_mixup_is_a_convex_mixture_of_pictures_and_of_their_targets_alike(alpha):
    n = 64
    labels = torch.arange(n) % 5
    targets = torch.nn.functional.one_hot(labels, 5).float()
    # Pictures that are their targets: what is mixed in one must be mixed in the other.
    x = targets[:, None, :, None].expand(n, 1, 5, 5).contiguous()
    mixed, mixed_targets = mix(x, targets, alpha, generator())
    torch.testing.assert_close(mixed[:, 0, :, 0], mixed_targets)
    torch.testing.assert_close(mixed_targets.sum(1), torch.ones(n))
    assert mixed_targets.min() >= 0
    assert ((mixed_targets > 0).sum(1) <= 2).all()


def test_the_mixing_weight_is_a_beta_draw():
    n, alpha = 4000, 0.4
    targets = torch.eye(2)[torch.arange(n) % 2]
    x = torch.zeros(n, 1, 1, 1)
    _, mixed = mix(x, targets, alpha, generator())
    same = (mixed[torch.arange(n), torch.arange(n) % 2]).numpy()
    unmixed = np.isclose(same, 1)  # mixed with one of its own class
    weights = same[~unmixed]
    assert weights.mean() == pytest.approx(0.5, abs=0.03)
    spread = 1 / (4 * (2 * alpha + 1))  # variance of Beta(a, a)
    assert weights.var() == pytest.approx(spread, rel=0.1)


def test_every_field_of_a_recipe_that_is_out_of_range_is_named():
    wrong = {
        "epochs": 0, "batch_size": 1, "lr": 0.0, "momentum": 0.0, "warmup": 1.5,
        "weight_decay": -1.0, "label_smoothing": -0.1, "flip": 1, "rotation": -3.0, "shift": 2.0,
        "scale": -0.1, "brightness": 3.0, "contrast": -1.0, "mixup": -0.1, "erasing": 1.1,
        "erasing_fill": "black", "erasing_shape": "circle", "random_labels": 1,
        "faces": -1, "without_copies": 1, "start_size": 4, "grown": 1.5, "ema": 1.0, "muon": -0.02,
        "muon_decay": -1.0, "held_out": "noise", "teacher": "none",
        "votes": 1.5,
    }
    assert {*wrong, "terms", "pretrained"} == set(Recipe.names())  # these in their own words
    for name, value in wrong.items():
        with pytest.raises(InputError, match=f"recipe: {name} is {value!r}; it must be"):
            Recipe(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", "abc"), ("epochs", 2.5), ("epochs", True), ("lr", "0.1"), ("lr", math.nan),
     ("lr", math.inf), ("lr", None), ("flip", "yes"), ("erasing_fill", 3)],
)
def test_a_recipes_values_have_the_type_of_their_field(name, value):
    with pytest.raises(InputError, match=f"recipe: {name} is "):
        Recipe(**{name: value})


def test_a_recipe_of_whole_numbers_for_numbers_is_fine():
    assert Recipe(lr=1, rotation=10).rotation == 10


def test_pictures_grow_in_steps_of_8_to_their_full_size():
    recipe = Recipe(start_size=24, grown=0.5)
    sides = [side_at(recipe, 48, share) for share in (0, 0.16, 0.17, 0.34, 0.49, 0.5, 0.99)]
    assert sides == [24, 24, 32, 40, 40, 48, 48]
    assert side_at(Recipe(), 48, 0.0) == 48
    assert side_at(Recipe(start_size=64), 48, 0.0) == 48


def test_half_the_side_is_the_mean_of_four_pixels():
    x = faces(size=24)
    small = augment(x, Recipe(**STILL), generator(), side=12)
    torch.testing.assert_close(small, F.avg_pool2d(x, 2))


def test_the_full_side_changes_nothing():
    x, recipe = faces(), Recipe()
    torch.testing.assert_close(augment(x, recipe, generator(), 24), augment(x, recipe, generator()),
                               rtol=0, atol=0)
