"""What only some nets can show: the face that a bidirectional one draws of each class, and what
each stream of one with streams adds to its answer."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.engine.statistics import mean_intervals
from analysis.stimuli.conditions import select
from analysis.stimuli.perturb import Perturbed
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.zoo.bidirectional import prototypes
from iram.zoo.crops import SEEN, carried

COVERED = "brows-0.3-mean,eyes-0.3-mean,nose-0.3-mean,mouth-0.3-mean,upper_half-0.3-mean," \
          "lower_half-0.3-mean"
MEAN = "mean of the faces"
ALL = "all"
BATCH = 128


def backbone(subject: Subject) -> str:
    """The name of its backbone; "" of a net from outside."""
    return getattr(getattr(subject.model, "architecture", None), "backbone", "")


@torch.inference_mode()
def drawn_prototypes(subject: Subject, dataset: FaceDataset) -> pd.DataFrame:
    """What each member of a bidirectional net draws of each class alone, and beside it the mean of
    the faces of the class (`MEAN`): one row a picture, with its `pixels`, 0 to 255, row by row,
    as FER2013's CSV has them."""
    drawn = prototypes(subject.model)[:, subject.columns, 0]  # (members, K, S, S)
    pictures = {MEAN: torch.stack([_mean_face(dataset, k) for k in range(len(dataset.classes))])}
    pictures |= {f"member {number}": own for number, own in enumerate(drawn, 1)}
    rows = [(dataset.name, subject.name, subject.seed, by, expression, _pixels(picture))
            for by, own in pictures.items()
            for expression, picture in zip(dataset.classes, own, strict=True)]
    return pd.DataFrame(rows, columns=["dataset", "model", "seed", "drawn_by", "expression",
                                       "pixels"])


def _mean_face(dataset: FaceDataset, label: int, most: int = 500) -> Tensor:
    """(S, S), of the first faces of the class; gray where there is none."""
    places = np.flatnonzero(dataset.labels.numpy() == label)[:most]
    if not len(places):
        return torch.full((dataset.size, dataset.size), 0.5)
    return dataset.seen_by(1).images(places)[:, 0].mean(0)


def _pixels(picture: Tensor) -> str:
    return " ".join(map(str, (255 * picture).round().int().flatten().tolist()))


@torch.inference_mode()
def stream_shares(
    subject: Subject, dataset: FaceDataset, cameras: Tensor | None = None, seed: int = 0
) -> pd.DataFrame:
    """What each stream adds to the logit of the face's own class, less the mean of what it adds to
    the others: logits, above 0 speaks for the class; one row per metric, expression, occluder and
    stream, with its 95% interval over faces.

    carried: of clean faces, by expression and over "all".
    change: under each occluder (30% of the face in mean gray) less that of the same face clean,
        over all faces.
    """
    shares = {one: _shares(subject, dataset, one, cameras, seed) for one in select(COVERED)}
    (_, clean), *covered = shares.items()
    labels, rows, drawn = dataset.labels.numpy(), [], (seed, dataset.photographs())
    groups = {name: labels == k for k, name in enumerate(dataset.classes)}
    for expression, inside in {**groups, ALL: np.ones(len(labels), bool)}.items():
        if inside.any():
            rows += _rows("carried", expression, "none", clean, inside, *drawn)
    for condition, own in covered:
        rows += _rows("change", ALL, condition.occluder, own - clean, labels >= 0, *drawn)
    table = pd.DataFrame(rows)
    names = {"dataset": dataset.name, "model": subject.name, "seed": subject.seed}
    return table.assign(**names)[[*names, *table.columns]]


def _shares(subject: Subject, dataset, condition, cameras, seed: int) -> np.ndarray:
    """(N, streams) of these faces under a condition."""
    found = []
    for start in range(0, len(dataset), BATCH):
        part = slice(start, min(start + BATCH, len(dataset)))
        own = None if cameras is None else cameras[part]
        faces = Perturbed(dataset, part, condition, cameras=own, seed=seed).seen_by(1).pictures
        each = carried(subject.model, subject.faces(faces)).cpu()[:, :, subject.columns]
        true = dataset.labels[part][:, None, None].expand(-1, each.shape[1], 1)
        mine = each.gather(2, true)[:, :, 0]
        found.append(mine - (each.sum(2) - mine) / (each.shape[2] - 1))
    return torch.cat(found).double().numpy()


def _rows(metric, expression, occluder, values, inside, seed: int, photographs) -> list[dict]:
    """A row a stream of values (N, streams), of the faces `inside`."""
    values = values[inside]
    value, low, high = mean_intervals(values, seed, photographs[inside])
    return [{"metric": metric, "expression": expression, "occluder": occluder, "stream": stream,
             "value": value[i], "low": low[i], "high": high[i], "n": len(values)}
            for i, stream in enumerate(SEEN)]
