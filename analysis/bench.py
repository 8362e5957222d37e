"""The benchmark as one call: run what is missing, summarise, draw."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from analysis import engine, store
from analysis.engine import Benchmark
from analysis.landmarks import read_mesh
from analysis.pose import own_pose
from analysis.study import FRONTAL, Condition
from analysis.subjects import Subject
from analysis.tables.summary import summarise
from iram import __version__
from iram.data.dataset import FaceDataset
from iram.errors import InputError

NEAR_FRONTAL_DEG = 15


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


def benchmark(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    conditions: Sequence[Condition],
    out: Path,
    *,
    seed: int = 0,
    limit: int | None = None,
    batch_size: int | None = None,
    dtype: str = "fp32",
    progress: bool = True,
) -> Results:
    """Runs, or finishes, the benchmark in the folder `out`, and writes its tables and figures.

    Args:
        batch_size: None takes the one that `out` was begun with, or measures the fastest.

    Raises:
        InputError: `out` holds another run or can't be written, or a model gives no numbers.
    """
    out = Path(out)
    dataset = engine.sample(dataset, limit, seed)
    plan = Benchmark(subjects, dataset, conditions, out, seed, batch_size or 0, dtype)
    identity = {
        "dataset": dataset.name, "faces": len(dataset), "faces_sha256": plan.faces_sha256,
        "seed": seed, "dtype": dtype, "device": subjects[0].device, "batch_size": batch_size,
    }  # fmt: skip
    run = store.open_run(out, identity, _description(plan))
    if run["identity"]["batch_size"] is None:
        run["identity"]["batch_size"] = engine.fastest_batch_size(subjects[0], dataset)
    plan = Benchmark(subjects, dataset, conditions, out, seed, run["identity"]["batch_size"], dtype)
    store.write_run(out, run)
    made = engine.run(plan, progress)
    if not made and _is_summarised(plan):
        tables = (store.read_table(out / f"{name}.csv") for name in ("summary", "occluders"))
        return Results(plan, *tables, made)
    results = Results(plan, *summarise(plan), made)
    store.write_table(out / "occluders.csv", results.occluders)
    draw(results)
    store.write_table(out / "summary.csv", results.summary)  # last: it says that all is there
    return results


def to_be_turned(dataset: FaceDataset, landmarks: Path | None) -> FaceDataset:
    """The photographs that a study of pose may turn, with their landmarks.

    With landmarks, those within 15 degrees of frontal, and of unknown pose none; without, all,
    since nothing is known of their pose. Prints which.

    Raises:
        InputError: no such file or not of all 468 points, or no face of the data set stands in it
            or is near frontal.
    """
    if landmarks is None:
        print(f"no --landmarks: all {len(dataset)} faces are turned as the mean face, whatever "
              "their own pose")  # fmt: skip
        return dataset
    dataset.landmarks = read_mesh(landmarks).of(dataset)
    yaw = own_pose(dataset.landmarks)[:, 0]
    frontal = np.flatnonzero(np.abs(yaw) < NEAR_FRONTAL_DEG)
    if not len(frontal):
        raise InputError(f"{landmarks}: no face of {dataset.name} is within {NEAR_FRONTAL_DEG} "
                         "degrees of frontal in it; is it of these pictures?")  # fmt: skip
    unknown = int(np.isnan(yaw).sum())
    print(f"turned: the {len(frontal)} of {len(dataset)} faces within {NEAR_FRONTAL_DEG} degrees "
          f"of frontal ({unknown} have no landmarks)")  # fmt: skip
    return dataset.subset(frontal)


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
        "threads": torch.get_num_threads(),
        "command": ["iram", *sys.argv[1:]],
    }  # fmt: skip


def _interval(row, factor: float = 1.0) -> str:
    return f"{factor * row.value:5.1f} [{factor * row.low:5.1f}, {factor * row.high:5.1f}]"
