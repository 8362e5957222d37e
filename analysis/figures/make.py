"""All figures and printed tables of a folder of results, from its tables alone."""

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from analysis.engine.example import read_example
from analysis.engine.faces import of_all_faces
from analysis.engine.store import is_edited, read_table
from analysis.figures import style
from analysis.figures.registry import FIGURES, TABLES, Figure, Printed, command_of
from analysis.figures.save import COLOURS, save
from iram.errors import InputError, NotWrittenError
from iram.files import located, sha256, sweep, write_text
from iram.processes import end_with_parent
from iram.registry import unknown

FEW = 4  # figures are drawn by this process
PARTS = {  # what the tables of one run are called, by the command that made it
    "bench": ("occlusion", "pose"),
    "attribute": ("attribution",),
    "shift": ("shift",),
}


@dataclass(frozen=True)
class Made:
    """What became of one figure or table.

    Attributes:
        name: in the registry.
        files: that were written.
        missing: why none were, "" if some were.
    """

    name: str
    files: Sequence[Path] = ()
    missing: str = ""


class Results:
    """A folder of results, with a folder for each part, or that of one run; tables are read once.

    Attributes:
        parts: what the tables of the run are of, if it is one run's folder; () if it is none.
    """

    def __init__(self, folder: Path):
        self.folder = located(folder)
        self.parts = self._parts()
        self.read = cache(self._read)
        self.run = cache(self._run)

    def holds(self, table: str) -> bool:
        return self.path(table).is_file()

    def path(self, table: str) -> Path:
        """Where a table stands, or would."""
        below, (part, _, name) = self.folder / table, table.partition("/")
        return self.folder / name if part in self.parts and not below.is_file() else below

    def command(self, table: str) -> str:
        """A command that makes a table here; of another part than the run's, beside the run."""
        if self._is_foreign(table):
            return command_of(table, str(self.folder.parent))
        told, part = command_of(table, str(self.folder)), table.partition("/")[0]
        return told.replace(f"{self.folder}/{part}", str(self.folder)) if self.parts else told

    def missing(self, table: str) -> str:
        """What is told of a table that is not here."""
        path = self.path(table)
        where = f"{path} does not exist"
        if (self.folder / path.name).is_file():
            where += (f"; {self.folder / path.name} is there, but run.json, which says what the "
                      "tables are of, is missing beside it or can't be read")
        if self._is_foreign(table):
            where = f"{table} is no table of this run"
        command = self.command(table)
        return f"{where}, made by: {command}" if command else where

    def _is_foreign(self, table: str) -> bool:
        return bool(self.parts) and table.partition("/")[0] not in self.parts

    def _parts(self) -> tuple[str, ...]:
        name = self.folder.name  # as `iram study` calls its runs' folders
        own = (name,) * (name in ("occlusion", "attribution", "shift"))
        try:
            run = json.loads((self.folder / "run.json").read_text("utf-8"))
            return PARTS.get(run.get("kind") or run["command"][1], own)
        except (OSError, ValueError, LookupError, AttributeError, TypeError):
            return ()

    def _read(self, table: str):
        path = self.path(table)
        if path.suffix == ".npz":
            return read_example(path)
        if is_edited(path):
            warnings.warn(f"{path} is not as its run wrote it; what is made of it says what it says"
                          " now", stacklevel=2)
        return read_table(path)

    def _run(self, table: str) -> str:
        """What a table is, for the record: its hash, and its run's faces and seed."""
        path = self.path(table)
        told = f"{table} {sha256(path)[:12]}"
        try:
            identity = json.loads((path.parent / "run.json").read_text("utf-8"))["identity"]
            return f"{told} (faces {identity['faces_sha256'][:12]}, seed {identity['seed']})"
        except (OSError, ValueError, KeyError, TypeError):
            return told


def chosen(names: str) -> tuple[list[Figure], list[Printed]]:
    """The figures and printed tables that a comma-separated list of names and patterns names.

    Tables are called table-NAME; "" is everything.

    Raises:
        InputError: a name that matches nothing.
    """
    known = {**{f.name: f for f in FIGURES}, **{f"table-{t.name}": t for t in TABLES}}
    wanted: dict[str, Figure | Printed] = {}
    for name in filter(None, (part.strip() for part in names.split(","))):
        found = {key: one for key, one in known.items() if fnmatchcase(key, name)}
        if not found:
            raise InputError("--only: " + unknown("figure", name, known))
        wanted |= found
    items = list((wanted or known).values())
    return ([one for one in items if isinstance(one, Figure)],
            [one for one in items if isinstance(one, Printed)])


