"""Erasing: how large, where, how often and with what; regions stay on the face."""

import pytest
import torch
from test_augment import faces, generator

from iram.training.augment import augment
from iram.training.erasing import FACE, erase, growth
from iram.training.recipe import Recipe

REGIONS = ("brows", "eyes", "nose", "mouth", "upper_half", "lower_half", "left_half", "right_half")


@pytest.mark.parametrize("fill", ["noise", "mean"])
def test_an_erased_rectangle_covers_2_to_33_percent(fill):
    x = torch.full((400, 1, 48, 48), 2.0)  # beyond what any fill paints, but for "mean"
    x[:, :, ::2] = 3.0
    out = erase(x, Recipe(erasing=1.0, erasing_fill=fill), generator())
    changed = (out != x)[:, 0]
    share = changed.float().mean((1, 2))
    rim = 2 * (48 + 48) / 48**2 * 0.6  # whole pixels: a side may be off by one
    assert share.min() > 0.02 - rim
    assert share.max() < 0.33 + rim
    assert share.mean() == pytest.approx(0.175, abs=0.03)
    for mask in changed[:50]:  # a rectangle is as large as its bounding box
        rows, columns = mask.any(1).sum(), mask.any(0).sum()
        assert mask.sum() == rows * columns


def test_the_share_of_erased_pictures_is_the_recipes():
    x = torch.full((1000, 1, 12, 12), 2.0)
    out = erase(x, Recipe(erasing=0.3), generator())
    touched = (out != x).any(3).any(2).any(1).float().mean()
    assert touched == pytest.approx(0.3, abs=0.05)
    assert torch.equal(erase(x, Recipe(), generator()), x)


def test_the_mean_fill_is_each_pictures_own_mean():
    x = faces(4)
    out = erase(x, Recipe(erasing=1.0, erasing_fill="mean"), generator())
    for before, after in zip(x, out, strict=True):
        painted = after[after != before]
        torch.testing.assert_close(painted, before.mean().expand_as(painted))


def test_any_fill_paints_noise_mean_and_black_by_turns():
    x = torch.full((300, 1, 24, 24), 2.0)  # a flat picture's mean is itself
    out = erase(x, Recipe(erasing=1.0, erasing_fill="any"), generator())
    kinds = {"noise": 0, "black": 0, "mean": 0}
    for picture in out:
        between = ((picture > 0) & (picture < 2)).any()
        kinds["noise" if between else "black" if (picture == 0).any() else "mean"] += 1
    assert all(count == pytest.approx(100, abs=30) for count in kinds.values()), kinds


def face_ellipse(size):
    """The mean face's oval, by another way than the code's."""
    left, top, right, bottom = (size * edge for edge in FACE)
    return torch.tensor([
        [((c + 0.5 - (left + right) / 2) / (right - left)) ** 2
         + ((r + 0.5 - (top + bottom) / 2) / (bottom - top)) ** 2 <= 0.25 for c in range(size)]
        for r in range(size)
    ])


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5])
def test_a_grown_region_covers_its_fraction_of_the_face(fraction):
    masks, face = growth(48, 48) < fraction, face_ellipse(48)
    share = masks[:, face].float().mean(1)
    assert (share - fraction).abs().max() < 0.04  # a row of the picture at most


def test_each_region_is_where_its_name_says():
    x = (torch.arange(48) + 0.5) / 48
    for name, mask in zip(REGIONS, growth(48, 48) < 0.1, strict=True):
        down, across = (mask.float().sum(axis) @ x / mask.sum() for axis in (1, 0))
        place = {"brows": (0.28, 0.5), "eyes": (0.39, 0.5), "nose": (0.51, 0.5),
                 "mouth": (0.79, 0.5), "upper_half": (0.13, 0.5), "lower_half": (0.93, 0.5),
                 "left_half": (0.5, 0.13), "right_half": (0.5, 0.87)}[name]
        assert (down.item(), across.item()) == pytest.approx(place, abs=0.05), name


def test_regions_of_growing_fractions_are_nested():
    reached = growth(32, 32)
    assert ((reached < 0.2) <= (reached < 0.4)).all()


MOVES = {
    "flip": ([[-1.0, 0, 0], [0, 1, 0]], lambda mask: mask.flip(2)),
    "quarter turn": ([[0, 1.0, 0], [-1, 0, 0]], lambda mask: mask.rot90(-1, (1, 2))),
    "none": ([[1.0, 0, 0], [0, 1, 0]], lambda mask: mask),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_region_moves_with_its_face_and_a_rectangle_is_anywhere(move):
    matrix, moved = MOVES[move]
    x = torch.full((180, 1, 48, 48), 2.0)
    grid = torch.nn.functional.affine_grid(torch.tensor(matrix).expand(180, 2, 3), x.shape, False)
    recipe = Recipe(erasing=1.0, erasing_shape="regions")
    before, after = (erase(x, recipe, generator(2), g)[:, 0] != 2 for g in (None, grid))
    followed = (after == moved(before)).all(2).all(1)
    stayed = (after == before).all(2).all(1)
    assert (followed | stayed).all()
    assert followed.float().mean() > 0.8
    assert move == "none" or 0.02 < (~followed).float().mean() < 0.2  # one in nine


def test_augmentation_tells_the_eraser_how_the_pictures_were_moved(monkeypatch):
    seen = []
    monkeypatch.setattr("iram.training.augment.erase", lambda *a: seen.append(a) or 1)
    x = faces(20)
    augment(x, Recipe(erasing=1.0, brightness=0.0, contrast=0.0), generator())
    moved, _, _, grid = seen[0]
    expected = torch.nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(moved, expected)
    assert not torch.allclose(moved, x, atol=0.1)


def test_erasing_regions_differs_from_erasing_rectangles():
    x = faces(20)
    shapes = [augment(x, Recipe(erasing=1.0, erasing_shape=shape), generator())
              for shape in ("rectangle", "regions")]
    assert not torch.equal(*shapes)
