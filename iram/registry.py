"""Registries: a dict with a decorator. Explicit imports fill them, never a folder scan."""

import difflib
from collections.abc import Callable
from types import SimpleNamespace

from iram.errors import InputError, listing


class Registry(dict):
    """Maps a name to the callable registered under it, with its title and what else is told of it.

    A duplicate name is a programming error (ValueError), as is a fact that the registry does not
    know (TypeError). Asking for an unknown name raises InputError with the known names and the
    nearest match.

    Args:
        kind: what its members are, in messages.
        facts: what can be told of a member beside its title, and what holds if it is not told.
    """

    def __init__(self, kind: str, /, **facts):
        super().__init__()
        self.kind = kind
        self._usual = facts
        self._told: dict[str, dict] = {}

    def register(self, name: str, title: str = "", **facts) -> Callable:
        """A decorator that registers a callable.

        Args:
            title: in figures, tables and pages; "" is the name with spaces for underscores.
            facts: those of the registry that are not as usual.
        """
        if strange := facts.keys() - self._usual.keys():
            raise TypeError(f"{self.kind} '{name}': {unknown('fact', min(strange), self._usual)}")

        def decorate(entry):
            if name in self:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self[name] = entry
            self._told[name] = facts | ({"title": title} if title else {})
            return entry

        return decorate

    def about(self, name: str) -> SimpleNamespace:
        """Its title and facts, as attributes; the usual ones of a name that is not registered."""
        told = self._told.get(name, {}) if name in self else {}
        return SimpleNamespace(**{"title": str(name).replace("_", " "), **self._usual, **told})

    def title(self, name: str) -> str:
        """What it is called where people read it."""
        return self.about(name).title

    @property
    def titles(self) -> dict[str, str]:
        """name -> title, in the order of registration."""
        return {name: self.title(name) for name in self}

    def where(self, **facts) -> tuple[str, ...]:
        """The names of which these facts hold, in the order of registration."""
        return tuple(name for name in self if facts.items() <= vars(self.about(name)).items())

    def __missing__(self, name):
        raise InputError(unknown(self.kind, name, self))


def unknown(kind: str, name: str, known) -> str:
    """The message for a name that is not among the known ones, with the nearest match."""
    lower = {str(one).lower(): one for one in known}
    near = difflib.get_close_matches(str(name).lower(), lower, n=1)
    hint = f" (did you mean '{lower[near[0]]}'?)" if near else ""
    return f"unknown {kind} '{name}'{hint}; known: {listing(known, limit=60)}"
