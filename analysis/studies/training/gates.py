"""What keeps IRAM's share `a` and its weight of reuse `l` where they start: gradients in training.

With y = x ((1 - a) + a A) and a = sigmoid(t), the gradient of t falls into two parts,

    dL/dt = a (1 - a) sum x dL/dy [(mean A - 1) + (A - mean A)]

the *level*, which only scales the channel, as the gain of the batch norm before it does, and the
*shape*, what the map tells of places. `python -m analysis.studies.training.gates --data SPEC
--out DIR` writes one line per layer after some hundred steps of the study's training, its schedule
of the learning rate (up, then down to 0) in so many steps, and of two trainings that differ in what
could hold the gate.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from analysis.engine.store import write_table
from iram.data import open_dataset
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.model import plan
from iram.training.grids import STUDY
from iram.training.recipe import Recipe
from iram.training.train import _Run

ASKED = ((1.0, "even"), (100.0, "even"), (1.0, "random"))  # factor and start of `measured`
COLUMNS = ("a", "a_moved", "l", "l_moved", "gain_moved", "grad_gain", "grad_t", "level", "shape",
           "grad_l", "varies")


def measured(
    dataset: FaceDataset, steps: int, *, factor: float = 1.0, seed: int = 0, **switches
) -> pd.DataFrame:
    """A row per layer after this many steps from fresh weights, in fp32.

    Args:
        factor: of the learning rate of t and l alone.
        switches: of IRAM; its fusion is "adaptive".

    Returns:
        a, l: means over channels; a_moved, l_moved, gain_moved: root mean squares over channels of
        how far a, l and the gain of the batch norm before the gate are from their start; grad_gain,
        grad_t, level, shape, grad_l: root mean squares of gradients over channels and steps (see
        above); varies: SD over places of the multiplier (1 - a) + a A, over its mean.

    Raises:
        InputError: fewer training faces than one batch, or IRAM with another fusion.
    """
    if switches.get("fusion", "adaptive") != "adaptive":
        raise InputError(f"fusion is {switches['fusion']!r}: only adaptive fusion has a share a")
    training = dataset.split("train")
    recipe = Recipe(**STUDY | {"epochs": 1})
    with tempfile.TemporaryDirectory() as folder:
        architecture = plan(classes=dataset.classes, input_size=dataset.size, **switches)
        run = _Run(architecture, training, dataset.split("validation"), recipe, seed, Path(folder),
                   "cpu", "fp32")
    run.steps = steps  # the schedule's length
    layers = [_Layer(block, factor) for block in run.model.backbone.blocks]
    generator = torch.Generator().manual_seed(seed)
    run.model.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # of dropout
        for step in range(steps):
            rows = torch.randint(len(training), (recipe.batch_size,), generator=generator)
            run.step(rows, step, generator)
            for layer in layers:
                layer.read()
    return pd.DataFrame([layer.row(steps) for layer in layers], columns=COLUMNS)


class _Layer:
    """One block's gate, watched while the net is trained."""

    def __init__(self, block: nn.Module, factor: float):
        self.gate, self.factor = block.attention, factor
        self.gain = [m for m in block.branch.modules() if isinstance(m, nn.BatchNorm2d)][-1].weight
        self.l = getattr(self.gate, "memory_weight", None)
        self.sums = dict.fromkeys(("grad_gain", "grad_t", "level", "shape", "grad_l"), 0.0)
        self.varies = 0.0
        for slow in [self.gate.refinement, *([] if self.l is None else [self.l])]:
            slow.register_hook(lambda gradient: factor * gradient)
        self.gate.register_forward_hook(self._forward)

    def _forward(self, gate, given, out) -> None:
        x, attention, share = given[0].detach(), out.attention.detach(), self._share()
        multiplier = 1 - share + share * attention
        self.varies = (multiplier.std((2, 3)) / multiplier.mean((2, 3))).mean().item()
        mean = attention.mean((2, 3), keepdim=True)
        parts = {"level": mean - 1, "shape": attention - mean}

        def backward(gradient: Tensor) -> None:
            for name, part in parts.items():
                summed = (part * x * gradient).sum((0, 2, 3), keepdim=True)[0]
                self._add(name, share * (1 - share) * summed)

        out.features.register_hook(backward)

    def read(self) -> None:
        """Adds the step's gradients."""
        self._add("grad_gain", self.gain.grad)
        self._add("grad_t", self.gate.refinement.grad / self.factor)
        if self.l is not None:
            self._add("grad_l", self.l.grad / self.factor)

    def row(self, steps: int) -> dict:
        share = self.gate.refinement.detach().double().sigmoid()  # it moves by millionths at first
        row = {"a": share.mean().item(), "a_moved": _rms(share - 0.5),
               "gain_moved": _rms(self.gain - 1), "varies": self.varies}
        if self.l is not None:
            row |= {"l": self.l.mean().item(), "l_moved": _rms(self.l - 1)}
        return row | {name: (total / steps) ** 0.5 for name, total in self.sums.items()}

    def _share(self) -> Tensor:
        return self.gate.refinement.detach().sigmoid()

    def _add(self, name: str, gradient: Tensor) -> None:
        self.sums[name] += gradient.square().mean().item()


def _rms(values: Tensor) -> float:
    return values.detach().square().mean().sqrt().item()


def main(arguments: list[str] | None = None) -> None:
    """Prints a line per layer of each of `ASKED`, and writes them to gates.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="SPEC")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(arguments)
    dataset, found = open_dataset(args.data), []
    for factor, start in ASKED:
        table = measured(dataset, args.steps, factor=factor, start=start)
        told = {"steps": args.steps, "factor": factor, "start": start, "layer": table.index}
        found.append(table.assign(**told)[[*told, *table.columns]])
        print(found[-1].to_string(index=False, float_format=lambda value: f"{value:.2g}"))
        write_table(args.out / "gates.csv", pd.concat(found), decimals=8)  # gradients


if __name__ == "__main__":
    main()
