"""Models from outside in the engine, against their own bare forward passes.

    python tests/benchmarks/bench_outside.py

Ratios of processor time (one thread, so that other programs on the machine count little), measured
in turns; the median over the turns, with the extremes. Bare passes are those of the net, or of the
ONNX session, on pictures that lie ready, resized and normalised. Goals for a net of the size of a
ResNet-18: `logits` and the engine at most 1.05. The engine also makes the pictures (last column)
and writes a table a condition (some 30 ms each): what does not grow with the net weighs on small
ones.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from analysis.engine.cells import complete, missing
from analysis.engine.parallel import Executor
from analysis.stimuli.conditions import select
from analysis.studies.occlusion.engine import compute
from analysis.studies.occlusion.plan import Benchmark
from analysis.subjects import open_subjects
from iram import open_dataset

CONDITIONS = "eyes-0.3-mean,hand-natural-object,jpeg-3"
TURNS, BATCH = 3, 32
CASES = [((16, 32, 64), 112, 512), ((64, 128, 256, 512), 112, 256)]  # widths, pixels, faces

NET = """
import sys
sys.path.insert(0, {examples!r})
from residual import ResidualNet
def make():
    return ResidualNet(7, {widths})
"""
TOML = """
input_size = {size}
colour = "rgb"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
classes = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
"""


def main() -> None:
    torch.set_num_threads(1)
    heads = open_dataset("heads:n=2560", split="test")
    heads.images(slice(None))  # renders once
    print(f"batch {BATCH}, one thread; ratios to bare passes\n"
          f"{'':26s}{'ms a face':12s}{'logits':26s}{'engine':26s}making")
    with tempfile.TemporaryDirectory() as folder:
        for widths, size, count in CASES:
            for kind, spec in written(Path(folder), widths, size).items():
                name = f"{kind}, {widths[-1]} wide, {size} px"
                compare(name, spec, heads.subset(slice(0, count)))


def written(folder: Path, widths: tuple[int, ...], size: int) -> dict[str, str]:
    """The same net as a Python file and as an ONNX file."""
    path = folder / f"net{widths[-1]}.py"
    examples = str(Path(__file__).parents[2] / "examples")
    path.write_text(NET.format(examples=examples, widths=widths))
    path.with_suffix(".toml").write_text(TOML.format(size=size))
    [subject] = open_subjects(f"{path}:make", classes())
    onnx = path.with_suffix(".onnx")
    example = torch.zeros(2, 3, size, size)
    torch.onnx.export(subject.model.net, (example,), str(onnx), dynamic_shapes=({0: "N"},),
                      external_data=False, verbose=False)
    return {"Python": f"{path}:make", "ONNX": str(onnx)}


def classes() -> tuple[str, ...]:
    return open_dataset("heads:n=14").classes


def compare(name: str, spec: str, dataset) -> None:
    [subject] = open_subjects(spec, dataset.classes)
    conditions = select(CONDITIONS)[1:]
    ratios, seconds = {"logits": [], "engine": [], "making": []}, []
    for _ in range(TURNS):
        bare = passes(bare_call(subject), ready(subject, dataset))
        seconds.append(bare / len(dataset))
        ratios["logits"].append(passes(subject.logits, faces(dataset)) / bare)
        ratios["engine"].append(whole(subject, dataset, conditions) / len(conditions) / bare)
        ratios["making"].append(making(subject, dataset, conditions) / len(conditions) / bare)
    print(f"{name:26s}{1000 * statistics.median(seconds):<12.2f}"
          + "".join(f"{told(values):26s}" for values in ratios.values()), flush=True)


def faces(dataset) -> list[torch.Tensor]:
    return [dataset.images(slice(i, i + BATCH)) for i in range(0, len(dataset), BATCH)]


def ready(subject, dataset) -> list:
    """The batches as the net itself takes them."""
    batches = [subject.model.prepared(images) for images in faces(dataset)]
    return batches if isinstance(subject.model.net, nn.Module) else [b.numpy() for b in batches]


def bare_call(subject):
    net = subject.model.net
    if isinstance(net, nn.Module):
        return net
    return lambda array: net.session.run([net.output], {net.input.name: array})


@torch.inference_mode()
def passes(call, batches) -> float:
    """Seconds of the processor."""
    call(batches[0])
    started = time.process_time()
    for batch in batches:
        call(batch)
    return time.process_time() - started


def whole(subject, dataset, conditions) -> float:
    """Seconds of the engine, files and all."""
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark([subject], dataset, conditions, Path(folder), 0, BATCH)
        benchmark.faces_sha256  # noqa: B018 - once per run, not per condition
        started = time.process_time()
        complete(benchmark, compute, progress=False, executor=Executor(workers=1))
        return time.process_time() - started


def making(subject, dataset, conditions) -> float:
    """Seconds to make the pictures of all conditions."""
    benchmark = Benchmark([subject], dataset, conditions, Path("unused"), 0, BATCH)
    groups = [list(dict.fromkeys(cell.of[1] for cell in task)) for task in missing(benchmark)[0]]
    started = time.process_time()
    for start in range(0, len(dataset), BATCH):
        for group in groups:
            first = benchmark.perturbed(group[0], slice(start, start + BATCH))
            for condition in group:
                first.under(condition).pictures  # noqa: B018
    return time.process_time() - started


def told(ratios) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


if __name__ == "__main__":
    main()
