"""The benchmark as one call: run what is missing, summarise, draw."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from analysis.engine import store
from analysis.engine.parallel import HERE, Executor
from analysis.engine.sampling import sampled
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion import engine
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.real.run import analyse_real, report_lines
from analysis.studies.occlusion.report import report
from analysis.studies.occlusion.tables.summary import TABLES, Tables, summarise
from analysis.subjects import Subject
from analysis.subjects.batches import fastest_batch_size
from iram import __version__
from iram.data.dataset import FaceDataset
from iram.files import located

TABLES_VERSION = 1  # raise it when what the tables hold changes, so that old ones are made again
REAL_FILES = {"table": "real.csv", "synthetic": "real_synthetic.csv",
              "correlation": "real_correlation.csv"}


@dataclass
class Results:
    """A finished benchmark.

    Attributes:
        tables: see `analysis.studies.occlusion.tables.summary.Tables`.
        made: number of cells computed by this call; 0 if all were there.
    """

    benchmark: Benchmark
    tables: Tables
    made: int

    def report(self) -> str:
        """What the command prints."""
        name, n = self.benchmark.dataset.name, len(self.benchmark.dataset)
        files = ", ".join(f"{table}.csv" for table in TABLES)
        return (f"\n{name}: {n} faces; 95% bootstrap intervals over faces\n\n{report(self.tables)}"
                f"\n\nin {self.benchmark.out}: {files}, rows/, figures/")


def planned(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    conditions: Sequence[Condition],
    out: Path,
    *,
    seed: int = 0,
    limit: int | None = None,
    batch_size: int | None = None,
    dtype: str = "fp32",
    cameras: Tensor | None = None,
    kind: str = "bench",
) -> tuple[Benchmark, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Args:
        batch_size: None takes the one that `out` was begun with, or measures the fastest.
        cameras: (N, 2, 4) how each face of `dataset` stands in its picture, None: as the mean face.
        kind: the command whose run it is; a folder holds runs of one.

    Raises:
        InputError: `out` holds another run.
    """
    out = located(out)
    chosen = sampled(len(dataset), limit, seed)
    dataset, cameras = dataset.subset(chosen), None if cameras is None else cameras[chosen]
    plan = Benchmark(subjects, dataset, conditions, out, seed, batch_size or 0, dtype, cameras)
    identity = {
        "dataset": dataset.name, "faces": len(dataset), "faces_sha256": plan.faces_sha256,
        "seed": seed, "dtype": dtype, "device": subjects[0].device, "batch_size": batch_size,
    }
    run = store.open_run(out, identity, {"kind": kind, **_description(plan)})
    if run["identity"]["batch_size"] is None:
        run["identity"]["batch_size"] = fastest_batch_size(subjects[0], dataset)
    return replace(plan, batch_size=run["identity"]["batch_size"]), run


def benchmark(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    conditions: Sequence[Condition],
    out: Path,
    *,
    executor: Executor = HERE,
    progress: bool = True,
    **options,
) -> Results:
    """Runs, or finishes, the benchmark in the folder `out`, and writes its tables and figures.

    Args:
        executor: who computes.
        options: of `planned`.

    Raises:
        InputError: `out` holds another run or can't be written, or a model gives no numbers.
    """
    plan, run = planned(subjects, dataset, conditions, out, **options)
    out = plan.out
    store.write_run(out, run)
    made = engine.run(plan, progress, executor)
    whole = _made_of(plan)
    if not made and store.is_whole(out, TABLES, whole):
        tables = {name: store.read_table(out / f"{name}.csv") for name in TABLES}
        return Results(plan, Tables(**tables), made)
    results = Results(plan, summarise(plan), made)
    with store.finishing(out, whole):
        draw(results)
        for name in TABLES:
            store.write_table(out / f"{name}.csv", getattr(results.tables, name))
    return results


def report_real(results: Results, ran_lists: Path) -> str:
    """Writes the tables and figures of really occluded and turned faces; returns what is printed.

    Raises:
        InputError: see `analysis.studies.occlusion.real.run.real_groups`.
    """
    from analysis import figures

    out, found = results.benchmark.out, analyse_real(results.benchmark, ran_lists)
    for name in ("table", "synthetic", "correlation"):
        store.write_table(out / REAL_FILES[name], getattr(found, name))
    tables = {"occlusion/real_synthetic.csv": found.synthetic}
    figures.draw(tables, out / "figures", _run(results))
    return "\n".join([*report_lines(found), "", f"in {out}: {', '.join(REAL_FILES.values())}"])


def draw(results: Results) -> list[Path]:
    """Writes the figures that the results allow; returns their files."""
    from analysis import figures

    tables = {f"occlusion/{name}.csv": getattr(results.tables, name)
              for name in ("summary", "importance", "occluders", "modules")}
    tables["pose/summary.csv"] = results.tables.summary
    return figures.draw(tables, results.benchmark.out / "figures", _run(results))


def _run(results: Results) -> str:
    """What a figure shows, for its metadata."""
    return f"faces {results.benchmark.faces_sha256[:12]}, seed {results.benchmark.seed}"


def _made_of(plan: Benchmark) -> str:
    """What the tables depend on: the cells, and what each model is called and trained with."""
    cells = [plan.key(s, c) for s in plan.subjects for c in plan.conditions]
    models = [(s.name, s.seed) for s in plan.subjects]
    return store.cell_key(version=TABLES_VERSION, cells=cells, models=models)


def _description(plan: Benchmark) -> dict:
    """What made the run, for the record."""
    packages = ("torch", "numpy", "pandas", "pyarrow", "matplotlib")
    return {
        "data": {"spec": plan.dataset.spec, "sha256": plan.dataset.sha256,
                 "licence": plan.dataset.licence},
        "models": {s.name: s.weights_sha256 for s in plan.subjects},
        "conditions": [c.name for c in plan.conditions],
        "versions": {"iram": __version__, "python": platform.python_version(),
                     **{name: version(name) for name in packages}},
        "cameras_sha256": plan.cameras_sha256,
        "command": ["iram", *sys.argv[1:]],
    }
