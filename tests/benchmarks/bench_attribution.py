"""Perturbation methods against the bare forward passes that they make, and against Captum.

    python tests/benchmarks/bench_attribution.py [DATA [MODEL]]

Ratios of times measured in turns in one run; the median over the turns, with the extremes. Goals:
exact Shapley values of 8 regions / their 256 bare forward passes at most 1.15; occlusion at least
as fast as Captum's at its best `perturbations_per_eval` with equal values (1e-5), and in bf16
1.5 times as fast.
"""

import statistics
import sys
import time

import torch
from captum.attr import Occlusion

from analysis import attribute
from analysis.attributions import FACE_REGIONS, shapley_values
from analysis.attributions.masking import baseline
from iram import load_model, open_dataset

FACES, TURNS, BATCH = 2, 3, 32
WINDOW, STRIDE = 8, 4
PER_PASS = (1, 4, 8, 16, 32)  # Captum's perturbations_per_eval, of which the best is taken


def main(data: str = "heads:n=64", model: str = "iram") -> None:
    model = load_model(model).to(memory_format=torch.channels_last)
    x = open_dataset(data, split="test").images(slice(0, FACES))
    with torch.inference_mode():
        target = model(x).argmax(1)
    best = min(PER_PASS, key=lambda count: captum(model, x, target, count)[0])
    exact, against, half, gap, loss = [], [], [], [], []
    for _ in range(TURNS):
        exact.append(shapley(model, x, target) / forward(model, x))
        theirs, wanted = captum(model, x, target, best)
        ours, maps = occlusion(model, x, target)
        fast, rough = occlusion(model, x, target, bf16=True)
        against.append(theirs / ours)
        half.append(theirs / fast)
        gap.append(float((maps - wanted).abs().max()))
        loss.append(float((rough - wanted).abs().max() / wanted.abs().max()))
    print(f"{FACES} faces, batch {BATCH}, {torch.get_num_threads()} threads, {model.name}")
    print(f"Shapley of 8 regions / 256 bare forward passes: {told(exact)}")
    print(f"Captum's occlusion ({best} a pass) / ours:        {told(against)}")
    print(f"Captum's occlusion / ours in bf16:              {told(half)}")
    print(f"largest difference from Captum: {max(gap):.1e}; in bf16 {max(loss):.1%} of the largest")


def shapley(model, x, target) -> float:
    started = time.perf_counter()
    shapley_values(model, x, target, "face", batch_size=BATCH)
    return time.perf_counter() - started


@torch.no_grad()
def forward(model, x) -> float:
    """Seconds of as many forward passes as there are coalitions, on pictures that lie ready."""
    batch = x[torch.arange(BATCH) % len(x)].contiguous(memory_format=torch.channels_last)
    model(batch)
    started = time.perf_counter()
    for _ in range(len(x) * 2 ** len(FACE_REGIONS) // BATCH):
        model(batch)
    return time.perf_counter() - started


def occlusion(model, x, target, bf16: bool = False):
    """Seconds, and the maps."""
    options = dict(window=WINDOW, stride=STRIDE, batch_size=BATCH, bf16=bf16)
    started = time.perf_counter()
    maps = attribute(model, x, target, "occlusion", **options)
    return time.perf_counter() - started, maps


@torch.no_grad()
def captum(model, x, target, per_pass: int):
    """Seconds, and the maps, of the pictures one after another or together, whichever is faster."""
    method, answers = Occlusion(model), []
    for size in (1, len(x)):
        started = time.perf_counter()
        maps = [
            method.attribute(
                part, (1, WINDOW, WINDOW), (1, STRIDE, STRIDE), baseline(part), goal,
                perturbations_per_eval=per_pass,
            )[:, 0]
            for part, goal in zip(x.split(size), target.split(size), strict=True)
        ]
        answers.append((time.perf_counter() - started, torch.cat(maps)))
    return min(answers, key=lambda answer: answer[0])


def told(ratios) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


if __name__ == "__main__":
    main(*sys.argv[1:])
