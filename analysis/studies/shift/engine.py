"""How the shift's cells are computed: (model x condition) -> what attention does, and causes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.engine.cells import Advance, Cell
from analysis.engine.spool import Spool
from analysis.stimuli.conditions import Condition
from analysis.studies.shift.describe import compare
from analysis.studies.shift.places import Places, regions_of
from analysis.studies.shift.plan import ShiftStudy
from analysis.studies.shift.readers import Reader
from analysis.studies.shift.replacing import constants, following, maps_of, replaced


def compute(study: ShiftStudy, cells: Sequence[Cell], advance: Advance) -> None:
    """Computes and writes cells of conditions of one place: those of all models together, which
    share the pictures; then those of each model's permuted weights, which are read on fewer."""
    if len(cells[0].of) > 2:  # of really occluded faces
        study, cells = study.real, [study.real.cell(*cell.of[:2]) for cell in cells]
    apart = {cell.of[0].name: [] for cell in cells if cell.of[0].permuted}
    for cell in cells:
        apart.get(cell.of[0].name, apart.setdefault("", [])).append(cell)
    for group in apart.values():
        if group:
            _compute(study, group, advance)


def _compute(study: ShiftStudy, cells: Sequence[Cell], advance: Advance) -> None:
    plan, conditions = study.plan, list(dict.fromkeys(cell.of[1] for cell in cells))
    versions = {cell.of[0].name: cell.of[0] for cell in cells}
    versions = {name: reader.versions() for name, reader in versions.items()}
    replacing = {cell.of[0].name for cell in cells if study.replaces(*cell.of)}
    means = {name: constants(study, versions[name][0]) for name in replacing}
    faces, found = cells[0].of[0].faces, Spool()  # of a batch each
    starts = range(0, faces, plan.batch_size)
    for start in starts:
        part = slice(start, min(start + plan.batch_size, faces))
        places = study.places(part)
        colours = {readers[0].subject.channels for readers in versions.values()}
        seen = {one: _shown(study, places, conditions, one, bool(replacing)) for one in colours}
        for name, readers in versions.items():
            made = {cell: [] for cell in cells if cell.of[0].name == name}
            for reader in readers:
                known = *seen[reader.subject.channels], means.get(name)
                for cell, tables in _batch(study, reader, list(made), places, *known):
                    made[cell].append(tables)
                    advance(study.passes(*cell.of, part))
            for cell, tables in made.items():
                found[cell, start] = [_averaged(each) for each in zip(*tables, strict=True)]
    for cell in cells:
        kinds = zip(*(found[cell, start] for start in starts), strict=True)
        tables = (pd.concat(parts, ignore_index=True) for parts in kinds)
        cell.write(*(_constants(study, *cell.of, rows) for rows in tables))


def _shown(study, places: Places, conditions: Sequence[Condition], channels: int, replaces: bool):
    """{condition: a batch's pictures}, and, for what replaces attention, {condition: the face
    after them}, as nets of so many channels see them."""
    pictures = dict(zip(conditions, places.pictures(conditions, channels), strict=True))
    return pictures, following(study, places.part, conditions, channels) if replaces else {}


def _batch(study, reader: Reader, cells: Sequence[Cell], places: Places, pictures, after, means):
    """(cell, its tables of KINDS) of one model and a batch of faces."""
    labels = study.plan.dataset.labels[places.part]
    clean = reader.read(places.images(reader.subject.channels), labels)
    for cell in cells:
        condition = cell.of[1]
        images, maps = pictures[condition], []
        both = clean, reader.read(images, labels)
        if study.replaces(reader, condition):
            maps = maps_of(study, reader, places, both, after[condition], means)
        regions = regions_of(condition, study.plan.conditions)
        yield cell, (compare(places, regions, *both),
                     replaced(study, reader, condition, places, images, both, maps))


def _averaged(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of tables of the same rows, of what is defined."""
    if len(tables) == 1:
        return tables[0]
    found, columns = tables[0].copy(), list(tables[0].select_dtypes(np.float32))
    values = np.stack([table[columns].to_numpy(np.float64) for table in tables])
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)
    found[columns] = np.where(known.any(0), total, np.nan).astype(np.float32)
    return found


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
