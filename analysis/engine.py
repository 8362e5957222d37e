"""The benchmark's loop: (model x condition x image) -> rows, one cell (model, condition) a file.

Perturbed pictures are made once per batch and shown to every model that still lacks the cell.
Memory does not grow with the number of images beyond the rows of one condition.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.perturb import occlude, pose
from analysis.store import cell_key, read_cell, write_cell
from analysis.study import Condition
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.progress import progress_bar
from iram.seeds import derived_seed

ROWS_VERSION = 1  # raise it when what a cell holds changes, so that old cells are made again
BATCH_SIZES = (32, 64, 128, 256)


@dataclass(frozen=True)
class Benchmark:
    """What is run.

    Attributes:
        dataset: the faces, all of which are shown (see `sample`).
        seed: of the occluders' places and of noise.
        batch_size: faces a forward pass.
        dtype: "fp32" or "bf16".
    """

    subjects: Sequence[Subject]
    dataset: FaceDataset
    conditions: Sequence[Condition]
    out: Path
    seed: int = 0
    batch_size: int = 64
    dtype: str = "fp32"

    @cached_property
    def faces_sha256(self) -> str:
        """Which faces these are: the source, the images taken from it, and their labels."""
        metadata = self.dataset.metadata
        return cell_key(source=self.dataset.sha256, images=metadata["image_id"].tolist(),
                        labels=self.dataset.labels.tolist())  # fmt: skip

    @cached_property
    def landmarks_sha256(self) -> str | None:
        points = self.dataset.landmarks
        return None if points is None else sha256(points.tobytes()).hexdigest()

    def path(self, subject: Subject, condition: Condition) -> Path:
        return self.out / "rows" / f"{subject.name}--{condition.name}.parquet"

    def key(self, subject: Subject, condition: Condition) -> str:
        return cell_key(
            version=ROWS_VERSION,
            weights=subject.weights_sha256,
            faces=self.faces_sha256,
            landmarks=self.landmarks_sha256 if condition.in_depth else None,
            condition=condition.to_dict(),
            seed=self.seed,
            dtype=self.dtype,
            batch_size=self.batch_size,
            device=subject.device,
        )

    def rows(self, subject: Subject, condition: Condition) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        return read_cell(self.path(subject, condition), self.key(subject, condition))


def run(benchmark: Benchmark, progress: bool = True) -> int:
    """Computes the cells that are missing; returns how many these were.

    A cell is written when it is whole, so an interruption loses one condition at most.

    Raises:
        InputError: a folder that can't be written, or a model whose logits are not numbers.
    """
    subjects, conditions = benchmark.subjects, benchmark.conditions
    faces, made = len(benchmark.dataset), 0
    total = len(subjects) * len(conditions) * faces
    with progress_bar(shown=progress, total=total, unit="face", unit_scale=True) as bar:
        for condition in conditions:
            missing = [s for s in subjects if benchmark.rows(s, condition) is None]
            bar.update((len(subjects) - len(missing)) * faces)
            bar.set_description(condition.name, refresh=False)
            for subject, rows in zip(missing, _cells(benchmark, condition, missing, bar),
                                     strict=True):  # fmt: skip
                write_cell(benchmark.path(subject, condition), rows,
                           benchmark.key(subject, condition))  # fmt: skip
            made += len(missing)
    return made


def _cells(benchmark, condition, subjects, bar) -> list[pd.DataFrame]:
    """The rows of one condition for each of these models."""
    dataset, size = benchmark.dataset, benchmark.batch_size
    ids = dataset.metadata["image_id"].tolist()
    logits = [[] for _ in subjects]
    fractions = []
    for start in range(0, len(dataset) if subjects else 0, size):
        part = slice(start, start + size)
        posed = pose(dataset, part, condition)
        seen = occlude(posed.images, condition, ids[part], benchmark.seed)
        fractions.append(torch.stack([seen.occlusion_fraction, seen.painted_fraction,
                                      posed.self_occlusion_fraction]))  # fmt: skip
        for subject, collected in zip(subjects, logits, strict=True):
            collected.append(subject.logits(seen.images))
            bar.update(len(seen.images))
    return [
        _frame(benchmark, condition, subject, torch.cat(collected), torch.cat(fractions, 1))
        for subject, collected in zip(subjects, logits, strict=True)
    ]


def _frame(benchmark, condition, subject, logits: Tensor, fractions: Tensor) -> pd.DataFrame:
    if not logits.isfinite().all():
        raise InputError(f"model '{subject.name}' under '{condition.name}' gives logits that are "
                         "not numbers")  # fmt: skip
    dataset = benchmark.dataset
    constant = {
        "dataset": dataset.name, "model": subject.name, "seed": subject.seed,
        "condition": condition.name, "occluder": condition.occluder, "fill": condition.fill,
    }  # fmt: skip
    return pd.DataFrame(
        {
            "image_id": dataset.metadata["image_id"],
            "label": dataset.labels.to(torch.int8),
            **{name: pd.Categorical.from_codes(np.zeros(len(dataset), np.int8), [value])
               for name, value in constant.items()},
            "occlusion_fraction": fractions[0], "painted_fraction": fractions[1],
            "self_occlusion_fraction": fractions[2],
            "yaw_deg": np.float32(condition.yaw_deg or 0),
            "pitch_deg": np.float32(condition.pitch_deg or 0),
            "roll_deg": np.float32(condition.roll_deg),
            **measures(logits, dataset.labels),
        }
    )  # fmt: skip


def measures(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Per-image measures of logits (N, K) and labels (N,), each (N,).

    prediction: the class of the highest logit (the first of equals), int8.
    correct: whether it is the label.
    margin: the label's logit minus the highest other one, in logits; above 0 = right.
    probability: softmax probability of the label, 0 to 1.
    confidence: softmax probability of the prediction, 1/K to 1.
    """
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    probabilities = logits.softmax(1)
    prediction = logits.argmax(1)
    return {
        "prediction": prediction.to(torch.int8),
        "correct": prediction == labels,
        "margin": own[:, 0] - others,
        "probability": probabilities.gather(1, labels[:, None])[:, 0],
        "confidence": probabilities.amax(1),
    }


def sample(dataset: FaceDataset, limit: int | None, seed: int) -> FaceDataset:
    """A random `limit` of the faces, in their order; smaller ones are parts of larger ones.

    Drawn, since a folder's first faces are often all of one class.
    """
    if limit is None or limit >= len(dataset):
        return dataset
    if limit < 1:
        raise InputError(f"--limit {limit}: at least one face is needed")
    order = np.random.default_rng(derived_seed(seed, "sample")).permutation(len(dataset))
    return dataset.subset(np.sort(order[:limit]))


def fastest_batch_size(subject: Subject, dataset: FaceDataset, seconds: float = 0.4) -> int:
    """The batch size with the most images a second, by a short measurement of forward passes."""

    def speed(size: int) -> float:
        images = dataset.images(np.arange(size) % len(dataset))
        subject.logits(images)  # the first pass also allocates
        started, passes = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            subject.logits(images)
            passes += 1
        return passes * size / (time.perf_counter() - started)

    return max(BATCH_SIZES, key=speed)
