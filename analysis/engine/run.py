"""A study as one call: cells that are missing, then tables, figures, and what they are made of."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import pandas as pd
import torch

from analysis.engine import store
from analysis.engine.cells import Plan, complete
from analysis.engine.parallel import HERE, Executor
from iram.errors import listing

PACKAGES = ("torch", "numpy", "pandas", "pyarrow", "matplotlib")


class Study(ABC):
    """What is made of a plan's cells: tables, figures, and a report.

    Attributes:
        plan: what is run.
        version: raise it when what the tables hold changes, so that old ones are made again.
        words: columns of text, of which nothing is an empty word and not a number.
        pictures: of the figures, those to look at first; the first that was drawn is named.
    """

    version = 1
    words: Sequence[str] = ()
    pictures: Sequence[str] = ()

    def __init__(self, plan: Plan):
        self.plan = plan

    @property
    @abstractmethod
    def compute(self) -> Callable:
        """(plan, cells, advance): see `make` of `analysis.engine.cells.complete`."""

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """Of the tables: NAME.csv."""

    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """{name: table} of the finished cells."""

    @abstractmethod
    def lines(self, tables: Mapping[str, pd.DataFrame]) -> Iterable[str]:
        """What the tables say, in words."""

    def made_of(self) -> dict:
        """What the tables depend on beside their cells."""
        return {}

    def draw(self, tables: Mapping[str, pd.DataFrame]) -> None:  # noqa: B027 - not all draw
        """Writes the figures that the tables allow."""

    def notes(self, tables: Mapping[str, pd.DataFrame]) -> list[str]:
        """What a reader of the tables has to know."""
        return []


@dataclass(frozen=True)
class Result:
    """A finished study.

    Attributes:
        study: what was run; its `plan` has the folder, the faces and the models.
        tables: {name: table}, as they stand in NAME.csv.
        made: how many cells were computed by this call; 0 if all were there.
        notes: what a reader of the tables has to know.
    """

    study: Study
    tables: dict[str, pd.DataFrame]
    made: int
    notes: list[str]

    def __repr__(self) -> str:  # in a notebook, and not all rows of all tables
        tables = ", ".join(self.tables)
        return f"Result({tables}; {self.made} cells made now, in {self.plan.out})"

    @property
    def plan(self) -> Plan:
        """What was run: `out`, `dataset`, `subjects` and `seed` among its attributes."""
        return self.study.plan

    def report(self) -> str:
        """What the command prints."""
        files = ", ".join([*(f"{name}.csv" for name in self.tables), *self.plan.folders])
        files = fill(f"in {self.plan.out}: {files}", 80, subsequent_indent="  ",
                     break_long_words=False, break_on_hyphens=False)
        drawn = (self.plan.out / "figures" / f"{name}.png" for name in self.study.pictures)
        first = next((f"begin with {path}" for path in drawn if path.exists()), None)
        return "\n".join([*self.study.lines(self.tables), *[""] * bool(self.notes), *self.notes,
                          "", files, *filter(None, [first])])


def finish(study: Study, run: dict, progress: bool = True, executor: Executor = HERE) -> Result:
    """Runs a study, or what is missing of it, in its plan's folder.

    Tables are made where a cell was, or where those in the folder are not of exactly these cells;
    what they are made of is written last: it says that all is there. So are those that were changed
    or damaged since, which is told.

    Args:
        run: what `run.json` will hold.
        executor: who computes; the results are the same.

    Raises:
        InputError: a folder that can't be written, a model that gives no numbers, or workers that
            can't be had.
    """
    out = study.plan.out
    store.write_run(out, run)
    told = [*study.plan.colours_told(), *[_announced(study)] * progress]
    for line in told:
        print(line, file=sys.stderr, flush=True)
    made = complete(study.plan, study.compute, progress, executor)
    keys = [cell.key for stage in study.plan.cells() for cell in stage]
    whole = store.cell_key(version=study.version, cells=keys, **study.made_of())
    altered = None if made else store.altered(out, study.names, whole)
    if altered:
        print(f"made again, since they are not as they were written: {listing(altered)}",
              file=sys.stderr, flush=True)
    if altered is None or altered:
        with store.finishing(out, study.names, whole):
            tables = study.tables()
            for name, table in tables.items():
                store.write_table(out / f"{name}.csv", table)
            study.draw(tables)
    tables = _read(study)
    return Result(study, tables, made, study.notes(tables))


def _announced(study: Study) -> str:
    """What is known before the first number: how much it is, where it goes, how to stop."""
    plan = study.plan
    return (f"{len(plan.dataset):,} faces, {len(plan.subjects)} models; tables and figures go to "
            f"{plan.out}\n(the bar tells how long; interrupted, the same command goes on)")


def _read(study: Study) -> dict[str, pd.DataFrame]:
    """The tables as they stand in the folder."""
    tables = {}
    for name in study.names:
        table = tables[name] = store.read_table(study.plan.out / f"{name}.csv")
        words = [column for column in study.words if column in table]
        table[words] = table[words].astype(object).fillna("")
    return tables


def opened(plan: Plan, kind: str, described: dict, identity: dict, packages=PACKAGES) -> dict:
    """What `run.json` of a plan's folder will hold; nothing is written.

    Args:
        kind: the command whose run it is; a folder holds runs of one.
        described: what this kind tells of a run beside data, models and versions.
        identity: what all rows of the folder must share, beside faces, seed and device.

    Raises:
        InputError: the folder holds another run.
    """
    data = plan.dataset
    identity = {
        "dataset": data.name, "faces": len(data), "faces_sha256": plan.faces_sha256,
        "seed": plan.seed, "device": plan.subjects[0].device, **identity,
    }
    return store.open_run(plan.out, identity, {
        "kind": kind,
        "data": {"spec": data.spec, "sha256": data.sha256, "licence": data.licence},
        **store.models_of(plan.out, plan.subjects),
        "backends": {s.name: getattr(s, "backend", "eager") for s in plan.subjects},
        "processor": torch.backends.cpu.get_cpu_capability(),
        **described,
        "versions": store.versions(*packages),
        "command": ["iram", *sys.argv[1:]],
    })
