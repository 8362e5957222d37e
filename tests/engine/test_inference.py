"""Tests and intervals of the shift, against closed forms and in simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from analysis.engine.inference import (
    Error,
    assess,
    assess_draws,
    column_means,
    detectable,
    one_sided,
    quantile,
    standard_error,
    tost,
)

GENERATOR = np.random.default_rng


def test_one_seed_has_the_usual_standard_error():
    values = np.array([[1.0, 2.0, 4.0, 9.0]])
    found = standard_error(values)
    assert found.se == pytest.approx(stats.sem(values[0]))
    assert (found.df, found.seeds) == (3, 0)


def test_seeds_that_differ_widen_the_error_with_degrees_of_freedom_of_their_own():
    images = GENERATOR(0).normal(size=500)
    alike = standard_error(np.stack([images, images]))
    apart = standard_error(np.stack([images, images + 1]))
    assert alike.se == pytest.approx(stats.sem(images))
    assert apart.se > 5 * alike.se
    assert (apart.df, apart.seeds_df) == (499, 1)
    assert apart.seeds == pytest.approx(0.5)  # of -0.5 and 0.5 about their mean, over the root of 2
    assert alike.seeds == 0


def test_of_two_parts_p_is_that_of_the_sum_of_two_t():
    generator = GENERATOR(10)
    draws = 0.5 * generator.standard_t(9, 400_000) + 0.2 * generator.standard_t(2, 400_000)
    for mean in (0.3, 1.0, 2.0):
        found = one_sided(mean, Error(0.5, 9, 0.2, 2))
        assert found == pytest.approx((draws > mean).mean(), rel=0.05)
    assert one_sided(1.0, Error(0.5, 9, 1e-6, 2)) == pytest.approx(stats.t.sf(2, 9), rel=0.02)
    assert one_sided(1.0, Error(1e-9, 9, 0.5, 2)) == pytest.approx(stats.t.sf(2, 2))


@pytest.mark.parametrize("apart", [0, 1, 5])
def test_three_seeds_keep_a_strict_level_however_far_they_lie_apart(apart):
    """Whether seeds differ by nothing or by 5 times what images explain: at the level of the first
    of nine hypotheses. Pooled degrees of freedom give 3 times as many false findings."""
    generator, level, count = GENERATOR(11), 0.05 / 9, 4000
    found = 0
    for _ in range(count):
        seeds = generator.normal(0, np.hypot(apart, 0.5), 3)
        error = Error(1.0, 1499, float(seeds.std(ddof=1) / 3**0.5), 2)
        found += one_sided(generator.normal() + seeds.mean(), error) < level
    assert binomtest(found, count, level, "greater").pvalue > 0.01


def test_the_direction_agrees_with_scipy():
    values = GENERATOR(1).normal(0.2, 1, 40)
    expected = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    assert one_sided(values.mean(), standard_error(values[None])) == pytest.approx(expected)


def test_equivalence_is_the_larger_of_two_one_sided_tests():
    values = GENERATOR(2).normal(0.1, 1, 60)
    low = stats.ttest_1samp(values, -0.5, alternative="greater").pvalue
    high = stats.ttest_1samp(values, 0.5, alternative="less").pvalue
    found = tost(values.mean(), standard_error(values[None]), 0.5)
    assert found == pytest.approx(max(low, high))


def test_what_never_varies_is_certain():
    flat = assess(np.zeros((1, 20)), 0.05)
    assert (flat.p_direction, flat.p_beyond, flat.p_absent, flat.p_equivalence) == (1, 1, 0, 0)
    assert flat.detectable == 0.05
    shown = assess(np.full((1, 20), 0.2), 0.05)
    assert shown.p_direction < 0.001
    assert shown.p_beyond < 1e-9
    assert shown.p_absent == 1


def test_beyond_the_margin_agrees_with_scipy_and_is_the_mirror_of_absent():
    values = GENERATOR(7).normal(0.3, 1, 80)
    found = assess(values, 0.1)
    expected = stats.ttest_1samp(values, 0.1, alternative="greater").pvalue
    assert found.p_beyond == pytest.approx(expected)
    assert found.p_beyond + found.p_absent == pytest.approx(1)


def test_an_effect_inside_the_margin_is_never_shown_to_be_beyond_it():
    """However sure it is to be above 0."""
    found = assess(0.039 + 0.01 * GENERATOR(8).normal(size=500), 0.05)
    assert found.p_direction < 0.001
    assert found.p_beyond > 0.99


def test_the_smallest_effect_is_found_with_the_stated_power():
    n = 50
    least = detectable(Error(1 / np.sqrt(n), n - 1))
    critical = stats.t(n - 1).isf(0.05)
    power = stats.nct(n - 1, least * np.sqrt(n)).sf(critical)
    assert power == pytest.approx(0.8, abs=0.01)


def test_the_interval_of_one_seed_is_students():
    values = GENERATOR(6).normal(size=(1, 30))
    expected = stats.ttest_1samp(values[0], 0).confidence_interval()
    assert assess(values, 0.05).ends == pytest.approx(expected)


def test_the_interval_ends_where_the_tests_do():
    """Of three seeds: at a margin of its lower end p is 2.5%, to either side."""
    values = GENERATOR(6).normal(size=(3, 30)) + np.array([[0.0], [0.3], [0.9]])
    found = assess(values, 0.05)
    assert (found.n, found.seeds) == (30, 3)
    low, high = found.ends
    assert one_sided(found.effect - low, found.error) == pytest.approx(0.025)
    assert low + high == pytest.approx(2 * found.effect)


@pytest.mark.exhaustive
@pytest.mark.parametrize("apart", [0.2, 1.0])
def test_intervals_over_three_seeds_cover_95_percent(apart):
    """Where those of the hierarchical bootstrap cover 75 to 88%."""
    generator = GENERATOR(3)
    seeds = generator.normal(0, apart, (2000, 3))
    error = Error(np.full(2000, 0.1), 1499, seeds.std(1, ddof=1) / 3**0.5, 2)
    means = seeds.mean(1) + generator.normal(0, 0.1, 2000)
    inside = np.abs(means) <= quantile(error, 0.025)
    assert 0.94 <= inside.mean() <= 0.985


def test_quantiles_of_many_are_those_of_each():
    """Of one part of the error, of the other, of both, of none, and without bound."""
    images, seeds = [1.0, 0.0, 1.0, 1.0, 0.0, np.inf], [0.0, 2.0, 0.3, 40.0, 0.0, 1.0]
    many = quantile(Error(np.array(images), 399.0, np.array(seeds), 2.0), 0.025)
    each = [quantile(Error(*one, 2.0), 0.025)
            for one in zip(images, [399.0] * len(images), seeds, strict=True)]
    assert many == pytest.approx(each)
    assert many[1] == pytest.approx(2 * stats.t(2).isf(0.025))
    assert list(many[4:]) == [0, np.inf]


def test_the_quantile_is_the_inverse_of_the_test():
    for error in (Error(1.0, 9), Error(0.5, 9, 0.2, 2), Error(0.01, 1499, 1.0, 1), Error(1, 1e9)):
        for p in (0.9, 0.2, 0.025, 1e-4):
            assert one_sided(quantile(error, p), error) == pytest.approx(p, rel=1e-5)
    assert quantile(Error(1.0, 9), 0.05) == pytest.approx(stats.t(9).isf(0.05))
    assert quantile(Error(0.0, 9), 0.05) == 0


def test_columns_have_the_tests_interval_of_the_images_that_all_seeds_have():
    values = GENERATOR(9).normal(size=(3, 20, 4))
    values[1, :5, 2] = np.nan
    values[:, :, 3] = np.nan
    photographs = np.repeat(np.arange(10), 2)
    found = column_means(values, photographs)
    for column in range(3):
        known = np.isfinite(values[:, :, column]).all(0)
        one = assess(values[:, known, column], 0.05, photographs[known])
        assert found[column] == pytest.approx([one.effect, *one.ends, known.sum()])
    assert np.isnan(found[3, :3]).all()
    assert found[3, 3] == 0


def test_equivalence_is_found_by_mistake_in_5_percent_at_most():
    """Where the true mean is the margin itself."""
    draws = GENERATOR(4).normal(0.5, 1, (4000, 1, 40))
    found = np.mean([tost(v.mean(), standard_error(v), 0.5) < 0.05 for v in draws])
    assert 0.04 <= found <= 0.06


def test_draws_of_one_seed_are_judged_as_a_normal_mean():
    draws = np.r_[0.3, GENERATOR(5).normal(0.3, 0.1, 1000)][:, None]
    found = assess_draws(draws, 90, 0.05)
    assert found.effect == 0.3
    assert found.ends[0] == pytest.approx(0.3 - 1.96 * 0.1, abs=0.02)
    assert found.p_direction == pytest.approx(stats.norm.sf(3), abs=0.003)
    assert found.p_absent > 0.9
    assert found.seeds == 1


def test_draws_of_seeds_that_differ_are_judged_as_three_trainings():
    """Effects of -0.4, 0.05 and 0.4, each sure for its net: of the module nothing is known."""
    effects = np.array([-0.4, 0.05, 0.4])
    draws = effects + GENERATOR(12).normal(0, 0.005, (1001, 1))
    draws[0] = effects
    found = assess_draws(draws, 90, 0.05)
    far = stats.t(2).isf(0.025) * effects.std(ddof=1) / 3**0.5
    assert found.ends == pytest.approx((effects.mean() - far, effects.mean() + far), abs=0.001)
    assert found.seeds == 3
    assert found.p_absent > 0.3
    assert found.p_beyond > 0.3


def test_the_error_of_faces_that_all_stand_twice_is_that_of_each_once():
    values = GENERATOR(3).normal(size=(2, 40))
    twice, photographs = np.repeat(values, 2, axis=1), np.repeat(np.arange(40), 2)
    assert standard_error(twice, photographs) == pytest.approx(standard_error(values))
    assert standard_error(twice).images < 0.8 * standard_error(values).images
    assert assess(twice, 0.1, photographs).ends == pytest.approx(assess(values, 0.1).ends)
