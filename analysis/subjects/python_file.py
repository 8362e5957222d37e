"""FILE.py:factory: a function (or class) in a user's own file that returns a torch module.

The only place where a user's code is run, and only because the user named a Python file.
"""

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from torch import nn

from analysis.subjects.as_written import with_modes
from analysis.subjects.mistakes import is_users, told_by_user
from analysis.subjects.neighbours import Neighbours
from iram.errors import InputError, listing
from iram.registry import unknown


def read_source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def defined(path: Path) -> list[str]:
    """The functions and classes that a file defines at its top, found without running it."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in parsed(path, read_source(path)).body
            if isinstance(node, kinds) and not node.name.startswith("_")]


def sources(path: Path, roots: Sequence[Path] = ()) -> dict[str, str]:
    """{name: SHA-256} of the file and of those beside it, or in `roots`, that it imports, directly
    or not.

    Found in the text, so that it does not depend on what was imported before.
    """
    found, todo = {}, [path]
    while todo:
        file = todo.pop()
        name = Path(os.path.relpath(file, path.parent)).as_posix()
        if name in found:
            continue
        source = read_source(file)
        found[name] = sha256(source).hexdigest()
        for level, module in _imported(parsed(file, source)):
            folders = file.parents[level - 1 : level] if level else [path.parent, *roots]
            todo += [beside for folder in folders for beside in _beside(folder, module)]
    return found


def hashes(path: Path, files: Iterable[Path]) -> dict[str, str]:
    """{name, as seen from the folder of `path`: SHA-256} of files."""
    return {Path(os.path.relpath(file, path.resolve().parent)).as_posix():
            sha256(read_source(file)).hexdigest() for file in files}


def parsed(file: Path, source: bytes) -> ast.Module:
    if b"\0" in source:
        raise InputError(f"{file} is no text that Python reads (as of UTF-16): save it as UTF-8")
    with told_by_user(str(file)):
        return ast.parse(source, str(file))


def _imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(number of dots, module) of all imports, at any depth of the code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""
            yield from ((node.level, f"{node.module}.{a.name}".removeprefix("None."))
                        for a in node.names)


def _beside(folder: Path, module: str) -> Iterator[Path]:
    """The files of this folder that importing a module runs: itself, and its packages."""
    parts = [part for part in module.split(".") if part]
    for count in range(1, len(parts) + 1):
        places = (folder.joinpath(*parts[: count - 1], f"{parts[count - 1]}.py"),
                  folder.joinpath(*parts[:count], "__init__.py"))
        yield from (file for file in places if file.is_file() and is_users(file))


def run_file(path: Path, neighbours: Neighbours) -> ModuleType:
    """The file as a module of its own, run from the very bytes that `sources` hashes.

    Raises:
        InputError: it can't be read or raises an exception; file, line and exception are told.
    """
    source = read_source(path)
    levels = max((level for level, _ in _imported(parsed(path, source))), default=0)
    module = None
    try:
        with told_by_user(str(path)), neighbours.running():
            module = neighbours.main(levels)
            exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    except InputError:
        sys.modules.pop(getattr(module, "__name__", ""), None)
        raise
    return module


def factories(module: ModuleType) -> list[str]:
    """What in a module can be called, or is a torch module."""
    return [name for name, value in vars(module).items()
            if not name.startswith("_") and (callable(value) or isinstance(value, nn.Module))
            and getattr(value, "__module__", None) == module.__name__]


def make(
    path: Path, module: ModuleType, factory: str, seed: int, neighbours: Neighbours
) -> nn.Module:
    """What the factory returns, in eval mode.

    Its random numbers come from the seed alone, and the global generators are left as they were.

    Raises:
        InputError: no such factory, an exception in it, or something that is no torch module.
    """
    made = vars(module).get(factory)
    if made is None or not (callable(made) or isinstance(made, nn.Module)):
        raise InputError(f"{path}: {unknown('factory', factory, factories(module))}")
    if not isinstance(made, nn.Module):
        with told_by_user(str(path)), neighbours.running(seed):
            made = made()
    if not isinstance(made, nn.Module):
        raise InputError(f"{path}:{factory} returned a {type(made).__name__}; it must return a "
                         "torch.nn.Module")
    with_modes(made)
    with told_by_user(str(path)):
        made.eval()  # what it returns is the net only where its own `train` says so
    return made


def which_factory(path: Path) -> InputError:
    """What to say where only the file was named."""
    names = defined(path)
    found = f"it defines {listing(names)}" if names else "it defines no function or class"
    return InputError(f"{path}: name what returns the model, as {path.name}:NAME; {found}")
