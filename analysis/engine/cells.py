"""One engine for the cells of every study: what is missing is computed by workers, and kept.

A cell is a piece of a study that is computed whole or not at all, known by a key: a hash of all
that its rows depend on. So a run that was killed goes on where it was, a finished one computes
nothing, and what is damaged or was made by something else is made again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path

import pandas as pd

from analysis.engine import store
from analysis.engine.parallel import HERE, Executor, shared
from iram import contract
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.progress import progress_bar

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Cell:
    """A piece of a study.

    Attributes:
        kind: of the cells of a plan that hold the same; the name of their folder.
        name: of the cell among those of its kind.
        key: a hash of all that its rows depend on.
        files: where they lie.
        of: what it is of, such as a model and a condition.
        cost: how much progress its making tells.
    """

    kind: str
    name: str
    key: str
    files: tuple[Path, ...]
    of: tuple = field(compare=False)
    cost: int = field(default=1, compare=False)

    def is_finished(self) -> bool:
        return all(store.is_cell(path, self.key) for path in self.files)

    def read(self, place: int = 0, columns: list[str] | None = None) -> pd.DataFrame | None:
        """The rows of one of its files, None if it is not finished."""
        return store.read_cell(self.files[place], self.key, columns)

    def write(self, *tables: pd.DataFrame) -> None:
        """Args: tables: the rows of each file."""
        for path, rows in zip(self.files, tables, strict=True):
            store.write_cell(path, rows, self.key)


class Plan(ABC):
    """What of a study is run: its cells, which are made together, and where they lie.

    Attributes:
        unit: of a cell's cost.
        folders: what the folder holds beside tables, in words.
        subjects: the models.
        dataset: the faces, all of which are shown.
        seed: of all that is left to chance.
        out: the folder.
    """

    unit = "face"
    folders: Sequence[str] = ()
    subjects: Sequence
    dataset: FaceDataset
    seed: int
    out: Path

    @abstractmethod
    def cell(self, *of) -> Cell:
        """The cell of these."""

    @abstractmethod
    def cells(self) -> list[list[Cell]]:
        """All cells, a stage at a time: each stage may read the cells of those before."""

    def again(self, cell: Cell) -> Cell:
        """The cell, its key made anew."""
        return self.cell(*cell.of)

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        """Missing cells of a stage as tasks: those whose making shares work. An interruption loses
        the tasks that were at work."""
        return ([cell] for cell in cells)

    def prepare(self) -> None:  # noqa: B027 - most plans need nothing
        """Finds what all workers need, once and not by each of them."""

    def seen_by(self, subject) -> FaceDataset:
        """The faces as this model sees them: in colour where they have any and it takes RGB."""
        return self.dataset.seen_by(contract.channels(subject))

    def colour_of(self, subject) -> dict[str, str]:
        """The part of a key that says that a model sees the faces in colour. Keys of all others
        are as they were before there was any."""
        in_colour = self.seen_by(subject).channels == 3
        return {"colour": self._colours_sha256} if in_colour else {}

    @cached_property
    def _colours_sha256(self) -> str:
        faces = self.dataset.seen_by(3)
        return sha256(faces.images_uint8(slice(None)).tobytes()).hexdigest()

    def colours_told(self) -> list[str]:
        """A line for each model that takes RGB: what it sees of the faces."""
        return [f"{one.name} takes RGB: it sees the faces "
                + ("in colour" if self.colour_of(one) else "in gray, repeated: they have no colour")
                for one in self.subjects if contract.channels(one) == 3]

    @cached_property
    def faces_sha256(self) -> str:
        """Which faces these are: the source, the images taken from it, and their labels."""
        metadata = self.dataset.metadata
        return store.cell_key(source=self.dataset.sha256, images=metadata["image_id"].tolist(),
                              labels=self.dataset.labels.tolist())


def added(**registered: tuple[Iterable[str], Iterable[str]]) -> dict[str, list[str]]:
    """The part of a key that names what is measured beyond what cells of this version hold.

    Keys of cells without anything beyond are as they were before any of it was registered.

    Args:
        registered: {what: (names measured now, names that the cells of this version hold)}.
    """
    beyond = {what: [name for name in now if name not in held]
              for what, (now, held) in registered.items()}
    return {what: names for what, names in beyond.items() if names}


def passes_by(subject) -> dict[str, str]:
    """The part of a key that names the backend of a model's passes; nothing for eager ones, as
    before there were others."""
    backend = getattr(subject, "backend", "eager")
    return {} if backend == "eager" else {"backend": backend}


def missing(plan: Plan) -> list[list[Sequence[Cell]]]:
    """The tasks of each stage: cells that are not finished, those together that share work."""
    return [list(plan.together([cell for cell in stage if not cell.is_finished()]))
            for stage in plan.cells()]


def cost(tasks: Iterable[Iterable[Cell]]) -> int:
    """Of all their cells, in the plan's unit."""
    return sum(cell.cost for task in tasks for cell in task)


def grouped(
    cells: Iterable[Cell], alike: Callable, each: Callable, most: int
) -> Iterator[list[Cell]]:
    """Cells that are alike together, those of `most` different things at a time.

    Args:
        alike, each: cell -> what it must share with the others of a group, and of which things a
            group holds `most`.
    """
    groups: dict = {}
    for cell in cells:
        groups.setdefault(alike(cell), {}).setdefault(each(cell), []).append(cell)
    for group in groups.values():
        things = iter(group.values())
        while some := list(chain.from_iterable(islice(things, most))):
            yield some


def complete(
    plan: Plan, make: Callable, progress: bool = True, executor: Executor = HERE
) -> int:
    """Makes the cells that are missing; returns how many these were.

    Args:
        make: (plan, cells, advance): computes and writes the cells of a task; `advance` is called
            with the progress made, in all the cost of the cells.
    """
    stages, whole = missing(plan), cost(plan.cells())
    if any(stages):
        plan.prepare()
    with progress_bar(shown=progress, total=whole, initial=whole - sum(map(cost, stages)),
                      unit=plan.unit, unit_scale=True) as bar:
        for tasks in stages:
            bar.set_description("+".join({cell.kind: 0 for task in tasks for cell in task}))
            for _ in shared(_made, (plan, make), tasks, executor, bar.update):
                pass
    return len({(cell.kind, cell.name) for tasks in stages for task in tasks for cell in task})


def _made(common: tuple[Plan, Callable], cells: Sequence[Cell], advance: Advance) -> int:
    """Makes the cells of a task; returns the progress.

    Raises:
        InputError: this worker would measure something else than who asks for it.
    """
    plan, make = common
    if any(plan.again(cell).key != cell.key for cell in cells):
        raise InputError("what was registered while Python runs, such as a metric, is unknown to "
                         "workers in other processes: compute with --executor threads, or register "
                         "it in a file that analysis imports")
    make(plan, cells, advance)
    return cost([cells])
