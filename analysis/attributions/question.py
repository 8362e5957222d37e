"""What is asked of a model: pictures and targets checked, and the model left as it was."""

import contextlib
import copy
import sys
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis.attributions.contrast import SECOND, runner_up
from analysis.attributions.once import shared
from analysis.stimuli.resizing import resize_labels, resize_pictures
from iram import contract
from iram.errors import InputError, listing, one_line

HALF = (torch.float16, torch.bfloat16)
ROUGH = 0.1  # of the largest logit: by which half precision may be off


class Question(NamedTuple):
    """A batch as the model takes it.

    Attributes:
        x: (N, C, h, w), a copy of the pictures at the model's size, type and device.
        target: (N,) int64.
        regions: label map at the size of x, (h, w) or (N, h, w); or as it was given, if no tensor.
    """

    x: Tensor
    target: Tensor
    regions: Tensor | str | None


@contextlib.contextmanager
def asked(model, x: Tensor, target: Tensor | int, regions=None) -> Iterator[Question]:
    """The question put to a model that is undisturbed by it; see `attribute` for the arguments."""
    check_pictures(x)
    check_model(model)
    with undisturbed(model):
        faces = fitted(model, x)
        if isinstance(regions, Tensor) and regions.shape[-2:] == x.shape[2:]:
            regions = resize_labels(regions, *faces.shape[2:])
        yield Question(
            faces, targets(target, len(x), classes(model, faces)).to(faces.device), regions
        )


@contextlib.contextmanager
def undisturbed(model) -> Iterator[None]:
    """The model in eval mode, its parameters frozen, gradients on; all as before afterwards.

    Parameters are frozen so that a tensor requires gradients if and only if it depends on x.
    """
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    parameters = list(model.parameters()) if modules else []
    if any(parameter.is_inference() for parameter in parameters):
        raise InputError(
            "the model was made inside torch.inference_mode, so no gradient can pass through it; "
            "load it outside"
        )
    modes = [module.training for module in modules]
    frozen = [parameter.requires_grad for parameter in parameters]
    try:
        for module in modules:
            module.training = False
        for parameter in parameters:
            parameter.requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad(), uncompiled():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for parameter, free in zip(parameters, frozen, strict=True):
            parameter.requires_grad_(free)


def check_pictures(x: Tensor) -> None:
    """Raises InputError for anything but finite floats (N, C, H, W), N at least 1."""
    if not isinstance(x, Tensor) or x.ndim != 4 or 0 in x.shape:
        shape = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"pictures must be a tensor (N, C, H, W), not empty; got {shape}")
    if not x.is_floating_point():
        raise InputError(f"pictures must be floats in [0, 1], got {x.dtype}; divide 0-255 by 255")
    broken = (~x.isfinite()).flatten(1).any(1).nonzero()[:, 0].tolist()
    if broken:
        raise InputError(f"pictures {listing(broken)} of {len(x)} hold NaN or infinite values")


def check_model(model) -> None:
    """Raises InputError for a module without weights (on the meta device), or one whose answer to a
    picture depends on the others of its batch: batch norm without running statistics."""
    modules = list(model.named_modules()) if isinstance(model, nn.Module) else []
    if modules and any(parameter.is_meta for parameter in model.parameters()):
        raise InputError(f"{contract.called(model)} is on the meta device, and so has no weights; "
                         "load them (model.to_empty(device='cpu'), then load_state_dict)")
    for name, module in modules:
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None and (
                not isinstance(module, nn.modules.instancenorm._InstanceNorm)):
            raise InputError(f"batch norm '{name}' keeps no running statistics, so that a "
                             "picture's logits depend on the others of its batch; it has no map of "
                             "its own")


def uncompiled() -> contextlib.AbstractContextManager:
    """Lets compiled models run as they were written: hooks and rules do not reach into others."""
    compiled = "torch._dynamo" in sys.modules  # else nothing can have been compiled
    return torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext()


def fitted(model, x: Tensor) -> Tensor:
    """A copy of the pictures at the model's input size, type and device (as for its scores).

    The type is what the model says that it `takes`, or that of its weights.
    """
    like = next(iter(model.parameters()), None) if isinstance(model, nn.Module) else None
    own = torch.float32 if like is None or not like.is_floating_point() else like.dtype
    size = contract.input_size(model)
    x = x.detach().to(torch.float32, copy=True)
    if isinstance(size, int):
        x = resize_pictures(x, size)
    x = x.to(getattr(model, "takes", own))
    return x if like is None else x.to(like.device)


def classes(model, x: Tensor) -> int:
    """Number of classes, from the logits of the first picture, and of two of it.

    Raises:
        InputError: the model cannot take such pictures, or does not return finite float logits
            (N, K), also for several, or changes them so that it answers otherwise.
    """
    return _classes(model, x[:1])


