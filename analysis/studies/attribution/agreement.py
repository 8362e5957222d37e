"""How alike the maps of every two methods are, each pair beside maps of different faces.

Pearson, Spearman and top-k IoU are products of vectors that each map has alone, so all pairs of
all methods come from one product a face; the values are those of `analysis.metrics.AGREEMENT`.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.engine.cells import Advance
from analysis.metrics import AGREEMENT
from analysis.metrics.base import ranks, rows, share_to_count, top, varied
from analysis.studies.attribution.held import HELD
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.record import Record
from analysis.subjects import Subject

COMMON = 6  # pixels a side: what the coarsest maps have (of the last block, at 48 px)
TOP = 0.1  # of the pixels
TOGETHER = 4  # pairs that are compared in one call
FACES = 8  # whose maps of all methods are multiplied at once


def agreement_rows(suite: Suite, subject: Subject, method: None, advance: Advance) -> pd.DataFrame:
    """Rows per face, pair of methods, metric and resolution ("image", "common").

    Chance: one method's map of the face with the other's of another face explained for the same
    class, for products the mean of both ways.
    """
    methods, maps = suite.methods_of(subject), stacked(suite, subject)
    partner, record = suite.partners(subject), Record(suite, subject)
    faces = np.arange(len(maps))
    for resolution in ("image", "common"):
        found = products(maps, partner, resolution)
        for metric, (value, chance) in found.items():
            for a, b in combinations(range(len(methods)), 2):
                record.add(faces, value[:, a, b], chance[:, a, b], method=methods[a],
                           other=methods[b], metric=metric, resolution=resolution)
    for metric in (name for name in HELD["agreement"] if name not in VECTORS):
        add_pairs(suite, subject, record, maps, metric)
    advance(len(maps))
    return record.rows()


def beside_rows(suite: Suite, subject: Subject, metrics: Sequence[str]) -> list[pd.DataFrame]:
    """The rows of each metric agreement/NAME that is registered beside those that cells hold."""
    maps, found = stacked(suite, subject), []
    for metric in metrics:
        record = Record(suite, subject)
        add_pairs(suite, subject, record, maps, metric.partition("/")[2])
        found.append(record.rows())
    return found


def stacked(suite: Suite, subject: Subject) -> Tensor:
    """(N, methods, S, S) half floats: the maps of all methods."""
    return torch.stack([suite.maps(subject, m) for m in suite.methods_of(subject)], 1)


def add_pairs(suite, subject, record: Record, maps: Tensor, metric: str) -> None:
    """A metric of every two methods, pair by pair, of some of the faces."""
    methods, some = suite.methods_of(subject), suite.some(suite.sizes.pairs)
    pairs, partner = list(combinations(range(len(methods)), 2)), suite.partners(subject)
    for resolution in AGREEMENT.about(metric).resolutions:
        found = of_pairs(maps, partner, some, pairs, metric, resolution)
        for (a, b), (value, chance) in zip(pairs, found.unbind(1), strict=True):
            record.add(some, value, chance, method=methods[a], other=methods[b], metric=metric,
                       resolution=resolution)


def at_resolution(maps: Tensor, resolution: str) -> Tensor:
    """Maps (..., S, S) as float64, as they are or as means of COMMON x COMMON areas."""
    maps = maps.double()
    return maps if resolution == "image" else F.adaptive_avg_pool2d(maps, COMMON)


def products(maps: Tensor, partner: Tensor, resolution: str) -> dict[str, tuple[Tensor, Tensor]]:
    """{metric: (value, chance)}, each (N, M, M), of maps (N, M, S, S)."""
    count = maps.shape[1]
    found = {name: torch.empty(2, len(maps), count, count, dtype=torch.float64)
             for name in VECTORS}
    for part in torch.arange(len(maps)).split(FACES):
        other = partner[part]
        own, others = (at_resolution(m, resolution).flatten(0, 1)
                       for m in (maps[part], maps[other.clamp_min(0)]))
        for name, vectors in VECTORS.items():
            a, b = (vectors(m).unflatten(0, (len(part), -1)) for m in (own, others))
            value, cross = (FINISH[name](product, own) for product in (a @ a.mT, a @ b.mT))
            both = (cross + cross.mT) / 2
            found[name][0, part] = value
            found[name][1, part] = both.where(other[:, None, None] >= 0, torch.nan)
    return {name: tuple(values) for name, values in found.items()}


def _unit(values: Tensor) -> Tensor:
    """Rows centred and of length 1; NaN where a row is constant or not finite."""
    centred = values - values.mean(1, keepdim=True)
    unit = centred / centred.abs().amax(1, keepdim=True)
    unit = unit / unit.norm(dim=1, keepdim=True)
    return unit.where(varied(values)[:, None], torch.nan)


def _top(maps: Tensor) -> Tensor:
    values = rows(maps)
    share = top(values, share_to_count(TOP, values.shape[1]))
    return share.where(varied(values)[:, None], torch.nan)


def _iou(common: Tensor, maps: Tensor) -> Tensor:
    count = share_to_count(TOP, maps[0].numel())
    return common / (2 * count - common)


VECTORS: dict[str, Callable[[Tensor], Tensor]] = {
    "pearson": lambda maps: _unit(rows(maps)),
    "spearman": lambda maps: _unit(ranks(rows(maps)).where(varied(rows(maps))[:, None], torch.nan)),
    "top_k_iou": _top,
}
FINISH = {"pearson": lambda v, maps: v, "spearman": lambda v, maps: v, "top_k_iou": _iou}


def of_pairs(
    maps: Tensor, partner: Tensor, faces: np.ndarray, pairs: Sequence[tuple[int, int]],
    metric: str, resolution: str,
) -> Tensor:
    """(2, pairs, n): value and chance, several pairs a call of the metric.

    Into one tensor, here and in `products`: what is kept of each call would lie in the memory that
    its large tensors leave, and the next call would find no room there.
    """
    other = partner[faces]
    own, others = (at_resolution(maps[m], resolution) for m in (faces, other.clamp_min(0)))
    measure, found = AGREEMENT[metric], torch.empty(2, len(pairs), len(faces), dtype=torch.float64)
    for start in range(0, len(pairs), TOGETHER):
        some = pairs[start : start + TOGETHER]
        first, second, strange = (
            torch.cat([stack[:, pair[place]] for pair in some])
            for stack, place in ((own, 0), (own, 1), (others, 1))
        )
        for into, against in zip(found, (second, strange), strict=True):
            into[start : start + TOGETHER] = measure(first, against).view(len(some), -1)
    found[1, :, other < 0] = torch.nan
    return found
