"""Faster passes of a model whose logits alone are asked for: no gradients, no attention.

    eager        the net as it is written
    folded       its batch norms taken into the convolutions before them
    compile      folded, compiled by torch's own compiler with the weights frozen
    onnxruntime  folded, exported and run by onnxruntime, in fp32

The last two are made for passes of SIZE pictures of one shape, so that logits don't depend on how
many were asked for. They live in the memory of this process: nothing that was made for one
processor lies where another would load it.
"""

import logging
import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from threading import RLock
from unittest import mock

import torch
from torch import Tensor, fx, nn

from analysis.subjects.answers import pictures, spread
from analysis.subjects.batches import in_batches
from analysis.subjects.folding import folded
from analysis.subjects.onnx_file import open_session
from analysis.subjects.outside import OutsideModel
from iram import contract
from iram.errors import InputError, one_line
from iram.extras import install_hint
from iram.threads import one_thread

aten = torch.ops.aten
BACKENDS = ("eager", "folded", "compile", "onnxruntime")
SIZE = 32  # pictures a pass
ALIKE = {False: 1e-4, True: 0.2}  # of the logits' spread: what rounding may change, if in bf16
Passes = Callable[[Tensor], Tensor]
_MAKING = RLock()  # compiler and exporter change settings of the whole process
_MADE: dict[tuple, Passes] = {}


class Core(nn.Module):
    """What of a model is compiled or exported: pictures as its net sees them -> logits."""

    def __init__(self, model: nn.Module, bf16: bool):
        super().__init__()
        self.model, self.bf16 = model, bf16

    def forward(self, seen: Tensor) -> Tensor:
        outside = isinstance(self.model, OutsideModel)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return (self.model.logits_of(seen) if outside else self.model(seen)).float()


def passes_of(model: nn.Module, backend: str, known: str, device: str, bf16: bool) -> Passes:
    """Faces as the model takes them, (N, 1, S, S) -> its logits (N, K) by this backend; the same
    to rounding as its own.

    Args:
        known: what the model's results are known by: its passes are made once a process.

    Raises:
        InputError: the backend is not installed, or not for such a model; why is told.
    """
    if backend == "eager":
        return model
    with _MAKING:
        key = known, backend, device, bf16
        if key not in _MADE:
            _check(model, backend, device, bf16)
            _MADE[key] = _made(model, backend, bf16)
        return _MADE[key]


@cache
def lacking(backend: str) -> str:
    """Why this machine lacks a backend; "" where it has it."""
    if backend == "onnxruntime":
        missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if not find_spec(name)]
        return f"it needs {', '.join(missing)}: {install_hint('onnx')}" if missing else ""
    if backend == "compile":
        from torch._inductor.cpp_builder import get_cpp_compiler

        try:
            get_cpp_compiler()
        except Exception as error:  # none of its kinds is public
            return f"there is no C++ compiler (such as g++) here: {one_line(error)}"
    return ""


def _check(model: nn.Module, backend: str, device: str, bf16: bool) -> None:
    """Raises InputError where it is known beforehand that the backend is not for the model."""
    if why := lacking(backend):
        raise InputError(why)
    if "copies" in contract.lacks(model):
        raise InputError(f"the model can't be copied: {contract.lacks(model)['copies']}")
    if isinstance(model, OutsideModel):
        if model.alone:
            raise InputError(f"the net is {model.alone}, and asked one picture at a time")
        if not isinstance(model.net, nn.Module):
            raise InputError("the net is no torch module")
    if any(p.dtype != torch.float32 for p in model.parameters() if p.is_floating_point()):
        raise InputError("the net's weights are not in single precision")
    if backend == "folded":
        return
    if device != "cpu":
        raise InputError("it computes on the CPU alone")
    if backend == "onnxruntime" and bf16:
        raise InputError("onnxruntime computes in fp32: write --dtype fp32")


def _made(model: nn.Module, backend: str, bf16: bool) -> Passes:
    trial, plain = _trial(model), Core(model, bf16).eval()
    with one_thread(), torch.no_grad():
        wanted = plain(trial)
        if not torch.equal(plain(trial), wanted):
            raise InputError("the net answers the same pictures differently each time")
        try:
            apart = Core(folded(model).to(memory_format=torch.channels_last), bf16).eval()
            run = MAKERS[backend](apart, trial)
            found = run(trial)
        except Exception as error:  # of a compiler and an exporter, in a hundred ways
            raise InputError(f"the net can't be {DONE[backend]}: {one_line(error, 200)}") from error
    away = float((found - wanted).abs().max())
    if not away <= ALIKE[bf16] * spread(wanted):
        raise InputError(f"{DONE[backend]}, its logits are {away:.1g} away from its own, more than "
                         "rounding")
    if backend == "folded":
        return apart.model

    def passes(faces: Tensor) -> Tensor:
        seen = model.prepared(faces) if isinstance(model, OutsideModel) else faces
        return in_batches(run, seen, SIZE)

    return passes


def _trial(model: nn.Module) -> Tensor:
    """(SIZE, C, S, S): pictures as the net sees them."""
    if isinstance(model, OutsideModel):
        return model.prepared(pictures(SIZE)).contiguous()
    return pictures(SIZE, model.input_size)


def _compiled(core: nn.Module, trial: Tensor) -> Passes:
    from torch._inductor import compile, config

    def made(freezing: bool) -> Passes:
        own = mock.patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=_folder().name)
        with own, config.patch(freezing=freezing):
            net = torch.export.export(core, (trial,)).module()
            run = compile(_fusible(net) if core.bf16 else net, [trial])
            run(trial)  # compiles at the latest now
        return run

    try:
        run = made(freezing=True)
    except RuntimeError:  # in bf16 torch 2.13 has no kernel for what it makes of some frozen nets
        run = made(freezing=False)
    plain = torch.contiguous_format
    return lambda seen: run(seen.clone(memory_format=plain))  # strides are compiled in


def _fusible(net: fx.GraphModule) -> fx.GraphModule:
    """The net, a grouped convolution, a sum and a ReLU kept apart: frozen, torch 2.13 makes one
    function of them, which it lacks in bf16 and so fails when all is compiled."""
    relu, added = (aten.relu.default, aten.relu_.default), (aten.add.Tensor, aten.add_.Tensor)
    for part in (one for one in net.modules() if isinstance(one, fx.GraphModule)):
        for node in part.graph.nodes:
            if node.target in relu and node.args[0].target in added and any(
                    one.target is aten.conv2d.default and one.args[6:] and one.args[6] > 1
                    for one in node.args[0].all_input_nodes):
                node.target, node.args = aten.clamp_min.default, (node.args[0], 0)
        part.recompile()
    return net


@cache
def _folder() -> TemporaryDirectory:
    """What this process compiles lies there, and goes with it."""
    return TemporaryDirectory(prefix="iram-compiled-")


def _exported(core: nn.Module, trial: Tensor) -> Passes:
    quiet = logging.getLogger("torch.onnx")
    before = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):  # of what torch calls in itself
            program = torch.onnx.export(core, (trial,), dynamo=True, verbose=False)
    finally:
        quiet.setLevel(before)
    session = open_session(program.model_proto.SerializeToString(), "the exported net")
    name = session.get_inputs()[0].name
    return lambda seen: torch.from_numpy(
        session.run(None, {name: seen.contiguous().numpy()})[0])


MAKERS = {"folded": lambda core, trial: core, "compile": _compiled, "onnxruntime": _exported}
DONE = {"folded": "folded", "compile": "compiled", "onnxruntime": "exported"}
