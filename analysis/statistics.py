"""Intervals by resampling images; draws are seeded, so equal runs give equal intervals."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from iram.seeds import derived_seed

RESAMPLES = 1000
LEVEL = 0.95
KEPT = 1 << 23  # counts that are kept in memory (64 MB); more images are drawn block by block


def bootstrap(
    features: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The statistic, and the ends of its percentile bootstrap interval over images.

    Every statistic of the study is a function of sums over images, so a resample is one row of
    counts (how often each image was drawn) times the per-image features.

    Args:
        features: (N, K), one row per image.
        statistic: sums (B, K) -> (B, M), B samples at once.

    Returns:
        value, low, high: (M,) each; NaN where the statistic is undefined.

    Reference: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    features = np.asarray(features, dtype=np.float64)
    value = statistic(features.sum(0, keepdims=True))[0]
    samples = resampling_counts(len(features), resamples, seed)
    draws = np.concatenate([statistic(counts @ features) for counts in samples])
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return value, low, high


def resampling_counts(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks (b, n) of how often each of n images is drawn, `resamples` rows in all.

    The same seed gives the same rows, so that statistics of the same images are paired.
    """
    if n * resamples <= KEPT:
        return iter(_kept_counts(n, resamples, seed))
    return _drawn_counts(n, resamples, seed)


@lru_cache(maxsize=1)
def _kept_counts(n: int, resamples: int, seed: int) -> tuple[np.ndarray, ...]:
    return tuple(_drawn_counts(n, resamples, seed))


def _drawn_counts(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(derived_seed(seed, "bootstrap"))
    block = max(1, min(100, KEPT // max(n, 1)))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = generator.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)
