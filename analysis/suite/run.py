"""The suite as one call: make what is missing, cell by cell, then tables and figures."""

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from analysis import store
from analysis.sampling import sampled
from analysis.subjects import Subject
from analysis.suite.agreement import compute_agreement
from analysis.suite.maps import compute_clean, compute_maps
from analysis.suite.methods import mean_source
from analysis.suite.plan import FILLS, Sizes, Suite
from analysis.suite.reference import compute_reference
from analysis.suite.sanity import compute_sanity
from analysis.suite.scores import TOGETHER, compute_scores
from analysis.tables.attribution import TABLES, attribution_tables
from analysis.tables.attribution_report import report
from iram import __version__
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.files import write_text
from iram.progress import progress_bar

DEFAULT_SIZES = Sizes()
WHOLE = "tables.sha256"  # what the tables in a folder were made of


@dataclass
class Findings:
    """A finished run.

    Attributes:
        tables: {name: table}; see `analysis.tables.attribution`.
        made: number of cells computed by this call; 0 if all were there.
    """

    suite: Suite
    tables: dict
    made: int

    def report(self) -> str:
        """What the command prints."""
        files = ", ".join(f"{name}.csv" for name in TABLES)
        return "\n".join([report(self.tables, self.suite), "",
                          f"in {self.suite.out}: {files}, rows/, maps/, figures/"])  # fmt: skip


def planned(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    methods: Sequence[str],
    out: Path,
    *,
    seed: int = 0,
    limit: int | None = None,
    cameras: Tensor | None = None,
    sizes: Sizes = DEFAULT_SIZES,
    randomised: dict[str, Subject] | None = None,
) -> tuple[Suite, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Raises:
        InputError: `out` holds another run, or no method is left for any model.
    """
    chosen = sampled(len(dataset), limit, seed)
    dataset, cameras = dataset.subset(chosen), None if cameras is None else cameras[chosen]
    suite = Suite(subjects, dataset, tuple(methods), Path(out), seed, cameras, sizes,
                  randomised or {})  # fmt: skip
    if not any(suite.methods_of(subject) for subject in subjects):
        raise InputError("none of these methods fits any of these models: " + "; ".join(
            f"{m} {why}" for m, why in suite.skipped(subjects[0]).items()))  # fmt: skip
    identity = {
        "dataset": dataset.name, "faces": len(dataset), "faces_sha256": suite.faces_sha256,
        "seed": seed, "device": subjects[0].device,
    }  # fmt: skip
    return suite, store.open_run(suite.out, identity, _description(suite))


def attribution_suite(*arguments, progress: bool = True, **options) -> Findings:
    """Runs, or finishes, the suite in a folder, and writes its tables and figures.

    Args:
        arguments, options: of `planned`.

    Raises:
        InputError: `out` holds another run or can't be written.
    """
    suite, run = planned(*arguments, **options)
    store.write_run(suite.out, run)
    made = compute(suite, progress)
    whole = made_of(suite)
    known = suite.out / WHOLE
    if not made and known.exists() and known.read_text() == whole:
        tables = {name: store.read_table(suite.out / f"{name}.csv") for name in TABLES}
        return Findings(suite, tables, made)
    tables = attribution_tables(suite)
    for name, table in tables.items():
        store.write_table(suite.out / f"{name}.csv", table)
    draw(suite, tables)
    write_text(known, whole)  # last: it says that all is there
    return Findings(suite, tables, made)


@dataclass(frozen=True)
class Task:
    """Some cells that are made together.

    Attributes:
        work: makes them; called with a function that takes how many faces are done.
        faces: how many it will tell.
    """

    kind: str
    subject: Subject
    methods: tuple[str | None, ...]
    work: Callable[[Callable[[int], None]], None]
    faces: int


def tasks(suite: Suite) -> Iterator[Task]:
    """All that is to be done, in an order in which each finds what it needs."""
    faces = len(suite.dataset)
    curves, sanity, exact = (len(suite.some(n)) for n in (
        suite.sizes.curves, suite.sizes.sanity, suite.sizes.reference))  # fmt: skip
    for subject in suite.subjects:
        methods = suite.methods_of(subject)
        yield _task(suite, "clean", subject, [None], compute_clean, faces)
        yield _task(suite, "reference", subject, [None], compute_reference, exact)
        sources = [mean_source(subject.model)] if "mean_map" in methods else []
        for method in dict.fromkeys([*sources, *methods]):
            yield _task(suite, "maps", subject, [method], compute_maps, faces + exact)
        lacking = [m for m in methods if suite.read("rows", subject, m) is None]
        for start in range(0, len(lacking), TOGETHER):
            some = lacking[start : start + TOGETHER]
            yield _task(suite, "rows", subject, some, compute_scores, curves * len(FILLS))
        for method in methods:
            yield _task(suite, "sanity", subject, [method], compute_sanity, sanity)
        if len(methods) > 1:
            yield _task(suite, "agreement", subject, [None], compute_agreement, faces)


def _task(suite: Suite, kind: str, subject: Subject, methods, compute, faces: int) -> Task:
    def work(advance):
        if kind == "rows":
            compute(suite, subject, methods, advance)
        else:
            compute(suite, subject, *filter(None, methods), advance)

    return Task(kind, subject, tuple(methods), work, faces * len(methods))


def is_missing(suite: Suite, task: Task) -> bool:
    return any(suite.read(task.kind, task.subject, m) is None for m in task.methods)


def compute(suite: Suite, progress: bool = True) -> int:
    """Makes the cells that are missing; returns how many."""
    todo = [task for task in tasks(suite) if is_missing(suite, task)]
    with progress_bar(shown=progress, total=sum(t.faces for t in todo), unit="face") as bar:
        for task in todo:
            told = [m for m in task.methods if m]
            bar.set_description(f"{task.subject.name} {task.kind} {told[0] if told else ''}")
            task.work(bar.update)
    return sum(len(task.methods) for task in todo)


def made_of(suite: Suite) -> str:
    """What the tables depend on: the keys of all cells."""
    keys = [suite.key(task.kind, task.subject, m) for task in tasks(suite) for m in task.methods]
    models = [(s.name, m) for s in suite.subjects for m in suite.methods_of(s)]
    keys += [suite.key("rows", s, m) for s in suite.subjects for m in suite.methods_of(s)]
    return store.cell_key(cells=sorted(set(keys)), models=models)


def draw(suite: Suite, tables: dict) -> list[Path]:
    """Writes the figures that the tables allow; returns their files."""
    from analysis import figures

    named = {f"attribution/{name}.csv": table for name, table in tables.items()}
    run = f"faces {suite.faces_sha256[:12]}, seed {suite.seed}"
    return figures.draw(named, suite.out / "figures", run)
