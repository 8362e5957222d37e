"""Errors in a user's own code, told in one line: file, line and exception."""

import contextlib
import os
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch

import iram
from iram.errors import InputError, one_line

HIGHEST = 3  # folders above a model's in which modules are looked for


@contextlib.contextmanager
def told_by_user(where: str) -> Iterator[None]:
    """Turns whatever is raised inside into an InputError that names the place.

    Args:
        where: the model's file. The line told is the last one that ran in it or in a file beside
            it; without any, in the net's other code.

    An InputError passes as it is, and so does an interruption; `sys.exit` in a model is an error.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:
        rounded = "; it ran in bf16, and may run by --dtype fp32" * any(
            map(torch.is_autocast_enabled, ("cpu", "cuda")))
        raise InputError(f"{_place(where, error)}: {_named(error)}{_advice(where, error)}{rounded}"
                         ) from error


def _place(where: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    folder = Path(where).resolve().parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and file.resolve().is_relative_to(folder) and is_users(file):
            return f"{frame.filename}, line {frame.lineno}"
    return where


def is_users(file: Path) -> bool:
    """Not this package's, an installed one's or Python's own, wherever the user's folder is."""
    file = file.resolve()
    others = [Path(__file__).resolve().parents[1], Path(iram.__file__).resolve().parent,
              Path(sysconfig.get_path("stdlib"))]
    return not any(map(file.is_relative_to, others)) and "site-packages" not in file.parts


def _advice(where: str, error: BaseException) -> str:
    """What to write instead, where it can be told."""
    if isinstance(error, SystemExit):
        return ("; the file ends itself, as a script does that wants arguments: put what is not "
                'needed for the model under `if __name__ == "__main__":`')
    return _above(where, error) or _beside(where, error)


def _above(where: str, error: BaseException) -> str:
    """What to write where a module lies in a folder above the model's."""
    name = error.name if isinstance(error, ImportError) else None
    if not name or not isinstance(name, str):
        return ""
    top = name.partition(".")[0]
    folder = Path(where).resolve().parent
    for root in folder.parents[:HIGHEST]:
        if is_users(root / top) and any((root / name).exists() for name in (top, f"{top}.py")):
            return (f"; {top} lies in {root}: write root = '{os.path.relpath(root, folder)}' in "
                    "the model's description")
    return ""


def _beside(where: str, error: BaseException) -> str:
    """What to write where a file is sought in the working folder and lies beside the model's."""
    name = error.filename if isinstance(error, FileNotFoundError) else None
    if not isinstance(name, str) or Path(name).is_absolute() or not (
            Path(where).parent / name).exists():
        return ""
    return ("; it lies beside the model's file: open it by Path(__file__).parent / its name, or "
            "run iram in that folder")


def _named(error: BaseException) -> str:
    text = one_line(error, 400)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
