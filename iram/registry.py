"""Registries: a dict with a decorator. Explicit imports fill them, never a folder scan."""

import difflib
from collections.abc import Callable

from iram.errors import InputError, listing


class Registry(dict):
    """Maps a name to the callable registered under it.

    A duplicate name is a programming error (ValueError). Asking for an unknown name raises
    InputError with the known names and the nearest match.
    """

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def register(self, name: str) -> Callable:
        def decorate(entry):
            if name in self:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self[name] = entry
            return entry

        return decorate

    def __missing__(self, name):
        raise InputError(unknown(self.kind, name, self))


def unknown(kind: str, name: str, known) -> str:
    """The message for a name that is not among the known ones, with the nearest match."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"unknown {kind} '{name}'{hint}; known: {listing(known, limit=60)}"
