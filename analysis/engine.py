"""The benchmark's loop: (model x condition x image) -> rows, one cell (model, condition) a file.

Conditions that cover the same places are run together: the occluder is placed once per batch, and
each perturbed picture is shown to every model that still lacks the cell. Of many faces a cell has a
file for each block of them, so neither memory nor what an interruption loses grows with their
number.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from analysis.layout import FaceLayout
from analysis.occluders import occlusion_fraction
from analysis.parallel import HERE, Executor, shared
from analysis.perturb import cover_faces, finish, layout_at, pose
from analysis.rows import VERSION as ROWS_VERSION
from analysis.rows import rows_of
from analysis.store import cell_key, read_cell, write_cell
from analysis.study import Condition
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.progress import progress_bar

TOGETHER = 6  # conditions of a group at most: an interruption loses one group
KEPT_LAYOUTS = 1 << 26  # bytes; a face of 48 px takes 18 kB

BLOCK = 1 << 14  # faces of a file

Group = list[tuple[Condition, list[Subject]]]


class Task(NamedTuple):
    """What a worker computes at a time.

    Attributes:
        part: which faces.
        group: conditions of the same place, each with the models that lack it.
    """

    part: slice
    group: Group


@dataclass(frozen=True)
class Benchmark:
    """What is run.

    Attributes:
        dataset: the faces, all of which are shown (see `analysis.sampling`).
        seed: of the occluders' places and of noise.
        batch_size: faces a forward pass.
        dtype: "fp32" or "bf16".
        cameras: (N, 2, 4) how each face stands in its picture (`analysis.layout.fit_cameras`), or
            None to place all occluders as on the mean face.
        block: faces of a file at most.
    """

    subjects: Sequence[Subject]
    dataset: FaceDataset
    conditions: Sequence[Condition]
    out: Path
    seed: int = 0
    batch_size: int = 64
    dtype: str = "fp32"
    cameras: Tensor | None = None
    block: int = field(default_factory=lambda: BLOCK)
    _layouts: dict = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict:  # what a worker in another process needs
        return {**self.__dict__, "_layouts": {}}

    @cached_property
    def faces_sha256(self) -> str:
        """Which faces these are: the source, the images taken from it, and their labels."""
        metadata = self.dataset.metadata
        return cell_key(source=self.dataset.sha256, images=metadata["image_id"].tolist(),
                        labels=self.dataset.labels.tolist())

    @cached_property
    def landmarks_sha256(self) -> str | None:
        points = self.dataset.landmarks
        return None if points is None else sha256(points.tobytes()).hexdigest()

    @cached_property
    def cameras_sha256(self) -> str | None:
        return None if self.cameras is None else sha256(self.cameras.numpy().tobytes()).hexdigest()

    @property
    def blocks(self) -> list[slice]:
        """The faces of each file: whole batches, `block` faces or fewer."""
        step = max(1, self.block // self.batch_size) * self.batch_size
        stops = range(step, len(self.dataset) + step, step)
        return [slice(stop - step, min(stop, len(self.dataset))) for stop in stops]

    def path(self, subject: Subject, condition: Condition, part: slice) -> Path:
        name = f"{subject.name}--{condition.name}"
        if len(self.blocks) > 1:
            name += f"--{part.start}"
        return self.out / "rows" / f"{name}.parquet"

    def key(self, subject: Subject, condition: Condition, part: slice | None = None) -> str:
        """What the rows of a cell, or of a file of it, depend on."""
        placed = condition.occluder != "none" and not condition.in_depth
        apart = {"part": [part.start, part.stop]} if part and len(self.blocks) > 1 else {}
        return cell_key(
            version=ROWS_VERSION,
            weights=subject.weights_sha256,
            faces=self.faces_sha256,
            landmarks=self.landmarks_sha256 if condition.in_depth else None,
            cameras=self.cameras_sha256 if placed else None,
            condition=condition.to_dict(),
            seed=self.seed,
            dtype=self.dtype,
            batch_size=self.batch_size,
            device=subject.device,
            **apart,
        )

    def rows(self, subject: Subject, condition: Condition) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        found = []
        for part in self.blocks:
            found.append(self.block_rows(subject, condition, part))
            if found[-1] is None:
                return None
        return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)

    def block_rows(
        self, subject: Subject, condition: Condition, part: slice
    ) -> pd.DataFrame | None:
        """The rows of one file."""
        key = self.key(subject, condition, part)
        return read_cell(self.path(subject, condition, part), key)

    def layout(self, condition: Condition, part: slice) -> FaceLayout:
        """Where the faces of `part` are under this condition; kept as far as memory allows."""
        own = self.cameras is not None and not condition.in_depth
        if not own:
            return layout_at(condition, None, self.dataset.size)
        known = part.start, condition.roll_deg
        layout = self._layouts.get(known)
        if layout is None:
            layout = layout_at(condition, self.cameras[part], self.dataset.size)
            held = (len(self._layouts) + 1) * self.batch_size * self.dataset.size**2 * 8
            if held <= KEPT_LAYOUTS:
                self._layouts[known] = layout
        return layout


def run(benchmark: Benchmark, progress: bool = True, executor: Executor = HERE) -> int:
    """Computes the cells that are missing; returns how many these were.

    A cell is written when it is whole, so an interruption loses a few conditions at most.

    Args:
        executor: who computes; the rows are the same.

    Raises:
        InputError: a folder that can't be written, a model whose logits are not numbers, or
            workers that can't be had.
    """
    tasks = list(missing(benchmark))
    faces = len(benchmark.subjects) * len(benchmark.conditions) * len(benchmark.dataset)
    done = faces - sum(map(passes, tasks))
    with progress_bar(
        shown=progress, total=faces, initial=done, unit="face", unit_scale=True
    ) as bar:
        for _ in shared(compute, benchmark, tasks, executor, bar.update):
            pass
    return len({(c, s.name) for task in tasks for c, subjects in task.group for s in subjects})


def missing(benchmark: Benchmark) -> Iterator[Task]:
    """What is not finished."""
    places = {}
    for condition in benchmark.conditions:
        places.setdefault(condition.place, []).append(condition)
    for part in benchmark.blocks:
        for alike in places.values():
            lacking = [
                (c, [s for s in benchmark.subjects if benchmark.block_rows(s, c, part) is None])
                for c in alike
            ]
            lacking = [(condition, subjects) for condition, subjects in lacking if subjects]
            for start in range(0, len(lacking), TOGETHER):
                yield Task(part, lacking[start : start + TOGETHER])


def passes(task: Task) -> int:
    """Forward passes of one picture."""
    return (task.part.stop - task.part.start) * sum(len(subjects) for _, subjects in task.group)


class Perturbed(NamedTuple):
    """A batch under conditions of one place.

    Attributes:
        pictures: of each condition in turn, (N, 1, S, S), made when they are asked for.
        fractions: (3, N) what is occluded of the face, what is painted of the picture, and what
            of the face the head itself hides.
    """

    pictures: Iterator[Tensor]
    fractions: Tensor


def perturbed(benchmark: Benchmark, conditions: Sequence[Condition], part: slice) -> Perturbed:
    """The faces of `part` under conditions of the same place, which is found once."""
    dataset, place = benchmark.dataset, conditions[0]
    ids = dataset.metadata["image_id"].iloc[part].tolist()
    posed = pose(dataset, part, place)
    layout = benchmark.layout(place, part)
    covered = cover_faces(layout, place, ids, benchmark.seed)
    pictures = (
        finish(posed.images, covered, condition, ids, benchmark.seed, dataset, part)
        for condition in conditions
    )
    return Perturbed(pictures, _fractions(posed, covered, layout))


def compute(benchmark: Benchmark, task: Task, advance: Callable[[int], None]) -> int:
    """Computes and writes the files of a task; returns how many faces were shown to models.

    Args:
        advance: called with the number of faces after every forward pass.
    """
    faces, group = task
    conditions = [condition for condition, _ in group]
    logits = {(c, s.name): [] for c, subjects in group for s in subjects}
    fractions = []
    for start in range(faces.start, faces.stop, benchmark.batch_size):
        part = slice(start, min(start + benchmark.batch_size, faces.stop))
        batch = perturbed(benchmark, conditions, part)
        fractions.append(batch.fractions)
        for (condition, subjects), images in zip(group, batch.pictures, strict=True):
            for subject in subjects:
                logits[condition, subject.name].append(subject.logits(images))
                advance(len(images))
    shares = torch.cat(fractions, 1)
    for condition, subjects in group:
        for subject in subjects:
            answers = torch.cat(logits[condition, subject.name])
            table = rows_of(benchmark.dataset, faces, condition, subject, answers, shares)
            key = benchmark.key(subject, condition, faces)
            write_cell(benchmark.path(subject, condition, faces), table, key)
    return passes(task)


def _fractions(posed, covered, layout: FaceLayout) -> Tensor:
    """(3, N): what is occluded of the face, what is painted of the picture, what hides itself."""
    count = len(posed.images)
    shares = (occlusion_fraction(covered.mask, layout), covered.mask.float().mean((1, 2)))
    return torch.stack([*(s.expand(count) for s in shares), posed.self_occlusion_fraction])
