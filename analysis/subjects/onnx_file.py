"""An ONNX file, run by onnxruntime: nothing in it is code, and no gradient passes through it."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis.subjects.batches import in_batches
from analysis.subjects.file_net import FileNet
from analysis.subjects.outputs import chosen_of_file
from iram.errors import InputError, listing, one_line
from iram.extras import install_hint
from iram.files import sha256 as file_sha256
from iram.files import unfetched

NEEDS = f"ONNX files need the packages onnx and onnxruntime: {install_hint('onnx')}"
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
WHOLE = {"tensor(uint8)": np.uint8, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
"""Whole numbers that pictures may be given in: 0 to 255."""


class OnnxNet(FileNet):
    """Pictures (N, C, S, S) -> its logits, on the CPU, in the file's own types.

    Attributes:
        told: what the file says of its input: `input_size`, `colour`, where they are fixed, and
            `mean` and `std` of one that takes whole numbers.
        alone: why it has to be asked one picture at a time; "" where it needn't be.
        content: SHA-256 of the file and of the files that it takes weights from.

        lacks: see `OutsideModel`.

    A file that was exported for one batch size is asked in batches of that size, and one that is
    quantised as it runs, whose scales are those of its whole batch, is to be asked for one picture
    at a time. Sessions may be shared by threads.
    """

    lacks = {  # noqa: RUF012 (read only)
        "gradients": "onnxruntime gives no gradients",
        "layers": "onnxruntime runs it as a whole, and no layer can be read",
        "attention": "no layer of an ONNX file can be read",
        "weights": "the weights of an ONNX file can't be randomised",
    }

    def __init__(self, path: Path):
        self.path = path
        graph = read_graph(path)
        external = external_files(path, graph)
        self.content = _content([path, *external])
        freed = _freed(graph) and not external
        self.session = open_session(graph.SerializeToString() if freed else str(path), path)
        self.input = self._only_input()
        self.dtype = (TYPES | WHOLE)[self.input.type]
        self.last, self.batch, self.told = _layout(path, self.input.shape)
        if self.input.type in WHOLE:
            self.told |= {"mean": 0, "std": 1 / 255}
        self.alone = as_it_runs(graph)

    def choose_output(self, classes: int, kind: str) -> list[str]:
        """Takes an output of (N, classes), also with further axes of size 1; returns what is to be
        said of that. See `outputs.chosen_of_file`.

        Raises:
            InputError: there is none.
        """
        floats = [(o.name, _sizes(o.shape)) for o in self.session.get_outputs() if o.type in TYPES]
        fits = [name for name, sizes in floats if len(sizes) >= 2 and sizes[1] in (classes, None)
                and all(axis == 1 for axis in sizes[2:])]
        fits = fits or [name for name, sizes in floats if not sizes]  # of a rank that is not told
        if not fits:
            told = listing(f"{o.name} {o.shape} of {o.type}" for o in self.session.get_outputs())
            raise InputError(f"{self.path}: no output of (N, {classes}) for its {classes} classes; "
                             f"there is {told}")
        self.output, notes = chosen_of_file(fits, kind)
        self.instead = self.output if self.output != fits[0] else ""
        return notes

    def __deepcopy__(self, memo: dict) -> "OnnxNet":
        return self  # it keeps nothing between calls

    def __call__(self, pictures: Tensor) -> Tensor:
        with torch.no_grad():
            return in_batches(self._run, pictures, self.batch).to(pictures.device)

    def _run(self, pictures: Tensor) -> Tensor:
        if self.last:
            pictures = pictures.permute(0, 2, 3, 1)
        if self.input.type in WHOLE:
            pictures = pictures.round().clamp(0, 255)
        array = np.ascontiguousarray(pictures.detach().cpu().numpy(), self.dtype)
        [found] = self.session.run([self.output], {self.input.name: array})
        return torch.from_numpy(found).float()

    def _only_input(self):
        inputs = self.session.get_inputs()
        if len(inputs) != 1:
            told = listing(f"{i.name} {i.shape}" for i in inputs)
            raise InputError(f"{self.path} takes {len(inputs)} inputs ({told}); a classifier of "
                             "faces takes one, the pictures")
        if inputs[0].type not in TYPES | WHOLE:
            raise InputError(f"{self.path} takes {inputs[0].type}; it must take floats (N, C, H, W)"
                             ", or 0 to 255 as uint8, int32 or int64")
        return inputs[0]


def read_graph(path: Path):
    """What an ONNX file holds, without the weights that lie in other files.

    Raises:
        InputError: no ONNX file.
    """
    try:
        import onnx
    except ImportError:
        raise InputError(NEEDS) from None
    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # protobuf has a dozen kinds for damaged files
        raise InputError(f"{path} is no whole ONNX file: {one_line(error)}"
                         + unfetched(path)) from error
    if not model.graph.node:
        raise InputError(f"{path} is no whole ONNX file: there is no graph in it"
                         + unfetched(path))
    return model


def _freed(model) -> bool:
    """Names the axes of size 0 of what a file takes, which some exporters write for any size and
    onnxruntime takes at their word; whether there are such."""
    axes = [axis for taken in model.graph.input for axis in taken.type.tensor_type.shape.dim
            if axis.HasField("dim_value") and axis.dim_value == 0]
    for axis in axes:
        axis.dim_param = "any"
    return bool(axes)


def as_it_runs(model) -> str:
    """Why a file has to be asked one picture at a time: it computes scales from all that it is
    given; "" if it doesn't."""
    graphs = [model.graph, *model.functions]
    found = {node.op_type for graph in graphs for node in _nodes(graph)}
    dynamic = sorted(name for name in found if name.startswith("DynamicQuantize"))
    return f"quantised as it runs ({listing(dynamic)})" if dynamic else ""


