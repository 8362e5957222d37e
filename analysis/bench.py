"""The benchmark as one call: run what is missing, summarise, draw."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from analysis import engine, store
from analysis.engine import Benchmark
from analysis.study import FRONTAL, Condition
from analysis.subjects import Subject
from analysis.tables.summary import summarise
from iram import __version__
from iram.data.dataset import FaceDataset


@dataclass
class Results:
    """A finished benchmark.

    Attributes:
        summary, occluders: see `analysis.tables.summary.summarise`.
        made: number of cells computed by this call; 0 if all were there.
    """

    benchmark: Benchmark
    summary: pd.DataFrame
    occluders: pd.DataFrame
    made: int

    def report(self) -> str:
        """The table that the command prints."""
        n = len(self.benchmark.dataset)
        accuracy = self.summary[self.summary["metric"] == "accuracy"]
        clean = accuracy[accuracy["condition"] == "clean"]
        lines = [f"\n{self.benchmark.dataset.name}: {n} faces; 95% bootstrap intervals over faces"]
        lines += ["", "clean accuracy (%)"]
        lines += [f"  {row.model:24s} {_interval(row, 100)}" for row in clean.itertuples()]
        angles = accuracy[["yaw_deg", "pitch_deg", "roll_deg"]]
        frontal = accuracy["condition"] == FRONTAL.name
        turned = accuracy[(angles.any(axis=1) | frontal) & (accuracy["occluder"] == "none")]
        if len(turned):
            lines += ["", f"{'accuracy at a pose (%)':58s}hidden by the head itself (%)"]
            lines += [f"  {row.model:24s} {row.condition:12s} {_interval(row, 100):20s}"
                      f"{100 * row.self_occlusion_fraction:12.1f}"
                      for row in turned.itertuples()]  # fmt: skip
        if len(self.occluders):
            lines += ["", f"{'drop of accuracy (points), mean over fractions and fills':58s}"
                      "beyond the random box"]  # fmt: skip
            lines += self._drops()
        lines += ["", f"in {self.benchmark.out}: summary.csv, occluders.csv, rows/, figures/"]
        return "\n".join(lines)

    def _drops(self) -> list[str]:
        lines = []
        for (occluder, model), rows in self.occluders.groupby(["occluder", "model"], sort=False):
            found = {row.metric: _interval(row, 100) for row in rows.itertuples()}
            lines.append(f"  {model:24s} {occluder:12s} {found['drop']:20s} "
                         f"{found.get('drop_beyond_box', ''):>20s}")  # fmt: skip
        return lines


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
) -> tuple[Benchmark, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Args:
        batch_size: None takes the one that `out` was begun with, or measures the fastest.
        cameras: (N, 2, 4) how each face of `dataset` stands in its picture, None: as the mean face.

    Raises:
        InputError: `out` holds another run.
    """
    out = Path(out)
    chosen = engine.sampled(len(dataset), limit, seed)
    dataset, cameras = dataset.subset(chosen), None if cameras is None else cameras[chosen]
    plan = Benchmark(subjects, dataset, conditions, out, seed, batch_size or 0, dtype, cameras)
    identity = {
        "dataset": dataset.name, "faces": len(dataset), "faces_sha256": plan.faces_sha256,
        "seed": seed, "dtype": dtype, "device": subjects[0].device, "batch_size": batch_size,
    }  # fmt: skip
    run = store.open_run(out, identity, _description(plan))
    if run["identity"]["batch_size"] is None:
        run["identity"]["batch_size"] = engine.fastest_batch_size(subjects[0], dataset)
    return replace(plan, batch_size=run["identity"]["batch_size"]), run


def benchmark(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    conditions: Sequence[Condition],
    out: Path,
    *,
    workers: int = 1,
    progress: bool = True,
    **options,
) -> Results:
    """Runs, or finishes, the benchmark in the folder `out`, and writes its tables and figures.

    Args:
        workers: processes that share the work.
        options: of `planned`.

    Raises:
        InputError: `out` holds another run or can't be written, or a model gives no numbers.
    """
    plan, run = planned(subjects, dataset, conditions, out, **options)
    out = plan.out
    store.write_run(out, run)
    made = engine.run(plan, progress, workers)
    if not made and _is_summarised(plan):
        tables = (store.read_table(out / f"{name}.csv") for name in ("summary", "occluders"))
        return Results(plan, *tables, made)
    results = Results(plan, *summarise(plan), made)
    store.write_table(out / "occluders.csv", results.occluders)
    draw(results)
    store.write_table(out / "summary.csv", results.summary)  # last: it says that all is there
    return results


def draw(results: Results) -> list[Path]:
    """Writes the figures that the results allow; returns their files."""
    from analysis.figures import OcclusionCurves, PoseCurves, save

    summary, folder = results.summary, results.benchmark.out / "figures"
    covered = summary[(summary["occluder"] != "none") & (summary["yaw_deg"] == 0)]
    displays = {
        f"accuracy_against_fraction_{fill}": OcclusionCurves(summary, fill)
        for fill in dict.fromkeys(covered["fill"])
    }
    if (summary["condition"] == FRONTAL.name).any():
        displays["accuracy_against_pose"] = PoseCurves(summary)
    run = f"faces {results.benchmark.faces_sha256[:12]}, seed {results.benchmark.seed}"
    return [
        file for name, display in displays.items()
        for file in save(display.plot().figure_, folder / name, run)
    ]  # fmt: skip


def _is_summarised(plan: Benchmark) -> bool:
    """True if the tables are there and are of exactly these models and conditions."""
    path = plan.out / "summary.csv"
    if not path.exists() or not (plan.out / "occluders.csv").exists():
        return False
    table = store.read_table(path)
    if not {"model", "condition"} <= set(table.columns):
        return False
    found = list(dict.fromkeys(zip(table["model"], table["condition"], strict=True)))
    return found == [(s.name, c.name) for s in plan.subjects for c in plan.conditions]


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
        "threads": torch.get_num_threads(),
        "command": ["iram", *sys.argv[1:]],
    }  # fmt: skip


def _interval(row, factor: float = 1.0) -> str:
    return f"{factor * row.value:5.1f} [{factor * row.low:5.1f}, {factor * row.high:5.1f}]"
