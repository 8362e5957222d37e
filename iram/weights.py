"""Trained weights: half-precision safetensors with a JSON card beside them; never a pickle."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from iram.errors import InputError
from iram.files import atomic_path, sha256, write_text
from iram.model import Architecture, FERClassifier
from iram.registry import unknown

PRETRAINED = Path(__file__).parent / "pretrained"


def load_model(name_or_path: str | Path, device: str = "cpu") -> FERClassifier:
    """A trained classifier in eval mode, float32.

    Args:
        name_or_path: a shipped name (`iram`, `cbam-seed1`; `pretrained()` lists them; without
            a seed it means seed 0), or the path of a .safetensors file with its card beside it.

    Raises:
        InputError: no such name or file, no card, a damaged file (its SHA-256 is not the
            card's), or weights of another architecture than the card says.
    """
    path = find_weights(name_or_path)
    card = read_card(path)
    data = path.read_bytes()
    _verify(path, data, card)
    try:
        tensors = load(data)
        model = FERClassifier(Architecture.from_dict(card["architecture"]))
        model.load_state_dict({k: v.float() if v.is_floating_point() else v
                               for k, v in tensors.items()})  # fmt: skip
    except SafetensorError as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}") from error
    except (RuntimeError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not fit the architecture in its card: {_first_lines(error)}"
        ) from error
    model.name, model.seed, model.weights_sha256 = path.stem, card["seed"], card["weights_sha256"]
    return model.eval().to(device)


def save_model(model: FERClassifier, path: str | Path, card: dict) -> dict:
    """Writes the weights in half precision, then their card; returns the card.

    The card gets the architecture, the number of parameters and the file's SHA-256. It is
    written last, so that a card always has its whole weights beside it.
    """
    path = Path(path)
    tensors = {k: _half(k, v.detach().cpu()).contiguous() for k, v in model.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)
    card = {
        "name": path.stem,
        "architecture": model.architecture.to_dict(),
        "parameters": sum(p.numel() for p in model.parameters()),
        **card,
        "weights_sha256": sha256(path),
    }
    write_text(path.with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    return card


def pretrained() -> dict[str, dict]:
    """The cards of the shipped weights, by name."""
    return {path.stem: read_card(path) for path in sorted(PRETRAINED.glob("*.safetensors"))}


def find_weights(name_or_path: str | Path) -> Path:
    """The file of a shipped name or of a path."""
    path = Path(name_or_path).expanduser()
    if path.suffix == ".safetensors" or path.exists():
        if not path.is_file():
            raise InputError(f"{path}: no such weights file")
        return path
    for stem in (str(name_or_path), f"{name_or_path}-seed0"):
        if (PRETRAINED / f"{stem}.safetensors").is_file() and "/" not in stem:
            return PRETRAINED / f"{stem}.safetensors"
    known = [p.stem.removesuffix("-seed0") for p in sorted(PRETRAINED.glob("*.safetensors"))]
    raise InputError(unknown("model", str(name_or_path), known) + ", or a .safetensors file")


def read_card(weights: Path) -> dict:
    """The card beside a weights file."""
    path = weights.with_suffix(".json")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        missing = {"architecture", "seed", "weights_sha256"} - set(card)
    except FileNotFoundError as error:
        raise InputError(f"{weights} has no card {path.name} beside it") from error
    except (ValueError, TypeError, UnicodeError) as error:
        raise InputError(f"{path} is not a model card in JSON: {error}") from error
    if missing:
        raise InputError(f"{path} is not a model card: it lacks {', '.join(sorted(missing))}")
    return card


def _verify(path: Path, data: bytes, card: dict) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != card["weights_sha256"]:
        raise InputError(
            f"{path} is damaged or not the file its card describes: its SHA-256 is {found}, "
            f"the card says {card['weights_sha256']}"
        )


def _half(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        raise ValueError(f"{name} does not fit half precision: it reaches {tensor.abs().max()}")
    return half


def _first_lines(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines()[:3])
