"""What a run of the shift study is made of, and by what its cells are known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.engine.cells import Cell, Plan, added, grouped
from analysis.engine.parallel import one_thread
from analysis.engine.store import cell_key
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.real.faces import RealFaces
from analysis.studies.shift import describe
from analysis.studies.shift.places import FACELESS, Places, place_name, regions_of
from analysis.studies.shift.readers import Reader
from analysis.subjects import Subject, interventions
from iram.data.dataset import FaceDataset
from iram.data.heads import REGIONS as HEAD_REGIONS

VERSION = 2  # raise it when what a cell holds changes, so that old cells are made again
CAUSAL_FILLS = ("mean", "noise", "object")
LAYER_FILLS = ("noise", "object")  # layer by layer too: half of the passes of all the others
KINDS = ("shift", "interventions")
TOGETHER = 5  # conditions of a task at most


@dataclass(frozen=True)
class ShiftStudy(Plan):
    """What is run: a cell is a model under a condition, a file of each of KINDS.

    Attributes:
        plan: faces, conditions, batch size, seed and folder.
        readers: the models, and their twins with permuted weights.
        causal_fills: the fills under which attention is also replaced.
        groups: which faces are really occluded, None if that is not asked.
        judging: the conditions that enter verdicts; () is all.
    """

    plan: Benchmark
    readers: Sequence[Reader]
    causal_fills: tuple[str, ...] = CAUSAL_FILLS
    groups: RealFaces | None = None
    judging: Sequence[Condition] = ()
    _expressive: dict = field(default_factory=dict, repr=False, compare=False)

    unit = "pass"

    @property
    def subjects(self) -> Sequence[Subject]:
        return self.plan.subjects

    @property
    def dataset(self) -> FaceDataset:
        return self.plan.dataset

    @property
    def conditions(self) -> Sequence[Condition]:
        return self.plan.conditions

    @property
    def out(self) -> Path:
        return self.plan.out

    @property
    def seed(self) -> int:
        return self.plan.seed

    def places(self, part: slice) -> Places:
        """The faces of `part`. What rendered heads express takes long to render, and is kept."""
        if not self.plan.dataset.renders:
            return Places(self.plan, part)
        places = Places(self.plan, part, self._expressive.get(part.start))
        self._expressive[part.start] = places.expressive
        return places

    def cells(self) -> list[list[Cell]]:
        """One stage; each cell is of a (reader, condition)."""
        return [[self.cell(r, c) for c in self.plan.conditions for r in self.readers]]

    def cell(self, reader: Reader, condition: Condition) -> Cell:
        name = f"{reader.name}--{condition.name}"
        files = tuple(self.out / kind / f"{name}.parquet" for kind in KINDS)
        return Cell("shift", name, self.key(reader, condition), files, (reader, condition),
                    self.passes(reader, condition) * len(self.dataset))

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        """Conditions of one place: the occluder is placed once per batch, and each model reads the
        clean faces once for all fills."""
        return grouped(cells, lambda cell: cell.of[1].place, lambda cell: cell.of[1], TOGETHER)

    def prepare(self) -> None:
        with one_thread():  # permuted weights are calibrated by passes
            for reader in self.readers:
                reader.model  # noqa: B018

    def key(self, reader: Reader, condition: Condition) -> str:
        regions = regions_of(condition, self.plan.conditions)
        # Said of these alone, so that the cells of all others are as they were.
        channels = {"replaced": False} if reader.channels_alone else {}
        return cell_key(
            version=VERSION, benchmark=cell_key(**self.plan.answers(reader.subject, condition)),
            permuted=reader.permuted, cameras=self.plan.cameras_sha256,
            regions=[place_name(r) for r in regions.values()],
            causal=self.causal_fills, layers=LAYER_FILLS,
            truth=HEAD_REGIONS if self.plan.dataset.renders else None, **channels,
            **added(measures=(describe.MEASURES, describe.HELD), interventions=(
                interventions.INTERVENTIONS if self.replaces(reader, condition) else (),
                interventions.HELD)),
        )

    def rows(self, kind: str, reader: Reader, condition: Condition) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        return self.cell(reader, condition).read(KINDS.index(kind))

    def replaces(self, reader: Reader, condition: Condition) -> bool:
        """Whether attention is also replaced under this condition."""
        asked = condition.occluder not in FACELESS and condition.fill in self.causal_fills
        return asked and reader.replaceable

    def passes(self, reader: Reader, condition: Condition) -> int:
        """Forward passes a face, beside the clean one."""
        layers = reader.subject.model.num_layers
        causal = interventions.passes(layers, condition.fill in LAYER_FILLS)
        return 1 + causal * self.replaces(reader, condition)
