"""Measures of attention's shift, by hand."""

import math

import pytest
import torch

from analysis.stimuli.layout import mean_layout
from analysis.studies.shift.controls import mechanical_null, permuted_mask
from analysis.studies.shift.expression import EXPRESSIVE, expressive_of, expressive_regions
from analysis.studies.shift.measures import (
    away,
    expressive_mass,
    log_mass,
    movement,
    spatial_spread,
    standard_mass,
    visible_gain,
)
from iram import open_dataset
from iram.architecture import FER2013_CLASSES
from iram.cells import Cells, cells

LEFT = torch.tensor([[1.0, 0, 0, 0]] * 4)[None]  # a region of 4 cells,
REST = torch.tensor([[0.0, 0, 1, 1]] * 4)[None]  # a band of 4 beside it, and the rest
HALF = Cells(LEFT, REST)
EVEN = torch.full((1, 4, 4), 0.3)


def columns(*values):
    """(1, 4, 4): a map whose four columns have these values."""
    return torch.tensor([values] * 4, dtype=torch.float32)[None]


def square(top, left, bottom, right, size=48):
    mask = torch.zeros(1, size, size, dtype=torch.bool)
    mask[:, top:bottom, left:right] = True
    return mask


def test_the_mass_of_an_even_map_equals_the_area_share():
    assert log_mass(EVEN, HALF).item() == pytest.approx(0, abs=1e-6)


def test_the_mass_of_a_region_is_its_share_over_its_share_of_the_face():
    # Attention 4 x 1 of 4 x 1 + 8 x 2 = 20, area 4 of 12: (4 / 20) / (4 / 12) = 0.6.
    assert log_mass(columns(1, 9, 2, 2), HALF).item() == pytest.approx(math.log(0.6))


def test_the_band_does_not_count():
    one, other = (log_mass(columns(1, band, 2, 2), HALF) for band in (0, 100))
    assert torch.equal(one, other)


def test_mass_does_not_depend_on_the_scale_of_the_map():
    maps = columns(0.1, 0.5, 0.2, 0.4)
    torch.testing.assert_close(log_mass(maps, HALF), log_mass(7 * maps, HALF))


def test_standard_mass_counts_in_standard_deviations():
    maps = columns(1, 0, 2, 2)  # mean 5/3, variance 2/9
    spread = spatial_spread(maps, HALF)
    assert spread.item() == pytest.approx(math.sqrt(2 / 9))
    assert standard_mass(maps, HALF, spread).item() == pytest.approx(-(2 / 3) / math.sqrt(2 / 9))
    assert standard_mass(EVEN, HALF, spatial_spread(EVEN, HALF)).item() == 0


def test_gain_is_of_the_visible_cells_own_values():
    clean = columns(2, 1, 2, 2)
    assert visible_gain(clean, columns(0, 1, 2, 2), HALF).item() == 0
    assert visible_gain(clean, columns(2, 1, 3, 3), HALF).item() == pytest.approx(math.log(1.5))


def test_expressive_mass_is_of_what_is_visible():
    expressive = columns(1, 1, 1, 0)  # the region itself carries it too, but it is covered
    assert expressive_mass(EVEN, HALF, expressive).item() == pytest.approx(0, abs=1e-6)
    # Of the rest's attention 3 of 4 lies on it, of the rest's area half: log(0.75 / 0.5).
    maps = columns(9, 9, 3, 1)
    assert expressive_mass(maps, HALF, expressive).item() == pytest.approx(math.log(1.5))


def test_no_region_no_rest_or_nothing_expressive_is_undefined():
    none, whole = Cells(0 * LEFT, REST), Cells(LEFT, 0 * REST)
    for empty in (none, whole):
        assert log_mass(EVEN, empty).isnan().all()
        assert standard_mass(EVEN, empty, torch.ones(1)).isnan().all()
        assert visible_gain(EVEN, EVEN, empty).isnan().all()
    for expressive in (columns(1, 1, 0, 0), columns(0, 0, 1, 1)):  # nothing, or all, is visible
        assert expressive_mass(EVEN, HALF, expressive).isnan().all()


def test_a_map_without_any_attention_in_the_region_has_a_number():
    assert log_mass(columns(0, 1, 2, 2), HALF).item() == pytest.approx(math.log(1e-6))