def make(
    results: Results, figures: Iterable[Figure], tables: Iterable[Printed], out: Path,
    kinds: Sequence[str],
) -> Iterator[Made]:
    """Writes what the results allow; what is missing is told, and the rest goes on."""
    for item in (*figures, *tables):
        lacking = [name for name in item.tables if not results.holds(name)]
        if lacking:
            yield Made(item.name, missing="; ".join(map(results.missing, lacking)))
            continue
        names = [n for n in (*item.tables, *item.optional) if results.holds(n)]
        run = "; ".join(map(results.run, names))
        try:
            given = {name: results.read(name) for name in names}
            write = _figure if isinstance(item, Figure) else _table
            yield Made(item.name, write(item, given, out, run, kinds))
        except InputError as error:
            yield Made(item.name, missing=str(error))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            command = command_of(item.tables[0]).split(" --")[0] or "its command"
            yield Made(item.name, missing=_not_as_written(results, given, error, command))


def _not_as_written(results: Results, tables: dict, error: Exception, command: str) -> str:
    """Which table lacks the column that an error names; else what Python says."""
    column = error.args[0] if isinstance(error, KeyError) and error.args else None
    column = getattr(error, "name", None) or column  # of an AttributeError: of a row
    lacking = [str(results.path(name)) for name, table in tables.items()
               if hasattr(table, "columns") and column not in table.columns]
    if isinstance(column, str) and lacking:
        return f"no column {column} in {', '.join(lacking)}; `{command}` writes it"
    return f"{', '.join(tables)}: not as `{command}` writes it ({error!r})"


def draw(tables: Mapping[str, object], folder: Path, run: str) -> list[Path]:
    """Writes every figure whose tables are among these; returns the files.

    For commands that have just made them. What finds nothing to draw in its table is left out, and
    what an earlier run drew of another table of the name is removed. Several figures are drawn by
    processes, one a core: matplotlib draws no two at once in one.
    """
    wanted = [figure for figure in FIGURES if set(figure.tables) <= set(tables)]
    tasks = [(figure, dict(tables), folder, run, style.chosen()) for figure in wanted]
    drawn = _by_processes(tasks) if len(tasks) >= FEW and _cores() > 1 else None
    if drawn is None:
        drawn = [_of_tables(*task) for task in tasks]
    sweep(folder)  # of the workers of a killed run, which end a moment after it
    return [file for files in drawn for file in files]


def _by_processes(tasks: Sequence[tuple]) -> list[list[Path]] | None:
    """What each drew; None where one of them died, perhaps for lack of memory."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    with suppress(BrokenProcessPool):
        return Parallel(_cores(), backend="loky", batch_size=1)(
            delayed(_elsewhere)(*task) for task in tasks)
    return None


def _elsewhere(*task) -> list[Path]:
    end_with_parent()
    return _of_tables(*task)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _of_tables(figure: Figure, tables: dict, folder: Path, run: str, look: str) -> list[Path]:
    files = []
    try:
        with style.using(look):
            files = _figure(figure, tables, folder, run, ("pdf", "png"))
    except NotWrittenError:
        raise
    except InputError:  # nothing to draw
        pass
    for stale in {*_drawn(figure, folder)} - {*files}:
        stale.unlink(missing_ok=True)
    return files


def _drawn(figure: Figure, folder: Path) -> list[Path]:
    """The files that are there of a figure."""
    name = f"{figure.name}_*" if figure.each else figure.name
    return [path for kind in ("pdf", "png") for path in folder.glob(f"{name}.{kind}")]


def _figure(figure: Figure, tables: dict, out: Path, run: str, kinds) -> list[Path]:
    return [file for name, display in figure.displays(tables)
            for file in save(display.plot().figure_, out / name, run, kinds,
                             colours=COLOURS)]


def _table(printed: Printed, tables: dict, out: Path, run: str, kinds) -> list[Path]:
    table = printed.table(*(of_all_faces(tables[name]) for name in printed.tables))
    written = [out / "tables" / f"{printed.name}.{kind}" for kind in ("tex", "csv")]
    for path, text in zip(written, (table.latex(run), table.csv()), strict=True):
        write_text(path, text)
    return written
