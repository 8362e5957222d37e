"""An exported program (.pt2) as a torch module: an interpreter of its graph.

A node may call a function of ATen, torch's own library of tensor functions, or do arithmetic with
sizes. ATen functions that take a text other than a mode (such as a file's name) are refused, so
that a file can compute, and nothing else. Gradients pass through; layers can't be told apart.
"""

import json
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from analysis.subjects.archive import DTYPES, Archive, read_archive
from analysis.subjects.batches import in_batches
from analysis.subjects.file_net import FileNet
from analysis.subjects.outputs import chosen_of_file
from iram.errors import InputError

SIZES = ("add", "sub", "mul", "floordiv", "mod", "neg", "truediv", "eq", "ne", "lt", "le", "gt",
         "ge", "getitem", "and_", "or_", "not_")
MODES = {"approximate", "rounding_mode", "padding", "mode", "equation", "indexing",
         "interpolation", "reduce", "norm", "ord", "pad_mode", "side", "UPLO", "driver",
         "assert_msg"}
MEMORY = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d,
          4: torch.preserve_format}
WHOLE = {code: DTYPES[code] for code in (1, 4, 5)}  # that pictures may be given in: 0 to 255
KEYWORD = 2  # how an argument is given
DEVICE = "the device of the pictures"  # what a node names: it was that of the export
STORED = {"parameter": "parameter_name", "buffer": "buffer_name",
          "tensor_constant": "tensor_constant_name"}


class Value(NamedTuple):
    """What an earlier node put out, by its name."""

    name: str


class Step(NamedTuple):
    """One node: a function, its arguments, the names of what it puts out, and of what no later
    node needs."""

    function: Callable
    arguments: tuple
    options: dict[str, Any]
    outputs: tuple[str, ...]
    forgotten: tuple[str, ...]


