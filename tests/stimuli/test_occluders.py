"""Every occluder keeps the contract; some are checked on hand-made cases."""

import math

import pytest
import torch

from analysis.stimuli.conditions import OBJECTS as SHARES
from analysis.stimuli.layout import canvas, face_layout, mean_layout, rolled, turned_camera
from analysis.stimuli.layout.camera import FRONTAL
from analysis.stimuli.occluders import (
    GROWING,
    OBJECTS,
    Growth,
    cover,
    names,
    occlusion_fraction,
    reach,
    stopped,
)
from iram.errors import InputError
from iram.seeds import generators

IDS = [f"face{i}" for i in range(50)]
FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
ON_FACE = [name for name in GROWING if name != "sham"]


def own_layout(count=50, size=48):
    """Faces of several sizes, places and poses."""
    draws = torch.rand(count, 5, generator=torch.Generator().manual_seed(0)) - 0.5
    cameras = []
    for yaw, pitch, roll, scale, shift in draws.tolist():
        camera = rolled(turned_camera(40 * yaw, 30 * pitch, 0)[None], 40 * roll)[0]
        middle = torch.tensor([[0, 0, 0, 0.5 + 0.1 * shift]] * 2)
        cameras.append((1 + 0.3 * scale) * (camera - middle) + middle)
    return face_layout(torch.stack(cameras), size)


LAYOUTS = {"mean": mean_layout(48), "own": own_layout(), "larger": mean_layout(100)}


def masks(name, fraction, layout=LAYOUTS["mean"], ids=IDS, seed=0):
    return cover(name, fraction, layout, generators(seed, name, ids)).mask


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ON_FACE)
def test_the_fraction_is_reached_within_two_points(name, layout):
    layout = LAYOUTS[layout]
    for fraction in FRACTIONS:
        reached = occlusion_fraction(masks(name, fraction, layout), layout)
        assert (reached - fraction).abs().max() <= 0.02


@pytest.mark.parametrize("name", GROWING)
def test_masks_are_nested_as_the_fraction_grows(name):
    smaller = masks(name, 0.1)
    for fraction in FRACTIONS[2:]:
        larger = masks(name, fraction)
        assert (smaller & ~larger).sum() == 0
        assert larger.sum() > smaller.sum()
        smaller = larger


@pytest.mark.parametrize("name", GROWING)
def test_nothing_is_covered_at_zero_and_all_that_counts_at_one(name):
    layout = mean_layout(48)
    assert not masks(name, 0).any()
    counted = ~layout.face[0] if name == "sham" else layout.face[0]
    assert masks(name, 1)[:, counted].float().mean() > 0.99


def test_the_sham_covers_as_many_pixels_but_never_the_face():
    layout = mean_layout(48)
    for fraction in FRACTIONS:
        mask = masks("sham", fraction)
        assert not (mask & layout.face).any()
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
    share = mask.float().mean(0)[layout.face[0]]
    assert share.min() > 0.01
    assert share.max() < 0.12


@pytest.mark.parametrize(
    ("name", "part"), [("eyes", "left_eye"), ("eyes", "right_eye"), ("mouth", "mouth")]
)
def test_a_region_covers_its_part_first(name, part):
    for layout in LAYOUTS.values():
        inside = layout.show(canvas.distance(part)) == 0
        assert (masks(name, 0.15, layout) | ~inside).all()


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


def test_a_hand_made_growth_stops_at_the_nearest_step():
    order = torch.arange(48).expand(48, 48)[None].float()  # column by column
    layout = mean_layout(48)
    mask = stopped(Growth(order, layout.face), 0.25, layout)[0]
    face = layout.face[0]
    expected = (face.sum(0).cumsum(0) - round(0.25 * int(face.sum()))).abs().argmin()
    assert mask.any(0).sum() == expected + 1


def test_a_region_follows_the_face():
    """Rolled by a quarter turn, the mask is that of the upright face, rolled."""
    layout = face_layout(rolled(FRONTAL[None], 90), 48)
    for name in ("mouth", "brows", "left_half"):
        upright, lying = masks(name, 0.3)[0], masks(name, 0.3, layout)[0]
        assert (upright.rot90(-1) == lying).float().mean() > 0.99


def test_a_blob_is_one_piece_about_its_middle_and_not_a_disc():
    layout = mean_layout(96)
    mask = masks("blob", 0.2, layout)
    area, span = mask.sum((1, 2)), mask.any(1).sum(1) * mask.any(2).sum(1)
    assert (area / span - math.pi / 4).abs().mean() > 0.03
    assert len({tuple(one.flatten().tolist()) for one in mask}) > 45


def test_dropped_patches_are_whole_but_for_the_last():
    patches = masks("dropout", 0.5).unfold(1, 6, 6).unfold(2, 6, 6).float().mean((3, 4))
    torn = (patches > 0) & (patches < 1)
    assert (torn.sum((1, 2)) <= 1).all()
    assert patches.sum((1, 2)).min() > 10


@pytest.mark.parametrize("layout", ["mean", "own"])
@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_reaches_the_shares_that_the_study_asks_for(name, layout):
    low, high = reach(name)
    for fraction in SHARES.get(name, ()):
        assert low - 0.01 <= fraction <= high + 0.01
        reached = occlusion_fraction(masks(name, fraction, LAYOUTS[layout]), LAYOUTS[layout])
        assert (reached - fraction).abs().median() <= 0.02


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_its_natural_size_and_covers_no_more_than_it_can(name):
    layout = LAYOUTS["mean"]
    natural = occlusion_fraction(masks(name, None), layout)
    assert natural.min() > 0.01
    assert natural.max() < 0.8
    largest = occlusion_fraction(masks(name, 1.0), layout)
    assert largest.max() < 1
    assert (largest >= natural - 0.02).all()


@pytest.mark.parametrize("name", names())
def test_an_occluder_is_the_same_alone_and_in_a_batch(name):
    layout = LAYOUTS["own"]
    together = cover(name, 0.3, layout, generators(0, name, IDS))
    alone = cover(name, 0.3, type(layout)(layout.places[7:8]), generators(0, name, IDS[7:8]))
    for one, many in zip(alone[:3], together[:3], strict=True):
        assert one is None or torch.equal(one[0], many[7])


def test_what_cannot_be_placed_is_refused():
    with pytest.raises(InputError, match="'eyes' has no natural size"):
        masks("eyes", None)
    with pytest.raises(InputError, match="did you mean 'nose'"):
        masks("nos", 0.3)
