"""What a run of the benchmark is made of, and by what its cells are known."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from analysis.engine.cells import Cell, Plan, added, grouped, passes_by
from analysis.engine.faces import groups_of
from analysis.engine.store import cell_key
from analysis.stimuli.conditions import Condition
from analysis.stimuli.layout import FaceLayout
from analysis.stimuli.perturb import Perturbed, layout_at
from analysis.studies.occlusion.rows import HELD, MEASURES
from analysis.studies.occlusion.rows import VERSION as ROWS_VERSION
from analysis.subjects import Subject
from iram.data.copies import ALL_FACES
from iram.data.dataset import FaceDataset

KEPT_LAYOUTS = 1 << 26  # bytes; a face of 48 px takes 18 kB
BLOCK = 1 << 14  # faces of a file
TOGETHER = 6  # conditions of a task at most: an interruption loses one task


@dataclass(frozen=True)
class Benchmark(Plan):
    """What is run: a cell is a model under a condition, of many faces one file for each block.

    Attributes:
        dataset: the faces, all of which are shown (see `analysis.engine.sampling`).
        seed: of the occluders' places and of noise.
        batch_size: faces a forward pass.
        dtype: "fp32" or "bf16".
        cameras: (N, 2, 4) how each face stands in its picture (`stimuli.layout.fit_cameras`), or
            None to place all occluders as on the mean face.
        block: faces of a file at most.
        reference: what models are compared with in the tables (`references.of_models`).
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
    reference: str = ""
    _layouts: dict = field(default_factory=dict, repr=False, compare=False)

    folders = ("rows/", "figures/")

    def __getstate__(self) -> dict:  # what a worker in another process needs
        return {**self.__dict__, "_layouts": {}}

    @cached_property
    def landmarks_sha256(self) -> str | None:
        points = self.dataset.landmarks
        return None if points is None else sha256(points.tobytes()).hexdigest()

    @cached_property
    def cameras_sha256(self) -> str | None:
        return None if self.cameras is None else sha256(self.cameras.numpy().tobytes()).hexdigest()

    @cached_property
    def _ids(self) -> list[str]:
        return self.dataset.metadata["image_id"].tolist()

    @property
    def blocks(self) -> list[slice]:
        """The faces of each file: whole batches, `block` faces or fewer."""
        step = max(1, self.block // self.batch_size) * self.batch_size
        stops = range(step, len(self.dataset) + step, step)
        return [slice(stop - step, min(stop, len(self.dataset))) for stop in stops]

    def cells(self) -> list[list[Cell]]:
        """One stage; each cell is of a (model, condition, slice of the faces)."""
        return [[self.cell(subject, condition, part) for part in self.blocks
                 for condition in self.conditions for subject in self.subjects]]

    def cell(self, subject: Subject, condition: Condition, part: slice) -> Cell:
        """The cell of a model and condition, or its file of some of the faces."""
        name = f"{subject.name}--{condition.name}"
        file = f"{name}--{part.start}" if len(self.blocks) > 1 else name
        return Cell("rows", name, self.key(subject, condition, part),
                    (self.out / "rows" / f"{file}.parquet",), (subject, condition, part),
                    part.stop - part.start)

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        """Conditions that cover the same places of the same faces: the occluder is placed once."""
        return grouped(cells, lambda cell: (cell.of[2].start, cell.of[1].place),
                       lambda cell: cell.of[1], TOGETHER)

    def key(self, subject: Subject, condition: Condition, part: slice | None = None) -> str:
        """What the rows of a cell, or of a file of it, depend on."""
        return cell_key(**self.answers(subject, condition, part),
                        **added(measures=(MEASURES, HELD)))

    def answers(self, subject: Subject, condition: Condition, part: slice | None = None) -> dict:
        """What a model's answers depend on."""
        placed = condition.occluder != "none" and not condition.in_depth
        apart = {"part": [part.start, part.stop]} if part and len(self.blocks) > 1 else {}
        return {
            "version": ROWS_VERSION,
            "weights": subject.weights_sha256,
            "faces": self.faces_sha256,
            "landmarks": self.landmarks_sha256 if condition.in_depth else None,
            "cameras": self.cameras_sha256 if placed else None,
            "condition": condition.to_dict(),
            "seed": self.seed,
            "dtype": self.dtype,
            "batch_size": self.batch_size,
            "device": subject.device,
            **passes_by(subject),
            **self.colour_of(subject),
            **apart,
        }

    def rows(
        self, subject: Subject, condition: Condition, columns: list[str] | None = None
    ) -> pd.DataFrame | None:
        """The rows of a finished cell, all columns or these; None if it is not finished."""
        found = [self.cell(subject, condition, part).read(columns=columns) for part in self.blocks]
        if any(rows is None for rows in found):
            return None
        return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)

    def perturbed(self, condition: Condition, part: slice) -> Perturbed:
        """The faces of `part` under a condition; layouts are kept as far as memory allows."""
        own = None if self.cameras is None else self.cameras[part]
        return Perturbed(self.dataset, part, condition, cameras=own, seed=self.seed,
                         layout=self._layout(condition, part, own), ids=self._ids[part])

    def on_groups(self) -> "Iterator[OnFaces]":
        """The finished benchmark on all faces, and on those that are no copies of training faces
        (`analysis.engine.faces`)."""
        for name, places in groups_of(self.dataset).items():
            yield OnFaces(self, name, places)

    def _layout(self, condition: Condition, part: slice, cameras: Tensor | None) -> FaceLayout:
        if cameras is None or condition.in_depth:
            return layout_at(condition, None, self.dataset.size)
        known = part.start, part.stop, condition.roll_deg
        layout = self._layouts.get(known)
        if layout is None:
            layout = layout_at(condition, cameras, self.dataset.size)
            held = (len(self._layouts) + 1) * self.batch_size * self.dataset.size**2 * 8
            if held <= KEPT_LAYOUTS:
                self._layouts[known] = layout
        return layout


class OnFaces:
    """A finished benchmark as if some of its faces had been all: what tables are made of.

    Attributes:
        name: which faces: "all", "without copies" or "without near copies".
        places: (n,) where they stand among those of the benchmark.
        dataset: these faces.
        photographs: (n,) a number for each face, the same for copies of each other.
    """

    def __init__(self, benchmark: Benchmark, name: str, places: np.ndarray):
        self.name, self.places, self.dataset = name, places, benchmark.dataset.subset(places)
        self.photographs = self.dataset.photographs()
        self.subjects, self.conditions = benchmark.subjects, benchmark.conditions
        self.seed, self.reference, self._whole = benchmark.seed, benchmark.reference, benchmark

    def rows(
        self, subject: Subject, condition: Condition, columns: list[str] | None = None
    ) -> pd.DataFrame | None:
        """The rows of a finished cell, all columns or these; None if it is not finished."""
        rows = self._whole.rows(subject, condition, columns)
        if rows is None or self.name == ALL_FACES:
            return rows
        return rows.iloc[self.places].reset_index(drop=True)
