"""The bootstrap, against closed forms and by simulation."""

import numpy as np
import pytest

from analysis import statistics
from analysis.statistics import bootstrap, resampling_counts


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
