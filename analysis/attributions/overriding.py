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
from torch.utils._python_dispatch import TorchDispatchMode

from iram.errors import InputError, listing


class Overriding(TorchFunctionMode):
    """While it is active, a function with a rule is computed by `rule(function, *arguments)`.

    Only where an argument depends on the picture, that is, requires gradients (parameters are
    frozen by `question.undisturbed`). Rules are known by the function's name; ATen's functions,
    which exported programs call (`relu.default`), have those of their names.

    Raises:
        InputError: at its end, where such a function was computed out of its reach.
    """

    def __init__(self, rules: Mapping[str, Callable]):
        super().__init__()
        self.rules, self.calls = rules, 0
        self.unreached = Unreached(self)

    def __enter__(self):
        self.unreached.__enter__()
        return super().__enter__()

    def __exit__(self, *raised):
        super().__exit__(*raised)
        self.unreached.__exit__(*raised)
        if self.unreached.found and raised[0] is None:
            names = listing(sorted(self.unreached.found))
            raise InputError(f"a part of the net calls {names} from TorchScript, where rules of "
                             "this method do not reach; use another")

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls += 1
        try:
            return self._called(func, args, kwargs)
        finally:
            self.calls -= 1

    def _called(self, func, args, kwargs):
        options = dict(kwargs or {})
        name, in_place = rule_name(func, self.rules)
        rule = self.rules.get(name)
        if rule is None or not any(depends(one) for given in args for one in (
                given if isinstance(given, list | tuple) else (given,))):
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


class Unreached(TorchDispatchMode):
    """Notes the functions with a rule that are computed without being called from Python, as in
    TorchScript, where the rule is left out in silence."""

    def __init__(self, overriding: Overriding):
        super().__init__()
        self.overriding, self.found = overriding, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.partition(".")[0].strip("_")
        if not self.overriding.calls and name in self.overriding.rules:
            self.found.add(name)
        with torch._C.DisableTorchFunction():  # it is on its way already
            return func(*args, **(kwargs or {}))


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
