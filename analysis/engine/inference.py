"""Tests of a mean over images and training seeds: direction, equivalence, intervals, and power."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.special import gammaln, ndtri, stdtr, stdtrit

from analysis.engine.statistics import LEVEL, numbered

POWER = 0.8
NORMAL = 1e9  # degrees of freedom from which a t is a normal
STEPS = np.linspace(-18, 18, 721)  # of the integral's variable s; t = sinh(s)
NODES, WIDTHS = np.sinh(STEPS), np.cosh(STEPS)


class Error(NamedTuple):
    """Standard error of a mean in two parts, each with its degrees of freedom: what other images
    would change, and what other training seeds would (0 for one seed: then the error is that of
    these trained models). Numbers, or arrays (K,) for as many means."""

    images: float
    df: float
    seeds: float = 0.0
    seeds_df: float = 1.0

    @property
    def se(self) -> float:
        return np.hypot(self.images, self.seeds)


@dataclass(frozen=True)
class Finding:
    """What was found of one quantity whose claimed direction is up; computed when asked for.

    Attributes:
        effect: the mean.
        error: its standard error.
        margin: above which it is an effect worth the name.
        n, seeds: images and training seeds.
    """

    effect: float
    error: Error
    margin: float
    n: int
    seeds: int

    @cached_property
    def p_beyond(self) -> float:
        """p of the mean not being above the margin (a minimum-effect test; Murphy & Myors, J.
        Applied Psychology 84, 1999): small = an effect worth the name."""
        return one_sided(self.effect - self.margin, self.error)

    @property
    def p_absent(self) -> float:
        """p of the mean being at least the margin: small = no effect worth the name, or the
        opposite one. Never small where p_beyond is."""
        if self.error.se == 0:
            return one_sided(self.margin - self.effect, self.error)
        return 1.0 if np.isinf(self.error.se) else 1 - self.p_beyond

    @property
    def p_direction(self) -> float:
        """p of the mean not being above 0."""
        return one_sided(self.effect, self.error)

    @property
    def p_equivalence(self) -> float:
        """p of the mean lying outside -margin to margin (`tost`)."""
        return tost(self.effect, self.error, self.margin)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The mean's 95% interval, that of the test."""
        half = quantile(self.error, (1 - LEVEL) / 2)
        return self.effect - half, self.effect + half

    @cached_property
    def detectable(self) -> float:
        """The smallest true mean that would have been shown to be above the margin with a power of
        80%."""
        return self.margin + detectable(self.error)


def assess(values: np.ndarray, margin: float, photographs: np.ndarray | None = None) -> Finding:
    """Tests the mean of values (seeds, images), of which none is NaN, by `one_sided`."""
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    error = standard_error(values, photographs)
    return Finding(float(values.mean()), error, margin, values.shape[1], len(values))


def assess_draws(draws: np.ndarray, n: int, margin: float) -> Finding:
    """The same of bootstrap draws (1 + B, seeds) over images, the first of them the values.

    The images' share of the error is the spread of the draws' mean over seeds.
    """
    return Finding(float(draws[0].mean()), error_of_draws(draws), margin, n, draws.shape[1])


def error_of_draws(draws: np.ndarray) -> Error:
    """Of the mean over the seeds of draws (1 + B, seeds)."""
    values, draws = draws[0], draws[1:][np.isfinite(draws[1:]).all(1)]
    return Error(float(draws.mean(1).std()), NORMAL, *_of_seeds(values[:, None]))


def standard_error(values: np.ndarray, photographs: np.ndarray | None = None) -> Error:
    """Of the mean of values (seeds, images), or of each column of (seeds, images, K), which share
    their images.

    The images' part is by the spread of each image's mean over the seeds, the seeds' by that of the
    seeds' means; the latter holds some of the former, so the two together err on the safe side.
    Images of one photograph are one draw: their deviations are added up first.
    """
    each = values.mean(0)
    count, apart = len(each), each - each.mean(0)
    if photographs is not None and len(np.unique(photographs)) < count:
        own = numbered(photographs)
        sums = np.zeros((own.max() + 1, *each.shape[1:]))
        np.add.at(sums, own, apart)
        apart = sums
    draws = len(apart)
    spread = np.inf if draws < 2 else np.sqrt((apart**2).sum(0) * draws / (draws - 1)) / count
    return Error(spread, max(draws - 1, 1), *_of_seeds(values.mean(1)))


