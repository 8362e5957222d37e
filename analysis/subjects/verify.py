"""Do nets answer on this machine as where their reference answers were made?

The reference holds, in fp32 and in bf16, the logits of nets for rendered heads, each by the net as
it is written (eager) and one thread. Other ways to compute the same, and other processors, round
otherwise: logits differ a little, and a prediction where two classes are almost equal. Each way is
held against the reference of its own dtype.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.engine import store
from analysis.subjects.batches import in_batches
from analysis.subjects.opening import open_subjects
from analysis.subjects.subject import changed
from iram.data import open_dataset
from iram.data.dataset import FaceDataset
from iram.dtype import processor
from iram.errors import InputError
from iram.registry import unknown
from iram.threads import threads
from iram.weights import PRETRAINED

SHIPPED = PRETRAINED / "answers.parquet"  # it goes where the weights go
DATA = "heads:n=200"
BATCH = 40
KIND = store.cell_key(kind="reference answers")  # it is kept as a cell, whose damage is noticed
EQUAL = 0.9995  # the least share of predictions that are the reference's
KEYS = ["model", "weights_sha256", "data", "pixels_sha256", "dtype", "image_id"]
LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")  # hold torch to what older processors have


@dataclass(frozen=True)
class Way:
    """How logits are computed."""

    dtype: str
    backend: str
    threads: int


MADE = Way("fp32", "eager", 1), Way("bf16", "eager", 1)
WAYS = [Way(dtype, backend, threads) for threads in (1, 2)
        for dtype, backend in (("fp32", "eager"), ("fp32", "folded"), ("bf16", "eager"))]
Advance = Callable[[], object]


def write_reference(path: Path, models: Sequence[str], data: str, advance: Advance) -> int:
    """Makes the reference here; returns how many predictions it holds in each dtype. What a
    reference that stands there holds of other nets for the same faces stays as it is.

    Args:
        models: names or files, as of --models.
        data: a specification of the faces, all of which are shown.
        advance: called after each net.

    Raises:
        InputError: no such model or data, or the file can't be written.
    """
    dataset = open_dataset(data, split=None)
    parts = [] if (before := _before(path, data)) is None else [before]
    for way in MADE:
        for name, sha256, logits in _answers(models, dataset, way, advance):
            keys = dict(zip(KEYS, (name, sha256, data, _pixels(dataset), way.dtype), strict=False))
            parts.append(pd.DataFrame(logits.numpy(), columns=list(dataset.classes)).assign(
                image_id=dataset.metadata["image_id"].to_numpy(), **keys))
    table = pd.concat(parts, ignore_index=True)
    table = table.drop_duplicates(["model", "dtype", "image_id"], keep="last")
    store.write_cell(path, table[[*KEYS, *dataset.classes]], KIND)
    return len(table) // len(MADE)


def _before(path: Path, data: str) -> pd.DataFrame | None:
    """The reference that stands there, if it is of these faces."""
    table = store.read_cell(path, KIND) if path.is_file() else None
    return table if table is not None and (table["data"] == data).all() else None


def read_reference(path: Path) -> pd.DataFrame:
    """The reference that `write_reference` wrote: a row a net, dtype and face; KEYS, then a column
    of logits a class.

    Raises:
        InputError: there is none, or it is another file or damaged, if only in one bit.
    """
    again = "`iram verify --write --reference FILE` makes one on this machine"
    if not path.is_file():
        raise InputError(f"{path}: no such reference; {again}")
    table = store.read_cell(path, KIND)
    if table is None:
        raise InputError(f"{path} is no reference, or damaged: fetch it again, or {again}")
    return table


def compare(
    reference: pd.DataFrame, models: Sequence[str] | None = None, advance: Advance = lambda: None,
    ways: Sequence[Way] = WAYS,
) -> pd.DataFrame:
    """How far this machine is from the reference, a row for each of `ways`.

    Args:
        models: of the reference, names or files; None: all of it.
        advance: called after each net.

    Returns:
        dtype, backend, threads. nets, faces: how many. pixels: whether the faces are "the same"
        here, or rendered "otherwise". predictions, differing: how many, of all nets together.
        equal: share of the predictions that are the reference's. largest_difference: of a logit.
        agrees: at least EQUAL are equal, and all logits are finite.

    Raises:
        InputError: a net that the reference lacks, or whose weights are others.
    """
    data = reference["data"].iloc[0]
    dataset = open_dataset(data, split=None)
    known = reference.set_index(["model", "dtype"])
    names = list(models or dict.fromkeys(reference["model"]))
    same = (reference["pixels_sha256"] == _pixels(dataset)).all()  # of nets added elsewhere too
    pixels = "the same" if same else "otherwise"
    rows = []
    for way in ways:
        differing, furthest = 0, []
        for name, sha256, logits in _answers(names, dataset, way, advance):
            if (name, way.dtype) not in known.index:
                told = unknown("net of the reference", name, sorted(set(reference["model"])))
                raise InputError(told)
            wanted = known.loc[[(name, way.dtype)]]
            if sha256 != wanted["weights_sha256"].iloc[0]:
                raise InputError(f"the reference is of other weights of {name}; `iram verify "
                                 "--write` makes it again")
            other = torch.from_numpy(wanted[list(dataset.classes)].to_numpy(np.float32, copy=True))
            differing += int((logits.argmax(1) != other.argmax(1)).sum())
            furthest.append(float((logits - other).abs().max()))
        predictions = len(names) * len(dataset)
        largest = float(np.max(furthest))  # NaN if any is
        rows.append({
            **vars(way), "nets": len(names), "faces": len(dataset), "pixels": pixels,
            "predictions": predictions, "differing": differing,
            "equal": 1 - differing / predictions, "largest_difference": largest,
            "agrees": differing <= may_differ(predictions) and bool(np.isfinite(largest)),
        })
    return pd.DataFrame(rows)


def may_differ(predictions: int) -> int:
    """How many predictions may be others than the reference's."""
    return int(predictions * (1 - EQUAL) + 1e-9)


