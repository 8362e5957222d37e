"""Agreement of maps against SciPy, closed forms, and chance by simulation."""

import numpy as np
import pytest
import torch
from scipy import stats

from analysis.metrics import AGREEMENT, chance
from analysis.metrics.agreement import partners, pearson, spearman, ssim, top_k_iou
from analysis.metrics.base import BLOCK, ranks, top
from analysis.metrics.transport import earth_movers_distance
from iram.errors import InputError


def random_maps(n=6, side=12, seed=0, ties=False):
    maps = torch.randn(n, side, side, generator=torch.Generator().manual_seed(seed))
    return (maps * 2).round() if ties else maps


@pytest.mark.parametrize("name", AGREEMENT)
class TestEvery:
    def test_is_symmetric_and_free_of_the_maps_unit(self, name):
        a, b = random_maps(seed=1), random_maps(seed=2)
        value = AGREEMENT[name](a, b)
        assert value.shape == (6,)
        assert value.dtype == torch.float64
        tolerance = 1e-3 if name == "earth_movers_distance" else 1e-9
        torch.testing.assert_close(AGREEMENT[name](b, a), value, rtol=0, atol=tolerance)
        for unit in (1e-30, 1e30):
            torch.testing.assert_close(AGREEMENT[name](a * unit, b), value, rtol=0, atol=1e-5)

    def test_is_at_its_best_for_a_map_with_itself(self, name):
        a = random_maps()
        best = 0.0 if name == "earth_movers_distance" else 1.0
        torch.testing.assert_close(AGREEMENT[name](a, a), torch.full((6,), best).double())

    def test_is_undefined_for_constant_and_not_finite_maps_and_for_no_other(self, name):
        a, b = random_maps(), random_maps(seed=1)
        a[1], a[2, 0, 0], b[3, 5, 5], b[4] = 0.3, torch.nan, torch.inf, 0
        undefined = AGREEMENT[name](a, b).isnan().tolist()
        assert undefined == [False, True, True, True, True, False]

    def test_does_not_depend_on_the_other_pairs(self, name):
        a, b = random_maps(BLOCK + 3), random_maps(BLOCK + 3, seed=1)
        whole = AGREEMENT[name](a, b)
        alone = torch.cat([AGREEMENT[name](a[i : i + 1], b[i : i + 1]) for i in (0, BLOCK + 2)])
        torch.testing.assert_close(whole[[0, BLOCK + 2]], alone, rtol=0, atol=1e-12)

    def test_refuses_maps_that_do_not_go_together(self, name):
        with pytest.raises(InputError, match=r"\(6, 12, 12\) and \(6, 6, 6\)"):
            AGREEMENT[name](random_maps(), random_maps(side=6))
        with pytest.raises(InputError, match="equally many"):
            AGREEMENT[name](random_maps(6), random_maps(5))

    def test_leaves_no_gradient_and_takes_maps_that_have_one(self, name):
        a = random_maps().requires_grad_()
        assert not AGREEMENT[name](a, random_maps(seed=1)).requires_grad


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_are_those_of_scipy(ties):
    a, b = random_maps(seed=1, ties=ties), random_maps(seed=2, ties=ties)
    for ours, theirs in ((spearman, stats.spearmanr), (pearson, stats.pearsonr)):
        expected = [theirs(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(ours(a, b), expected, atol=1e-6)


def test_ranks_are_those_of_scipy():
    values = random_maps(5, 7, ties=True).double().flatten(1)
    np.testing.assert_array_equal(ranks(values), stats.rankdata(values, axis=1))


def test_correlation_of_a_map_that_hardly_varies_is_not_lost_to_rounding():
    a = random_maps().double()
    torch.testing.assert_close(pearson(a * 1e-9 + 1, a), torch.ones(6).double(), atol=1e-6, rtol=0)


def test_top_pixels_share_the_places_left_among_the_tied():
    values = torch.tensor([[3.0, 1.0, 2.0, 2.0, 2.0, 0.0]])
    assert top(values, 2)[0].tolist() == pytest.approx([1, 0, 1 / 3, 1 / 3, 1 / 3, 0])
    assert top(values, torch.tensor([5]))[0].tolist() == [1, 1, 1, 1, 1, 0]


def test_top_k_iou_by_hand():
    a = torch.tensor([[[4.0, 3.0, 2.0, 1.0]]])
    b = torch.tensor([[[4.0, 1.0, 2.0, 3.0]]])
    assert top_k_iou(a, b, share=0.5).item() == pytest.approx(1 / 3)  # {0, 1} and {0, 3}
    assert top_k_iou(a, b, share=0.25).item() == 1
    assert top_k_iou(a, b, share=0.75).item() == pytest.approx(2 / 4)


def test_zeros_alone_do_not_make_two_sparse_maps_agree():
    a, b = torch.zeros(2, 1, 10, 10).unbind()
    a[0, 0, 0] = b[0, 9, 9] = 1
    assert top_k_iou(a, b, share=0.1).item() == pytest.approx(0.1 / 1.9, abs=0.02)


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_top_k_refuses_an_impossible_share(share):
    with pytest.raises(InputError, match="above 0"):
        top_k_iou(random_maps(), random_maps(), share=share)


def test_ssim_of_one_window_is_wangs_formula():
    a, b = random_maps(1, 11, seed=3).double().abs(), random_maps(1, 11, seed=4).double().abs()
    x, y = (m[0].numpy() / m.mean().item() for m in (a, b))
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    x, y = (x - low) / (high - low), (y - low) / (high - low)
    offset = np.arange(11) - 5
    window = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    window /= window.sum()
    mean_x, mean_y = (window * x).sum(), (window * y).sum()
    var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
    covariance = (window * (x - mean_x) * (y - mean_y)).sum()
    expected = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4)
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-12)


