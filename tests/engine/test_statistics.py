"""Intervals and tests, against closed forms, hand-made cases and by simulation."""

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.engine import statistics
from analysis.engine.statistics import (
    bootstrap,
    column_intervals,
    hierarchical_bootstrap,
    holm,
    mean_intervals,
    paired_permutation,
    resampling_counts,
)
from iram.seeds import derived_seed


def mean_of(n):
    return lambda sums: sums / n


def test_the_interval_of_a_mean_agrees_with_its_standard_error():
    values = np.random.default_rng(0).normal(2.0, 3.0, (2000, 1))
    value, low, high = bootstrap(values, mean_of(2000), resamples=4000)
    error = values.std() / 2000**0.5
    assert value[0] == pytest.approx(values.mean())
    assert (high - low)[0] == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_a_95_percent_interval_covers_the_truth_in_93_to_97_percent_of_simulations():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(600):
        hits = (generator.random((150, 1)) < 0.6).astype(float)
        _, low, high = bootstrap(hits, mean_of(150), resamples=400)
        covered += low[0] <= 0.6 <= high[0]
    assert 0.93 <= covered / 600 <= 0.97


def test_every_resample_draws_as_many_images_as_there_are():
    counts = np.concatenate(list(resampling_counts(37, 250, 0)))
    assert counts.shape == (250, 37)
    assert (counts.sum(1) == 37).all()
    assert counts.var() == pytest.approx(1, rel=0.1)  # multinomial: about Poisson(1)


def test_equal_seeds_give_equal_intervals_whatever_was_drawn_before():
    values = np.random.default_rng(0).normal(size=(50, 1))
    first = bootstrap(values, mean_of(50), seed=5)
    np.random.default_rng().random(100)
    bootstrap(values, mean_of(50), seed=6)
    assert first == bootstrap(values, mean_of(50), seed=5)
    assert first != bootstrap(values, mean_of(50), seed=6)


def test_many_images_are_resampled_in_blocks_to_the_same_result(monkeypatch):
    values = np.random.default_rng(0).normal(size=(200, 1))
    kept = bootstrap(values, mean_of(200), resamples=300)
    monkeypatch.setattr(statistics, "KEPT", 20000)  # 100 resamples of 200 images a block
    drawn = bootstrap(values, mean_of(200), resamples=300)
    np.testing.assert_array_equal(kept, drawn)


