"""Localisation and complexity of maps: by hand, in closed form, and at chance."""

import math

import pytest
import torch

from analysis.metrics import AGREEMENT, COMPLEXITY, LOCALISATION, area_share
from analysis.metrics.complexity import effective_pixels, entropy, gini
from analysis.metrics.localisation import (
    pointing_game,
    relevance_mass,
    relevance_rank,
    top_k_intersection,
)
from iram.errors import InputError

MAP = torch.tensor([[[5.0, 1.0], [3.0, -1.0]]])
LEFT = torch.tensor([[[True, False], [True, False]]])
TOP = torch.tensor([[[True, True], [False, False]]])
RANKING = ("relevance_rank", "pointing_game", "top_k_intersection")


def random_maps(n=400, side=16, seed=0):
    return torch.randn(n, side, side, generator=torch.Generator().manual_seed(seed))


def box(n=400, side=16):
    mask = torch.zeros(n, side, side, dtype=torch.bool)
    mask[:, 2:8, 3:11] = True
    return mask


def test_localisation_by_hand():
    assert relevance_mass(MAP, LEFT).item() == pytest.approx(8 / 9)
    assert relevance_mass(MAP, TOP).item() == pytest.approx(6 / 9)
    assert relevance_rank(MAP, LEFT).item() == 1
    assert relevance_rank(MAP, TOP).item() == 0.5
    assert pointing_game(MAP, TOP).item() == 1
    assert pointing_game(MAP, ~TOP).item() == 0
    assert top_k_intersection(MAP, TOP, share=0.75).item() == pytest.approx(2 / 3)


def test_mass_of_a_uniform_map_equals_the_area_share():
    mask = box(1)
    assert relevance_mass(torch.full((1, 16, 16), 0.4), mask).item() == pytest.approx(48 / 256)
    assert area_share(mask).item() == pytest.approx(48 / 256)


@pytest.mark.parametrize("name", LOCALISATION)
class TestEveryLocalisation:
    def test_of_random_maps_is_the_area_share(self, name):
        value = LOCALISATION[name](random_maps(), box())
        error = value.std().item() / 400**0.5
        assert value.mean().item() == pytest.approx(area_share(box(1)).item(), abs=4 * error)

    def test_is_1_for_the_mask_itself_and_0_for_its_complement(self, name):
        options = {"share": 0.1} if name == "top_k_intersection" else {}
        mask = box(1)
        inside = mask + 0.1 * random_maps(1).sigmoid() * mask
        assert LOCALISATION[name](inside, mask, **options).item() == pytest.approx(1)
        assert LOCALISATION[name](inside, ~mask).item() < (0.9 if "rank" in name else 1e-9)

    def test_is_undefined_without_a_region_or_with_numbers_that_are_none(self, name):
        maps, mask = random_maps(4), box(4)
        mask[1], maps[2, 3, 4], maps[3] = False, torch.nan, 0
        assert LOCALISATION[name](maps, mask).isnan().tolist() == [False, True, True, True]

    def test_takes_one_mask_for_all(self, name):
        maps = random_maps(5)
        one, many = LOCALISATION[name](maps, box(1)), LOCALISATION[name](maps, box(5))
        assert torch.equal(one, many)

    def test_refuses_a_mask_of_another_resolution(self, name):
        with pytest.raises(InputError, match="do not go together"):
            LOCALISATION[name](random_maps(5), box(5, side=12))


@pytest.mark.parametrize("name", RANKING)
def test_a_constant_map_ranks_nothing(name):
    assert LOCALISATION[name](torch.full((1, 16, 16), 0.4), box(1)).isnan().all()


@pytest.mark.parametrize("name", RANKING)
def test_ties_count_by_expectation(name):
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, 0] = True
    maps = torch.ones(1, 4, 4)
    maps[0, 3, 3] = 0  # the 15 others tie, 4 of them inside
    assert LOCALISATION[name](maps, mask).item() == pytest.approx(4 / 15)


def test_negative_relevance_has_no_mass_but_a_rank():
    maps = random_maps(3).abs() * -1
    assert relevance_mass(maps, box(3)).isnan().all()
    assert not pointing_game(maps, box(3)).isnan().any()


def test_area_share_of_an_empty_mask_is_undefined():
    assert area_share(torch.zeros(2, 3, 3, dtype=torch.bool)).isnan().all()


def test_complexity_of_the_simplest_and_the_most_complex_map():
    maps = torch.zeros(2, 8, 8)
    maps[0, 3, 4], maps[1] = -2.5, 1e-8
    assert gini(maps).tolist() == pytest.approx([63 / 64, 0], abs=1e-12)
    assert entropy(maps).tolist() == pytest.approx([0, 1])
    assert effective_pixels(maps).tolist() == pytest.approx([1, 64])


def test_gini_is_half_the_relative_mean_difference():
    values = random_maps(1, 5).double().abs().flatten()
    difference = (values[:, None] - values).abs().mean()
    assert gini(values.view(1, 5, 5)).item() == pytest.approx(difference / 2 / values.mean())


def test_k_equal_pixels_are_k_effective_pixels():
    maps = torch.zeros(1, 8, 8)
    maps[0, 2:4, 1:6] = 3
    assert effective_pixels(maps).item() == pytest.approx(10)
    assert entropy(maps).item() == pytest.approx(math.log(10) / math.log(64))


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        (torch.rand(50, 48, 48, generator=torch.Generator().manual_seed(0)), (1 / 3, 0.975, 0.824)),
        (random_maps(50, 48), (0.4142, 0.9633, 0.753)),
    ],
    ids=["uniform", "gaussian"],
)
def test_complexity_of_random_pixels_is_the_documented_chance_value(maps, expected):
    measured = [f(maps).mean().item() for f in (gini, entropy, effective_pixels)]
    measured[2] /= 48 * 48
    assert measured == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("name", COMPLEXITY)
def test_complexity_is_free_of_sign_and_unit_and_undefined_for_nothing(name):
    maps = random_maps(4)
    value = COMPLEXITY[name](maps)
    torch.testing.assert_close(COMPLEXITY[name](maps * -1e-30), value, rtol=1e-5, atol=0)
    maps[1], maps[2, 0, 0] = 0, torch.nan
    assert COMPLEXITY[name](maps).isnan().tolist() == [False, True, True, False]


@pytest.mark.parametrize(("known", "metric"), [
    (known, name) for known in (AGREEMENT, COMPLEXITY) for name in known
    if known.about(name).chance is not None
])
def test_a_metric_that_tells_its_chance_has_it_for_unrelated_maps(known, metric):
    maps = [torch.rand(200, 24, 24, generator=torch.Generator().manual_seed(s)) for s in (0, 1)]
    found = known[metric](*maps[: 1 + (known is AGREEMENT)]).mean()
    assert float(found) == pytest.approx(known.about(metric).chance, abs=0.01)
