"""What a study is given, by a command or from Python, as its plan takes it."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from analysis.engine.parallel import Executor
from analysis.engine.store import begun_with
from analysis.stimuli.landmarks import read_landmarks
from analysis.stimuli.placed import placed
from iram import data as sources
from iram.data.dataset import FaceDataset
from iram.dtype import DTYPES, choose_dtype
from iram.errors import InputError
from iram.files import located
from iram.registry import unknown

Data: TypeAlias = FaceDataset | str
Folder: TypeAlias = Path | str
MOST_WORKERS, LARGEST_BATCH = 4096, 65536


def faces(data: Data, split: str | None = None) -> FaceDataset:
    """The faces of a specification and a split (default: test), or of an open data set all.

    Says on stderr where they are the test tenth of a folder that has no splits of its own.

    Raises:
        InputError: see `iram.open_dataset`.
    """
    if isinstance(data, FaceDataset):
        return data if split is None else data.split(split)
    if not isinstance(data, str):
        raise InputError(f"data: {data!r:.80} is of type {type(data).__name__}; write a "
                         "specification such as fer2013:PATH or heads, or make a FaceDataset by "
                         "FaceDataset.of(images, labels, classes)")
    dataset = sources.open_dataset(data, split=split or "test")
    if dataset.undivided and split in (None, "test"):
        print(f"{dataset.name}: {len(dataset):,} of {dataset.undivided:,} faces: the tenth that "
              "training leaves for the test; --split all takes all of them", file=sys.stderr)
    return dataset


def cameras(
    dataset: FaceDataset, placement: str = "landmarks", landmarks: Folder | None = None
) -> Tensor | None:
    """(N, 2, 4) where each face stands; None: all as the mean face.

    Raises:
        InputError: no such placement, or a file of landmarks that is none.
    """
    one_of("placement", placement, ("landmarks", "mean"))
    file = None if landmarks is None else Path(landmarks)
    if placement == "landmarks":
        return placed(dataset, file)
    unused_landmarks(file, "--placement mean places occluders as on the mean face")
    return None


def unused_landmarks(file: Path | None, why: str) -> None:
    """Says that a file of landmarks has no effect.

    Raises:
        InputError: it is none.
    """
    check_landmarks(file)
    if file is not None:
        print(f"--landmarks {file} is not used: {why}")


def check_landmarks(file: Path | None) -> None:
    """Raises InputError if the file is none of landmarks, for where nothing else will read it."""
    if file is not None:
        read_landmarks(file)


def device(name: str) -> str:
    """The device to use: auto is the GPU where there is one."""
    one_of("device", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: there is no GPU that torch can use here; try cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def dtype(
    name: str, device: str, out: Folder | None = None, backend: str = "auto"
) -> str:
    """The arithmetic of the models, fp32 or bf16: auto is what the run in `out` was begun with,
    else that of the backend if it has but one, or what the device computes natively."""
    one_of("dtype", name, DTYPES)
    if name == "auto" and backend == "onnxruntime":
        return choose_dtype("fp32", device, why="that of onnxruntime")
    return choose_dtype(name, device, None if out is None else begun_with(located(out), "dtype"))


def executor(kind: str, workers: int | None, scheduler: str | None = None) -> Executor:
    """Who computes."""
    whole_number("workers", workers, MOST_WORKERS)
    return Executor(kind, workers, scheduler)


def whole_number(option: str, value: int | None, most: int) -> int | None:
    """The value, if it is None or a whole number from 1 to `most`."""
    if value is not None and (type(value) is not int or not 1 <= value <= most):
        raise InputError(f"--{option.replace('_', '-')} {value}: write a whole number from 1 to "
                         f"{most}")
    return value


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """The value, if it is one of those."""
    if value not in known:
        raise InputError(f"--{option.replace('_', '-')}: {unknown('value', str(value), known)}")
    return value


def out_folder(out: Folder | None) -> Path:
    """The folder of a run; None makes one among the temporary files of this machine, which stays
    there until these are cleared."""
    return Path(tempfile.mkdtemp(prefix="iram-")) if out is None else located(out)


def at_least_one_face(counts: Mapping[str, int]) -> None:
    """Raises InputError for a number of faces below 1."""
    for name, count in counts.items():
        if type(count) is not int or count < 1:
            raise InputError(f"--{name} {count}: at least one face is needed")
