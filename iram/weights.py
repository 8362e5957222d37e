"""Trained weights: half-precision safetensors with a JSON card beside them; never a pickle."""

import copy
import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from iram.architecture import Architecture
from iram.errors import InputError
from iram.files import atomic_path, expanded, unfetched, write_text
from iram.model import FERClassifier
from iram.registry import unknown

PRETRAINED = Path(__file__).parent / "pretrained"


def load_model(name_or_path: str | Path, device: str = "cpu") -> FERClassifier:
    """A trained classifier in eval mode, float32.

    Args:
        name_or_path: a shipped name (`iram`, `cbam-seed5`; `pretrained()` lists them; without
            a seed it means seed 0), or the path of a .safetensors file with its card beside it.

    Raises:
        InputError: no such name or file, no card, a damaged file (its SHA-256 is not the
            card's), or weights of another architecture than the card says.

    Examples:
        >>> from iram import load_model
        >>> load_model("iram").name
        'iram-seed0'
    """
    path = find_weights(name_or_path)
    card = read_card(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    _verify(path, data, card)
    try:
        tensors = load(data)
        model = FERClassifier(Architecture.from_dict(card["architecture"]))
        model.load_state_dict({k: _single(v) for k, v in tensors.items()})
    except SafetensorError as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}") from error
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not fit the architecture in its card: {_first_lines(error)}"
        ) from error
    model.name, model.seed, model.weights_sha256 = path.stem, card["seed"], card["weights_sha256"]
    return model.eval().to(device)


def save_model(model: FERClassifier, path: str | Path, card: dict) -> dict:
    """Writes the weights in half precision, then their card; returns the card.

    The card gets the architecture, the number of parameters and the file's SHA-256. It is
    written last, so that a card always has its whole weights beside it.

    Raises:
        InputError: the file cannot be written, or the disk is full; what stood there is untouched.
        OverflowError: a weight is too large for half precision.
    """
    path = Path(path)
    data = save(_halves(model))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    card = {
        "name": path.stem,
        "architecture": model.architecture.to_dict(),
        "parameters": sum(p.numel() for p in model.parameters()),
        **card,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
    write_card(path, card)
    return card


def as_shipped(model: FERClassifier) -> FERClassifier:
    """A copy on the CPU, in eval mode, with the weights that `load_model` will give once saved.

    So that a card can be measured before it is written.
    """
    shipped = copy.deepcopy(model).cpu().to(memory_format=torch.contiguous_format).eval()
    shipped.load_state_dict({k: _single(v) for k, v in _halves(model).items()})
    return shipped


def pretrained() -> dict[str, dict]:
    """The cards of the shipped weights, by name."""
    return {path.stem: read_card(path) for path in sorted(PRETRAINED.glob("*.safetensors"))}


def find_weights(name_or_path: str | Path) -> Path:
    """The file of a shipped name or of a path.

    The name comes first: a checkout of this code has a folder `iram` in it.
    """
    for stem in (str(name_or_path), f"{name_or_path}-seed0"):
        if Path(stem).name == stem and (PRETRAINED / f"{stem}.safetensors").is_file():
            return PRETRAINED / f"{stem}.safetensors"
    path = expanded(name_or_path)
    if path.is_file():
        return path
    if path.suffix == ".safetensors":
        raise InputError(f"{path}: no such weights file")
    known = [p.stem.removesuffix("-seed0") for p in sorted(PRETRAINED.glob("*.safetensors"))]
    known.append("or a file: .safetensors, FILE.py:factory, .onnx, .pt2")
    raise InputError(unknown("model", str(name_or_path), known))


def read_card(weights: Path) -> dict:
    """The card beside a weights file."""
    path = weights.with_suffix(".json")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{weights} has no card {path.name} beside it; weights of a net that is not ours go "
            "into FILE.py:factory, by `weights` in its description"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a model card in JSON: {error}") from error
    if not isinstance(card, dict):
        raise InputError(f"{path} is not a model card: it holds no object but {card!r:.40}")
    if missing := {"architecture", "seed", "weights_sha256"} - set(card):
        raise InputError(f"{path} is not a model card: it lacks {', '.join(sorted(missing))}")
    return card


def write_card(weights: Path, card: dict) -> None:
    """Writes the card beside a weights file; never half of it."""
    write_text(weights.with_suffix(".json"), json.dumps(card, indent=1) + "\n")


def _verify(path: Path, data: bytes, card: dict) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != card["weights_sha256"]:
        raise InputError(
            f"{path} is damaged or not the file its card describes: its SHA-256 is {found}, "
            f"the card says {card['weights_sha256']}{unfetched(data)}"
        )


def _halves(model: FERClassifier) -> dict[str, torch.Tensor]:
    return {k: _half(k, v.detach().cpu()).contiguous() for k, v in model.state_dict().items()}


def _single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _half(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        raise OverflowError(f"{name} reaches {tensor.abs().max():.3g}, above half precision")
    return half


def _first_lines(error: Exception) -> str:
    return "; ".join(f"{line.strip():.160}" for line in str(error).splitlines()[:3])
