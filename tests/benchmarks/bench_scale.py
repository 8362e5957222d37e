"""What a benchmark of very many faces costs: the numbers that docs/scale.md reckons with.

    python tests/benchmarks/bench_scale.py [MODEL]

One worker with one thread; seconds are of its CPU, so other work does not count. Random pictures,
since no cost depends on what is on them.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.engine.cells import complete
from analysis.engine.parallel import Executor
from analysis.stimuli.conditions import select
from analysis.studies.occlusion.engine import compute
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.tables.scores import scores
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES
from iram.data.dataset import FaceDataset
from iram.memory import keep_memory

FACES, BATCH, WIDE = 1024, 64, 200_000
CONDITIONS = "clean,eyes-0.3-mean,mouth-0.3-noise,box-0.3-other_class,lower_half-0.5-blur,jpeg-3"


def main(model: str = "iram") -> None:
    keep_memory()
    conditions = select(CONDITIONS)
    for dtype in ("fp32", "bf16"):
        subjects = open_subjects(model, FER2013_CLASSES, bf16=dtype == "bf16")
        with tempfile.TemporaryDirectory() as folder:
            plan = Benchmark(subjects, faces(FACES), conditions, Path(folder), 0, BATCH, dtype)
            started = time.process_time()
            complete(plan, compute, progress=False, executor=Executor(workers=1))
            seconds = time.process_time() - started
            passes = len(conditions) * FACES
            print(f"{dtype}: {passes / seconds:.0f} pictures/s and core, made, shown and written")
    with tempfile.TemporaryDirectory() as folder:
        plan = Benchmark(subjects, faces(FACES), conditions, Path(folder), 0, BATCH)
        complete(plan, compute, progress=False, executor=Executor(workers=1))
        rows = plan.rows(subjects[0], conditions[1])
        many = pd.concat([rows] * (WIDE // FACES), ignore_index=True)
        size = sizes(many.sample(plan.block, random_state=0), Path(folder) / "cell.parquet")
        print(f"{size / plan.block:.1f} bytes a row, in files of {plan.block:,}")
        started = time.process_time()
        scores(many, many, len(FER2013_CLASSES), 0)
        seconds = time.process_time() - started
        print(f"{seconds / len(many) * 1e6:.0f} s a million rows for a condition's summary")
        print(f"{many.memory_usage(deep=False).sum() / len(many):.0f} bytes a row in memory")


def faces(count: int) -> FaceDataset:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 48, 48), np.uint8)
    names = [f"face{i:07d}" for i in range(count)]
    metadata = pd.DataFrame({"image_id": names, "usage": "Test", "split": "test",
                             "row": range(count)})
    return FaceDataset(
        name="random", classes=FER2013_CLASSES, labels=np.arange(count) % 7, metadata=metadata,
        size=48, pixels=pixels, sha256="random",
    )


def sizes(rows: pd.DataFrame, path: Path) -> int:
    from analysis.engine.store import write_cell

    rows = rows.assign(image_id=[f"face{i:07d}" for i in range(len(rows))])
    noise = np.random.default_rng(0).normal(0, 1e-3, len(rows))  # no two faces answer alike
    for name in ("margin", "probability", "confidence"):
        rows[name] = (rows[name] + noise).astype(rows[name].dtype)
    write_cell(path, rows, "")
    return path.stat().st_size


if __name__ == "__main__":
    main(*sys.argv[1:])
