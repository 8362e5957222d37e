"""What the maps of a model score, method by method, each beside the map of another face.

Families of measures: `complexity` and `localisation` (on the maps alone), `faithfulness`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.attributions import FACE_REGIONS
from analysis.engine.cells import Advance
from analysis.metrics import COMPLEXITY, LOCALISATION, region_rank_correlation
from analysis.metrics.faithfulness import region_relevance
from analysis.studies.attribution.held import HELD
from analysis.studies.attribution.maps import hidden_scores
from analysis.studies.attribution.perturbed import add_curves, add_infidelity, add_sensitivity
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.record import Record
from analysis.subjects import Subject


def score_rows(
    suite: Suite, subject: Subject, methods: Sequence[str], advance: Advance
) -> list[pd.DataFrame]:
    """The rows of each method; they share all forward passes that they can."""
    records = {m: Record(suite, subject, method=m) for m in methods}
    some = suite.some(suite.sizes.reference)
    regions, shapley = suite.regions[some].long(), shapley_of(suite, subject)
    for method, record in records.items():
        columns = [c for name in HELD["localisation"] for c in (name, f"{name}--chance")]
        told = suite.read("maps", subject, method, columns=columns)
        told = told.iloc[some]
        hidden = {name: torch.from_numpy(told[name].to_numpy(copy=True)) for name in columns}
        maps, others = own_and_others(suite, subject, method)
        add_map_scores(suite, record, maps, others, HELD["complexity"], hidden)
        record.add_all(some, against_shapley(maps[some], others[some], regions, shapley),
                       family="faithfulness", region="none", fill="mean")
    add_curves(suite, subject, records, advance)
    add_infidelity(suite, subject, records)
    add_sensitivity(suite, subject, records)
    return [record.rows() for record in records.values()]


def beside_rows(
    suite: Suite, subject: Subject, method: str, metrics: Sequence[str], advance: Advance
) -> list[pd.DataFrame]:
    """The rows of each metric FAMILY/NAME that is registered beside those that cells hold."""
    names = [metric.partition("/")[::2] for metric in metrics]
    hiding, hidden = [name for family, name in names if family == "localisation"], {}
    if hiding:
        hidden = hidden_scores(suite, subject, method, hiding, lambda faces: None)
        advance(len(hiding) * len(suite.some(suite.sizes.reference)))
    maps, others = own_and_others(suite, subject, method)
    found = []
    for family, name in names:
        record = Record(suite, subject, method=method)
        if family == "complexity":
            add_map_scores(suite, record, maps, others, [name], {})
        else:
            own = {column: hidden[column] for column in (name, f"{name}--chance")}
            add_map_scores(suite, record, maps, others, [], own)
        found.append(record.rows())
    return found


def add_map_scores(
    suite: Suite, record: Record, maps: Tensor, others: Tensor, complexity: Iterable[str],
    hidden: Mapping[str, Tensor],
) -> None:
    """Scores of the maps alone.

    Args:
        maps, others: of `own_and_others`.
        complexity: names of metrics.
        hidden: `hidden_scores` of the metrics of localisation.
    """
    faces, some = np.arange(len(maps)), suite.some(suite.sizes.reference)
    for name in complexity:
        record.add(faces, COMPLEXITY[name](maps), None, family="complexity", metric=name,
                   region="none", fill="none")
    localisation = [name for name in hidden if not name.endswith("--chance")]
    for name in localisation:
        record.add(some, hidden[name], hidden[f"{name}--chance"], family="localisation",
                   metric=name, region="occluder", fill="none")
    masks = suite.evidence
    for name in localisation if masks is not None else ():
        metric = LOCALISATION[name]
        record.add(faces, metric(maps, masks), metric(others, masks), family="localisation",
                   metric=name, region="evidence", fill="none")


def own_and_others(suite: Suite, subject: Subject, method: str) -> tuple[Tensor, Tensor]:
    """(N, S, S) twice: each face's map, and that of another face; NaN where there is none."""
    maps, partner = suite.maps(subject, method).float(), suite.partners(subject)
    others = maps[partner.clamp_min(0)]
    others[partner < 0] = torch.nan
    return maps, others


def against_shapley(
    maps: Tensor, others: Tensor, regions: Tensor, shapley: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """{metric: (value, chance)} of maps against exact Shapley values (N, k) of the regions.

    shapley_rank: rank correlation with each region's sum of the map; shapley_rank_density: with
        its mean, as if regions were of one size.
    shapley_first: 1 where the region of the highest sum is also the one of the highest Shapley
        value, else 0.
    """

    def first(maps: Tensor) -> Tensor:
        relevance = region_relevance(maps, regions, shapley.shape[1])
        hit = (relevance.argmax(1) == shapley.argmax(1)).double()
        return hit.where(relevance.isfinite().all(1), torch.nan)

    def rank(reduce: str):
        return lambda maps: region_rank_correlation(maps, regions, shapley, reduce)

    measures = {"shapley_rank": rank("sum"), "shapley_rank_density": rank("mean"),
                "shapley_first": first}
    return {name: (measure(maps), measure(others)) for name, measure in measures.items()}


def shapley_of(suite: Suite, subject: Subject) -> Tensor:
    """(n, regions) of the finished reference."""
    rows = suite.read("reference", subject)
    return torch.from_numpy(rows[list(FACE_REGIONS)].to_numpy(copy=True))
