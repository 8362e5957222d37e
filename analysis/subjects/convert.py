"""Weights in files of `torch.save`, brought to safetensors; nothing in such a file is run."""

import re
import zipfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from analysis.subjects.formats import CHECKPOINTS, PICKLES, by_torch_save, told_by_content, told_of
from analysis.subjects.tensors import dense, not_numbers
from analysis.subjects.weights_file import unwrapped
from iram.errors import InputError, listing, one_line
from iram.files import atomic_path, unfetched

NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
"""Where training scripts put the weights in a checkpoint, the surest first."""
ARRAY, NUMBER = np.array(0).__reduce__()[0], np.float64(0).__reduce__()[0]
PLAIN = [Namespace, np.dtype, np.ndarray, ARRAY, NUMBER,
         (ARRAY, "numpy.core.multiarray._reconstruct"), (NUMBER, "numpy.core.multiarray.scalar"),
         *{type(np.dtype(code)) for code in np.typecodes["All"] if code != "O"}]
"""What scripts keep beside the weights, options and numbers of numpy's, and that runs nothing."""
BLOCK = 1 << 20  # bytes read at once
DEEPEST = 5  # levels that are looked into
SCRIPTED = ("it is a TorchScript program, not weights; write FILE.py with `def build(): return "
            "torch.jit.load(...)`, which runs it, and name FILE.py:build")