def test_ssim_falls_as_noise_grows_and_takes_maps_smaller_than_its_window():
    a, noise = random_maps(4, 6).abs(), random_maps(4, 6, seed=9)
    values = [ssim(a, a + level * noise).mean().item() for level in (0, 0.1, 0.3, 1)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(6, 6), (4, 7)])
def test_earth_movers_distance_is_scipys_to_the_stated_tolerance(shape):
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(4, *shape, generator=generator).double() ** 4
    b = torch.rand(4, *shape, generator=generator).double() ** 4
    b[0] = a[0].flip(0, 1)
    a[1], b[1] = 0, 0
    a[1, 0, 0] = b[1, -1, -1] = 2
    cells = torch.cartesian_prod(*(torch.arange(side) + 0.5 for side in shape)).numpy()
    expected = [
        stats.wasserstein_distance_nd(cells, cells, x.ravel(), y.ravel()) / max(shape)
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(earth_movers_distance(a, b), expected, atol=0.005)


def test_earth_movers_distance_of_a_shift_is_its_length_also_after_pooling():
    a, b = torch.zeros(2, 1, 48, 48).unbind()
    a[0, 8:12, 8:12] = 1
    b[0, 20:24, 24:28] = 5
    assert earth_movers_distance(a, b).item() == pytest.approx(20 / 48, abs=0.002)


def test_earth_movers_distance_pools_sides_that_the_grid_does_not_divide():
    a, b = torch.zeros(2, 1, 30, 17).unbind()
    a[0, 0], b[0, -1] = 1, 1
    assert earth_movers_distance(a, b).item() == pytest.approx(27.5 / 30, abs=0.005)


def test_earth_movers_distance_sees_the_positive_part_alone():
    a, b = random_maps(), random_maps(seed=1)
    positive = earth_movers_distance(a.clamp_min(0), b.clamp_min(0))
    torch.testing.assert_close(earth_movers_distance(a, b), positive)
    assert earth_movers_distance(-a.abs(), b).isnan().all()


CHANCE = {"pearson": 0, "spearman": 0, "top_k_iou": 0.1 / 1.9, "ssim": 0.025,
          "earth_movers_distance": 0.030}


@pytest.mark.parametrize("name", AGREEMENT)
def test_unrelated_random_maps_are_at_the_documented_chance_value(name):
    values = AGREEMENT[name](random_maps(60, 48, 1), random_maps(60, 48, 2))
    error = values.std().item() / 60**0.5
    assert values.mean().item() == pytest.approx(CHANCE[name], abs=4 * error)


def test_partners_are_other_images_of_the_class_each_once_per_draw():
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 0, 1])
    drawn = partners(labels, torch.Generator().manual_seed(0), draws=3)
    images = torch.arange(8)
    assert (drawn[:, 3] == -1).all()  # alone in its class
    others = images != 3
    assert (drawn[:, others] != images[others]).all()
    assert (labels[drawn[:, others]] == labels[others]).all()
    assert all(row[others].unique().numel() == 7 for row in drawn)
    assert drawn[:, 0].unique().numel() == 3  # 3 others, 3 draws


def test_partners_follow_the_generator():
    labels = torch.zeros(50, dtype=torch.long)
    one, same, other = (partners(labels, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_chance_of_maps_that_depend_on_the_class_alone_is_their_agreement():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    maps = random_maps(3, seed=5)[labels]
    value = chance("spearman", maps, maps, labels, torch.Generator().manual_seed(0))
    assert value[:5].tolist() == pytest.approx([1] * 5)
    assert value[5].isnan()


def test_chance_of_maps_of_the_image_alone_is_that_of_unrelated_maps():
    maps, labels = random_maps(200), torch.arange(200) % 4
    assert pearson(maps, maps).mean() > 0.99
    value = chance(pearson, maps, maps, labels, torch.Generator().manual_seed(0), draws=5)
    assert value.mean().item() == pytest.approx(0, abs=0.02)


def test_chance_refuses_a_metric_that_does_not_exist():
    with pytest.raises(InputError, match="did you mean 'spearman'"):
        chance("spearmann", random_maps(), random_maps(), torch.zeros(6), torch.Generator())
