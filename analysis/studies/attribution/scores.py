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
from analysis.metrics import COMPLEXITY, LOCALISATION, REGION_SCORES
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
    columns = [c for name in HELD["localisation"] for c in (name, f"{name}--chance")]
    for method, record in records.items():
        told = suite.read("maps", subject, method, columns=columns)
        told = told.iloc[suite.some(suite.sizes.reference)]
        hidden = {name: torch.from_numpy(told[name].to_numpy(copy=True)) for name in columns}
        add_map_scores(suite, subject, record, HELD, hidden)
    add_curves(suite, subject, records, advance)
    add_infidelity(suite, subject, records)
    add_sensitivity(suite, subject, records)
    return [record.rows() for record in records.values()]


def beside_rows(
    suite: Suite, subject: Subject, method: str, metrics: Sequence[str], advance: Advance
) -> list[pd.DataFrame]:
    """The rows of each metric FAMILY/NAME that is registered beside those that cells hold."""
    records = {metric: Record(suite, subject, method=method) for metric in metrics}
    names = {metric: metric.partition("/")[::2] for metric in metrics}
    hiding = [name for family, name in names.values() if family == "localisation"]
    hidden = hidden_scores(suite, subject, method, hiding, advance) if hiding else {}
    for metric, (family, name) in names.items():
        add_map_scores(suite, subject, records[metric], {family: [name]}, hidden)
    return [record.rows() for record in records.values()]


def add_map_scores(
    suite: Suite, subject: Subject, record: Record, metrics: Mapping[str, Sequence[str]],
    hidden: Mapping[str, Tensor],
) -> None:
    """Scores that need no forward pass.

    Args:
        record: of one method.
        metrics: {family: names}, of complexity, localisation and regions.
        hidden: `hidden_scores` of those of localisation.
    """
    maps, others = own_and_others(suite, subject, record.head["method"])
    faces, some = np.arange(len(maps)), suite.some(suite.sizes.reference)
    for name in metrics.get("complexity", ()):
        record.add(faces, COMPLEXITY[name](maps), None, family="complexity", metric=name,
                   region="none", fill="none")
    localisation, masks = metrics.get("localisation", ()), suite.evidence
    for name in localisation:
        record.add(some, hidden[name], hidden[f"{name}--chance"], family="localisation",
                   metric=name, region="occluder", fill="none")
    for name in localisation if masks is not None else ():
        metric = LOCALISATION[name]
        record.add(faces, metric(maps, masks), metric(others, masks), family="localisation",
                   metric=name, region="evidence", fill="none")
    if names := metrics.get("regions"):
        regions, shapley = suite.regions[some].long(), shapley_of(suite, subject)
        found = against_shapley(maps[some], others[some], regions, shapley, names)
        record.add_all(some, found, family="faithfulness", region="none", fill="mean")


def own_and_others(suite: Suite, subject: Subject, method: str) -> tuple[Tensor, Tensor]:
    """(N, S, S) twice: each face's map, and that of another face; NaN where there is none."""
    maps, partner = suite.maps(subject, method).float(), suite.partners(subject)
    others = maps[partner.clamp_min(0)]
    others[partner < 0] = torch.nan
    return maps, others


def against_shapley(
    maps: Tensor, others: Tensor, regions: Tensor, shapley: Tensor,
    names: Iterable[str] = REGION_SCORES,
) -> dict[str, tuple[Tensor, Tensor]]:
    """{name in REGION_SCORES: (value, chance)} against Shapley values (N, k) of the regions."""
    return {name: tuple(REGION_SCORES[name](one, regions, shapley) for one in (maps, others))
            for name in names}


def shapley_of(suite: Suite, subject: Subject) -> Tensor:
    """(n, regions) of the finished reference."""
    rows = suite.read("reference", subject)
    return torch.from_numpy(rows[list(FACE_REGIONS)].to_numpy(copy=True))
