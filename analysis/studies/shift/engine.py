"""How the shift's cells are computed: (model x condition) -> what attention does, and causes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from analysis.engine.cells import Advance, Cell
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.rows import measures
from analysis.studies.shift.describe import compare
from analysis.studies.shift.places import Places, regions_of
from analysis.studies.shift.plan import KINDS, LAYER_FILLS, ShiftStudy
from analysis.studies.shift.readers import Reader
from analysis.subjects.interventions import ALL, outcomes
from iram.errors import InputError
from iram.seeds import generators


def compute(study: ShiftStudy, cells: Sequence[Cell], advance: Advance) -> None:
    """Computes and writes cells of conditions of one place, with copies of the models, since their
    attention is replaced."""
    plan, conditions = study.plan, list(dict.fromkeys(cell.of[1] for cell in cells))
    readers = {cell.of[0].name: cell.of[0] for cell in cells}
    readers = {name: reader.apart() for name, reader in readers.items()}
    found = {cell: {kind: [] for kind in KINDS} for cell in cells}
    for start in range(0, len(plan.dataset), plan.batch_size):
        part = slice(start, min(start + plan.batch_size, len(plan.dataset)))
        places = study.places(part)
        pictures = dict(zip(conditions, places.pictures(conditions), strict=True))
        labels = plan.dataset.labels[part]
        for name, reader in readers.items():
            clean = reader.read(places.images, labels)
            for cell in (cell for cell in cells if cell.of[0].name == name):
                condition, kept = cell.of[1], found[cell]
                images = pictures[condition]
                occluded = reader.read(images, labels)
                regions = regions_of(condition, plan.conditions)
                kept["shift"].append(compare(places, regions, clean, occluded))
                kept["interventions"].append(
                    replace_attention(study, reader, condition, places, images, (clean, occluded))
                )
                advance(len(images) * study.passes(reader, condition))
    for cell, kept in found.items():
        tables = (pd.concat(kept[kind], ignore_index=True) for kind in KINDS)
        cell.write(*(_constants(study, *cell.of, rows) for rows in tables))


def replace_attention(study, reader: Reader, condition, places: Places, images, readings):
    """A row per image and intervention: margin and whether the answer is right.

    "own" and "own_clean" are the occluded and the clean picture with their own attention.
    """
    clean, occluded = readings
    found = [("own_clean", ALL, clean.logits), ("own", ALL, occluded.logits)]
    if study.replaces(reader, condition):
        orders = places.orders(
            clean.attention, generators(study.plan.seed, "shuffled attention", places.ids)
        )
        with torch.inference_mode():
            found += outcomes(reader.model, reader.answer, (places.images, images),
                              clean.attention, occluded.attention, orders,
                              by_layer=condition.fill in LAYER_FILLS)
    labels = study.plan.dataset.labels[places.part]
    tables = []
    for name, layer, logits in found:
        if not logits.isfinite().all():
            raise InputError(f"model '{reader.name}' under '{condition.name}' gives logits that "
                             "are not numbers")
        own = measures(logits, labels)
        answers = own["margin"].numpy(), own["correct"].float().numpy()
        tables.append(_answers(places.ids, name, layer, *answers))
    if len(found) > 2 and len(places.ids) == 1:  # a batch of one has no other picture
        tables.append(_answers(places.ids, "other_image", ALL, np.float32(np.nan), np.nan))
    return pd.concat(tables, ignore_index=True)


def _answers(ids, name: str, layer: int, margin, correct) -> pd.DataFrame:
    table = {"image_id": ids, "intervention": name, "layer": np.int8(layer),
             "margin": margin, "correct": correct}
    return pd.DataFrame(table).astype({"margin": np.float32, "correct": np.float32})


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
