"""The loop: (model x condition) -> the rows of a cell, one file each; what is finished is kept.

Conditions of one place are run together: the occluder is placed once per batch, and each model
reads the clean faces once for all fills.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch

from analysis.engine.parallel import HERE, Executor, one_thread, shared
from analysis.engine.store import write_cell
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.rows import measures
from analysis.studies.shift.describe import compare
from analysis.studies.shift.interventions import ALL, outcomes, passes
from analysis.studies.shift.places import Places, regions_of
from analysis.studies.shift.plan import KINDS, LAYER_FILLS, ShiftStudy
from analysis.studies.shift.readers import Reader
from iram.errors import InputError
from iram.progress import progress_bar
from iram.seeds import generators

TOGETHER = 5

Group = list[tuple[Condition, list[Reader]]]


def run(study: ShiftStudy, progress: bool = True, executor: Executor = HERE) -> int:
    """Computes the cells that are missing; returns how many these were.

    Args:
        executor: who computes; the rows are the same.

    Raises:
        InputError: a folder that can't be written, or a model whose logits are not numbers.
    """
    groups = list(missing(study))
    todo = sum(cost(study, c, r) for group in groups for c, readers in group for r in readers)
    faces = len(study.plan.dataset)
    with one_thread():  # permuted weights are calibrated by passes
        for reader in study.readers:
            reader.model  # noqa: B018 - once, and not by each worker
    with progress_bar(shown=progress, total=todo * faces, unit="pass", unit_scale=True) as bar:
        for _ in shared(compute_apart, study, groups, executor, bar.update):
            pass
    return sum(len(readers) for group in groups for _, readers in group)


def missing(study: ShiftStudy) -> Iterator[Group]:
    """What is not finished: conditions of the same place, each with the models that lack it."""
    alike: dict[tuple, Group] = {}
    for condition in study.plan.conditions:
        readers = [r for r in study.readers if not study.is_done(r, condition)]
        if readers:
            alike.setdefault(condition.place, []).append((condition, readers))
    for group in alike.values():
        for start in range(0, len(group), TOGETHER):
            yield group[start : start + TOGETHER]


def cost(study: ShiftStudy, condition: Condition, reader: Reader) -> int:
    """Forward passes a face, beside the clean one."""
    layers = getattr(reader.subject.model, "num_layers", 1)
    causal = passes(layers, condition.fill in LAYER_FILLS)
    return 1 + causal * study.replaces(reader, condition)


def compute_apart(study: ShiftStudy, group: Group, advance: Callable[[int], None]) -> int:
    """Computes the cells of a group with copies of the models, since their attention is replaced;
    returns the number of passes."""
    copies = {r.name: r.apart() for _, readers in group for r in readers}
    compute(study, [(c, [copies[r.name] for r in readers]) for c, readers in group], advance)
    return len(study.plan.dataset) * sum(cost(study, c, r) for c, rs in group for r in rs)


def compute(study: ShiftStudy, group: Group, advance: Callable[[int], None]) -> None:
    """Computes and writes the cells of a group."""
    plan, conditions = study.plan, [condition for condition, _ in group]
    readers = {r.name: r for _, wanted in group for r in wanted}
    found = {(c, name): {kind: [] for kind in KINDS} for c, rs in group for name in
             (r.name for r in rs)}
    for start in range(0, len(plan.dataset), plan.batch_size):
        part = slice(start, min(start + plan.batch_size, len(plan.dataset)))
        places = study.places(part)
        pictures = places.pictures(conditions)
        for name, reader in readers.items():
            clean = reader.read(places.images)
            for (condition, wanted), images in zip(group, pictures, strict=True):
                if all(r.name != name for r in wanted):
                    continue
                kept = found[condition, name]
                occluded = reader.read(images)
                regions = regions_of(condition, plan.conditions)
                kept["shift"].append(compare(places, regions, clean, occluded))
                kept["interventions"].append(
                    replace_attention(study, reader, condition, places, images, (clean, occluded))
                )
                advance(len(images) * cost(study, condition, reader))
    for (condition, name), kept in found.items():
        reader = readers[name]
        for kind in KINDS:
            rows = _constants(study, reader, condition, pd.concat(kept[kind], ignore_index=True))
            write_cell(study.path(kind, name, condition), rows, study.key(reader, condition))


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
