"""Tests of a mean over images and training seeds: direction, equivalence, and power."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics import LEVEL, hierarchical_bootstrap, paired_permutation

ALPHA = 0.05
POWER = 0.8


class Error(NamedTuple):
    """Standard error of a mean, and its degrees of freedom."""

    se: float
    df: float


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


def assess(values: np.ndarray, margin: float, *, alpha: float = ALPHA, seed: int = 0) -> Finding:
    """Tests the mean of values (seeds, images), of which none is NaN.

    The interval is the hierarchical bootstrap's; with one seed it is over images only. The
    direction is tested by turning signs image by image (one seed), or by t over seeds and images,
    since sign changes know nothing of other trainings. Against the margin by t: a minimum-effect
    test (Murphy & Myors, J. Applied Psychology 84, 1999) and its mirror image.
    """
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    effect, low, high = hierarchical_bootstrap(values, seed=seed)
    error = standard_error(values)
    if len(values) == 1:
        both = paired_permutation(values[0], seed=seed)
        p = both / 2 if effect > 0 else 1 - both / 2 if effect < 0 else 1.0
    else:
        p = one_sided(effect, error)
    return Finding(effect, low, high, values.shape[1], len(values), p,
                   *_against(effect, error, margin, alpha))  # fmt: skip


def assess_draws(
    draws: np.ndarray, n: int, seeds: int, margin: float, alpha: float = ALPHA
) -> Finding:
    """The same of bootstrap draws (1 + B,), the first of them the value: normal theory."""
    draws = draws[np.isfinite(draws)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws[1:], [tail, 1 - tail])
    error = Error(float(draws[1:].std()), np.inf)
    effect = float(draws[0])
    return Finding(effect, float(low), float(high), n, seeds, one_sided(effect, error),
                   *_against(effect, error, margin, alpha))  # fmt: skip


def _against(effect: float, error: Error, margin: float, alpha: float):
    """p_beyond, p_absent, p_equivalence and detectable of a mean."""
    return (one_sided(effect - margin, error), one_sided(margin - effect, error),
            tost(effect, error, margin), margin + detectable(error, alpha))  # fmt: skip


def standard_error(values: np.ndarray) -> Error:
    """Of the mean of values (seeds, images), which share their images.

    The images' share is the variance of each image's mean over the seeds, over their number; the
    seeds' that of the seeds' means, over theirs (it is 0 for one seed: then the error is that of
    these trained models). Their sum counts what both do twice, so it errs on the safe side.
    Degrees of freedom by Satterthwaite, Biometrics Bulletin 2, 1946.
    """
    seeds, images = values.shape
    parts = [(values.mean(0).var(ddof=1) / images if images > 1 else np.inf, images - 1)]
    if seeds > 1:
        parts.append((values.mean(1).var(ddof=1) / seeds, seeds - 1))
    variance = sum(part for part, _ in parts)
    shares = sum(part**2 / df for part, df in parts if df and np.isfinite(part))
    df = variance**2 / shares if shares > 0 and np.isfinite(variance) else max(images - 1, 1)
    return Error(float(np.sqrt(variance)), float(df))


def one_sided(mean: float, error: Error) -> float:
    """p of a mean that is not above 0, by t; without any error 0 or 1."""
    if error.se == 0:
        return 0.0 if mean > 0 else 1.0
    if not np.isfinite(error.se):
        return 1.0
    return float(stats.t.sf(mean / error.se, error.df))  # of infinite df: the normal


def tost(mean: float, error: Error, margin: float) -> float:
    """p of two one-sided tests: small = the true mean lies within -margin to margin.

    Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    return max(one_sided(margin - mean, error), one_sided(mean + margin, error))


def detectable(error: Error, alpha: float = ALPHA, power: float = POWER) -> float:
    """How far the true mean must lie beyond a bound for a one-sided test to find it with this
    power: (t_alpha + t_power) se.

    To within a percent of the exact (noncentral t) value from 20 degrees of freedom on. Before any
    correction for several hypotheses.
    """
    if not np.isfinite(error.se):
        return np.inf
    return float((stats.t.isf(alpha, error.df) + stats.t.ppf(power, error.df)) * error.se)
