"""Tests of a mean over images and training seeds: direction, equivalence, and power."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from analysis.engine.statistics import (
    hierarchical_bootstrap,
    interval_over_seeds,
    numbered,
    paired_permutation,
)
from analysis.subjects.hypotheses import ALPHA

POWER = 0.8


class Error(NamedTuple):
    """Standard error of a mean in two parts, each with its degrees of freedom: what other images
    would change, and what other training seeds would (0 for one seed: then the error is that of
    these trained models)."""

    images: float
    df: float
    seeds: float = 0.0
    seeds_df: float = 1.0

    @property
    def se(self) -> float:
        return float(np.hypot(self.images, self.seeds))


class Finding(NamedTuple):
    """What was found of one quantity whose claimed direction is up.

    Attributes:
        effect, low, high: the mean and its 95% interval.
        n, seeds: images and training seeds.
        p_direction: of the mean not being above 0.
        p_beyond: of the mean not being above the margin: small = an effect worth the name.
        p_absent: of the mean being at least the margin: small = no effect worth the name, or the
            opposite one. p_beyond and p_absent are never both small.
        p_equivalence: of the mean lying outside -margin to margin (TOST).
        detectable: the smallest true mean that would have been shown to be above the margin with
            a power of 80%.
    """

    effect: float
    low: float
    high: float
    n: int
    seeds: int
    p_direction: float
    p_beyond: float
    p_absent: float
    p_equivalence: float
    detectable: float


def assess(
    values: np.ndarray, margin: float, *, alpha: float = ALPHA, seed: int = 0,
    photographs: np.ndarray | None = None,
) -> Finding:
    """Tests the mean of values (seeds, images), of which none is NaN.

    The interval is the hierarchical bootstrap's; with one seed it is over images only. The
    direction is tested by turning signs image by image (one seed), or by `one_sided`, since sign
    changes know nothing of other trainings. Against the margin by `one_sided`: a minimum-effect
    test (Murphy & Myors, J. Applied Psychology 84, 1999) and its mirror image. Images of one
    photograph count together (`analysis.engine.statistics`).
    """
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    effect, low, high = hierarchical_bootstrap(values, seed=seed, photographs=photographs)
    error = standard_error(values, photographs)
    if len(values) == 1:
        both = paired_permutation(values[0], seed=seed, photographs=photographs)
        p = both / 2 if effect > 0 else 1 - both / 2 if effect < 0 else 1.0
    else:
        p = one_sided(effect, error)
    return Finding(effect, low, high, values.shape[1], len(values), p,
                   *_against(effect, error, margin, alpha))


def assess_draws(draws: np.ndarray, n: int, margin: float, *, seed: int = 0) -> Finding:
    """The same of bootstrap draws (1 + B, seeds) over images, the first of them the values.

    The images' share of the error is the spread of the draws' mean over seeds.
    """
    values, draws = draws[0], draws[1:][np.isfinite(draws[1:]).all(1)]
    effect, low, high = interval_over_seeds(np.vstack([values, draws]), seed)
    spread = _of_seeds(values)
    error = Error(float(draws.mean(1).std()), np.inf, *spread)
    return Finding(effect, low, high, n, len(values), one_sided(effect, error),
                   *_against(effect, error, margin, ALPHA))


def _against(effect: float, error: Error, margin: float, alpha: float):
    """p_beyond, p_absent, p_equivalence and detectable of a mean."""
    return (one_sided(effect - margin, error), one_sided(margin - effect, error),
            tost(effect, error, margin), margin + detectable(error, alpha))


def standard_error(values: np.ndarray, photographs: np.ndarray | None = None) -> Error:
    """Of the mean of values (seeds, images), which share their images.

    The images' part is by the spread of each image's mean over the seeds, the seeds' by that of the
    seeds' means; the latter holds some of the former, so the two together err on the safe side.
    Images of one photograph are one draw: their deviations are added up first.
    """
    each = values.mean(0)
    own = np.arange(len(each)) if photographs is None else numbered(photographs)
    sums = np.bincount(own, weights=each - each.mean())
    count = len(sums)
    variance = (sums**2).sum() * count / (count - 1) / len(each) ** 2 if count > 1 else np.inf
    return Error(float(np.sqrt(variance)), max(count - 1, 1), *_of_seeds(values.mean(1)))


def _of_seeds(means: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean of the seeds' means."""
    if len(means) == 1:
        return 0.0, 1.0
    return float(means.std(ddof=1) / np.sqrt(len(means))), len(means) - 1.0


def one_sided(mean: float, error: Error) -> float:
    """p of a mean that is not above 0; without any error 0 or 1.

    With one part of the error by t. With two, a sum of two independent t, each of its own degrees
    of freedom: the Behrens-Fisher solution (Fisher, Annals of Eugenics 6, 1935), which keeps its
    level whatever the two parts are (Robinson, Annals of Statistics 4, 1976). Degrees of freedom
    pooled as by Satterthwaite would not: three seeds that lie close to one another by chance would
    then count as known never to differ (10 times as many false findings at a level of 0.001).
    """
    if error.se == 0:
        return 0.0 if mean > 0 else 1.0
    if not np.isfinite(error.se):
        return 1.0
    if error.seeds == 0:
        return float(stats.t.sf(mean / error.images, error.df))  # of infinite df: the normal
    if error.images == 0:
        return float(stats.t.sf(mean / error.seeds, error.seeds_df))
    elsewhere = mean - error.images * _quantiles(error.df)
    return float(stats.t.sf(elsewhere / error.seeds, error.seeds_df).mean())


@lru_cache(maxsize=8)
def _quantiles(df: float, count: int = 5_000) -> np.ndarray:
    """Of t, one in the middle of each of as many equal shares."""
    return stats.t.ppf((np.arange(count) + 0.5) / count, df)


def tost(mean: float, error: Error, margin: float) -> float:
    """p of two one-sided tests: small = the true mean lies within -margin to margin.

    Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    return max(one_sided(margin - mean, error), one_sided(mean + margin, error))


def detectable(error: Error, alpha: float = ALPHA, power: float = POWER) -> float:
    """How far the true mean must lie beyond a bound for a one-sided test to find it with this
    power: the quantiles of alpha and of the power, added.

    To within a percent of the exact (noncentral t) value from 20 degrees of freedom on. Before any
    correction for several hypotheses.
    """
    if not np.isfinite(error.se):
        return np.inf
    return _beyond(alpha, error) - _beyond(power, error)


def _beyond(p: float, error: Error) -> float:
    """The mean of which `one_sided` gives this p."""
    if error.se == 0:
        return 0.0
    if error.seeds == 0:
        return float(stats.t.isf(p, error.df) * error.images)
    far = 1e4 * error.se
    return float(brentq(lambda mean: one_sided(mean, error) - p, -far, far))
