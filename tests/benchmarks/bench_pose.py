"""Photographs turned per second, and against a loop over single pictures that caches nothing.

    python tests/benchmarks/bench_pose.py

Times measured in turns in one run; the median over the turns, with the extremes. Goal with the
generic surface: at least 150 images/s on two cores at 48 px.
"""

import statistics
import time

import numpy as np
import torch

from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.pose import photograph, turn

SIZE, POSE, TURNS = 48, (30.0, 10.0, 5.0), 3
FACES, FEW = 512, 8


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(FACES, 1, SIZE, SIZE, generator=generator)
    landmarks = some_landmarks(FEW)
    shared, naive, own, own_naive = [], [], [], []
    turn(images[:2], *POSE, landmarks=landmarks[:2])
    for _ in range(TURNS):
        photograph._generic_field.cache_clear()
        shared.append(speed(FACES, lambda: turn(images, *POSE)))
        naive.append(speed(FEW, lambda: [uncached(image[None]) for image in images[:FEW]]))
        own.append(speed(FEW, lambda: turn(images[:FEW], *POSE, landmarks=landmarks)))
        own_naive.append(speed(FEW, lambda: [
            turn(images[i : i + 1], *POSE, landmarks=landmarks[i : i + 1]) for i in range(FEW)
        ]))
    print(f"{SIZE} px, {torch.get_num_threads()} threads")
    print(f"generic surface, the warp shared:  {told(shared)} images/s")
    print(f"  against one by one, not cached:  {ratio(shared, naive)}")
    print(f"own landmarks:                     {told(own)} images/s")
    print(f"  against one by one:              {ratio(own, own_naive)}")


def some_landmarks(count: int) -> np.ndarray:
    """The mean face in pixels, its landmarks moved by a third of a pixel at random."""
    mean = mean_landmarks() * [1, 1, -1] * SIZE
    noise = np.random.default_rng(0).normal(0, 0.3, (count, *mean.shape))
    return (mean + noise).astype(np.float32)


def uncached(image: torch.Tensor) -> None:
    photograph._generic_field.cache_clear()
    turn(image, *POSE)


def speed(count: int, work) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def ratio(fast, slow) -> str:
    return told([a / b for a, b in zip(fast, slow, strict=True)]) + " times as fast"


def told(values) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
