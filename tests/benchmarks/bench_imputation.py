"""Imputation of a batch against a sparse solver, picture by picture, and against a forward pass.

    python tests/benchmarks/bench_imputation.py [MODEL]

64 pictures of 48 px with 30% masked, in one box at a random place or scattered over the picture.
Ratios of times measured in turns in one run; the median over the turns, with the extremes. Goals:
for the box at least 10 times as fast as `scipy.sparse.linalg.spsolve` (scattered pixels make its
system nearly diagonal, and cheap), for both at most 0.15 of the forward pass.
"""

import statistics
import sys
import time
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parents[1] / "stimuli"), str(Path(__file__).parents[2])]

from test_imputation import pictures, solved  # noqa: E402

from analysis.stimuli.fills.imputation import impute  # noqa: E402
from iram import load_model  # noqa: E402

PICTURES, SIZE, BOX, TURNS = 64, 48, 26, 7  # 26 x 26 of 48 x 48 is 29%


def main(name: str = "iram") -> None:
    torch.set_num_threads(1)
    images, model = pictures(PICTURES, SIZE, SIZE), load_model(name)
    forward = images.contiguous(memory_format=torch.channels_last)
    print(f"{PICTURES} pictures of {SIZE} px, 30% masked, 1 thread, {name}")
    for kind, mask in {"one box": boxes(), "scattered": scattered()}.items():
        ratios, shares, times = [], [], []
        impute(images, mask)
        for _ in range(TURNS):
            ours = seconds(lambda mask=mask: impute(images, mask))
            ratios.append(seconds(lambda mask=mask: one_by_one(images, mask)) / ours)
            shares.append(ours / seconds(lambda: predict(model, forward)))
            times.append(1000 * ours)
        print(f"{kind}: {told(times)} ms")
        print(f"  as fast as one sparse solve a picture: {told(ratios)} times")
        print(f"  share of a forward pass:               {told(shares)}")


def boxes() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(PICTURES, SIZE, SIZE, dtype=torch.bool)
    for picture in mask:
        top, left = torch.randint(SIZE - BOX + 1, (2,), generator=generator).tolist()
        picture[top : top + BOX, left : left + BOX] = True
    return mask


def scattered() -> torch.Tensor:
    draws = torch.rand(PICTURES, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return draws < 0.3


def one_by_one(images: torch.Tensor, mask: torch.Tensor) -> None:
    for image, one in zip(images[:, 0].double().numpy(), mask.numpy(), strict=True):
        solved(image, one)


@torch.inference_mode()
def predict(model, images: torch.Tensor) -> None:
    model(images)


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def told(values) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main(*sys.argv[1:])
