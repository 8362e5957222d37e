"""Training throughput through `iram.training.train` over the bare forward and backward passes.

Both in one run, taking turns, with the same net at the same batch and precision; the goal is a
ratio of at least 0.85. What lies between the two is augmentation, the optimizer and bookkeeping;
validation and checkpoints are not counted.

    python tests/benchmarks/bench_train.py
    python tests/benchmarks/bench_train.py --attention none --dtype fp32 --rounds 5
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

sys.path[:0] = [str(Path(__file__).parents[1] / "helpers"), str(Path(__file__).parents[2])]

from toy import toy_faces  # noqa: E402

from iram.dtype import DTYPES, choose_dtype  # noqa: E402
from iram.model import FERClassifier, plan  # noqa: E402
from iram.training.grids import GRIDS  # noqa: E402
from iram.training.recipe import Recipe  # noqa: E402
from iram.training.train import train  # noqa: E402

GOAL = 0.85


def bare_speed(model, batch: int, steps: int, device: str, bf16: bool) -> float:
    """Images/s of forward and backward on one batch that is there already."""
    x = torch.rand(batch, 1, model.input_size, model.input_size, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    target = torch.randint(len(model.classes), (batch,), device=device)
    started = time.perf_counter()
    for _ in range(steps):
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            logits = model(x)
        model.zero_grad()
        loss = F.cross_entropy(logits.float(), target)
        loss.backward()
    loss.item()  # a GPU has finished only then
    return steps * batch / (time.perf_counter() - started)


def training_speed(architecture, dataset, batch: int, device: str, dtype: str) -> float:
    """Images/s of one epoch, as the training's own log has it."""
    recipe = Recipe(epochs=1, batch_size=batch)
    splits = dataset.split("train"), dataset.split("validation")
    with tempfile.TemporaryDirectory() as folder:
        trained = train(architecture, *splits, recipe, 0, Path(folder), device=device, dtype=dtype,
                        progress=False)
    return trained.log[0]["images_per_second"]


def schedule_seconds(label: str, faces: int = 2048) -> float:
    """Of this process, for all epochs of a recipe of the grids "study" and "speed": those of one,
    which goes through its whole schedule, validation too, times their number."""
    dataset = toy_faces((faces, faces // 8, 2), size=48)  # divided as FER2013 is
    cells = {cell.label: cell for grid in ("study", "speed") for cell in GRIDS[grid]}
    architecture, recipe = cells[label].build(dataset.classes, 48)
    splits, one = (dataset.split("train"), dataset.split("validation")), replace(recipe, epochs=1)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        train(architecture, *splits, one, 0, Path(folder), progress=False)
        return recipe.epochs * (time.process_time() - started)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attention", default="iram")
    parser.add_argument("--batch", type=int, default=Recipe().batch_size)
    parser.add_argument("--steps", type=int, default=30, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", choices=DTYPES, default="auto")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    dtype = choose_dtype(args.dtype, args.device)
    bf16 = dtype == "bf16"
    dataset = toy_faces((args.steps * args.batch, args.batch, 2), size=48)
    architecture = plan(attention=args.attention, classes=dataset.classes)
    model = FERClassifier(architecture).train()
    model = model.to(args.device, memory_format=torch.channels_last)
    bare_speed(model, args.batch, 3, args.device, bf16)  # warm
    rounds = []
    for _ in range(args.rounds):
        bare = bare_speed(model, args.batch, args.steps, args.device, bf16)
        rounds.append((training_speed(architecture, dataset, args.batch, args.device, dtype), bare))
    trained, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratios = sorted(trained / bare for trained, bare in rounds)
    print(f"{args.attention}, batch {args.batch}, {dtype}, {args.device}, "
          f"{torch.get_num_threads()} threads: training {trained:.0f} images/s, "
          f"bare forward and backward {bare:.0f} images/s")
    print(f"ratio {statistics.median(ratios):.3f} (rounds {ratios[0]:.3f} to {ratios[-1]:.3f}); "
          f"goal at least {GOAL}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
