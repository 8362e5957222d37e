"""Every occluder keeps the contract; some are checked on hand-made cases."""

import pytest
import torch

from analysis.layout import mean_layout
from analysis.occluders import OCCLUDERS, Growth, occlusion_fraction, occlusion_mask
from iram.seeds import generators

IDS = [f"face{i}" for i in range(50)]
FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
ON_FACE = [name for name in OCCLUDERS if name != "sham"]


def masks(name, fraction, size=48, ids=IDS, seed=0):
    return occlusion_mask(name, fraction, mean_layout(size), generators(seed, name, ids))


@pytest.mark.parametrize("size", [48, 100])
@pytest.mark.parametrize("name", ON_FACE)
def test_the_fraction_is_reached_within_two_points(name, size):
    for fraction in FRACTIONS:
        reached = occlusion_fraction(masks(name, fraction, size), mean_layout(size))
        assert (reached - fraction).abs().max() <= 0.02


@pytest.mark.parametrize("name", OCCLUDERS)
def test_masks_are_nested_as_the_fraction_grows(name):
    smaller = masks(name, 0.1)
    for fraction in FRACTIONS[2:]:
        larger = masks(name, fraction)
        assert (smaller & ~larger).sum() == 0
        assert larger.sum() > smaller.sum()
        smaller = larger


@pytest.mark.parametrize("name", OCCLUDERS)
def test_nothing_is_covered_at_zero_and_all_that_counts_at_one(name):
    layout = mean_layout(48)
    assert not masks(name, 0).any()
    counted = layout.background if name == "sham" else layout.face
    assert masks(name, 1)[:, counted].float().mean() > 0.99


def test_the_sham_covers_as_many_pixels_but_never_the_face():
    layout = mean_layout(48)
    for fraction in FRACTIONS:
        mask = masks("sham", fraction)
        assert not mask[:, layout.face].any()
        target = fraction * layout.face.sum()
        assert (mask.sum((1, 2)) - target).abs().max() <= 0.02 * layout.face.sum()


def test_boxes_are_rectangles_at_places_that_differ_between_faces():
    mask = masks("box", 0.1)
    for one in mask[:10]:
        rows, columns = one.any(1).nonzero()[:, 0], one.any(0).nonzero()[:, 0]
        assert one.sum() == len(rows) * len(columns)
    assert len({tuple(one.flatten().tolist()) for one in mask}) > 40


def test_box_centres_are_spread_over_the_whole_face():
    layout = mean_layout(48)
    mask = masks("box", 0.05, ids=[f"face{i}" for i in range(2000)])
    share = mask.float().mean(0)[layout.face]
    assert share.min() > 0.01
    assert share.max() < 0.12


@pytest.mark.parametrize(
    ("name", "part"), [("eyes", "left_eye"), ("eyes", "right_eye"), ("mouth", "mouth")]
)
def test_a_region_covers_its_part_first(name, part):
    inside = mean_layout(48).distance[part] == 0
    assert masks(name, 0.1)[0, inside].all()


def test_halves_cover_their_own_side():
    sides = ("upper", "lower", "left", "right")
    upper, lower, left, right = (masks(f"{side}_half", 0.3)[0] for side in sides)
    assert upper[0].all()
    assert lower[-1].all()
    assert left[:, 0].all()
    assert right[:, -1].all()
    assert not (upper & lower).any()
    assert not (left & right).any()


def test_a_mask_depends_on_the_image_and_the_seed_not_on_the_batch():
    together = masks("box", 0.3)
    torch.testing.assert_close(masks("box", 0.3, ids=IDS[7:8])[0], together[7])
    assert not torch.equal(masks("box", 0.3, seed=1), together)


def test_a_hand_made_growth_stops_at_the_nearest_step(monkeypatch):
    order = torch.arange(48).expand(48, 48)[None].float()  # column by column
    layout = mean_layout(48)
    monkeypatch.setitem(OCCLUDERS, "columns", lambda layout, generators: Growth(order, layout.face))
    mask = occlusion_mask("columns", 0.25, layout, iter(()))[0]
    per_column = layout.face.sum(0).cumsum(0)
    expected = (per_column - round(0.25 * int(layout.face.sum()))).abs().argmin()
    assert mask.any(0).sum() == expected + 1
