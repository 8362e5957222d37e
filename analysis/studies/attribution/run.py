"""The suite as one call: make what is missing, cell by cell, then tables and figures."""

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from analysis.attributions.layers import name_layer
from analysis.engine import store
from analysis.engine.parallel import HERE, Executor, shared
from analysis.engine.sampling import sampled
from analysis.studies.attribution.agreement import compute_agreement
from analysis.studies.attribution.maps import compute_clean, compute_maps
from analysis.studies.attribution.methods import can_lose_weights, mean_source
from analysis.studies.attribution.plan import FILLS, Sizes, Suite
from analysis.studies.attribution.reference import compute_reference
from analysis.studies.attribution.report import report
from analysis.studies.attribution.sanity import compute_sanity
from analysis.studies.attribution.scores import TOGETHER, compute_scores
from analysis.studies.attribution.tables import TABLES, attribution_tables
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.files import located
from iram.progress import progress_bar

DEFAULT_SIZES = Sizes()


@dataclass
class Findings:
    """A finished run.

    Attributes:
        tables: {name: table}; see `analysis.studies.attribution.tables`.
        made: number of cells computed by this call; 0 if all were there.
    """

    suite: Suite
    tables: dict
    made: int

    def report(self) -> str:
        """What the command prints."""
        files = ", ".join(f"{name}.csv" for name in TABLES)
        return "\n".join([report(self.tables, self.suite), "",
                          f"in {self.suite.out}: {files}, rows/, maps/, figures/"])


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
    layer: str | None = None,
) -> tuple[Suite, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Raises:
        InputError: `out` holds another run, or no method is left for any model.
    """
    chosen = sampled(len(dataset), limit, seed)
    dataset, cameras = dataset.subset(chosen), None if cameras is None else cameras[chosen]
    suite = Suite(subjects, dataset, tuple(methods), located(out), seed, cameras, sizes,
                  randomised or {}, layer)
    for subject in subjects if layer else ():
        name_layer(subject.model, layer)
    if not any(suite.methods_of(subject) for subject in subjects):
        raise InputError("none of these methods fits any of these models: " + "; ".join(
            f"{m} {why}" for m, why in suite.skipped(subjects[0]).items()))
    identity = {
        "dataset": dataset.name, "faces": len(dataset), "faces_sha256": suite.faces_sha256,
        "seed": seed, "device": subjects[0].device,
    }
    return suite, store.open_run(suite.out, identity, {"kind": "attribute", **_description(suite)})


def attribution_suite(
    *arguments, progress: bool = True, executor: Executor = HERE, **options
) -> Findings:
    """Runs, or finishes, the suite in a folder, and writes its tables and figures.

    Args:
        executor: who computes.
        arguments, options: of `planned`.

    Raises:
        InputError: `out` holds another run or can't be written.
    """
    suite, run = planned(*arguments, **options)
    store.write_run(suite.out, run)
    made = compute(suite, progress, executor)
    whole = made_of(suite)
    if not made and store.is_whole(suite.out, TABLES, whole):
        tables = {name: store.read_table(suite.out / f"{name}.csv") for name in TABLES}
        return Findings(suite, tables, made)
    tables = attribution_tables(suite)
    with store.finishing(suite.out, whole):
        for name, table in tables.items():
            store.write_table(suite.out / f"{name}.csv", table)
        draw(suite, tables)
    return Findings(suite, tables, made)


@dataclass(frozen=True)
class Task:
    """Some cells that are made together.

    Attributes:
        kind: of the cells, in COMPUTE.
        faces: how many its making will tell.
    """

    kind: str
    subject: Subject
    methods: tuple[str | None, ...]
    faces: int


COMPUTE = {
    "clean": compute_clean, "reference": compute_reference, "maps": compute_maps,
    "rows": compute_scores, "sanity": compute_sanity, "agreement": compute_agreement,
}


def stages(suite: Suite) -> Iterator[list[Task]]:
    """All that is to be done: each stage finds what it needs in those before, the longest first."""
    sources = {s.name: mean_source(s.model) for s in suite.subjects
               if "mean_map" in suite.methods_of(s)}
    yield _tasks(suite, "clean", lambda subject: [None])
    yield [
        *_tasks(suite, "reference", lambda subject: [None]),
        *_tasks(suite, "maps", lambda subject: filter(None, [sources.get(subject.name)])),
    ]
    yield _tasks(suite, "maps", lambda subject: [
        m for m in suite.methods_of(subject) if m != sources.get(subject.name)
    ])
    losing_weights = lambda subject: (  # noqa: E731
        suite.methods_of(subject) if can_lose_weights(subject.model) else []
    )
    several = lambda subject: [None] if len(suite.methods_of(subject)) > 1 else []  # noqa: E731
    yield [
        *_tasks(suite, "agreement", several),
        *_scoring(suite),
        *_tasks(suite, "sanity", losing_weights),
    ]


def tasks(suite: Suite) -> Iterator[Task]:
    """Those of all stages, in their order."""
    return itertools.chain.from_iterable(stages(suite))


def _tasks(suite: Suite, kind: str, methods: Callable[[Subject], Iterable]) -> list[Task]:
    """A task for each of the methods of each model."""
    whole, sizes = len(suite.dataset), suite.sizes
    exact, sanity = (len(suite.some(n)) for n in (sizes.reference, sizes.sanity))
    faces = {"reference": exact, "maps": whole + exact, "sanity": sanity}.get(kind, whole)
    return [Task(kind, subject, (method,), faces)
            for subject in suite.subjects for method in methods(subject)]


def _scoring(suite: Suite) -> Iterator[Task]:
    faces = len(suite.some(suite.sizes.curves)) * len(FILLS)
    for subject in suite.subjects:
        lacking = [m for m in suite.methods_of(subject) if suite.read("rows", subject, m) is None]
        for start in range(0, len(lacking), TOGETHER):
            some = tuple(lacking[start : start + TOGETHER])
            yield Task("rows", subject, some, faces * len(some))


def is_missing(suite: Suite, task: Task) -> bool:
    return any(suite.read(task.kind, task.subject, m) is None for m in task.methods)


def compute(suite: Suite, progress: bool = True, executor: Executor = HERE) -> int:
    """Makes the cells that are missing; returns how many."""
    made, todo = 0, sum(task.faces for task in tasks(suite) if is_missing(suite, task))
    suite.prepare()
    with progress_bar(shown=progress, total=todo, unit="face") as bar:
        for stage in stages(suite):
            lacking = [task for task in stage if is_missing(suite, task)]
            bar.set_description("+".join(dict.fromkeys(task.kind for task in lacking)))
            for _ in shared(make, suite, lacking, executor, bar.update):
                pass
            made += sum(len(task.methods) for task in lacking)
    return made


def make(suite: Suite, task: Task, advance: Callable[[int], None]) -> int:
    """Makes a task's cells; returns its number of faces.

    With a copy of the model: methods that watch or change its layers must not meet in one model.
    """
    own = suite.apart(task.subject)
    methods = [task.methods] if task.kind == "rows" else filter(None, task.methods)
    COMPUTE[task.kind](own, own.subjects[0], *methods, advance)
    return task.faces


def made_of(suite: Suite) -> str:
    """What the tables depend on: the keys of all cells."""
    keys = [suite.key(task.kind, task.subject, m) for task in tasks(suite) for m in task.methods]
    models = [(s.name, m) for s in suite.subjects for m in suite.methods_of(s)]
    keys += [suite.key("rows", s, m) for s in suite.subjects for m in suite.methods_of(s)]
    marked = {s.name: found for s in suite.subjects if (found := suite.marked(s))}
    told = {"marked": marked} if marked else {}
    return store.cell_key(cells=sorted(set(keys)), models=models, **told)


def draw(suite: Suite, tables: dict) -> list[Path]:
    """Writes the figures that the tables allow; returns their files."""
    from analysis import figures

    named = {f"attribution/{name}.csv": table for name, table in tables.items()}
    run = f"faces {suite.faces_sha256[:12]}, seed {suite.seed}"
    return figures.draw(named, suite.out / "figures", run)


def _description(suite: Suite) -> dict:
    """What made the run, for the record."""
    return {
        "data": {"spec": suite.dataset.spec, "sha256": suite.dataset.sha256,
                 "licence": suite.dataset.licence},
        "models": {s.name: s.weights_sha256 for s in suite.subjects},
        "methods": {s.name: suite.methods_of(s) for s in suite.subjects},
        "skipped": {s.name: suite.skipped(s) for s in suite.subjects},
        "not_ranked": {s.name: suite.marked(s) for s in suite.subjects},
        "trained_on_random_labels": {m: s.weights_sha256 for m, s in suite.randomised.items()},
        "faces_of": vars(suite.sizes),
        "versions": store.versions("torch", "captum", "numpy", "pandas", "pyarrow", "matplotlib"),
        "command": ["iram", *sys.argv[1:]],
    }
