"""How much more it would take: training seeds that would decide a hypothesis, margins that would
refute it."""

import numpy as np

from analysis.engine.inference import POWER, Error, one_sided, quantile
from analysis.studies.shift.judging import Judged, Part
from analysis.subjects.hypotheses import ALPHA, FAMILIES

MOST_SEEDS = 50


def margin_refuted(judged: Judged) -> float:
    """The smallest margin of the effect at which the whole would be refuted, all margins scaled
    alike: at 0 the opposite is shown; infinite where no component may refute. NaN if not tested.

    From the tests' upper bounds, at the level that Holm leaves this hypothesis.
    """
    if not all(part.finding for part in judged.parts):
        return np.nan
    level = judged.level / len(judged.classes)
    scale = min(max(min(_bound(part, level / len(stratum.parts)) for part in stratum.parts)
                    for stratum in own) for own in judged.classes.values())
    return max(0.0, scale) * judged.hypothesis.components[0].margin


def _bound(part: Part, level: float) -> float:
    """The mean's upper bound in multiples of its margin."""
    if part.lone:
        return np.inf
    found = part.finding
    return (found.effect + quantile(found.error, level)) / found.margin


def needed_seeds(judged: Judged) -> str:
    """How many training seeds, of the model and of its controls, would decide it with a power of
    80%, if means and spreads are as they were found: "7 seeds", "more than 50 seeds", or "" if
    nothing is known of a spread.

    The tests' own formulas, at the level of Bonferroni within its family; where several tests have
    to succeed the least of their powers counts, as of tests that go together. What a hypothesis
    presupposes is left out.
    """
    if judged.seeds == 1 or not all(part.finding for part in judged.parts):
        return ""
    low, high = 1, MOST_SEEDS + 1  # not enough; enough, or more than asked for
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(judged, middle) >= POWER else (middle, high)
    return f"{high} seeds" if high <= MOST_SEEDS else f"more than {MOST_SEEDS} seeds"


def _power(judged: Judged, seeds: int) -> float:
    """To support or to refute it as a whole, whichever is larger."""
    first = judged.hypothesis.key in FAMILIES[0]
    level = ALPHA if first else ALPHA / len(FAMILIES[1])
    supported, refuted = [], []
    for own in judged.classes.values():
        shown, absent = [], []
        for stratum in own:
            count = len(judged.classes) * len(stratum.parts)
            shown.append(min(_powers(stratum.parts, seeds, level / len(own), +1)))
            absent.append(max(_powers(stratum.parts, seeds, level / count, -1)))
        supported.append(max(shown))
        refuted.append(min(absent))
    return max(min(supported), max(refuted))


def _powers(parts, seeds: int, level: float, side: int) -> np.ndarray:
    """Of each component: to be shown (+1) or to be absent (-1), with as many seeds."""
    found = [part.finding for part in parts]
    beyond = np.array([side * (one.effect - one.margin) for one in found])
    spread = [one.error.seeds * np.sqrt(one.seeds) for one in found]
    error = Error(np.array([one.error.images for one in found]),
                  np.array([one.error.df for one in found]),
                  np.array(spread) / np.sqrt(seeds), seeds - 1.0)
    power = np.atleast_1d(one_sided(quantile(error, level) - beyond, error))
    return np.where([part.lone for part in parts], 0.0, power)
