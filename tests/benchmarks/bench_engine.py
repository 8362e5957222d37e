"""The benchmark engine against the bare forward passes of the same model.

    python tests/benchmarks/bench_engine.py [DATA [MODEL]]

Ratios of times measured in turns in one run; the median over the turns, with the extremes. Goals:
engine / forward at most 1.10, on one core and on all (there against passes that use all cores
for one batch); making the pictures of the regions and objects at most 0.15 of the forward passes on
them; fp32 / bf16 at least 1.4 with under 0.5% of predictions changed; two workers at least 0.9 of
twice as fast as one.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from analysis.engine.cells import complete, missing
from analysis.engine.parallel import Executor
from analysis.engine.sampling import sample
from analysis.stimuli.conditions import PRESETS, select
from analysis.stimuli.placed import placed
from analysis.studies.occlusion.engine import compute
from analysis.studies.occlusion.plan import Benchmark
from analysis.subjects import open_subjects
from analysis.subjects.batches import fastest_batch_size
from iram import open_dataset
from iram.threads import one_thread

CONDITIONS = "eyes-0.3-*,box-0.3-*,hand-natural-object,lower_half-0.5-blur,jpeg-3"
FACES, TURNS = 512, 3


def main(data: str = "heads:n=5120", model: str = "iram") -> None:
    dataset = sample(open_dataset(data, split="test"), FACES, seed=0)
    dataset.images(slice(None))  # a rendered data set renders once
    subjects = {
        dtype: open_subjects(model, dataset.classes, bf16=dtype == "bf16")[0]
        for dtype in ("fp32", "bf16")
    }
    size = fastest_batch_size(subjects["fp32"].logits, dataset)
    cameras = placed(dataset, None)
    conditions = select(CONDITIONS)[1:]
    alone, overhead, speed, efficiency = [], [], [], []
    for _ in range(TURNS):
        bare = {dtype: forward(subject, dataset, size) for dtype, subject in subjects.items()}
        with one_thread():
            single = forward(subjects["fp32"], dataset, size)
        one, every = (
            run(subjects["fp32"], dataset, conditions, size, cameras, Executor(workers=count))
            for count in (1, None)
        )
        alone.append(one / len(conditions) / single)
        overhead.append(every / len(conditions) / bare["fp32"])
        speed.append(bare["fp32"] / bare["bf16"])
    for _ in range(2):
        one, two = (
            run(subjects["fp32"], dataset, PRESETS["regions"][::8], size, cameras,
                Executor(workers=count))
            for count in (1, 2)
        )
        efficiency.append(one / two / 2)
    print(f"{len(dataset)} faces, batch {size}, {torch.get_num_threads()} threads, {model}")
    print(f"engine / bare passes, one core:      {told(alone)}")
    print(f"engine / bare passes, all cores:     {told(overhead)}")
    print(f"efficiency of two workers:           {told(efficiency)}")
    for block in ("regions", "objects", "corruptions"):
        chosen = PRESETS[block][:: 8 if block == "regions" else 2]
        share = making(subjects["fp32"], dataset, chosen, size, cameras)
        print(f"making / forward, {block + ':':18s} {told(share)}")
    print(f"fp32 / bf16 forward passes:          {told(speed)}")
    print(f"predictions changed by bf16:         {100 * changed(subjects, dataset, size):.2f}%")


def forward(subject, dataset, size: int) -> float:
    """Seconds of the model's own forward passes over pictures that lie ready."""
    batches = [
        dataset.images(slice(i, i + size)).contiguous(memory_format=torch.channels_last)
        for i in range(0, len(dataset), size)
    ]
    model = subject.model
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=subject.bf16):
        model(batches[0])
        started = time.perf_counter()
        for batch in batches:
            model(batch)
    return time.perf_counter() - started


def run(subject, dataset, conditions, size: int, cameras, executor) -> float:
    """Seconds of the engine, files and all."""
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark([subject], dataset, conditions, Path(folder), 0, size,
                              cameras=cameras)
        benchmark.faces_sha256  # noqa: B018 - once per run, not per condition
        started = time.perf_counter()
        complete(benchmark, compute, progress=False, executor=executor)
        return time.perf_counter() - started


def making(subject, dataset, conditions, size: int, cameras) -> list[float]:
    """Per batch: seconds to make its pictures under all conditions / to show them to the model."""
    benchmark = Benchmark([subject], dataset, conditions, Path("unused"), 0, size,
                          cameras=cameras)
    groups = [list(dict.fromkeys(cell.of[1] for cell in task)) for task in missing(benchmark)[0]]
    shares = []
    for start in range(0, min(3 * size, len(dataset)), size):
        made, shown = [], []
        for group in groups:
            clock = time.perf_counter()
            first = benchmark.perturbed(group[0], slice(start, start + size))
            pictures = [first.under(condition).pictures for condition in group]
            made.append(time.perf_counter() - clock)
            clock = time.perf_counter()
            for images in pictures:
                subject.logits(images)
            shown.append(time.perf_counter() - clock)
        shares.append(np.sum(made) / np.sum(shown))
    return shares[1:]  # the first also draws the occluders


def changed(subjects, dataset, size: int) -> float:
    """Share of predictions that differ between the two types."""
    differ = 0
    for i in range(0, len(dataset), size):
        images = dataset.images(slice(i, i + size))
        answers = [subject.logits(images).argmax(1) for subject in subjects.values()]
        differ += int((answers[0] != answers[1]).sum())
    return differ / len(dataset)


def told(ratios) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


if __name__ == "__main__":
    main(*sys.argv[1:])