class ExportedNet(FileNet, nn.Module):
    """Pictures (N, C, S, S) -> one output of the program, the first or that of `choose_output`.

    Attributes:
        told: what the program says of its input: `input_size`, `colour`, where they are fixed, and
            `mean` and `std` of one that takes whole numbers.
        lacks: see `OutsideModel`.
    """

    lacks = {  # noqa: RUF012 (read only)
        "layers": "an exported program is one graph, and no layer can be read",
        "attention": "no layer of an exported program can be read",
    }

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        archive = read_archive(path)
        try:
            self._build(archive)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} is an exported program of another form: "
                             f"{type(error).__name__}: {error}") from error

    def _build(self, archive: Archive) -> None:
        graph, signature = archive.graph_module["graph"], archive.graph_module["signature"]
        self.stored: dict[str, str] = {}  # a value's name -> its attribute here
        inputs = []
        for spec in signature["input_specs"]:
            [(kind, told)] = spec.items()
            if kind == "user_input":
                inputs.append(told["arg"]["as_tensor"]["name"])
            elif kind in STORED:
                self._keep(kind, told["arg"]["name"], told[STORED[kind]], archive)
            else:
                raise InputError(f"{self.path}: it takes a {kind.replace('_', ' ')}; only plain "
                                 "tensors are read")
        if len(inputs) != 1:
            raise InputError(f"{self.path} takes {len(inputs)} inputs; a classifier of faces takes "
                             "one, the pictures")
        self.input, values = inputs[0], graph["tensor_values"]
        names = self._put_out(signature["output_specs"])
        self.outputs = {name: values[name] for name in names if name}
        self.called = _called(names, archive.graph_module)
        self.output = next(iter(self.outputs))
        self.batch, self.told = self._layout(values[self.input]["sizes"])
        self.whole = WHOLE.get(values[self.input]["dtype"])
        if self.whole:
            self.told |= {"mean": 0, "std": 1 / 255}
            self.lacks = {"gradients": "it takes whole numbers, which have none", **self.lacks}
        self.steps = self._steps(graph["nodes"])

    def choose_output(self, classes: int, kind: str) -> list[str]:
        """Takes an output of (N, classes), also with further axes of size 1; returns what is to be
        said of that, see `outputs.chosen_of_file`. Where there is none it stays with the first of
        all, of which it is told what it is when it is asked."""
        fits = {}
        for called, name in self.called.items():
            sizes = [size.get("as_int") for size in self.outputs[name]["sizes"]][1:]
            real = DTYPES.get(self.outputs[name]["dtype"], torch.bool).is_floating_point
            if real and sizes[:1] in ([classes], [None]) and all(one == 1 for one in sizes[1:]):
                fits[called] = name
        if not fits:
            return []
        chosen, notes = chosen_of_file([*fits], kind)
        self.output = fits[chosen]
        self.instead = chosen if chosen != next(iter(fits)) else ""
        return notes

    def _keep(self, kind: str, value: str, name: str, archive: Archive) -> None:
        tensor = archive.weights.get(name, archive.constants.get(name))
        if tensor is None:
            raise InputError(f"{self.path} is damaged: it lacks the tensor '{name}'")
        attribute = f"{kind}_{len(self.stored)}"
        self.stored[value] = attribute
        if kind == "parameter" and tensor.is_floating_point():
            self.register_parameter(attribute, nn.Parameter(tensor))
        else:
            self.register_buffer(attribute, tensor)

    def _put_out(self, specs: list[dict]) -> list[str]:
        """Of what it puts out; "" of what is no tensor."""
        kinds = [kind for spec in specs for kind in spec]
        changed = sorted({kind for kind in kinds if "mutation" in kind})
        if changed:
            raise InputError(f"{self.path} changes its own state as it runs ({changed[0]}); export "
                             "it in eval mode")
        told = [spec["user_output"]["arg"] for spec in specs if "user_output" in spec]
        names = [one["as_tensor"]["name"] if "as_tensor" in one else "" for one in told]
        if not any(names):
            raise InputError(f"{self.path} puts no tensor out")
        return names

    def _layout(self, sizes: list[dict]) -> tuple[int | None, dict]:
        """The batch size, if it is fixed, and what is told of the input."""
        fixed = [size.get("as_int") for size in sizes]
        if len(fixed) != 4 or fixed[1] not in (1, 3, None) or fixed[2] != fixed[3]:
            shape = [one if one is not None else "any" for one in fixed]
            raise InputError(
                f"{self.path} takes {shape}; (N, 1, S, S) or (N, 3, S, S) can be given"
            )
        told = {"input_size": fixed[2], "colour": {1: "gray", 3: "rgb"}.get(fixed[1])}
        return fixed[0], {key: value for key, value in told.items() if value is not None}

    def _steps(self, nodes: list[dict]) -> list[Step]:
        last: dict[str, int] = {}
        made = []
        for place, node in enumerate(nodes):
            function, arguments, options = _function(self.path, node["target"]), [], {}
            for told in node["inputs"]:
                value = _argument(self.path, told["arg"])
                if told.get("kind") == KEYWORD:
                    options[told["name"]] = value
                else:
                    arguments.append(value)
                last |= dict.fromkeys(_names(value), place)
            outputs = tuple(name for out in node["outputs"] for name in _outputs(out))
            last |= dict.fromkeys(outputs, place)
            made.append((function, tuple(arguments), options, outputs))
        keep = {*self.outputs, *self.stored}
        forgotten: list[list[str]] = [[] for _ in nodes]
        for name, place in last.items():
            if name not in keep:
                forgotten[place].append(name)
        return [Step(*step, tuple(names)) for step, names in zip(made, forgotten, strict=True)]

    def forward(self, pictures: Tensor) -> Tensor:
        return in_batches(self._run, pictures, self.batch)

    def _run(self, pictures: Tensor) -> Tensor:
        values = {name: getattr(self, attribute) for name, attribute in self.stored.items()}
        if self.whole:
            pictures = pictures.round().clamp(0, 255).to(self.whole)
        values |= {self.input: pictures, DEVICE: pictures.device}
        for function, arguments, options, outputs, forgotten in self.steps:
            found = function(*(_filled(a, values) for a in arguments),
                             **{k: _filled(v, values) for k, v in options.items()})
            if len(outputs) == 1 and not isinstance(found, list | tuple):
                values[outputs[0]] = found
            else:
                values.update(zip(outputs, found if outputs else (), strict=True))
            for name in forgotten:
                values.pop(name, None)
        return values[self.output]


