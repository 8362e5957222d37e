"""Models from outside, written to files as a user would have them."""

from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper, save_model
from onnx.external_data_helper import convert_model_to_external_data
from torch import nn
from torch.nn import functional as F

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

NET = '''
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, channels={channels}, classes={classes}):
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3, 2, 1)
        self.bn = nn.BatchNorm2d(8)
        self.gate = nn.Sequential(nn.Conv2d(8, 1, 3, padding=1), nn.Sigmoid())
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(8, classes)
        self.bn.running_mean.uniform_(-0.1, 0.1)

    def features(self, x):
        return torch.relu(self.bn(self.conv(x)))

    def forward(self, x):
        x = self.features(x)
        x = x * self.gate(x)
        return {result}


def build():
    return Net()
'''
SHY = '''

class Shy(Net):
    """Without an answer to pictures that are almost white."""

    def forward(self, x):
        return super().forward(x) / (x.mean((1, 2, 3)) < 0.9)[:, None]


def shy():
    return Shy()
'''
RESULT = "self.fc(self.drop(x.mean((2, 3))))"


def write_net(
    folder: Path, size: int = 64, colour: str = "rgb", classes=CLASSES, result: str = RESULT,
    name: str = "net", extra: str = "", more: str = "",
) -> str:
    """FILE.py:build with its description; `extra`: more of the description, `more` of the
    code."""
    path = folder / f"{name}.py"
    channels = 3 if colour == "rgb" else 1
    path.write_text(NET.format(channels=channels, classes=len(classes), result=result) + more)
    describe(path, size, colour, classes, extra)
    return f"{path}:build"


def describe(path: Path, size: int | None = 64, colour: str | None = "rgb", classes=CLASSES,
             extra: str = "") -> Path:
    """The description beside a model's file; None leaves a field out."""
    fields = {"input_size": size, "colour": colour and f'"{colour}"',
              "classes": classes and [*classes]}
    lines = [f"{key} = {value}" for key, value in fields.items() if value is not None]
    described = path.with_suffix(".toml")
    described.write_text("\n".join([*lines, extra]))
    return described


def write_onnx(
    path: Path, size=48, channels: int = 1, classes: int = 7, batch="N", last: bool = False,
    external: str = "", seed: int = 0, kind: int = TensorProto.FLOAT,
) -> dict:
    """A net of one convolution and one linear layer; returns its weights.

    Args:
        batch: a name for any batch size, or the only one.
        last: whether channels are the last axis of its input.
        external: a file beside it that holds its weights.
        kind: of the numbers that it takes.
    """
    draws = np.random.default_rng(seed)
    weights = {"kernel": draws.normal(size=(8, channels, 3, 3)),
               "matrix": draws.normal(size=(8, classes)),
               "bias": draws.normal(size=classes)}
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "kernel"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["f"], axis=1),
        node("Gemm", ["f", "matrix", "bias"], ["y"]),
    ]
    shape = [batch, channels, size, size]
    if last:
        shape = [batch, size, size, channels]
        nodes.insert(0, node("Transpose", ["pictures"], ["x"], perm=[0, 3, 1, 2]))
    taken = "pictures" if last else "x"
    if kind != TensorProto.FLOAT:
        nodes.insert(0, node("Cast", ["whole"], [taken], to=TensorProto.FLOAT))
        taken = "whole"
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info(taken, kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if external:
        convert_model_to_external_data(model, True, external, size_threshold=0)
    save_model(model, str(path))
    return {name: torch.from_numpy(value) for name, value in weights.items()}


def write_exported(path: Path, size: int = 48) -> None:
    """A small net of one channel as an exported program, for any number of faces."""
    net = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                        nn.Flatten(), nn.Linear(4, len(CLASSES)))
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(net.eval(), (torch.rand(2, 1, size, size),),
                                  dynamic_shapes=shapes)
    torch.export.save(program, path)


def onnx_oracle(weights: dict, x: torch.Tensor) -> torch.Tensor:
    """The logits of `write_onnx`'s net, by torch."""
    features = F.conv2d(x, weights["kernel"], stride=2, padding=1).relu().mean((2, 3))
    return features @ weights["matrix"] + weights["bias"]
