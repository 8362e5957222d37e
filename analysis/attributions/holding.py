"""Tensors of a pass that are needed as they were, whatever is done to them in place later."""

from torch import Tensor

from analysis.attributions.overriding import Overriding, rule_name
from iram.errors import InputError


class Held:
    """A tensor as it is now. It is copied only if the net works on it in place, in a pass under
    `Holding`."""

    def __init__(self, tensor: Tensor):
        self.now, self.version = tensor.detach(), tensor._version
        tensor.held = [*getattr(tensor, "held", ()), self]

    def keep(self) -> None:
        if self.now._version == self.version:
            self.now = self.now.clone()
            self.version = self.now._version

    @property
    def value(self) -> Tensor:
        """Raises InputError where it was changed out of sight."""
        if self.now._version != self.version:
            raise InputError("the net changes what a layer put out in place, by way of a view, "
                             "where this method can't follow; use another")
        return self.now


class Holding(Overriding):
    """While it is active, what is held is copied before it is overwritten."""

    def _called(self, func, args, kwargs):
        name, in_place = rule_name(func, self.rules)
        if in_place or name.endswith("_") or (kwargs or {}).get("inplace"):
            for held in getattr(args[0], "held", ()) if args else ():
                held.keep()
        return super()._called(func, args, kwargs)
