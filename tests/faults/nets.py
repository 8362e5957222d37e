"""Nets of which a file is damaged: ours, their cards and checkpoints, and nets from outside."""

from pathlib import Path

import numpy as np
import outside
import tiny
import torch
from safetensors.torch import load_file, save_file

from analysis.subjects import open_subjects
from analysis.subjects.convert import convert
from analysis.subjects.description import read_description
from analysis.subjects.weights_file import put_weights
from faults.mutations import Target
from iram import load_model
from iram.training.checkpoint import load_checkpoint, save_checkpoint
from iram.training.ledger import read_log


def _weights(folder: Path) -> Path:
    path = tiny.weights(folder, "iram")
    np.save(folder / "whole.npy", _state(path))
    return path


def _state(path: Path) -> np.ndarray:
    return np.concatenate([v.numpy().ravel() for v in load_model(path).state_dict().values()])


def _same_weights(folder: Path, path: Path) -> None:
    assert np.array_equal(_state(folder / "iram-seed0.safetensors"), np.load(folder / "whole.npy"))


def _card(folder: Path) -> Path:
    return _weights(folder).with_suffix(".json")


def _pth(folder: Path) -> Path:
    path = folder / "net.pth"
    torch.save(torch.nn.Linear(3, 2).state_dict(), path)
    convert(path, folder / "whole.safetensors")
    return path


def _converted(folder: Path, path: Path) -> None:
    """The same tensors: each part of the archive has a checksum."""
    convert(path, folder / "again.safetensors")
    found, whole = (load_file(folder / f"{name}.safetensors") for name in ("again", "whole"))
    assert found.keys() == whole.keys()
    assert all(torch.equal(one, whole[name]) for name, one in found.items())


def _onnx(folder: Path) -> Path:
    path = folder / "net.onnx"
    outside.write_onnx(path)
    outside.describe(path, 48, "gray")
    return path


def _answering(folder: Path, path: Path) -> None:
    """What opens also answers, a number a class."""
    (subject,) = open_subjects(str(path), outside.CLASSES)
    assert subject.logits(torch.rand(2, 1, 48, 48)).shape == (2, len(subject.classes))


def _described(folder: Path) -> Path:
    (folder / "net.py").write_text("")
    return outside.describe(folder / "net.py", extra="mean = [0.5]\nstd = [0.25]")


def _pt2(folder: Path) -> Path:
    path = folder / "net.pt2"
    outside.write_exported(path)
    outside.describe(path, 48, "gray", extra="mean = [0.5]\nstd = [0.25]")
    return path


def _toml(folder: Path) -> Path:
    return _pt2(folder).with_suffix(".toml")


def _by_its_toml(folder: Path, path: Path) -> None:
    _answering(folder, folder / "net.pt2")


def _named_weights(folder: Path) -> Path:
    """Weights that the description of a net from outside names."""
    save_file(torch.nn.Linear(3, 2).state_dict(), folder / "named.safetensors")
    return folder / "named.safetensors"


def _checkpoint(folder: Path) -> Path:
    path = folder / "checkpoint.safetensors"
    groups = {"model": {"weight": torch.ones(3, 2)}, "momentum": {"weight": torch.zeros(3, 2)}}
    save_checkpoint(path, groups, {"epoch": 3, "best": 0.5})
    return path


def _resumed(folder: Path, path: Path) -> None:
    groups, state = load_checkpoint(path, ("epoch",))
    assert "epoch" in state
    assert all(isinstance(one, torch.Tensor) for group in groups.values() for one in group.values())


def _log(folder: Path) -> Path:
    (folder / "log.csv").write_text("epoch,loss,accuracy\n1,1.5,0.25\n2,1.25,0.5\n")
    return folder / "log.csv"


def _logged(folder: Path, path: Path) -> None:
    assert all(isinstance(row["epoch"], int) for row in read_log(path))


NETS = {
    "weights": Target(_weights, _same_weights),
    "card": Target(_card, _same_weights),
    "checkpoint": Target(_checkpoint, _resumed),
    "log": Target(_log, _logged),
    "description": Target(
        _described, lambda folder, path: read_description(folder / "net.py", "net")
    ),
    "named-weights": Target(
        _named_weights, lambda folder, path: put_weights(torch.nn.Linear(3, 2), path)
    ),
    "pth": Target(_pth, _converted),
    "onnx": Target(_onnx, _answering),
    "pt2": Target(_pt2, _answering),
    "pt2-toml": Target(_toml, _by_its_toml),
}
