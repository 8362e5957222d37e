"""A batch of faces with attention replaced: what each intervention makes of the answers."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.occlusion.rows import measures
from analysis.studies.shift.places import Places, pictures
from analysis.studies.shift.plan import FIRST, ShiftStudy
from analysis.studies.shift.readers import Reader, Reading
from analysis.subjects.answers import numbers
from analysis.subjects.interventions import ALL, Maps, outcomes
from iram.seeds import generators


def constants(study: ShiftStudy, reader: Reader) -> list[Tensor]:
    """(1, C, h, w) of each layer: the mean of its attention over the run's first clean faces, of
    which there are at most `FIRST`."""
    total, count = None, min(FIRST, len(study.dataset))
    for start in range(0, count, study.plan.batch_size):
        part = slice(start, min(start + study.plan.batch_size, count))
        faces = study.plan.perturbed(CLEAN, part).seen_by(reader.subject.channels)
        images = faces.posed.images
        sums = [one.double().sum(0, keepdim=True) for one in reader.read(images).attention]
        total = sums if total is None else [a + b for a, b in zip(total, sums, strict=True)]
    return [(one / count).float() for one in total]


def following(
    study: ShiftStudy, part: slice, conditions: Sequence[Condition], channels: int = 1
) -> dict[Condition, Tensor | None]:
    """(1, 1, S, S) the face after a batch, of the data set's last its first, under each condition
    of one place; None where there is no other face."""
    place = part.stop % len(study.dataset)
    if len(study.dataset) < 2:
        return dict.fromkeys(conditions)
    faces = study.plan.perturbed(CLEAN, slice(place, place + 1))
    return dict(zip(conditions, pictures(faces, conditions, channels), strict=True))


def maps_of(
    study: ShiftStudy, reader: Reader, places: Places, readings: tuple[Reading, Reading],
    after: Tensor | None, constant: Sequence[Tensor],
) -> list[Maps]:
    """What maps in the place of attention are made of, at each layer.

    Args:
        readings: of the clean faces, and of those whose attention is replaced.
        after: the face after the batch; see `following`.
    """
    clean, own = (reading.attention for reading in readings)
    chance = generators(study.plan.seed, "shuffled attention", places.ids)
    orders = [order.to(one.device)
              for order, one in zip(places.orders(own, chance), own, strict=True)]
    others: Iterable[Tensor | None] = [None] * len(own)
    if after is not None:
        others = [torch.cat([one[1:], other])
                  for one, other in zip(own, reader.read(after).attention, strict=True)]
    return [Maps(*layer) for layer in zip(own, clean, orders, others, constant, strict=True)]


def replaced(
    study: ShiftStudy, reader: Reader, condition: Condition, places: Places, images: Tensor,
    readings: tuple[Reading, Reading], maps: Sequence[Maps],
) -> pd.DataFrame:
    """A row per image and intervention: margin and whether the answer is right; NaN where the
    intervention is not made of the image.

    "own" and "own_clean" are the shown and the clean picture with their own attention.

    Args:
        maps: of each layer; empty where attention is not replaced.

    Raises:
        InputError: logits that are not numbers.
    """
    clean, own = readings
    found = [("own_clean", ALL, clean.logits), ("own", ALL, own.logits)]
    found += _outcomes(study, reader, condition, places, images, maps) if maps else []
    labels, tables = study.dataset.labels[places.part], []
    for name, layer, logits in found:
        numbers(logits, reader.name, condition.name)
        values = np.full((2, len(places.ids)), np.nan, np.float32)
        if len(logits):
            answers = measures(logits, labels[:len(logits)])
            values[:, :len(logits)] = answers["margin"].numpy(), answers["correct"].numpy()
        table = {"image_id": places.ids, "intervention": name, "layer": np.int8(layer),
                 "margin": values[0], "correct": values[1]}
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


@torch.inference_mode()
def _outcomes(study, reader, condition, places: Places, images, maps) -> Iterator:
    every, few = study.asked(reader, condition)
    alone = maps[0].following is None
    shown = (places.images(reader.subject.channels), images)
    yield from _made(reader, shown, maps, every, alone)
    count = study.first(places.part)
    start = [Maps(*(one if one is None or len(one) == 1 else one[:count] for one in layer))
             for layer in maps]
    yield from _made(reader, tuple(one[:count] for one in shown), start, few, alone)


def _made(reader, shown, maps, asked, alone) -> Iterator:
    """The outcomes; none of the images for what they can't be made of."""
    for name, layer in asked:
        if len(shown[0]) and not (alone and name == "other_image"):
            yield from outcomes(reader.model, reader.answer, shown, maps, [(name, layer)])
        else:
            yield name, layer, torch.empty(0, len(reader.subject.columns))
