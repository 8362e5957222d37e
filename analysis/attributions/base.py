"""The registry of attribution methods, and the one way to call them."""

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from analysis.attributions.contrast import contrast
from analysis.attributions.question import Question, asked, gradients_told, in_single, rivals
from analysis.stimuli.resizing import resize
from iram import contract
from iram.errors import InputError
from iram.registry import Registry, unknown

ATTRIBUTIONS = Registry("attribution method", needs=(), signed=True, trivial=False, cost="cheap",
                        by_name=False, of_class=True, version=1)

ROUNDING = 1e-6  # of a map's size: what resizing leaves between equal places
SAME_EVERYWHERE = "its maps are the same at every place"
NOT_NUMBERS = "its maps hold NaN or infinite values"

NEEDS = {
    "layers": "a torch module whose layers can be read",
    "gradients": "a torch module that gradients pass through",
    "functions": "a net without scripted parts (TorchScript), which its rules don't reach",
    "attention": "a model with attention maps of its own (`trace`)",
}
"""What a method may require of a model beyond logits."""


def attribution(name: str, *needs: str, title: str = "", **facts) -> Callable:
    """Registers a method, with all that is told of it anywhere.

    Args:
        needs: what it requires of a model beyond logits; names in NEEDS.
        title: in figures, tables and pages.
        facts: signed (True): 0 is the middle of its maps, which speak for or against the class;
            else they say how much. trivial (False): it asks nothing of the model, and a method has
            to beat it. cost ("cheap"): "several passes", or "dear", 100 passes a picture and more.
            by_name (False): it is in no preset, and runs only where it is named. of_class (True):
            its maps depend on the class that is explained. version (1): raise it when its maps
            change, so that what was computed before is not taken for them.
    """
    return ATTRIBUTIONS.register(name, title, needs=needs, **facts)


def attribute(
    model, x: Tensor, target: Tensor | int, method: str = "gradcam", *,
    against: Tensor | int | str | None = None, **options,
) -> Tensor:
    """(N, H, W) float32: how much each pixel of x speaks for the target's logit, raw and signed.

    The model is asked in eval mode and without its parameters' gradients, and is as it was
    afterwards, after an error too: modes, requires_grad, .grad, hooks. Each picture's map is its
    own: it does not depend on the others of the batch, and what is left to chance is seeded by the
    picture. Works inside `torch.no_grad` and `torch.inference_mode`.

    Args:
        model: pictures -> logits (N, K). A torch module; methods that require nothing take any
            callable.
        x: (N, C, H, W) float pictures in [0, 1]. Where the model has an `input_size`, pictures
            of another size are brought to it, and the maps back to theirs.
        target: the class that is explained, one for all or (N,).
        method: a name in ATTRIBUTIONS.
        against: why the target rather than this class, one for all or (N,), or "second", the
            class with the next highest logit: the difference of the two logits is explained.
            Maps that do not depend on the class (`asks_of_a_class`) are as without it.
        options: the method's own; see `options_of`.

    Raises:
        InputError: no such method or option, a model that lacks what the method requires, pictures
            that are no finite floats of shape (N, C, H, W), or a target that is no class.

    Examples:
        >>> from analysis import attribute
        >>> from iram import load_model, open_dataset
        >>> model, faces = load_model("iram-heads"), open_dataset("heads:n=20")
        >>> x = faces.images([0, 1])
        >>> attribute(model, x, model(x).argmax(1), method="gradcam").shape
        torch.Size([2, 48, 48])
    """
    work = ATTRIBUTIONS[method]
    for name in options:
        if name not in options_of(method):
            raise InputError(f"{method}: {unknown('option', name, options_of(method))}")
    for need in missing(method, model):
        raise InputError(f"{method} needs {NEEDS[need]}; {contract.called(model)} is none")
    with asked(model, x, target, options.get("regions")) as question:
        if "regions" in options:
            options["regions"] = question.regions
        if "functions" in ATTRIBUTIONS.about(method).needs:
            model, question = in_single(model, question)
        with gradients_told():
            maps = _maps(work, model, question, against, options).detach()
        if maps.ndim != 3 or len(maps) != len(x):
            raise InputError(f"{method} gave {tuple(maps.shape)} for {len(x)} pictures, where "
                             "(N, h, w) is needed; does the model go through its pictures alone?")
        return resize(maps, *x.shape[2:]).to(x.device)


def _maps(work: Callable, model, question: Question, against, options: dict) -> Tensor:
    """The maps of a question, of pictures that are asked against one class at a time."""
    x, target = question.x, question.target
    if against is None:
        return work(model, x, target, **options)
    against = rivals(model, x, target, against)
    parts = []
    for rival in against.unique().tolist():
        rows = (against == rival).nonzero()[:, 0]
        own = {name: _of(value, rows, len(x)) for name, value in options.items()}
        if own.get("passes"):
            own["passes"] = contrast(own["passes"], rival)
        parts.append((rows, work(contrast(model, rival), x[rows], target[rows], **own)))
    maps = torch.cat([part for _, part in parts])
    return maps[torch.cat([rows for rows, _ in parts]).argsort()]


def _of(value, rows: Tensor, count: int):
    """An option for some of the pictures, where it has a value for each of them."""
    if isinstance(value, Tensor) and value.ndim == 3 and len(value) == count:
        return value[rows.to(value.device)]
    if isinstance(value, list | tuple) and len(value) == count:
        return [value[row] for row in rows.tolist()]
    return value


def asks_of_a_class(method: str) -> bool:
    """Whether a method's maps depend on the class that is explained."""
    about = ATTRIBUTIONS.about(method)
    return not about.trivial and about.of_class


def is_constant(maps: Tensor) -> bool:
    """Whether every map (N, H, W) is the same at all its places: it says nothing of any."""
    flat = maps.flatten(1)
    span, size = flat.amax(1) - flat.amin(1), flat.abs().amax(1)
    return bool((span <= ROUNDING * size).all())


def options_of(method: str) -> tuple[str, ...]:
    """The names of a method's options."""
    return tuple(inspect.signature(ATTRIBUTIONS[method]).parameters)[3:]


def offers(model, need: str) -> bool:
    """Whether a model has what a method may require; see NEEDS.

    A torch module has layers and gradients, unless it says that it lacks them; see
    `iram.contract`.
    """
    if need == "attention":
        return contract.has_attention(model)
    module = hasattr(model, "named_modules")
    if need == "functions":
        return not module or not any(isinstance(m, torch.jit.ScriptModule) for m in model.modules())
    return module and need not in contract.lacks(model)


def missing(method: str, model) -> list[str]:
    """What a method requires and this model lacks; empty where it can be used."""
    ATTRIBUTIONS[method]  # an unknown one is told
    return sorted(need for need in ATTRIBUTIONS.about(method).needs if not offers(model, need))


def reason(model, lacking: list[str]) -> str:
    """Why a model can't have a method that requires these."""
    known = contract.lacks(model)
    own = list(dict.fromkeys(known[need] for need in lacking if need in known))
    return "; ".join(own) or f"needs {' and '.join(NEEDS[need] for need in lacking)}"
