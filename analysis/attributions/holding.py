"""Tensors of a pass that are needed as they were, whatever is done to them in place later."""

import torch
from torch import Tensor

from analysis.attributions.overriding import Overriding, depends, rule_name
from iram.errors import InputError

JOINING = ("cat", "concat", "concatenate", "stack", "hstack", "vstack")


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
    """While it is active, what is held is copied before it is overwritten.

    A subclass has rules of products and sums, `product` and `sum`, and of what a result holds that
    no input has made, `absorbs`; those of what is made of them stand here.
    """

    def _called(self, func, args, kwargs):
        name, in_place = rule_name(func, self.rules)
        if in_place or name.endswith("_") or (kwargs or {}).get("inplace"):
            for held in getattr(args[0], "held", ()) if args else ():
                held.keep()
        return super()._called(func, args, kwargs)

    def joined(self, function, parts, *arguments, **options) -> Tensor:
        """`cat` or `stack`: what is put beside the picture's own, as a class token."""
        y = function(parts, *arguments, **options)
        if not all(map(depends, parts)):
            given = [torch.zeros_like(one) if depends(one) else one for one in parts]
            self.absorbs(y, function(given, *arguments, **options))
        return y

    def einsum(self, function, equation: str, *operands) -> Tensor:
        if len(operands) != 2:
            return function(equation, *operands)
        return self.product(lambda a, b: function(equation, a, b), *operands)

    def addcmul(self, function, x, a, b, value=1) -> Tensor:
        return self.sum(torch.add, x, value * self.product(torch.mul, a, b))


def by_picture(parts: Tensor, count: int) -> Tensor:
    """(count,) float64: the sums of each picture's parts, which stand on the first axis (several
    of one picture together), or on the second; else all pictures get the same."""
    parts = parts.detach().double()
    if len(parts) != count and parts.ndim > 2 and parts.shape[1] == count:  # places first
        parts = parts.transpose(0, 1)
    if len(parts) % count:
        return (parts.sum() / count).expand(count).cpu()
    return parts.reshape(count, -1).sum(1).cpu()
