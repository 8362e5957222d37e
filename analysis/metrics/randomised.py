"""What is left of a map when all weights are random, by two tests that repair the cascade's.

Noise in gradients looks like a change, and measures of likeness differ in what they see: the first
averages the noise away, the second compares no two maps. Both take the state in which no layer has
kept its weights, so that no order of layers favours a method.

Reference: Hedström, Weber, Lapuschkin & Höhne, Sanity Checks Revisited: An Exploration to Repair
the Model Parameter Randomisation Test, XAI in Action workshop, NeurIPS 2023. They draw weights as
before training; these are each layer's own, shuffled (see `analysis.metrics.sanity.permute`), one
draw for all faces.
"""

import torch
from torch import Tensor

from analysis.metrics.agreement import AGREEMENT
from analysis.metrics.base import rows
from analysis.metrics.trials import TRIALS, Case

SMOOTHED, NOISE = 10, 0.1  # noisy copies a face (50 there), and their noise in shares of its range
BINS = 100


@TRIALS.register("smooth_mprt", title="likeness of denoised maps (sMPRT)", better="lower",
                 test="weights", layer="all", needs=("weights",), quick=True, maps=2 * SMOOTHED)
def smooth_mprt(case: Case) -> tuple[Tensor, Tensor]:
    """Spearman's correlation of a map averaged over noisy copies of its picture, with the same as
    all weights are random.

    -1 to 1, *lower* = the map depends more on what was learned; a map that ignores the weights has
    1. Chance: with the averaged map of another face. NaN where an averaged map is constant.
    """
    span = case.images.flatten(1).aminmax(dim=1)
    sd = NOISE * (span.max - span.min)[:, None, None, None, None]
    noisy = case.noisy("smooth", SMOOTHED, sd)
    before = case.explained(noisy).mean(1)
    with case.without_weights():
        after = case.explained(noisy).mean(1)
    alike = AGREEMENT["spearman"]
    return alike(before, after), alike(before, case.others(before))


@TRIALS.register("efficient_mprt", title="rise of complexity (eMPRT)", chance=0.0,
                 test="weights", layer="all", needs=("weights",))
def efficient_mprt(case: Case) -> tuple[Tensor, Tensor]:
    """How much more complex a map is when all weights are random, in shares of its complexity.

    -1 and up, *higher* = the map depends more on what was learned; one that ignores the weights has
    0. Chance: the same of another face's map, which is 0 in expectation but for faces of very
    different complexity. NaN where a map is constant or not finite.
    """
    with case.without_weights():
        after = histogram_entropy(case.explained(case.images[:, None])[:, 0])
    before = histogram_entropy(case.maps)
    return _rise(before, after), _rise(before, case.others(before))


def _rise(before: Tensor, after: Tensor) -> Tensor:
    return (after - before) / before.where(before > 0, torch.nan)


def histogram_entropy(maps: Tensor, bins: int = BINS) -> Tensor:
    """(N,) float64: the entropy, in nats, of each map's histogram from its least to its highest
    value.

    0 (constant) to log(bins). NaN where a map is not finite.
    """
    values = rows(maps)
    low, high = values.aminmax(dim=1, keepdim=True)
    place = (values - low) / (high - low).where(high > low, 1) * bins
    finite = place.isfinite()
    place = place.where(finite, 0).long().clamp(max=bins - 1)
    counts = values.new_zeros(len(values), bins).scatter_add(1, place, torch.ones_like(values))
    entropy = torch.special.entr(counts / values.shape[1]).sum(1)
    return entropy.where(finite.all(1), torch.nan)
