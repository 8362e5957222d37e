"""A net of TensorFlow.js, rebuilt in torch by hand.

    python examples/rebuilt.py examples/tfjs runs/rebuilt     # from model.json and its weights
    iram models --check runs/rebuilt/rebuilt.py:build

What differs between the two: kernels lie (height, width, in, out) there and (out, in, height,
width) here; "same" padding of a step of 2 is below and at the right alone; batch norm adds 0.001 to
the variance; and what is flattened is row by row with the channels last.
"""

import json
import shutil
import sys
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent


class Net(nn.Module):
    """Pictures (N, 1, 48, 48) -> logits (N, 7): the softmax at its end is left out."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, 2, bias=False)
        self.norm = nn.BatchNorm2d(8, eps=1e-3)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.answer = nn.Linear(6 * 6 * 8, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.first(F.pad(x, (0, 1, 0, 1)))).relu()
        x = F.max_pool2d(self.depthwise(x).relu(), 4)
        return self.answer(x.permute(0, 2, 3, 1).flatten(1))


def build() -> nn.Module:
    return Net()


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a model.json by their names there; such a file holds no code."""
    arrays = {}
    for group in json.loads((folder / "model.json").read_text("utf-8"))["weightsManifest"]:
        data, place = b"".join((folder / path).read_bytes() for path in group["paths"]), 0
        for told in group["weights"]:
            if "quantization" in told or told["dtype"] != "float32":
                sys.exit(f"{told['name']}: only float32 is read here")
            count = prod(told["shape"])
            array = np.frombuffer(data, "<f4", count, place)
            arrays[told["name"]], place = array.reshape(told["shape"]), place + 4 * count
    return arrays


def converted(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The same as the state of `Net`."""
    axes = {"kernel": (3, 2, 0, 1), "depthwise_kernel": (2, 3, 0, 1)}
    names = {"kernel": "weight", "depthwise_kernel": "weight", "gamma": "weight", "beta": "bias",
             "moving_mean": "running_mean", "moving_variance": "running_var"}
    state = {}
    for name, array in arrays.items():
        layer, _, own = name.partition("/")
        array = array.transpose(axes[own]) if array.ndim == 4 else array.T
        state[f"{layer}.{names.get(own, own)}"] = torch.from_numpy(array.copy())
    return state


def main(folder: str, out: str) -> None:
    from safetensors.torch import save_file

    Path(out).mkdir(parents=True, exist_ok=True)
    state = converted(read_weights(Path(folder)))
    build().load_state_dict(state, strict=False)  # a wrong shape would be told here
    save_file(state, Path(out) / "rebuilt.safetensors")
    for name in ("rebuilt.py", "rebuilt.toml"):
        shutil.copy(HERE / name, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
