"""Attributes that are found when they are first asked for, by several threads at once."""

from collections.abc import Callable


class found_once:
    """As functools.cached_property of Python 3.12. That of 3.11 holds one lock for all instances of
    a class, so that threads which each find the attribute of their own wait for each other."""

    def __init__(self, find: Callable):
        self.find, self.__doc__ = find, find.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None):
        if instance is None:
            return self
        found = instance.__dict__[self.name] = self.find(instance)
        return found
