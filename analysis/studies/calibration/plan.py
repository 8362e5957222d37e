"""What a calibration is made of: cells of planted nets, and of small studies that are drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from torch import Tensor, arange

from analysis.engine.cells import Advance, Cell, Plan
from analysis.engine.store import cell_key
from analysis.stimuli.conditions import CLEAN, Condition, occlusion
from analysis.studies.calibration.memory import Memory
from analysis.studies.calibration.planted import PLANTED, build, roles_of
from analysis.studies.shift import engine
from analysis.studies.shift.plan import ShiftStudy
from analysis.studies.shift.readers import Reader
from analysis.subjects import Subject
from analysis.subjects.hypotheses import HYPOTHESES
from analysis.subjects.interventions import ALL, Asked
from iram.data.dataset import FaceDataset

VERSION = 1  # raise it when a planted net or a drawn study changes, so that cells are made again
CONDITIONS = (
    CLEAN,
    *occlusion(("lower_half", "sham"), (0.3,), ("mean", "noise", "other_class")),
    Condition("surgical_mask", None, "object"),
)
BLOCK = 50  # studies of a cell


@dataclass(frozen=True)
class Design:
    """How many of what.

    Attributes:
        pool: training seeds of each planted net, a multiple of 4.
        seeds: of a study; each of these numbers is tried.
        faces: of a study, drawn from all.
        studies, nulls: of each planted net, and of each null.
        nets: the planted nets that studies are of.
    """

    pool: int = 16
    seeds: tuple[int, ...] = (3, 5)
    faces: int = 70
    studies: int = 300
    nulls: int = 1000
    nets: tuple[str, ...] = PLANTED.where(judged=True)

    def count(self, kind: str) -> int:
        """Studies of a planted net, for each number of seeds."""
        return self.nulls if PLANTED.about(kind).null else self.studies


@dataclass
class PlantedSubject(Subject):
    """A planted net as a model under study; each worker builds its own."""

    memory: Memory | None = None

    @cached_property
    def model(self):
        return build(self.memory, self.classes, net_of(self.name), self.seed)

    def faces(self, images: Tensor) -> Tensor:
        """As they are: what was looked at is known by being the same tensor."""
        return images


def net_of(name: str) -> str:
    """The planted net of a name such as avoids-seed3."""
    return name.rpartition("-seed")[0]


def planted_subjects(dataset: FaceDataset, design: Design) -> list[Subject]:
    """The planted nets that studies are of, and their controls, in all their training seeds."""
    memory, classes = Memory(dataset), tuple(dataset.classes)
    needed = {kind for net in design.nets for kind in roles_of(net).values()}
    return [PlantedSubject(
        path=Path(name := f"{kind}-seed{seed}"), name=name, seed=seed,
        weights_sha256=cell_key(planted=kind, seed=seed, version=VERSION),
        columns=arange(len(classes)), classes=classes, memory=memory,
    ) for kind in PLANTED if kind in needed for seed in range(design.pool)]


class PlantedStudy(ShiftStudy):
    """A shift study that replaces attention by what verdicts ask for alone."""

    def replaces(self, reader: Reader, condition: Condition) -> bool:
        return condition.occluder != "none" and super().replaces(reader, condition)

    def asked(self, reader: Reader, condition: Condition) -> tuple[Asked, Asked]:
        every = [("clean", ALL), ("change_elsewhere", ALL)]
        return every if self.replaces(reader, condition) else [], []


@dataclass(frozen=True)
class Calibration(Plan):
    """What is run: first the cells of a shift study of all planted nets, then drawn studies.

    Attributes:
        study: of all the planted nets.
        design: how many of what.
    """

    study: PlantedStudy
    design: Design
    _pool: dict = field(default_factory=dict, repr=False, compare=False)

    unit, folders = "pass", ("shift/", "interventions/", "studies/")

    def __getstate__(self) -> dict:  # what a worker in another process needs
        return {**self.__dict__, "_pool": {}}

    @property
    def subjects(self) -> Sequence[Subject]:
        return self.study.subjects

    @property
    def dataset(self) -> FaceDataset:
        return self.study.dataset

    @property
    def out(self) -> Path:
        return self.study.out

    @property
    def seed(self) -> int:
        return self.study.seed

    def cells(self) -> list[list[Cell]]:
        """Of the shift study, then of (kind, seeds, first study, last)."""
        drawn = [cell for kind in self.design.nets for seeds in self.design.seeds
                 for cell in self.drawn(kind, seeds)]
        return [*self.study.cells(), drawn]

    def drawn(self, kind: str, seeds: int) -> list[Cell]:
        """The cells of the studies of a planted net."""
        count = self.design.count(kind)
        return [self.cell(kind, seeds, start, min(start + BLOCK, count))
                for start in range(0, count, BLOCK)]

    def cell(self, *of) -> Cell:
        """Of a reader and condition, or of some of the studies of a planted net."""
        if len(of) == 2:
            return self.study.cell(*of)
        kind, seeds, start, stop = of
        name = f"{kind}--{seeds}-seeds--{start}"
        key = cell_key(version=VERSION, pool=self.pool_key, kind=kind, seeds=seeds, start=start,
                       stop=stop, faces=self.design.faces, seed=self.seed,
                       hypotheses=[repr(h) for h in HYPOTHESES])
        file = self.out / "studies" / f"{name}.parquet"
        return Cell("studies", name, key, (file,), of, stop - start)

    @cached_property
    def pool_key(self) -> str:
        """What all drawn studies depend on."""
        return cell_key(cells=[cell.key for stage in self.study.cells() for cell in stage])

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        """As in the shift study, net by net, so that an interruption loses little."""
        nets: dict[str, list[Cell]] = {}
        for cell in (cell for cell in cells if cell.kind != "studies"):
            nets.setdefault(net_of(cell.of[0].name), []).append(cell)
        yield from chain.from_iterable(map(self.study.together, nets.values()))
        yield from ([cell] for cell in cells if cell.kind == "studies")


def compute(plan: Calibration, cells: Sequence[Cell], advance: Advance) -> None:
    """Computes and writes cells of one stage."""
    from analysis.studies.calibration.draws import judge_studies

    if cells[0].kind != "studies":
        engine.compute(plan.study, cells, advance)
        return
    for cell in cells:
        cell.write(judge_studies(plan, *cell.of, advance))