def keep(path: Path, rows: pd.DataFrame) -> None:
    """Adds rows of `compare` to a table of processors; those of this very processor, torch and way
    are replaced."""
    here = {**processor(), "held_to": " ".join(f"{name}={os.environ[name]}" for name in LIMITS
                                               if os.environ.get(name)),
            **store.versions("torch")}
    rows = rows.assign(**here)[[*here, *rows.columns]]
    if path.exists():
        before = store.read_table(path)
        same = ["processor", "flags", "held_to", "torch", "dtype", "backend", "threads"]
        if missing := set(same) - set(before):
            raise InputError(f"{path} is no table of processors: it lacks "
                             f"{', '.join(sorted(missing))}")
        before["held_to"] = before["held_to"].astype(object).fillna("")
        own = set(rows[same].itertuples(index=False, name=None))
        others = [row not in own for row in before[same].itertuples(index=False, name=None)]
        rows = pd.concat([before[others], rows], ignore_index=True)
    store.write_table(path, rows, decimals=7)


def _answers(
    models: Sequence[str], dataset: FaceDataset, way: Way, advance: Advance
) -> Iterator[tuple[str, str, Tensor]]:
    """(name, SHA-256 of the weights, logits (N, classes)) of each net."""
    images = dataset.images(slice(0, len(dataset)))
    for subject in open_subjects(list(models), dataset.classes, bf16=way.dtype == "bf16"):
        with threads(way.threads):
            asked = changed(subject, backend=way.backend)
            yield subject.name, subject.weights_sha256, in_batches(asked.logits, images, BATCH)
        advance()


def _pixels(dataset: FaceDataset) -> str:
    return hashlib.sha256(dataset.images_uint8(slice(None)).tobytes()).hexdigest()