def _nodes(graph) -> Iterator:
    """The nodes of a graph, and of those inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from _nodes(inner)


def external_files(path: Path, model=None) -> list[Path]:
    """The files that an ONNX file takes weights from, all of them in its folder or below.

    Raises:
        InputError: no ONNX file, or weights in a file outside its folder or one that is not there.
    """
    model = model or read_graph(path)
    folder, found = path.resolve().parent, []
    for location in _locations(model):
        file = (folder / location).resolve()
        if Path(location).is_absolute() or not file.is_relative_to(folder):
            raise InputError(f"{path} takes weights from {location}, outside its own folder; such "
                             "a file is not opened")
        if not file.is_file():
            raise InputError(f"{path} takes weights from {location}, which is not beside it")
        found.append(file)
    return sorted(set(found))


def _locations(message) -> set[str]:
    """Where the tensors in a protobuf message, at any depth, take their data from."""
    found: set[str] = set()
    if message.DESCRIPTOR.name == "TensorProto":
        return {entry.value for entry in message.external_data if entry.key == "location"}
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if hasattr(value, "__len__") else [value]:
                found |= _locations(one)
    return found


def open_session(model: str | bytes, called):
    """A session of an ONNX file, or of what one holds, with one thread.

    Raises:
        InputError: onnxruntime is not installed or can't run it.
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError(NEEDS) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised and told once
    # One thread, that of the worker which asks: sums depend on how many there are.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    except Exception as error:  # its own kinds, which have no common ancestor
        raise InputError(f"onnxruntime cannot run {called}: {one_line(error)}") from error


def _layout(path: Path, shape) -> tuple[bool, int | None, dict]:
    """Whether the channels are the last axis, the batch size if it is fixed, and what is told; of a
    file that does not tell even how many axes there are: (N, C, H, W), and nothing else."""
    if len(shape) not in (0, 4):
        raise InputError(f"{path} takes {shape}; a classifier of faces takes (N, C, H, W)")
    shape = _sizes(shape) or [None] * 4
    named = shape[3] is None and shape[1] is not None and shape[1] == shape[2]
    last = shape[1] not in (1, 3) and (shape[3] in (1, 3) or named)
    channels, height, width = (shape[3], *shape[1:3]) if last else shape[1:]
    told = {}
    if channels is not None:
        if channels not in (1, 3):
            raise InputError(f"{path} takes pictures of {channels} channels; 1 (gray) or 3 (RGB) "
                             "can be given")
        told["colour"] = "gray" if channels == 1 else "rgb"
    sides = {height, width} - {None}
    if len(sides) > 1:
        raise InputError(f"{path} takes pictures of {height} x {width}; squares can be given")
    if sides:
        told["input_size"] = sides.pop()
    return last, shape[0], told


def _sizes(shape) -> list[int | None]:
    """Of axes; None where any will do, which has a name, or a size below 1."""
    return [one if isinstance(one, int) and one > 0 else None for one in shape]


def _content(files: list[Path]) -> str:
    return sha256(" ".join(map(file_sha256, files)).encode()).hexdigest()
