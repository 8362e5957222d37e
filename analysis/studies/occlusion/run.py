"""The benchmark as one call: run what is missing, summarise, draw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from torch import Tensor

from analysis.engine.parallel import HERE, Executor
from analysis.engine.run import Result, Study, finish, opened
from analysis.engine.sampling import sampled
from analysis.engine.store import write_table
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.engine import compute
from analysis.studies.occlusion.judged import hints
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.real.run import analyse_real, report_lines
from analysis.studies.occlusion.references import of_models
from analysis.studies.occlusion.report import report
from analysis.studies.occlusion.tables.summary import TABLES, summarise
from analysis.subjects import Subject
from analysis.subjects.backends import BACKENDS
from analysis.subjects.batches import fastest_batch_size
from analysis.subjects.choice import by_backend
from iram.data.dataset import FaceDataset
from iram.files import located

REAL_FILES = {"table": "real.csv", "synthetic": "real_synthetic.csv",
              "correlation": "real_correlation.csv", "modules": "real_modules.csv"}


class Occlusion(Study):
    """The tables and figures of a benchmark."""

    version = 5
    pictures = ("lost_by_occluder", "drop_by_occluder", "accuracy_against_pose")
    compute, names = staticmethod(compute), TABLES

    def tables(self) -> dict[str, pd.DataFrame]:
        return summarise(self.plan)

    def made_of(self) -> dict:
        return {"models": [(s.name, s.seed) for s in self.plan.subjects],
                **_asked(self.plan.reference)}

    def lines(self, tables: Mapping[str, pd.DataFrame]) -> Iterable[str]:
        name, n = self.plan.dataset.name, len(self.plan.dataset)
        return [f"\n{name}: {n} faces; 95% bootstrap intervals over faces\n", report(tables)]

    def notes(self, tables: Mapping[str, pd.DataFrame]) -> list[str]:
        return hints(self.plan)

    def draw(self, tables: Mapping[str, pd.DataFrame]) -> None:
        named = {f"occlusion/{name}.csv": tables[name]
                 for name in ("summary", "importance", "occluders", "robustness", "modules")}
        _draw(self.plan, {**named, "pose/summary.csv": tables["summary"]})


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
    backend: str = "eager",
    reference: str | None = None,
    kind: str = "bench",
    offered: Sequence[str] = BACKENDS,
) -> tuple[Benchmark, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Args:
        batch_size: None takes the one that `out` was begun with, or measures the fastest.
        cameras: (N, 2, 4) how each face of `dataset` stands in its picture, None: as the mean face.
        backend: of the passes, or "auto": that which `out` was begun with, or the fastest.
        reference: what models are compared with; see `references.of_models`.
        kind: the command whose run it is; a folder holds runs of one.
        offered: backends that the run can have.

    Raises:
        InputError: `out` holds another run, the backend can't be had, or no model is called as
            `reference` says.
    """
    of_models(subjects, reference or "")
    chosen = sampled(len(dataset), limit, seed)
    dataset, cameras = dataset.subset(chosen), None if cameras is None else cameras[chosen]
    subjects, identity = by_backend(
        subjects, backend, located(out), len(dataset) * len(conditions), offered)
    plan = Benchmark(subjects, dataset, conditions, located(out), seed, batch_size or 0, dtype,
                     cameras, reference=reference or "")
    told = {"conditions": [c.name for c in conditions], "cameras_sha256": plan.cameras_sha256,
            **_asked(plan.reference)}
    run = opened(plan, kind, told, {"dtype": dtype, "batch_size": batch_size, **identity})
    if run["identity"]["batch_size"] is None:
        run["identity"]["batch_size"] = fastest_batch_size(subjects[0].logits, dataset)
    return replace(plan, batch_size=run["identity"]["batch_size"]), run


def benchmark(
    *arguments, progress: bool = True, executor: Executor = HERE, **options
) -> Result:
    """Runs, or finishes, the benchmark in the folder `out`, and writes its tables and figures.

    Args:
        executor: who computes.
        arguments, options: of `planned`.

    Raises:
        InputError: `out` holds another run or can't be written, or a model gives no numbers.
    """
    plan, run = planned(*arguments, **options)
    return finish(Occlusion(plan), run, progress, executor)


def report_real(result: Result, ran_lists: Path) -> str:
    """Writes the tables and figures of really occluded and turned faces; returns what is printed.

    Raises:
        InputError: see `analysis.studies.occlusion.real.run.real_groups`.
    """
    out, found = result.plan.out, analyse_real(result.plan, ran_lists)
    for name, file in REAL_FILES.items():
        write_table(out / file, getattr(found, name))
    _draw(result.plan, {"occlusion/real_synthetic.csv": found.synthetic})
    return "\n".join([*report_lines(found), "", f"in {out}: {', '.join(REAL_FILES.values())}"])


def _asked(reference: str) -> dict[str, str]:
    return {"reference": reference} if reference else {}


def _draw(plan: Benchmark, tables: dict[str, pd.DataFrame]) -> None:
    """Writes the figures that the tables allow."""
    from analysis import figures

    run = f"faces {plan.faces_sha256[:12]}, seed {plan.seed}"  # what they show, for their metadata
    figures.draw(tables, plan.out / "figures", run)
