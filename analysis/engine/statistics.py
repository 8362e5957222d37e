"""Intervals by resampling images and training seeds, and paired tests.

Draws are seeded, so equal runs give equal numbers. Where one photograph stands among the images
more than once (`photographs`, a number for each image, the same for all of one photograph), its
images are drawn, or exchanged, together: two of them tell no more than one (a cluster bootstrap;
Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). None: each is a
photograph of its own.
"""

from collections.abc import Callable, Iterable, Iterator
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
    photographs: np.ndarray | None = None,
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
    samples = resampling_counts(len(features), resamples, seed, photographs)
    draws = np.concatenate([statistic(counts @ features) for counts in samples])
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return value, low, high


def mean_intervals(
    features: np.ndarray, seed: int = 0, photographs: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The `bootstrap` of the means of features (N, K): value, low, high, (K,) each."""
    counted = np.column_stack([np.ones(len(features)), features])
    return bootstrap(counted, lambda sums: sums[:, 1:] / sums[:, :1], seed=seed,
                     photographs=photographs)


def hierarchical_bootstrap(
    values: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL,
    photographs: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """The mean over training seeds and images, and the ends of its percentile interval.

    Every draw takes seeds with replacement and, for all of them the same, images with replacement:
    the test images are the same for every seed. With one seed the interval is over images only.
    Where a model's luck with an image changes from seed to seed the interval is wider than it need
    be (in simulation 97-98% cover at a level of 95%); where three seeds differ more than images
    explain it is too narrow (85% at three times as much), as no three seeds show their spread.

    Args:
        values: (seeds, images); give differences of two models to compare them paired.

    Returns:
        value, low, high.

    Reference: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007.
    """
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    # The same for every comparison of the same images.
    counts = resampling_counts(values.shape[1], resamples, seed, photographs)
    means = np.concatenate([block @ values.T / block.sum(1, keepdims=True) for block in counts])
    draws = _over_seeds(means[:, :, None], seed)[:, 0]
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(values.mean()), float(low), float(high)


def column_intervals(values: np.ndarray, counts: Iterable[np.ndarray], seed: int = 0) -> np.ndarray:
    """(K, 4) mean, low, high and n of columns (N, K), or (seeds, N, K), that may hold NaN.

    The hierarchical bootstrap of many columns at once; with one seed it is over images only. An
    image counts in a column where all seeds have a value.

    Args:
        counts: blocks (b, N) of how often each image is drawn.
    """
    values = values if values.ndim == 3 else values[None]
    seeds, _, columns = values.shape
    known = np.isfinite(values).all(0)
    filled = np.where(known, values, 0.0)
    flat = filled.transpose(1, 0, 2).reshape(len(known), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.concatenate([(block @ flat).reshape(-1, seeds, columns)
                                / (block @ known)[:, None] for block in counts])
        mean = filled.sum((0, 1)) / known.sum(0) / seeds
    draws = means.mean(1) if seeds == 1 else _over_seeds(means, seed)
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    some = known.any(0)
    if some.any():
        tail = (1 - LEVEL) / 2
        low[some], high[some] = np.nanquantile(draws[:, some], [tail, 1 - tail], axis=0)
    return np.stack([mean, low, high, known.sum(0)], 1)


def member_intervals(
    values: np.ndarray, members: np.ndarray, counts: Iterable[np.ndarray], seed: int = 0
) -> np.ndarray:
    """(K, 3) mean, low and high of values (seeds, N, K) over the images of each training seed.

    The mean over seeds of each one's mean over its own images. Images are drawn for all seeds the
    same, and seeds as `hierarchical_bootstrap` does; with one seed it is over images only. NaN
    where a seed has no image; the interval also where some draw of a seed has none.

    Args:
        members: (seeds, N) bool, which images count for a seed.
        counts: blocks (b, N) of how often each image is drawn.
    """
    seeds, n, columns = values.shape
    kept = (values * members[:, :, None]).transpose(1, 0, 2).reshape(n, -1)
    whole = np.ones((1, n))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.concatenate([(block @ kept).reshape(-1, seeds, columns)
                                / (block @ members.T)[:, :, None] for block in (whole, *counts)])
    draws = means[1:].mean(1) if seeds == 1 else _over_seeds(means[1:], seed)
    tail = (1 - LEVEL) / 2
    return np.stack([means[0].mean(0), *np.quantile(draws, [tail, 1 - tail], axis=0)], 1)


def interval_over_seeds(draws: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Value, low and high of draws (1 + B, seeds) over images, the first of them the values: every
    draw takes seeds with replacement, as `hierarchical_bootstrap` does."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(_over_seeds(draws[1:, :, None], seed), [tail, 1 - tail])
    return float(draws[0].mean()), float(low), float(high)


def _over_seeds(means: np.ndarray, seed: int) -> np.ndarray:
    """(B, K): means (B, seeds, K) over seeds drawn with replacement."""
    resamples, seeds, _ = means.shape
    generator = np.random.default_rng(derived_seed(seed, "training seeds"))
    drawn = generator.integers(0, seeds, (resamples, seeds))
    return np.take_along_axis(means, drawn[:, :, None], 1).mean(1)


def paired_permutation(
    difference: np.ndarray, *, seed: int = 0, resamples: int = 10_000,
    photographs: np.ndarray | None = None,
) -> float:
    """p of a mean difference as large as this one, either way, if no image favoured either model.

    Two models are exchanged image by image, which turns the signs of their differences. Above 0,
    at most 1: (1 + draws that reach it) / (1 + draws). Of these trained models only: it knows
    nothing of how another training would have come out.

    Args:
        difference: (N,), one value per image: of one training, or the mean over paired seeds.

    Reference: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005, section 3.7.
    """
    difference = np.asarray(difference, dtype=np.float64)
    if photographs is not None:
        difference = np.bincount(numbered(photographs), weights=difference)
    # Differences of 0/1 take few sizes, and how many of a size turn their sign is binomial.
    sizes, counts = np.unique(np.abs(difference).round(12), return_counts=True)
    generator = np.random.default_rng(derived_seed(seed, "permutation"))
    least, reached = abs(difference.sum()) - 1e-9, 0
    block = max(1, KEPT // max(len(sizes), 1))
    for start in range(0, resamples, block):  # one stream of draws, however it is cut
        shape = min(block, resamples - start), len(sizes)
        if (counts == 1).all():  # as the binomial draws from one, which takes three times as long
            turned = generator.random(shape) > 0.5
        else:
            turned = generator.binomial(counts, 0.5, shape)
        reached += (np.abs((counts - 2 * turned) @ sizes) >= least).sum()
    return float((1 + reached) / (1 + resamples))


def holm(p: np.ndarray) -> np.ndarray:
    """The p values of a family, adjusted so that its chance of any false finding is kept.

    Holm, A simple sequentially rejective multiple test procedure, 1979. NaN stays NaN and is no
    part of the family.
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN sorts last
    adjusted = np.full_like(p, np.nan)
    steps = p[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.maximum.accumulate(steps).clip(max=1)
    return adjusted


def resampling_counts(
    n: int, resamples: int, seed: int, photographs: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Blocks (b, n) of how often each of n images is drawn, `resamples` rows in all.

    The same seed gives the same rows, so that statistics of the same images are paired.
    """
    if photographs is not None and (count := len(np.unique(photographs))) < n:
        own = numbered(photographs)
        return (block[:, own] for block in resampling_counts(count, resamples, seed))
    if n * resamples <= KEPT:
        return iter(_kept_counts(n, resamples, seed))
    return _drawn_counts(n, resamples, seed)


def numbered(photographs: np.ndarray) -> np.ndarray:
    """(N,) the photographs as 0, 1, ..., in the order in which they first occur."""
    _, first, own = np.unique(photographs, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[own]


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