def convert(file: Path, out: Path) -> list[str]:
    """Writes the tensors of a file of `torch.save` as safetensors; returns what there is to say.

    It is read by torch's loader of weights alone, which builds tensors and plain containers and
    refuses all else, so that nothing in the file is run. Weights may lie in it under "state_dict",
    "model" or the like; what else it holds is left out.

    Raises:
        InputError: no such file, one that holds more than tensors and plain values, none or
            several sets of weights, or a place that can't be written.
    """
    if out.suffix != ".safetensors":
        raise InputError(f"--convert: {out} must end in .safetensors")
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    if file.suffix.lower() == ".safetensors" and not by_torch_save(_start(file)):
        raise InputError(f"{file} is a safetensors file already")
    content = _tensors_alone(file)
    place, tensors, left = _weights_in(file, content)
    others = [one for one in _places_of(content, _bare(tensors)) if one != place]
    try:
        plain = {name: dense(t).contiguous().clone() for name, t in tensors.items()}
        data = save(plain)
    except (SafetensorError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise InputError(f"{file}: its tensors can't be stored: {one_line(error)}") from error
    with atomic_path(out) as temporary:
        temporary.write_bytes(data)
    notes = [f"{out}: {len(plain)} tensors, {sum(t.numel() for t in plain.values()):,} numbers"]
    notes += [f"taken from '{place}'"] if place else []
    notes += [wrong] if (wrong := not_numbers(plain)) else []
    notes += [f"left out: {listing(left)}"] if left else []
    return notes + ([f"not taken, though of the same names: {listing(others)}"] if others else [])


def _start(file: Path) -> bytes:
    """The first 8 bytes of a file."""
    try:
        with file.open("rb") as opened:
            return opened.read(8)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error


def _tensors_alone(file: Path):
    """What `torch.load(weights_only=True)` makes of a file."""
    if (other := told_of(file)) and file.suffix.lower() not in (*CHECKPOINTS, *PICKLES):
        raise InputError(other)
    try:
        if told := told_by_content(file):
            raise InputError(f"{file}: {told}")
        if _start(file).startswith(b"\x89HDF"):
            raise InputError(told_of(Path("net.h5")).replace("net.h5", str(file)))
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                    raise InputError(f"{file}: {SCRIPTED}")
                _check_sums(archive)
        # Opened here: by the name of a file, torch's loader may choose another format.
        with file.open("rb") as opened, torch.serialization.safe_globals(PLAIN):
            return torch.load(opened, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    except Exception as error:  # damaged files fail in a dozen ways, each with its own kind
        raise InputError(f"{file}: {_refused(str(error))}{unfetched(file)}") from None


def _check_sums(archive: zipfile.ZipFile) -> None:
    """Raises BadZipFile where a part is not what it was when it was written: torch's own reader
    passes over the checksums, and takes a damaged number or name for what was meant."""
    for part in archive.infolist():
        if part.CRC:  # torch can leave them out: torch.serialization.set_crc32_options
            with archive.open(part) as opened:
                while opened.read(BLOCK):
                    pass


def _refused(error: str) -> str:
    """Why torch's loader of weights alone would not read a file, by what it says."""
    found = re.search(r"(?:GLOBAL|global|class|type) ([\w.]+\.\w+)", error)
    if not found and "Unsupported class" not in error:
        # what torch says of its own option, and of its library for archives, helps nobody
        text = " ".join(error.rpartition("WeightsUnpickler error: ")[2].split())
        why = re.split(r"(?<=\w)\. ", text)[0]
        return "it is no file of torch.save, or damaged" + (f": {why:.120}" if why else "")
    what = f" ({found[1]})" if found else ""
    return (f"it holds more than tensors{what}, such as a whole net, and opening that can run any "
            "code, so it is not opened. Where you trust it, load it and save its weights: "
            "safetensors.torch.save_file(net.state_dict(), 'NAME.safetensors')")


def _weights_in(file: Path, content) -> tuple[str, dict[str, Tensor], list[str]]:
    """(where in the file, its weights, what else is there)"""
    if not isinstance(content, Mapping):
        raise InputError(f"{file} holds a {type(content).__name__}, no weights by their names")
    place: list[str] = []
    left: list[str] = []
    while key := _inner(file, content, place):
        left += [".".join([*place, str(one)]) for one in content if one != key]
        place.append(key)
        content = content[key]
    own = _named(content)
    if not own:
        where = repr(".".join(place)) if place else "it"
        raise InputError(f"{file} holds no tensors by their names; in {where}: "
                         f"{listing(map(str, content)) or 'nothing'}")
    left += [".".join([*place, str(one)]) for one in content if one not in own]
    return ".".join(place), own, left


def _inner(file: Path, content: Mapping, place: list[str]) -> str | None:
    """Under which name the weights lie further inside; None if they lie here, or there are none.

    Raises:
        InputError: they may lie under several names.
    """
    if len(place) == DEEPEST:
        return None
    found = {key: depth for key, value in content.items()
             if isinstance(key, str) and (depth := _depth(value))}
    own = _named(content).values()
    for key in NESTED:  # what stands beside them, such as the best accuracy, are no weights
        if key in found or (not (found or own) and isinstance(content.get(key), Mapping)):
            return key
    if not found or any(tensor.numel() > 1 for tensor in own):
        return None
    nearest = min(found.values())
    names = [key for key, depth in found.items() if depth == nearest]
    if len(names) > 1:
        raise InputError(f"{file} holds several sets of weights: "
                         f"{listing('.'.join([*place, key]) for key in names)}; save the one that "
                         "is wanted by itself")
    return names[0]


def _bare(names) -> set[str]:
    return {unwrapped(name) for name in names}


def _places_of(content, names: set[str], *place: str) -> Iterator[str]:
    """Where in the file weights of all these names lie."""
    if isinstance(content, Mapping) and len(place) <= DEEPEST:
        if names <= _bare(_named(content)):
            yield ".".join(place)
        for key, value in content.items():
            if isinstance(key, str):
                yield from _places_of(value, names, *place, key)


def _depth(content, deepest: int = DEEPEST) -> int:
    """How many levels down the first tensors by their names lie; 0: there are none."""
    if not isinstance(content, Mapping) or not deepest:
        return 0
    if _named(content):
        return 1
    below = [found for key, value in content.items()
             if isinstance(key, str) and (found := _depth(value, deepest - 1))]
    return min(below) + 1 if below else 0


def _named(content: Mapping) -> dict[str, Tensor]:
    return {key: value for key, value in content.items()
            if isinstance(key, str) and isinstance(value, Tensor)}
