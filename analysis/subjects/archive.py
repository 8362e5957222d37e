"""The parts of an exported program (torch.export.save, .pt2), read without torch's own reader.

`torch.export.load` must never be given a file that one does not trust. As read in torch 2.13 it
unpickles without `weights_only` (weights and constants marked `use_pickle`, sample inputs that the
safe reader refuses, opaque objects), loads compiled machine code (data/aotinductor), evaluates
expressions (sympy.sympify of `expr_str`, exec of `guards_code`), and looks up operators by any
dotted name below `torch`, of which `torch.os.system` is one.

Here the archive is a ZIP of JSON and raw numbers, and only these are looked at: the graph, and the
bytes of weights and constants. Sample inputs, guards and expressions are not read at all; pickled
tensors and machine code are refused. `analysis.subjects.exported` then runs the graph by an
interpreter of its own.
"""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from iram.errors import InputError
from iram.files import unfetched

SCHEMA = 8  # the major version that is understood
DTYPES = {1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64,
          6: torch.float16, 7: torch.float32, 8: torch.float64, 12: torch.bool,
          13: torch.bfloat16}
GRAPH = "models/model.json"
FOLDERS = {"data/weights/": re.compile(r"weight_\d+"), "data/constants/": re.compile(r"tensor_\d+")}


@dataclass
class Archive:
    """What is read of an exported program.

    Attributes:
        graph_module: the program as JSON: graph and signature.
        weights, constants: tensors by their names.
    """

    graph_module: dict
    weights: dict[str, Tensor]
    constants: dict[str, Tensor]


def read_archive(path: Path) -> Archive:
    """The archive's graph and tensors.

    Raises:
        InputError: no such archive, one of another version, one that holds pickles or machine code,
            or one that is damaged.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return _read(path, file)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except zipfile.BadZipFile as error:
        raise InputError(f"{path} is no exported program: {error}; write one by torch.export.save"
                         + unfetched(path)) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged, or an exported program of another form: "
                         f"{type(error).__name__}: {error}") from error


def _read(path: Path, file: zipfile.ZipFile) -> Archive:
    names = file.namelist()
    root = names[0].split("/")[0] + "/" if names else ""
    if f"{root}{GRAPH}" not in names:
        kind = (
            "is a pickle of torch.save"
            if f"{root}data.pkl" in names
            else "holds no models/model.json"
        )
        raise InputError(f"{path} {kind}; a .pt2 is written by torch.export.save (torch 2.8 or "
                         "later)")
    for entry in file.infolist():
        if entry.compress_type != zipfile.ZIP_STORED:  # torch packs nothing: a bomb, or not its own
            raise InputError(f"{path} is no exported program: {entry.filename} is compressed")
        if entry.filename.startswith(f"{root}data/aotinductor/"):
            raise InputError(f"{path} holds compiled machine code ({entry.filename}), which is not "
                             "run; save the exported program itself, by torch.export.save"
                             )
    program = json.loads(file.read(root + GRAPH))
    major = program["schema_version"]["major"]
    if major != SCHEMA:
        raise InputError(f"{path} is of schema {major} of exported programs; {SCHEMA} is read here")
    tensors = [_tensors(path, file, root, folder) for folder in FOLDERS]
    return Archive(program["graph_module"], *tensors)


def _tensors(path: Path, file: zipfile.ZipFile, root: str, folder: str) -> dict[str, Tensor]:
    kind = "weights" if "weights" in folder else "constants"
    config = json.loads(file.read(f"{root}{folder}model_{kind}_config.json"))["config"]
    return {name: _tensor(path, file, root, folder, name, told) for name, told in config.items()}


def _tensor(path, file: zipfile.ZipFile, root: str, folder: str, name: str, told: dict) -> Tensor:
    """One tensor from its raw bytes."""
    if told["use_pickle"] or not FOLDERS[folder].fullmatch(told["path_name"]):
        raise InputError(f"{path}: '{name}' is stored as a pickle or an object, which is not "
                         f"opened ({told['path_name']}); save the model with plain tensors"
                         )
    meta = told["tensor_meta"]
    data = bytearray(file.read(f"{root}{folder}{told['path_name']}"))
    dtype = DTYPES[meta["dtype"]]
    flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    sizes, strides = ([_whole(one) for one in meta[key]] for key in ("sizes", "strides"))
    # Raises where the numbers reach beyond the bytes.
    return flat.as_strided(sizes, strides, _whole(meta["storage_offset"])).clone()


def _whole(number: dict) -> int:
    value = number["as_int"]
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no size")
    return value
