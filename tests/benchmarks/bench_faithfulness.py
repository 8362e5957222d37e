"""Deletion curves of 64 pictures, all methods at once, against a loop over them, one by one.

    python tests/benchmarks/bench_faithfulness.py [MODEL]

The loop is the usual one: for each method and picture, one forward pass per step, the clean and the
wholly removed picture among them. Its curves must be equal. The bare forward passes, of as many
pictures as the shared curves need, say what is left to gain. Pictures and maps are random; their
values do not change the work. Ratios of processor times measured in turns in one run; the median
over the turns, with the extremes. Also the time per pair of maps of every agreement metric.
"""

import statistics
import sys
import time

import torch

from analysis.metrics import AGREEMENT, perturbation_curves, reference, removal_order
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES

PICTURES, METHODS, TURNS, BATCH, SIDE = 64, 4, 3, 32, 48
SHARES = tuple(i / 10 for i in range(11))


def main(model: str = "iram") -> None:
    subject = open_subjects(model, FER2013_CLASSES)[0]
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(PICTURES, 1, SIDE, SIDE, generator=generator)
    target = subject.logits(images).argmax(1)
    maps = torch.randn(METHODS, PICTURES, SIDE, SIDE, generator=generator)
    given = (subject.logits, images, {i: removal_order(m) for i, m in enumerate(maps)}, target,
             reference(images, "mean"))
    shown = PICTURES * (2 + METHODS * (len(SHARES) - 2))
    many = images.repeat(shown // PICTURES, 1, 1, 1)
    over_loop, over_bare = [], []
    for _ in range(TURNS):
        shared, curves = timed(lambda: perturbation_curves(*given, shares=SHARES, batch_size=BATCH))
        naive, looped = timed(lambda: loop(*given))
        bare, _ = timed(lambda: [subject.logits(part) for part in many.split(BATCH)])
        over_loop.append(naive / shared)
        over_bare.append(shared / bare)
    difference = max(
        (curves[i].logit - values).abs().max().item() for i, values in enumerate(looped)
    )
    print(f"{PICTURES} pictures, {METHODS} methods, {len(SHARES)} shares, {model}")
    print(f"{torch.get_num_threads()} threads; largest difference of a logit {difference:.1e}")
    print(f"loop / shared curves:                {told(over_loop)}")
    print(f"shared curves / bare forward passes: {told(over_bare)}")
    agreement()


def loop(model_logits, images, orders, target, filled) -> list[torch.Tensor]:
    """(N, T) logits per method, one picture at a time."""
    return [
        torch.stack([one_curve(model_logits, *each) for each in zip(images, order, target, filled,
                                                                    strict=True)])
        for order in orders.values()
    ]


def one_curve(model_logits, image, order, target, filled) -> torch.Tensor:
    values = []
    for share in SHARES:
        picture = image.flatten(1).clone()
        gone = order[: round(share * len(order))]
        picture[:, gone] = filled.flatten(1)[:, gone]
        values.append(model_logits(picture.view(1, *image.shape))[0, target])
    return torch.stack(values)


def agreement() -> None:
    maps = torch.randn(2, 256, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    for name, metric in AGREEMENT.items():
        seconds = [timed(lambda metric=metric: metric(*maps))[0] for _ in range(TURNS)]
        print(f"{name}: {told([1000 * s / 256 for s in seconds])} ms a pair")


def timed(work):
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def told(values) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main(*sys.argv[1:])
