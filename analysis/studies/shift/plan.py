"""What a run of the shift study is made of, and by what its cells are known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from analysis.engine.cells import Cell, Plan, added, grouped
from analysis.engine.store import cell_key
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.real.faces import RealFaces
from analysis.studies.shift import describe
from analysis.studies.shift.places import FACELESS, Places, place_name, regions_of
from analysis.studies.shift.readers import Reader
from analysis.subjects import Subject
from analysis.subjects.interventions import ALL, HELD, INTERVENTIONS, INTO_CLEAN, Asked
from iram.data.dataset import FaceDataset
from iram.data.heads import REGIONS as HEAD_REGIONS

VERSION = 2  # raise it when what a cell holds changes, so that old cells are made again
CAUSAL_FILLS = ("mean", "noise", "object")
LAYER_FILLS = ("noise", "object")  # layer by layer too: half of the passes of all the others
FIRST = 300  # faces on which layers are asked one by one how far they act
KINDS = ("shift", "interventions")
TOGETHER = 5  # conditions of a task at most


@dataclass(frozen=True)
class ShiftStudy(Plan):
    """What is run: a cell is a model under a condition, a file of each of KINDS.

    Attributes:
        plan: faces, conditions, batch size, seed and folder.
        readers: the models, and their twins with permuted weights.
        causal_fills: the fills under which attention is also replaced.
        groups: which faces are really occluded, None where that is not known.
        real: the study of really occluded faces, None if that is not asked; its cells are a stage
            of this one's.
    """

    plan: Benchmark
    readers: Sequence[Reader]
    causal_fills: tuple[str, ...] = CAUSAL_FILLS
    groups: RealFaces | None = None
    real: "ShiftStudy | None" = None
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
        key = part.start, part.stop
        places = Places(self.plan, part, self._expressive.get(key))
        self._expressive[key] = places.expressive
        return places

    def cells(self) -> list[list[Cell]]:
        """A stage, and one of really occluded faces; each cell is of a (reader, condition)."""
        own = [[self.cell(r, c) for c in self.plan.conditions for r in self.readers]]
        if self.real:
            own.append([self.cell(*cell.of, True) for cell in self.real.cells()[0]])
        return own

    def cell(self, reader: Reader, condition: Condition, real: bool = False) -> Cell:
        """Args: real: of the study of really occluded faces."""
        if real:
            cell = self.real.cell(reader, condition)
            return replace(cell, kind="real", of=(*cell.of, True))
        name = f"{reader.name}--{condition.name}"
        files = tuple(self.out / kind / f"{name}.parquet" for kind in KINDS)
        return Cell("shift", name, self.key(reader, condition), files, (reader, condition),
                    self.passes(reader, condition, slice(0, reader.faces)) * reader.count)

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        """Conditions of one place: the occluder is placed once per batch, and each model reads the
        clean faces once for all fills."""
        return grouped(cells, lambda cell: cell.of[1].place, lambda cell: cell.of[1], TOGETHER)

    def key(self, reader: Reader, condition: Condition) -> str:
        regions = regions_of(condition, self.plan.conditions)
        return cell_key(
            version=VERSION, benchmark=cell_key(**self.plan.answers(reader.subject, condition)),
            permuted=[reader.count, reader.faces] if reader.permuted else False,
            cameras=self.plan.cameras_sha256,
            regions=[place_name(r) for r in regions.values()],
            causal=self.causal_fills, layers=LAYER_FILLS, first=FIRST,
            truth=HEAD_REGIONS if self.plan.dataset.renders else None, **reader.found,
            **added(measures=(describe.MEASURES, describe.HELD), interventions=(
                INTERVENTIONS if self.replaces(reader, condition) else (), HELD)),
        )

    def rows(self, kind: str, reader: Reader, condition: Condition) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        return self.cell(reader, condition).read(KINDS.index(kind))

    def replaces(self, reader: Reader, condition: Condition) -> bool:
        """Whether attention is also replaced under this condition: on the clean faces, and if it
        has places under occluders with a fill of `causal_fills`."""
        if condition.occluder == "none":
            return reader.replaceable and bool(self.causal_fills)
        asked = condition.occluder not in FACELESS and condition.fill in self.causal_fills
        return asked and reader.replaceable and not reader.channels_alone

    def asked(self, reader: Reader, condition: Condition) -> tuple[Asked, Asked]:
        """What attention is replaced by, all layers at once or one, on every face; and on the
        first `FIRST` alone."""
        if not self.replaces(reader, condition):
            return [], []
        layers = range(0 if reader.channels_alone else reader.subject.model.num_layers)
        if condition.occluder == "none":
            names = INTERVENTIONS.where(authority=True)
            return _at_once(names), [(name, layer) for name in names for layer in layers]
        undone = layers if condition.fill in LAYER_FILLS else ()
        every = [*_at_once([INTO_CLEAN, *INTERVENTIONS]), *(("clean", one) for one in undone)]
        return every, [("uniform", layer) for layer in layers]

    def first(self, part: slice) -> int:
        """How many faces of a part are among the first."""
        return max(0, min(FIRST, part.stop) - part.start)

    def passes(self, reader: Reader, condition: Condition, part: slice) -> int:
        """Forward passes for the faces of a part, beside the clean ones."""
        every, few = self.asked(reader, condition)
        return (1 + len(every)) * (part.stop - part.start) + len(few) * self.first(part)


def _at_once(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, ALL) for name in names]
