"""What the maps of a model score, method by method, each beside the map of another face.

Families of measures: `complexity` and `localisation` (on the maps alone), `faithfulness`.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.attributions import FACE_REGIONS
from analysis.metrics import COMPLEXITY, LOCALISATION, REGION_SCORES
from analysis.studies.attribution.maps import Advance, stored_maps
from analysis.studies.attribution.perturbed import add_curves, add_infidelity, add_sensitivity
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.record import Record
from analysis.subjects import Subject

TOGETHER = 8  # methods whose curves share forward passes; an interruption loses them at most


def compute_scores(
    suite: Suite, subject: Subject, methods: Sequence[str], advance: Advance
) -> None:
    """The rows of several methods, which share all forward passes that they can."""
    records = {m: Record(suite, subject, method=m) for m in methods}
    for method, record in records.items():
        add_map_scores(suite, subject, method, record)
    add_curves(suite, subject, records, advance)
    add_infidelity(suite, subject, records)
    add_sensitivity(suite, subject, records)
    for method, record in records.items():
        suite.write("rows", subject, method, record.rows())


def add_map_scores(suite: Suite, subject: Subject, method: str, record: Record) -> None:
    """All that needs no forward pass."""
    maps = stored_maps(suite, subject, method).float()
    partner, faces = suite.partners(subject), np.arange(len(maps))
    others = maps[partner.clamp_min(0)]
    others[partner < 0] = torch.nan

    for name, metric in COMPLEXITY.items():
        record.add(
            faces, metric(maps), None, family="complexity", metric=name, region="none", fill="none"
        )
    some = suite.some(suite.sizes.reference)
    told = suite.read("maps", subject, method, _localisation_columns()).iloc[some]
    for name in LOCALISATION:
        pair = (torch.from_numpy(told[c].to_numpy(copy=True)) for c in (name, f"{name}--chance"))
        record.add(some, *pair, family="localisation", metric=name, region="occluder", fill="none")
    masks = suite.evidence
    for name, metric in LOCALISATION.items() if masks is not None else ():
        record.add(faces, metric(maps, masks), metric(others, masks), family="localisation",
                   metric=name, region="evidence", fill="none")
    regions, shapley = suite.regions[some].long(), shapley_of(suite, subject)
    found = against_shapley(maps[some], others[some], regions, shapley)
    record.add_all(some, found, family="faithfulness", region="none", fill="mean")


def against_shapley(
    maps: Tensor, others: Tensor, regions: Tensor, shapley: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """{name in REGION_SCORES: (value, chance)} against Shapley values (N, k) of the regions."""
    return {name: (score(maps, regions, shapley), score(others, regions, shapley))
            for name, score in REGION_SCORES.items()}


def shapley_of(suite: Suite, subject: Subject) -> Tensor:
    """(n, regions) of the finished reference."""
    rows = suite.read("reference", subject)
    return torch.from_numpy(rows[list(FACE_REGIONS)].to_numpy(copy=True))


def _localisation_columns() -> list[str]:
    return [column for name in LOCALISATION for column in (name, f"{name}--chance")]