def _of_seeds(means: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean of means (seeds, ...)."""
    if len(means) == 1:
        return 0.0, 1.0
    return means.std(0, ddof=1).squeeze() / np.sqrt(len(means)), len(means) - 1.0


def one_sided(mean, error: Error):
    """p of a mean that is not above 0; without any error 0 or 1.

    With one part of the error by t. With two, a sum of two independent t, each of its own degrees
    of freedom: the Behrens-Fisher solution (Fisher, Annals of Eugenics 6, 1935), which keeps its
    level whatever the two parts are (Robinson, Annals of Statistics 4, 1976). Degrees of freedom
    pooled as by Satterthwaite would not: three seeds that lie close to one another by chance would
    then count as known never to differ (10 times as many false findings at a level of 0.001).
    """
    given = [np.asarray(one, dtype=np.float64) for one in (mean, *error)]
    mean, images, df, seeds, seeds_df = map(np.ravel, np.broadcast_arrays(*given))
    p = np.where(mean > 0, 0.0, 1.0)
    swap = seeds > images  # the larger part is the smooth one, the smaller is integrated over
    large, small = np.where(swap, seeds, images), np.where(swap, images, seeds)
    df, other = np.where(swap, seeds_df, df), np.where(swap, df, seeds_df)
    p[np.isinf(large)] = 1.0
    known = (large > 0) & np.isfinite(large)
    alone, both = known & (small == 0), known & (small > 0)
    p[alone] = _above(mean[alone] / large[alone], df[alone])
    if both.any():
        ratio = (small[both] / large[both])[:, None]
        chance = _above((mean[both] / large[both])[:, None] - ratio * NODES, df[both][:, None])
        p[both] = (_weights(other[both]) * chance).sum(1)
    p[np.isnan(mean)] = np.nan
    return p.reshape(np.broadcast_shapes(*(one.shape for one in given))) if any(
        one.ndim for one in given) else float(p[0])


def _above(t, df):
    return stdtr(np.minimum(df, NORMAL), -t)


def _weights(df: np.ndarray) -> np.ndarray:
    """(K, steps): the probability of each node under t of these degrees of freedom."""
    df = np.minimum(df, NORMAL)
    kinds, own = np.unique(df, return_inverse=True)
    log = (gammaln((kinds + 1) / 2) - gammaln(kinds / 2) - np.log(kinds) / 2)[:, None]
    log = log - (kinds[:, None] + 1) / 2 * np.log1p(NODES**2 / kinds[:, None]) + np.log(WIDTHS)
    found = np.exp(log)
    return (found / found.sum(1, keepdims=True))[own]


def quantile(error: Error, p):
    """The mean of which `one_sided` gives this p, 0 < p < 1; infinite without any bound."""
    given = [np.asarray(one, dtype=np.float64) for one in (*error, p)]
    shape = np.broadcast_shapes(*(one.shape for one in given))
    *parts, p = (one.ravel() for one in np.broadcast_arrays(*given))
    error, tail = Error(*parts), np.minimum(p, 1 - p)
    se = error.se
    found = np.where(np.isfinite(se), 0.0, se)
    known, two = np.isfinite(se) & (se > 0), (error.images > 0) & (error.seeds > 0)
    one, both = known & ~two, known & two
    df = np.where(error.seeds > 0, error.seeds_df, error.df)
    found[one] = se[one] * _bound(tail[one], df[one])
    if both.any():
        error, tail = Error(*(part[both] for part in error)), tail[both]
        # P(a + b > x) is at most P(a > x / 2) + P(b > x / 2): beyond `high` it is below the tail.
        high = 2 * np.maximum(error.images * _bound(tail / 2, error.df),
                              error.seeds * _bound(tail / 2, error.seeds_df))
        # In the probit of p, along which the distance is nearly straight.
        found[both] = find_root(
            lambda mean, tail, *error: ndtri(one_sided(mean, Error(*error))) - ndtri(tail),
            (-error.se, high), args=(tail, *error), tolerances={"xrtol": 1e-12}).x
    found = np.where(p <= 0.5, found, -found)
    return found.reshape(shape) if shape else float(found[0])


def _bound(p, df):
    """What a t exceeds with this p."""
    return -stdtrit(np.minimum(df, NORMAL), p)


def tost(mean, error: Error, margin):
    """p of two one-sided tests: small = the true mean lies within -margin to margin.

    Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    return np.maximum(one_sided(margin - mean, error), one_sided(mean + margin, error))


def detectable(error: Error, alpha: float = 1 - LEVEL, power: float = POWER):
    """How far the true mean must lie beyond a bound for a one-sided test to find it with this
    power: the quantiles of alpha and of the power, added.

    To within a percent of the exact (noncentral t) value from 20 degrees of freedom on. Before any
    correction for several hypotheses.
    """
    if not np.isfinite(error.se):
        return np.inf
    return quantile(error, alpha) - quantile(error, power)


def column_means(values: np.ndarray, photographs: np.ndarray | None = None) -> np.ndarray:
    """(K, 4): mean, low, high and n of columns (N, K), or (seeds, N, K), that may hold NaN, with
    the test's 95% interval; over images alone where there is one seed.

    An image counts in a column where all seeds have a value.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values if values.ndim == 3 else values[None]
    found = np.full((values.shape[2], 4), np.nan)
    known = np.isfinite(values).all(0)
    found[:, 3] = known.sum(0)
    patterns, own = np.unique(known, axis=1, return_inverse=True)  # columns that lack the same
    for pattern in range(patterns.shape[1]):
        images, columns = patterns[:, pattern], np.flatnonzero(own == pattern)
        if not images.any():
            continue
        part = values[:, images][:, :, columns]
        error = standard_error(part, None if photographs is None else photographs[images])
        mean, half = part.mean((0, 1)), quantile(error, (1 - LEVEL) / 2)
        half = np.where(np.isfinite(half), half, np.nan)
        found[columns, :3] = np.stack([mean, mean - half, mean + half], 1)
    return found
