"""The benchmark engine against the bare forward passes of the same model, and bf16 against fp32.

    python tests/benchmarks/bench_engine.py [DATA [MODEL]]

Ratios of times measured in turns in one run; the median over the turns, with the extremes. Goals:
engine / forward at most 1.10; fp32 / bf16 at least 1.4 with under 0.5% of predictions changed.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from analysis import engine
from analysis.engine import Benchmark, fastest_batch_size
from analysis.study import select
from analysis.subjects import open_subjects
from iram import open_dataset

CONDITIONS = "eyes-0.3-mean,box-0.3-noise,lower_half-0.5-blur"
FACES, TURNS = 1024, 5


def main(data: str = "heads:n=5120", model: str = "iram") -> None:
    dataset = engine.sample(open_dataset(data, split="test"), FACES, seed=0)
    dataset.images(slice(None))  # a rendered data set renders once
    subjects = {
        dtype: open_subjects(model, dataset.classes, bf16=dtype == "bf16")[0]
        for dtype in ("fp32", "bf16")
    }
    size = fastest_batch_size(subjects["fp32"], dataset)
    conditions = select(CONDITIONS)[1:]
    overhead, speed = [], []
    for _ in range(TURNS):
        bare = {dtype: forward(subject, dataset, size) for dtype, subject in subjects.items()}
        whole = run(subjects["fp32"], dataset, conditions, size) / len(conditions)
        overhead.append(whole / bare["fp32"])
        speed.append(bare["fp32"] / bare["bf16"])
    print(f"{len(dataset)} faces, batch {size}, {torch.get_num_threads()} threads, {model}")
    print(f"engine / bare forward passes (fp32): {told(overhead)}")
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


def run(subject, dataset, conditions, size: int) -> float:
    """Seconds of the engine, files and all."""
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark([subject], dataset, conditions, Path(folder), 0, size)
        benchmark.faces_sha256  # noqa: B018 - once per run, not per condition
        started = time.perf_counter()
        engine.run(benchmark, progress=False)
        return time.perf_counter() - started


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
