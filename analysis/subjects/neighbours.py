"""What a user's file sees while it runs: Python as if the file had been run by itself.

Its imports find the files beside it first, also where they are called as a package of ours
(`analysis`, `iram`) or as another one that is loaded already; the standard library alone stays. It
sees its own name alone in `sys.argv`, and what it changes for the whole process is put back. Its
modules are its own: another file may have neighbours of the same names, and imports inside its
functions still find them later.
"""

import builtins
import contextlib
import importlib
import random
import sys
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from analysis.subjects.mistakes import is_users
from analysis.subjects.process import process_kept

OURS = ("analysis", "iram")
KEPT = {*sys.stdlib_module_names, "torch", "numpy"}  # these can't be loaded twice
LOCK = threading.RLock()  # what Python knows of modules is one for all threads


class Neighbours:
    """The modules of one loaded file.

    Attributes:
        folders: where its imports look first: its own, `roots`, and what its code adds to
            `sys.path`.
        alias: the name of its folder as a package, for relative imports.
        modules: its own, {name: module}; in `sys.modules` only while its code runs.
    """

    def __init__(self, file: Path, roots: Sequence[Path] = ()):
        self.file, self.roots = file.resolve(), [root.resolve() for root in roots]
        self.folders = [str(folder) for folder in (self.file.parent, *self.roots)]
        self.alias = f"outside_{sha256(str(self.file).encode()).hexdigest()[:12]}"
        self.builtins = {**vars(builtins), "__import__": self._import}
        self.modules: dict[str, ModuleType] = {}
        self._found: set[str] = set()  # names of its own modules
        self._offered: dict[str, bool] = {}
        self._path: list[str] | None = None  # `sys.path` before its code ran, while it runs
        self._hidden: dict[str, ModuleType] = {}  # what is out of its way meanwhile
        for name in [n for n in sys.modules if n.partition(".")[0] == self.alias]:
            del sys.modules[name]  # of an earlier loading: the files may have changed since

    @contextlib.contextmanager
    def running(self, seed: int = 0) -> Iterator[None]:
        """Its code may run, with random numbers of `seed` alone."""
        with LOCK, process_kept(), self._seen(), torch.random.fork_rng(devices=[]):
            sys.argv = [str(self.file)]
            torch.random.default_generator.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002 - the user's code may draw from it
            yield

    @contextlib.contextmanager
    def _seen(self) -> Iterator[None]:
        """`sys.path` and `sys.modules` are as the file sees them."""
        with LOCK:
            if self._path is not None:
                yield
                return
            self._path, self._hidden = list(sys.path), self._hide()
            sys.path[:0] = self.folders
            sys.modules.update(self.modules)
            sys.meta_path.insert(0, self)
            try:
                yield
            finally:
                sys.meta_path.remove(self)
                self.folders += self._added()
                sys.path[:], self._path = self._path, None
                self.modules |= {n: sys.modules.pop(n) for n in self._found if n in sys.modules}
                sys.modules.update(self._hidden)

    def _added(self) -> list[str]:
        """What its code has put into `sys.path`."""
        return [p for p in dict.fromkeys(sys.path) if p not in self._path and p not in self.folders]

    def _make_way(self, top: str) -> None:
        """Hides a package of ours where a folder that its code has just added holds its own."""
        if top in OURS and top not in self._found and (added := self._added()):
            self.folders += added
            self._offered.clear()
            if self.offers(top):
                self._hidden |= {n: sys.modules.pop(n) for n in list(sys.modules)
                                 if n.partition(".")[0] == top}

    def _hide(self) -> dict[str, ModuleType]:
        """Takes the modules that are in the way of its own out of `sys.modules`."""
        tops = {name.partition(".")[0] for name in sys.modules} - KEPT
        tops = {top for top in tops if self.offers(top)}
        return {n: sys.modules.pop(n) for n in list(sys.modules) if n.partition(".")[0] in tops}

    def offers(self, top: str) -> bool:
        """Whether one of its folders holds a module of this name, as Python would take it."""
        if top not in self._offered:
            self._offered[top] = any(self._holds(Path(folder), top) for folder in self.folders)
        return self._offered[top]

    def _holds(self, folder: Path, top: str) -> bool:
        regular = [file for file in (folder / top / "__init__.py", folder / f"{top}.py")
                   if file.is_file()]
        # A folder without __init__.py yields to any package that has one, but for ours: a file
        # from elsewhere does not know of them.
        bare = top in OURS and not regular and any((folder / top).glob("*.py"))
        return (bool(regular) and is_users(regular[0])) or bare

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        """`__import__` of its modules, also when the code around it does not run any more."""
        arguments = name, globals, locals, fromlist, level
        top = name.partition(".")[0]
        if self._path is None:
            if level == 0 and name in self.modules:
                known = self.modules[name]
                if all(hasattr(known, one) for one in fromlist or ()):
                    return known if fromlist else self.modules[top]
            if level or self.offers(top):
                with self._seen():
                    return builtins.__import__(*arguments)
        elif level == 0:
            self._make_way(top)
        return builtins.__import__(*arguments)

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        """Of a module of its own; None leaves it to Python (it is a finder in `sys.meta_path`)."""
        if self._path is None:
            return None
        own = [entry for entry in sys.path if entry in self.folders or entry not in self._path]
        spec = None
        if path is None and name in OURS and self.offers(name):
            spec = PathFinder.find_spec(name, own)
        spec = spec or PathFinder.find_spec(name, path)
        if spec is None or not self._is_own(spec, own):
            return None
        if not name.startswith(self.alias):
            self._found.add(name)
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(name, spec.loader.path, self.builtins)
        return spec

    def _is_own(self, spec: ModuleSpec, own: Sequence[str]) -> bool:
        top, _, inner = spec.name.partition(".")
        if inner:
            return top == self.alias or top in self._found
        places = [spec.origin] if spec.origin else [*(spec.submodule_search_locations or ())]
        folders = {Path(entry).resolve() for entry in own}
        return any(not folders.isdisjoint(Path(place).resolve().parents[:2])
                   and is_users(Path(place)) for place in places)

    def files(self) -> list[Path]:
        """The sources of its modules that were run."""
        own = [*self.modules.values(), *(module for name, module in sys.modules.items()
                                         if name.partition(".")[0] == self.alias)]
        found = {Path(file).resolve() for one in own if (file := getattr(one, "__file__", None))}
        return sorted(file for file in found if file.suffix == ".py" and file.is_file())

    def main(self, levels: int) -> ModuleType:
        """An empty module for the file itself; to be called while its code may run.

        Args:
            levels: the most dots of its relative imports. With any, it is a module of packages:
                the folders above it as far as they are packages, or as the dots or a root reach.
        """
        name = self.alias
        if levels:
            folder = self._top(levels)
            inner = self.file.parent.relative_to(folder).parts
            self._package(folder)
            package = ".".join([self.alias, *inner])
            importlib.import_module(package)
            name = f"{package}.{self.file.stem}"
        module = ModuleType(name)
        module.__dict__.update(__file__=str(self.file), __builtins__=self.builtins)
        if levels:
            module.__package__ = package
        sys.modules[name] = module  # where dataclasses look for it, and stays there
        return module

    def _top(self, levels: int) -> Path:
        """The folder of the uppermost package."""
        parents = self.file.parents
        while levels < len(parents) and (parents[levels - 1] / "__init__.py").is_file() and (
                parents[levels] / "__init__.py").is_file():
            levels += 1
        inside = [root for root in self.roots if root in parents]
        return min([parents[min(levels, len(parents)) - 1], *inside], key=lambda p: len(p.parts))

    def _package(self, folder: Path) -> None:
        start = folder / "__init__.py"
        loader = Loader(self.alias, str(start), self.builtins) if start.is_file() else None
        spec = ModuleSpec(self.alias, loader, origin=str(start) if loader else None,
                          is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[self.alias] = package = module_from_spec(spec)
        if loader:
            package.__file__ = str(start)
            loader.exec_module(package)


class Loader(SourceFileLoader):
    """Runs a source as it stands: no compiled copy of it is read or left beside it."""

    def __init__(self, name: str, path: str, own_builtins: dict):
        super().__init__(name, path)
        self.own_builtins = own_builtins

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__dict__["__builtins__"] = self.own_builtins
        return module

    def get_code(self, fullname: str):
        return compile(self.get_data(self.path), self.path, "exec", dont_inherit=True)