@shared
@torch.no_grad()
def _classes(model, one: Tensor) -> int:
    for count in (1, 2):
        given = one.repeat(count, 1, 1, 1)
        try:
            logits = model(given)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            takes = "takes no pictures" if count == 1 else "takes one picture, but not two,"
            raise InputError(f"the model {takes} of {tuple(one.shape[1:])}: "
                             f"{one_line(error)}") from error
        if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != count:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise InputError("the model must return logits (N, classes); for "
                             f"{'one picture' if count == 1 else 'two pictures'} got {got}")
        if not torch.equal(given, one.expand_as(given)) and not torch.equal(logits, model(given)):
            raise InputError("the model changes the pictures that it is given, and answers "
                             "otherwise the next time: write x = x - mean, not x -= mean or "
                             "x.sub_(mean)")
    if not logits.is_floating_point():
        raise InputError(f"the model must return float logits, not {logits.dtype}")
    if not logits.isfinite().all():
        raise InputError("the model's logits are NaN or infinite; there is nothing to explain")
    return logits.shape[1]


def targets(target: Tensor | int, pictures: int, classes: int) -> Tensor:
    """(N,) int64 class numbers.

    Raises:
        InputError: not whole numbers, another number of them than pictures, or no such class.
    """
    try:
        target = torch.as_tensor(target)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"targets must be whole class numbers, one or (N,), got {target!r:.60}"
                         ) from None
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise InputError(f"targets must be whole class numbers, got {target.dtype}")
    if target.ndim > 1 or (target.ndim == 1 and len(target) != pictures):
        raise InputError(f"{tuple(target.shape)} targets for {pictures} pictures; give one or (N,)")
    target = target.long().expand(pictures)
    wrong = target[(target < 0) | (target >= classes)].unique().tolist()
    if wrong:
        raise InputError(f"no class {listing(wrong)}: the model has classes 0 to {classes - 1}")
    return target.clone()


@torch.no_grad()
def rivals(model, x: Tensor, target: Tensor, against: Tensor | int | str) -> Tensor:
    """(N,) int64: the class that each picture's target is asked against.

    Raises:
        InputError: no such class, another number of them than pictures, or the target itself.
    """
    logits = model(x)
    if isinstance(against, str):
        if against == SECOND:
            return runner_up(logits, target)
        raise InputError(f"against is {against!r}; it must be a class number, or second")
    found = targets(against, len(x), logits.shape[1]).to(target.device)
    same = (found == target).nonzero()[:, 0].tolist()
    if same:
        raise InputError(f"pictures {listing(same)} of {len(x)} are asked why their class rather "
                         "than itself; name another one, or second")
    return found


def in_single(model, question: Question) -> tuple:
    """(model, question) in single precision: of a net with weights of half precision a copy, since
    rules that divide by what a layer puts out overflow there, and sums miss their last digits.

    Raises:
        InputError: there is no such copy, or it gives other answers.
    """
    own = [p.dtype for p in model.parameters()] if isinstance(model, nn.Module) else []
    if not any(dtype in HALF for dtype in own):
        return model, question
    x = question.x.float()
    try:
        single = copy.deepcopy(model).float()
        apart = (single(x[:1]) - model(question.x[:1]).float()).abs().amax()
    except Exception as error:  # of the net's own code
        raise InputError("this method needs single precision, and the net gives no copy in it: "
                         f"{one_line(error, 200)}") from None
    if not apart <= ROUGH * single(x[:1]).abs().amax():
        raise InputError("this method needs single precision, and a copy of the net in it answers "
                         f"otherwise (by {apart:.2g})")
    return single, question._replace(x=x)


def of_target(logits: Tensor, target: Tensor) -> Tensor:
    """(N,): each picture's logit of its target."""
    return logits.gather(1, target[:, None])[:, 0]


def gradient(logits: Tensor, target: Tensor, at: Tensor) -> Tensor:
    """The gradient of each picture's target logit at a tensor that it was computed from."""
    score = of_target(with_gradient(logits), target).sum()
    with gradients_told():
        (found,) = torch.autograd.grad(score, at, allow_unused=True)
    return torch.zeros_like(at) if found is None else found


@contextlib.contextmanager
def gradients_told() -> Iterator[None]:
    """Tells what a user can do where torch's reentrant checkpoints let no gradient be asked for."""
    try:
        yield
    except RuntimeError as error:
        if "heckpoint" not in str(error):
            raise
        raise InputError("the model checkpoints its layers in a way that lets no gradient at a "
                         "picture be asked for; pass use_reentrant=False to torch's checkpoint"
                         ) from error


def with_gradient(logits: Tensor) -> Tensor:
    """The logits, if a gradient can be had of them.

    Raises:
        InputError: the model cuts the graph (a `no_grad` inside, say).
    """
    if not logits.requires_grad:
        raise InputError("no gradient passes through this model; use a method that needs none")
    return logits
