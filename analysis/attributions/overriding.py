"""Other derivatives for the functions of a forward pass.

Rules are applied to the functions that a model calls, whether as modules, from
`torch.nn.functional` or as methods of a tensor, in place or not, and however often one module is
used. Backward hooks on modules, which Captum's DeepLift and guided backpropagation rest on, miss
all but the first kind in silence.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Overriding(TorchFunctionMode):
    """While it is active, a function with a rule is computed by `rule(function, *arguments)`.

    Only where an argument depends on the picture, that is, requires gradients (parameters are
    frozen by `question.undisturbed`). Rules are known by the function's name; ATen's functions,
    which exported programs call (`relu.default`), have those of their names.
    """

    def __init__(self, rules: Mapping[str, Callable]):
        super().__init__()
        self.rules = rules

    def __torch_function__(self, func, types, args=(), kwargs=None):
        options = dict(kwargs or {})
        name, in_place = rule_name(func, self.rules)
        rule = self.rules.get(name)
        if rule is None or not any(depends(argument) for argument in args):
            return func(*args, **options)
        in_place |= bool(options.get("inplace", False))
        if in_place and "inplace" in options:
            options["inplace"] = False
        if not in_place:
            return rule(func, *args, **options)
        # Of a copy: the derivative may need what is overwritten.
        return args[0].copy_(rule(functional(func, name), args[0].clone(), *args[1:], **options))


def rule_name(func, rules: Mapping[str, Callable]) -> tuple[str, bool]:
    """(a function's name as the rules know it, whether it works in place by its name)."""
    name = getattr(func, "__name__", "").partition(".")[0]
    base = name.removesuffix("_")
    in_place = name.endswith("_") and not name.endswith("__") and base in rules
    return (base, True) if in_place else (name, False)


def functional(func, name: str) -> Callable:
    """The function, or the one of this name that works on a new tensor."""
    if getattr(func, "__name__", "").partition(".")[0] != f"{name}_":
        return func
    places = (Tensor, torch, torch.nn.functional, torch._C._nn)
    return next(getattr(place, name) for place in places if hasattr(place, name))


def depends(argument) -> bool:
    """Whether an argument is a tensor that was computed from the picture."""
    return isinstance(argument, Tensor) and argument.requires_grad


def linearised(value: Tensor, *terms: tuple[Tensor, Tensor]) -> Tensor:
    """`value` as it is, with the derivative `slope` by each `argument` of (argument, slope)."""
    total = value.detach()
    for argument, slope in terms:
        total = total + slope * (argument - argument.detach())
    return total


def derivative(function: Callable, x: Tensor) -> Tensor:
    """The ordinary derivative of an elementwise function."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(function(x).sum(), x)[0]
