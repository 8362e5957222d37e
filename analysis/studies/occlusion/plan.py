"""What a run of the benchmark is made of, and by what its cells are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import pandas as pd
from torch import Tensor

from analysis.engine.store import cell_key, read_cell
from analysis.stimuli.conditions import Condition
from analysis.stimuli.layout import FaceLayout
from analysis.stimuli.perturb import layout_at
from analysis.studies.occlusion.rows import VERSION as ROWS_VERSION
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset

KEPT_LAYOUTS = 1 << 26  # bytes; a face of 48 px takes 18 kB
BLOCK = 1 << 14  # faces of a file


@dataclass(frozen=True)
class Benchmark:
    """What is run.

    Attributes:
        dataset: the faces, all of which are shown (see `analysis.engine.sampling`).
        seed: of the occluders' places and of noise.
        batch_size: faces a forward pass.
        dtype: "fp32" or "bf16".
        cameras: (N, 2, 4) how each face stands in its picture (`stimuli.layout.fit_cameras`), or
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
