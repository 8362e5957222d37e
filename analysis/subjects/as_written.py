"""Compiled nets as they were written: hooks and rules do not reach into what torch's compiler
makes, and to compile costs minutes where a few pictures are asked. Exported ones as they are."""

import types

from torch import nn

ORIGINAL = "_torchdynamo_orig_callable"  # where torch.compile keeps the function that it was given
EXPORTED = "torch.export.exported_program"


def as_written(net: nn.Module) -> tuple[nn.Module, list[str]]:
    """The net with nothing in it compiled, and what is to be said of it; it is changed in place."""
    net, found = _own(net), isinstance(net, nn.Module) and _is_wrapper(net)
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if _is_wrapper(child):
                setattr(module, name, _own(child))
                found = True
    for module in net.modules():
        found |= _restore(module)
    return net, ["parts of it are compiled: it is asked as it was written"] * found


def with_modes(net: nn.Module) -> None:
    """Takes out what refuses `train` and `eval` in programs of `torch.export` that are modules: the
    mode of such a program is that of its export, and no call changes what it does."""
    for module in net.modules():
        for name in ("train", "eval"):
            if getattr(vars(module).get(name), "__module__", "") == EXPORTED:
                delattr(module, name)


def _is_wrapper(module: nn.Module) -> bool:
    return type(module).__name__ == "OptimizedModule" and hasattr(module, "_orig_mod")


def _own(module: nn.Module) -> nn.Module:
    while _is_wrapper(module):
        module = module._orig_mod
    return module


def _restore(module: nn.Module) -> bool:
    """Puts back what `Module.compile()`, or a decorator of `forward`, has replaced."""
    compiled = getattr(module, "_compiled_call_impl", None) is not None
    if compiled:
        module._compiled_call_impl = None
    written = getattr(module.forward, ORIGINAL, None)
    if written is not None:
        bound = isinstance(written, types.MethodType)
        module.forward = written if bound else types.MethodType(written, module)
    return compiled or written is not None
