"""A model from outside, from its file to an `OutsideModel`, and the hash that it is known by."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock

import torch
from torch import nn

from analysis.engine.store import cell_key
from analysis.subjects import python_file
from analysis.subjects.description import Description, read_description
from analysis.subjects.exported import ExportedNet
from analysis.subjects.onnx_file import OnnxNet
from analysis.subjects.outside import OutsideModel
from iram.errors import InputError
from iram.files import sha256

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".pt.tar", ".tar", ".joblib", ".npy",
           ".pte", ".ptl")
LOCK = Lock()  # running a file changes where Python looks for modules


def is_outside(name: str) -> bool:
    """Whether a name of --models is a file that is none of ours.

    Raises:
        InputError: a kind of file that is not opened.
    """
    path = Path(name)
    if path.suffix.lower() in LOADERS or _with_factory(name):
        return True
    if name.lower().endswith(PICKLES):
        raise InputError(
            f"{name}: such a file is a pickle; opening one can run any code, so none is opened. "
            "Save its weights by safetensors.torch.save_file(net.state_dict(), 'net.safetensors') "
            "and name FILE.py:factory, with weights = 'net.safetensors' in FILE.toml; or export "
            "the net (torch.onnx.export, torch.export.save)"
        )
    return False


def load_outside(name: str, device: str = "cpu") -> tuple[OutsideModel, str]:
    """The model, in eval mode, and the SHA-256 of all that its answers depend on: its weights, its
    source or file, and its description.

    Raises:
        InputError: a mistake in the file, its description, or the user's code.
    """
    file, factory = _with_factory(name) or (name, None)
    path = Path(file).expanduser()
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with LOCK:
        net, description, content = LOADERS[path.suffix.lower()](path, factory)
    model = OutsideModel(net, description, str(path)).eval()
    return model.to(device), cell_key(content=content, description=description.to_dict())


def _python(path: Path, factory: str | None):
    if factory is None:
        raise python_file.which_factory(path)
    module = python_file.run_file(path)
    callables = [key for key, value in vars(module).items() if callable(value)]
    description = read_description(path, f"{path.stem}-{factory}", {}, factory, callables)
    net = python_file.make(path, module, factory, description.seed)
    if description.weights:
        python_file.put_weights(net, path.parent / description.weights)
    return net, description, {"sources": python_file.sources(path), "weights": weights_hash(net)}


def _onnx(path: Path, factory: str | None):
    net = OnnxNet(path)
    description = _of_file(path, net.told)
    net.choose_output(len(description.classes))
    return net, description, net.content


def _exported(path: Path, factory: str | None):
    net = ExportedNet(path)
    return net, _of_file(path, net.told), sha256(path)


def _of_file(path: Path, told: dict) -> Description:
    """The description may be that of a Python file too; such a file has its own weights, and its
    layers can't be read."""
    return replace(read_description(path, path.stem, told), weights=None, attention=None)


LOADERS: dict[str, Callable] = {".py": _python, ".onnx": _onnx, ".pt2": _exported}


def weights_hash(net: nn.Module) -> str:
    """SHA-256 of the names, types, shapes and bytes of all weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            flat = tensor.detach().cpu().contiguous().flatten()
            digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()


def _with_factory(name: str) -> tuple[str, str] | None:
    """(file, factory) of FILE.py:factory."""
    found = re.fullmatch(r"(.+\.py):(.*)", name)
    return (found[1], found[2].strip()) if found else None