def test_holm_agrees_with_a_hand_made_case():
    # Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.5, never falling.
    assert holm([0.5, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.04, 0.03]).tolist() == pytest.approx([0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1, 1]


def test_holm_leaves_out_what_was_not_tested():
    adjusted = holm([np.nan, 0.01, 0.04])
    assert np.isnan(adjusted[0])
    assert adjusted[1:].tolist() == pytest.approx([0.02, 0.04])
    assert holm([]).size == 0


def test_the_permutation_p_of_a_few_images_agrees_with_all_sign_patterns():
    difference = np.array([1.0, 0.5, 0.5, -0.25, 2.0, 0.0])
    signs = np.array(list(itertools.product([-1, 1], repeat=6)))
    exact = (np.abs(signs @ difference) >= abs(difference.sum())).mean()
    assert 0.05 < exact < 0.5
    assert paired_permutation(difference, resamples=40_000) == pytest.approx(exact, abs=0.01)


def test_the_permutation_p_of_right_and_wrong_is_mcnemars_exact_test():
    difference = np.array([1.0] * 30 + [-1.0] * 15 + [0.0] * 500)
    exact = binomtest(15, 45).pvalue
    assert paired_permutation(difference, resamples=40_000) == pytest.approx(exact, abs=0.004)
    assert paired_permutation(-difference) == paired_permutation(difference)


def test_the_permutation_p_is_1_without_a_difference_and_never_0():
    assert paired_permutation(np.zeros(50)) == 1
    assert paired_permutation(np.ones(500), resamples=99) == pytest.approx(0.01)


SIZES = {
    "all-differ": np.random.default_rng(6).normal(0.05, 1, 300),
    "two-sizes": np.random.default_rng(7).integers(-1, 2, 300).astype(float),
    "some-zero": np.concatenate([np.zeros(50), np.random.default_rng(8).normal(0.05, 1, 250)]),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_permutation_p_is_of_the_binomials_one_stream_however_it_is_cut(name, monkeypatch):
    difference = SIZES[name]
    sizes, counts = np.unique(np.abs(difference).round(12), return_counts=True)
    generator = np.random.default_rng(derived_seed(4, "permutation"))
    turned = generator.binomial(counts, 0.5, (1000, len(sizes)))
    sums = np.abs((counts - 2 * turned) @ sizes)
    expected = (1 + (sums >= abs(difference.sum()) - 1e-9).sum()) / 1001
    assert paired_permutation(difference, seed=4, resamples=1000) == expected
    monkeypatch.setattr(statistics, "KEPT", 7 * len(sizes))  # 7 resamples a block
    assert paired_permutation(difference, seed=4, resamples=1000) == expected


def test_the_permutation_of_many_faces_takes_little_memory():
    difference = np.random.default_rng(9).normal(size=20_000)
    tracemalloc.start()
    paired_permutation(difference, resamples=2000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * statistics.KEPT  # bytes; all draws at once take 114 times


def test_without_an_effect_the_permutation_p_is_below_5_percent_in_5_percent_of_simulations():
    generator = np.random.default_rng(3)
    small = [paired_permutation(generator.integers(-1, 2, (3, 200)).mean(0), resamples=500) <= 0.05
             for _ in range(500)]
    assert np.mean(small) == pytest.approx(0.05, abs=0.025)


def test_with_one_seed_the_hierarchical_interval_is_the_one_over_images():
    values = np.random.default_rng(0).normal(size=400)
    plain = [end.item() for end in bootstrap(values[:, None], mean_of(400))]
    assert hierarchical_bootstrap(values) == pytest.approx(plain)
    assert hierarchical_bootstrap(np.tile(values, (3, 1))) == pytest.approx(plain)


def simulated_coverage(interval, seeds=20, images=300, runs=500):
    """Share of the intervals that hold the true mean, 0, of effects of seeds and of images."""
    generator, covered = np.random.default_rng(4), 0
    for _ in range(runs):
        values = generator.normal(0, 0.2, (seeds, 1)) + generator.normal(0, 1, images)
        _, low, high = interval(values)
        covered += low <= 0 <= high
    return covered / runs


def test_a_hierarchical_95_percent_interval_covers_the_truth_in_93_to_97_percent():
    assert 0.93 <= simulated_coverage(lambda v: hierarchical_bootstrap(v, resamples=400)) <= 0.97


def test_an_interval_over_images_alone_covers_less_where_seeds_differ():
    over_images = simulated_coverage(lambda v: hierarchical_bootstrap(v.mean(0), resamples=400))
    assert over_images < 0.9


def test_equal_seeds_give_equal_hierarchical_intervals():
    values = np.random.default_rng(0).normal(size=(3, 50))
    assert hierarchical_bootstrap(values, seed=1) == hierarchical_bootstrap(values, seed=1)
    assert hierarchical_bootstrap(values, seed=1) != hierarchical_bootstrap(values, seed=2)


def test_columns_are_averaged_over_the_images_that_have_a_value():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [5.0, np.nan, np.nan]])
    found = column_intervals(values, resampling_counts(3, 200, 0))
    assert found[:2, 0].tolist() == [3, 5]
    assert found[:, 3].tolist() == [3, 1, 0]
    assert np.isnan(found[2, :3]).all()
    assert found[1, 1] == found[1, 2] == 5


def test_columns_of_several_seeds_have_the_hierarchical_bootstraps_interval():
    values = np.random.default_rng(9).normal(size=(3, 40, 2)) + np.arange(3)[:, None, None]
    found = column_intervals(values, resampling_counts(40, 1000, 5), seed=5)
    for column in range(2):
        expected = hierarchical_bootstrap(values[:, :, column], seed=5)
        np.testing.assert_allclose(found[column, :3], expected)


def test_an_image_that_one_seed_has_no_value_for_counts_in_none():
    values = np.array([[[1.0], [np.nan], [3.0]], [[5.0], [99.0], [7.0]]])
    ((mean, *_, n),) = column_intervals(values, resampling_counts(3, 200, 0))
    assert (mean, n) == (4, 2)


def test_faces_of_one_photograph_are_drawn_together():
    photographs = np.array([7, 7, 3, 9, 3])
    for block in resampling_counts(5, 100, 0, photographs):
        assert (block[:, 0] == block[:, 1]).all()
        assert (block[:, 2] == block[:, 4]).all()
        assert (block[:, [0, 2, 3]].sum(1) == 3).all()


def test_where_every_face_is_a_photograph_of_its_own_nothing_changes():
    values = np.random.default_rng(0).random((2, 50))
    own = np.random.default_rng(1).permutation(50)
    assert hierarchical_bootstrap(values) == hierarchical_bootstrap(values, photographs=own)
    difference = values[0] - values[1]
    assert paired_permutation(difference) == pytest.approx(
        paired_permutation(difference, photographs=np.arange(50)))
    plain, grouped = (mean_intervals(values.T, photographs=p) for p in (None, own))
    assert np.array_equal(plain, grouped)


def test_each_face_twice_has_the_interval_and_the_p_of_each_once():
    values = np.random.default_rng(0).normal(0.2, 1, 60)
    twice, photographs = np.repeat(values, 2), np.repeat(np.arange(60), 2)
    once = hierarchical_bootstrap(values)
    assert hierarchical_bootstrap(twice, photographs=photographs) == pytest.approx(once)
    assert hierarchical_bootstrap(twice)[2] - hierarchical_bootstrap(twice)[1] < 0.8 * (
        once[2] - once[1])
    assert paired_permutation(twice, photographs=photographs) == paired_permutation(values)
