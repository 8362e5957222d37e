"""Rendering of heads: images a second, and the cost of the truth beside the picture alone.

    python tests/benchmarks/bench_heads.py

In turns in one run, at 48 px; the median over the turns, with the extremes. Goal: at least 60
images/s on one core.
"""

import statistics
import time

import torch

from iram.data.heads import render, self_occlusion
from iram.data.heads.renderer import render_images
from iram.data.heads.request import checked_request

HEADS, TURNS = 64, 5


def main() -> None:
    torch.set_num_threads(1)
    ways = {
        "image alone": lambda: render_images(checked_request(range(HEADS))),
        "with its truth": lambda: render(range(HEADS)),
        "turned, with what it hides": lambda: self_occlusion(range(HEADS), yaw_deg=30.0),
    }
    speeds = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            speeds[name].append(HEADS / (time.perf_counter() - started))
    print(f"{HEADS} heads, 1 thread")
    for name, found in speeds.items():
        low, middle, high = min(found), statistics.median(found), max(found)
        print(f"{name + ':':28s} {middle:6.1f} images/s ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
