"""A model from outside, from its file to an `OutsideModel`, and the hash that it is known by."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from analysis.engine.store import cell_key
from analysis.subjects import python_file
from analysis.subjects.answers import Known, known_by, pictures
from analysis.subjects.as_written import as_written
from analysis.subjects.description import Description, read_description, root_of
from analysis.subjects.exported import ExportedNet
from analysis.subjects.formats import told_of, told_of_another
from analysis.subjects.neighbours import Neighbours
from analysis.subjects.onnx_file import OnnxNet
from analysis.subjects.outside import OutsideModel
from analysis.subjects.tensors import bits, not_numbers
from analysis.subjects.weights_file import put_weights
from iram.errors import InputError
from iram.files import expanded, sha256
from iram.weights import PRETRAINED

LOCK = Lock()  # a file is loaded at a time


def is_outside(name: str) -> bool:
    """Whether a name of --models is a file that is none of ours.

    Raises:
        InputError: a kind of file, or of folder, that is not opened.
    """
    path = expanded(name)
    if path.suffix.lower() in LOADERS or _with_factory(name):
        return True
    if _is_shipped(name) or path.suffix.lower() == ".safetensors":
        return False
    told = told_of(path)
    if told and not path.exists():
        raise InputError(f"there is no file {path}")
    if told or path.is_file():
        raise InputError(told or told_of_another(path))
    return False


def load_outside(name: str, device: str = "cpu") -> tuple[OutsideModel, str]:
    """The model, in eval mode, and the SHA-256 of all that its answers depend on: its weights, its
    source or file, and its description; of a Python file, which may take numbers from anywhere,
    also its answers to fixed pictures.

    Raises:
        InputError: a mistake in the file, its description, or the user's code.
    """
    file, factory = _with_factory(name) or (name, None)
    path = expanded(file)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with LOCK:
        net, description, content, notes = LOADERS[path.suffix.lower()](path, factory)
    model = OutsideModel(net, description, str(path)).eval()
    model.notes += tuple(notes)
    content = cell_key(content=content, description=description.to_dict())
    whole = path.suffix.lower() in WHOLE
    model.known = Known(content, None) if whole else known_by(model, content, device)
    images = pictures().to(device)
    model.to(device).take_turns(images)
    model.tell_choice(images)
    return model, model.known.key


def _python(path: Path, factory: str | None):
    if factory is None:
        raise python_file.which_factory(path)
    roots = root_of(path, factory)
    neighbours = Neighbours(path, roots)
    module = python_file.run_file(path, neighbours)
    callables = [key for key, value in vars(module).items() if callable(value)]
    description = read_description(path, f"{path.stem}-{factory}", {}, factory, callables)
    net = python_file.make(path, module, factory, description.seed, neighbours)
    net, notes = as_written(net)
    _check_made(net, path, factory)
    _first_pass(net, description, path, neighbours)
    if description.weights:
        notes += put_weights(net, path.parent / expanded(description.weights))
    if wrong := not_numbers(net.state_dict()):
        notes += [f"its weights hold {wrong}"]
    read = python_file.sources(path, roots) | python_file.hashes(path, neighbours.files())
    return net, description, {"sources": read, "weights": weights_hash(net)}, notes


def _check_made(net: nn.Module, path: Path, factory: str) -> None:
    """Raises InputError if its weights have no numbers (torch's meta device)."""
    if any(one.is_meta for one in (*net.parameters(), *net.buffers())):
        raise InputError(f"{path}:{factory}: its weights are on the meta device, which holds no "
                         "numbers; make them on the CPU (module.to_empty makes room, not values)")


def _first_pass(net: nn.Module, description: Description, path: Path, neighbours: Neighbours):
    """What a net makes of itself when it first sees a picture is made now, by its seed.

    Raises:
        InputError: weights that are still not made (torch's lazy modules), with the reason.
    """
    try:
        with neighbours.running(description.seed), torch.no_grad():
            OutsideModel(net, description, str(path))(pictures(1))
    except InputError:
        if any(map(is_lazy, net.parameters())):
            raise


def _onnx(path: Path, factory: str | None):
    net = OnnxNet(path)
    return _whole(path, net, net.content)


def _exported(path: Path, factory: str | None):
    return _whole(path, ExportedNet(path), sha256(path))


def _whole(path: Path, net: OnnxNet | ExportedNet, content: str):
    description = _of_file(path, net.told)
    notes = net.choose_output(len(description.classes), description.output)
    return net, description, content + net.instead, notes


def _of_file(path: Path, told: dict) -> Description:
    """The description may be that of a Python file too; such a file has its own weights, and its
    layers can't be read."""
    described = read_description(path, path.stem, told)
    return replace(described, weights=None, attention=None, root=None)


LOADERS: dict[str, Callable] = {".py": _python, ".onnx": _onnx, ".pt2": _exported}
WHOLE = (".onnx", ".pt2")  # files that hold all that their answers depend on


def weights_hash(net: nn.Module) -> str:
    """SHA-256 of the names, types, shapes and bytes of all weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            digest.update(bits(tensor).cpu().numpy())
    return digest.hexdigest()


def _with_factory(name: str) -> tuple[str, str] | None:
    """(file, factory) of FILE.py:factory."""
    found = re.fullmatch(r"(.+\.py):(.*)", name)
    return (found[1], found[2].strip()) if found else None


def _is_shipped(name: str) -> bool:
    return Path(name).name == name and any(
        (PRETRAINED / f"{stem}.safetensors").is_file() for stem in (name, f"{name}-seed0"))
