"""How the shift's cells are computed: (model x condition) -> what attention does, and causes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.engine.cells import Advance, Cell
from analysis.stimuli.conditions import Condition
from analysis.studies.shift.describe import compare
from analysis.studies.shift.places import regions_of
from analysis.studies.shift.plan import KINDS, ShiftStudy
from analysis.studies.shift.readers import Reader
from analysis.studies.shift.replacing import constants, following, maps_of, replaced


def compute(study: ShiftStudy, cells: Sequence[Cell], advance: Advance) -> None:
    """Computes and writes cells of conditions of one place, with copies of the models, since their
    attention is replaced."""
    plan, conditions = study.plan, list(dict.fromkeys(cell.of[1] for cell in cells))
    readers = {cell.of[0].name: cell.of[0] for cell in cells}
    readers = {name: reader.apart() for name, reader in readers.items()}
    replacing = {cell.of[0].name for cell in cells if study.replaces(*cell.of)}
    means = {name: constants(study, readers[name]) for name in replacing}
    found = {cell: {kind: [] for kind in KINDS} for cell in cells}
    for start in range(0, len(plan.dataset), plan.batch_size):
        part = slice(start, min(start + plan.batch_size, len(plan.dataset)))
        places = study.places(part)
        pictures = dict(zip(conditions, places.pictures(conditions), strict=True))
        after = following(study, part, conditions) if replacing else {}
        labels = plan.dataset.labels[part]
        for name, reader in readers.items():
            clean = reader.read(places.images, labels)
            for cell in (cell for cell in cells if cell.of[0].name == name):
                condition, kept = cell.of[1], found[cell]
                images = pictures[condition]
                occluded = reader.read(images, labels)
                regions = regions_of(condition, plan.conditions)
                kept["shift"].append(compare(places, regions, clean, occluded))
                both, maps = (clean, occluded), []
                if study.replaces(reader, condition):
                    maps = maps_of(study, reader, places, both, after[condition], means[name])
                kept["interventions"].append(
                    replaced(study, reader, condition, places, images, both, maps))
                advance(study.passes(reader, condition, part))
    for cell, kept in found.items():
        tables = (pd.concat(kept[kind], ignore_index=True) for kind in KINDS)
        cell.write(*(_constants(study, *cell.of, rows) for rows in tables))


def _constants(study, reader: Reader, condition: Condition, rows: pd.DataFrame) -> pd.DataFrame:
    """What is the same in all rows of the cell, in front; text as categories."""
    fraction = np.nan if condition.fraction is None else condition.fraction
    head = {"dataset": study.plan.dataset.name, "model": reader.name,
            "condition": condition.name, "occluder": condition.occluder,
            "fill": condition.fill}
    for place, (name, value) in enumerate(head.items()):
        codes = np.zeros(len(rows), np.int8)
        rows.insert(place, name, pd.Categorical.from_codes(codes, [value]))
    rows.insert(len(head), "fraction", np.float32(fraction))
    rows.insert(len(head), "seed", np.int64(reader.subject.seed or 0))
    for name in ("region", "intervention"):
        if name in rows:
            rows[name] = rows[name].astype("category")
    return rows