def _called(names: list[str], module: dict) -> dict[str, str]:
    """{what the net calls an output: its name in the graph}, of a net that returns a dict, or an
    object that torch takes for one; of others both are the same."""
    try:
        _, told = json.loads(module["module_call_graph"][0]["signature"]["out_spec"])
        keys = json.loads(told["context"])
        found = dict(zip(map(str, keys), names, strict=True))
    except (KeyError, TypeError, ValueError, IndexError, RecursionError):
        found = dict(zip(names, names, strict=True))
    return {called: name for called, name in found.items() if name}


def _function(path: Path, target: str) -> Callable:
    """What a node calls.

    Raises:
        InputError: anything but arithmetic and ATen functions of numbers, tensors and modes.
    """
    module, _, name = target.rpartition(".")
    if module == "_operator" and name in SIZES:
        return getattr(operator, name)
    found = re.fullmatch(r"torch\.ops\.aten\.(\w+)\.(\w+)", target)
    if found and not found[1].startswith("__"):
        function = getattr(getattr(torch.ops.aten, found[1], None), found[2], None)
        plain = isinstance(function, torch._ops.OpOverload) and all(
            map(_is_plain, function._schema.arguments)
        )
        if plain:
            return function
    raise InputError(f"{path} calls {target}, which is not run here: only ATen functions of "
                     "numbers and tensors are; another export (run_decompositions) may avoid it"
                     )


def _is_plain(argument) -> bool:
    return "str" not in str(argument.type) or argument.name in MODES


def _argument(path: Path, told: dict):
    """A node's argument: a constant, or a Value (or a list with Values) to be filled in."""
    [(kind, value)] = told.items()
    if kind in ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string"):
        return value
    if kind == "as_none":
        return None
    if kind in ("as_tensor", "as_sym_int", "as_sym_float", "as_sym_bool", "as_optional_tensor"):
        return _value(value)
    if kind in ("as_tensors", "as_optional_tensors", "as_sym_ints", "as_sym_bools"):
        return [_value(one) for one in value]
    tables = {"as_scalar_type": DTYPES, "as_memory_format": MEMORY, "as_layout": {7: torch.strided}}
    if kind in tables:
        return tables[kind][value]
    if kind == "as_device":
        return Value(DEVICE)
    raise InputError(f"{path}: an argument of the kind {kind[3:]} is not read here")


def _value(told: dict):
    """{"name": ...}, or {"as_name": ...}, {"as_tensor": {"name": ...}}, {"as_int": 3}, ..."""
    for key, value in told.items():
        if key in ("name", "as_name"):
            return Value(str(value))
        if key == "as_tensor":
            return Value(str(value["name"]))
        if key == "as_none":
            return None
        if key in ("as_int", "as_float", "as_bool"):
            return value
    raise ValueError(f"{told} is no value")


def _outputs(told: dict) -> list[str]:
    [(kind, value)] = told.items()
    if kind == "as_tensors":
        return [one["name"] for one in value]
    if kind in ("as_tensor", "as_sym_int", "as_sym_bool", "as_sym_float"):
        return [value.get("name") or value["as_name"]]
    if kind == "as_none":
        return [""]  # a result that nothing uses
    raise ValueError(f"an output of the kind {kind[3:]}")


def _names(value) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [one.name for one in found if isinstance(one, Value)]


def _filled(argument, values: dict):
    if isinstance(argument, Value):
        return values[argument.name]
    if isinstance(argument, list):
        return [values[a.name] if isinstance(a, Value) else a for a in argument]
    return argument
