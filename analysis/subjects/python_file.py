"""FILE.py:factory: a function (or class) in a user's own file that returns a torch module.

The only place where a user's code is run, and only because the user named a Python file.
"""

import ast
import contextlib
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from analysis.subjects.mistakes import is_users, told_by_user
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
    with told_by_user(str(path)):
        tree = ast.parse(read_source(path), str(path))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in tree.body
            if isinstance(node, kinds) and not node.name.startswith("_")]


def sources(path: Path) -> dict[str, str]:
    """{name: SHA-256} of the file and of those beside it that it imports, directly or not.

    Found in the text, so that it does not depend on what was imported before.
    """
    found, todo = {}, [path]
    while todo:
        file = todo.pop()
        name = file.relative_to(path.parent).as_posix()
        if name in found:
            continue
        source = read_source(file)
        found[name] = sha256(source).hexdigest()
        with told_by_user(str(file)):
            tree = ast.parse(source, str(file))
        todo += [beside for module in _imported(tree) for beside in _beside(path.parent, module)]
    return found


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{a.name}".removeprefix("None.") for a in node.names)


def _beside(folder: Path, module: str) -> Iterator[Path]:
    """The files of this folder that importing a module runs: itself, and its packages."""
    parts = [part for part in module.split(".") if part]
    for count in range(1, len(parts) + 1):
        yield from (file for file in _files(folder, parts[:count])
                    if file.is_file() and is_users(file))


def _files(folder: Path, parts: Sequence[str]) -> tuple[Path, Path]:
    """Where a module of this name would stand."""
    return folder.joinpath(*parts[:-1], f"{parts[-1]}.py"), folder.joinpath(*parts, "__init__.py")


def run_file(path: Path) -> ModuleType:
    """The file as a module of its own, run from the very bytes that `sources` hashes.

    Raises:
        InputError: it can't be read or raises an exception; file, line and exception are told.
    """
    module = ModuleType(f"outside_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}")
    module.__file__ = str(path)
    source = read_source(path)
    sys.modules[module.__name__] = module  # where dataclasses look for it
    try:
        with told_by_user(str(path)), neighbours(path.parent):
            exec(compile(source, str(path), "exec"), module.__dict__)
    except InputError:
        del sys.modules[module.__name__]
        raise
    return module


def factories(module: ModuleType) -> list[str]:
    """What in a module can be called, or is a torch module."""
    return [name for name, value in vars(module).items()
            if not name.startswith("_") and (callable(value) or isinstance(value, nn.Module))
            and getattr(value, "__module__", None) == module.__name__]


def make(path: Path, module: ModuleType, factory: str, seed: int) -> nn.Module:
    """What the factory returns, in eval mode.

    Its random numbers come from the seed alone, and the global generator is left as it was.

    Raises:
        InputError: no such factory, an exception in it, or something that is no torch module.
    """
    made = vars(module).get(factory)
    if made is None or not (callable(made) or isinstance(made, nn.Module)):
        raise InputError(f"{path}: {unknown('factory', factory, factories(module))}")
    if not isinstance(made, nn.Module):
        with told_by_user(str(path)), neighbours(path.parent), torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(seed)
            made = made()
    if not isinstance(made, nn.Module):
        raise InputError(f"{path}:{factory} returned a {type(made).__name__}; it must return a "
                         "torch.nn.Module")
    with told_by_user(str(path)):
        return made.eval()


def put_weights(net: nn.Module, file: Path) -> None:
    """Puts the tensors of a safetensors file into a net.

    Raises:
        InputError: no such file, no whole safetensors file, or tensors of another net.
    """
    if file.suffix != ".safetensors":
        raise InputError(f"weights = '{file.name}': only .safetensors files are read; write one by "
                         "safetensors.torch.save_file(net.state_dict(), 'NAME.safetensors')"
                         )
    try:
        net.load_state_dict(load(read_source(file)))
    except SafetensorError as error:
        raise InputError(f"{file} is not a whole safetensors file: {error}") from error
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(f"{file} does not fit the net: {' '.join(lines[:4]):.500}") from error


@contextlib.contextmanager
def neighbours(folder: Path) -> Iterator[None]:
    """Lets a file import the ones beside it, which no other file then sees.

    Two files may each have a neighbour of the same name.
    """
    folder = folder.resolve()
    before, known = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
        for name in [n for n in sys.modules if n not in known and _stands_in(folder, n)]:
            del sys.modules[name]


def _stands_in(folder: Path, name: str) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None)
    return bool(file) and Path(file) in _files(folder, name.split(".")) and is_users(Path(file))


def which_factory(path: Path) -> InputError:
    """What to say where only the file was named."""
    names = defined(path)
    found = f"it defines {listing(names)}" if names else "it defines no function or class"
    return InputError(f"{path}: name what returns the model, as {path.name}:NAME; {found}")