def test_a_shifted_map_moves_by_the_shift():
    before, after = torch.zeros(2, 1, 24, 24)
    before[0, 10, 4], after[0, 10, 16] = 1, 5  # of another sum: only the distribution counts
    assert movement(before, after).item() == pytest.approx(0.5, rel=0.02)
    assert movement(before, before).item() == 0
    aslant = torch.zeros(1, 24, 24)
    aslant[0, 19, 16] = 1
    expected = math.hypot(12, 9) / 24
    assert movement(before, aslant).item() == pytest.approx(expected, rel=0.02)


def test_direction_is_relative_to_the_region():
    region, even = columns(1, 0, 0, 0), columns(1, 1, 1, 1)
    further, nearer = columns(0, 1, 1, 1), columns(2, 1, 1, 1)
    assert away(even, further, region).item() == pytest.approx(0.125)
    assert away(even, nearer, region).item() < 0
    assert away(even, further, 0 * region).isnan().all()


def test_the_mechanical_null_by_hand():
    """What is covered goes to 0, the rest grows by one factor, and the sum stays."""
    clean = columns(2, 1, 3, 2)
    null = mechanical_null(clean, HALF)
    torch.testing.assert_close(null, columns(0, 4 / 3, 4, 8 / 3))
    expressive = columns(0, 0, 1, 0)  # so it changes no share of what is visible
    one, other = (expressive_mass(maps, HALF, expressive) for maps in (clean, null))
    torch.testing.assert_close(one, other)


def test_cells_are_covered_or_free_with_a_band_of_a_cell_between():
    face = square(0, 0, 48, 48)
    found = cells(square(0, 0, 48, 15), face, 12, 12)  # 3.75 cells of 4 px wide
    assert found.inside[0, 0].tolist() == [1, 1, 1, 0.0] + [0] * 8 or \
        found.inside[0, 0].tolist() == [1, 1, 1, 1] + [0] * 8
    first = int(found.inside[0, 0].sum())
    assert found.rest[0, 0].tolist() == [0] * (first + 1) + [1] * (11 - first)


def test_only_the_face_counts_and_of_what_lies_beside_it_all():
    face = square(0, 0, 48, 24)
    across = cells(square(0, 12, 12, 48), face, 12, 12)
    assert across.inside[0, 0].tolist() == [0, 0, 0, 1, 1, 1] + [0] * 6
    beside = cells(square(0, 32, 48, 48), face, 12, 12)
    assert beside.inside[0, 0].tolist() == [0] * 8 + [1] * 4
    assert beside.rest[0, 0].tolist() == [1] * 6 + [0] * 6


@pytest.mark.parametrize("mask", [square(0, 0, 0, 0), square(0, 0, 48, 48)])
def test_a_mask_of_nothing_or_of_everything_leaves_nothing_to_compare(mask):
    assert not cells(mask, square(4, 4, 44, 44), 12, 12).defined.any()


def test_another_faces_mask_is_visible_in_this_one_and_the_same_at_every_batch():
    layout, covered = mean_layout(48), square(0, 0, 24, 48).expand(3, -1, -1)
    other = permuted_mask(covered, 0.3, layout, ["a", "b", "c"], 0)
    assert other.any((1, 2)).sum() >= 2
    assert not (other & covered).any()
    alone = permuted_mask(covered[1:2], 0.3, layout, ["b"], 0)
    assert torch.equal(alone[0], other[1])


def test_every_class_but_neutral_has_regions_on_the_face():
    layout, labels = mean_layout(48), torch.arange(7)
    own, others = expressive_regions(layout, labels, FER2013_CLASSES)
    assert set(EXPRESSIVE) == set(FER2013_CLASSES)
    silent = FER2013_CLASSES.index("neutral")
    assert [i for i in range(7) if not own[i].any()] == [silent]
    assert not others[silent].any()
    assert own.amax() <= 1 + 1e-6
    disgust = own[FER2013_CLASSES.index("disgust")] > 0.5
    assert disgust[30, 24]  # the nose
    assert not disgust[18, 12]  # no eye


def test_heads_express_where_the_picture_changes():
    heads = open_dataset("heads:n=7")
    own, others = expressive_of(heads, slice(0, 7), mean_layout(48))
    silent = heads.labels == heads.classes.index("neutral")
    assert not own[silent].any()
    assert (own[~silent].amax((1, 2)) > 0.99).all()
    assert own[~silent].mean() < 0.3  # not everywhere
    assert others.shape == own.shape
