"""Which methods are run, what they are told, and which a model can't have."""

from collections.abc import Sequence

from analysis.attributions import ATTRIBUTIONS, missing, options_of
from analysis.attributions.base import reason
from iram import contract
from iram.errors import InputError, listing
from iram.registry import unknown


def presets() -> dict[str, tuple[str, ...]]:
    """Names that stand for several methods, by what each costs."""
    every, dear = ATTRIBUTIONS.where(by_name=False), ATTRIBUTIONS.where(by_name=False, cost="dear")
    return {"cheap": tuple(m for m in every if m not in dear), "dear": dear, "all": every}


def select(names: str | Sequence[str]) -> tuple[str, ...]:
    """The methods of a comma-separated list of presets and names, or of several, in the registry's
    order.

    Raises:
        InputError: no name, or an unknown one.
    """
    known, chosen = presets(), set()
    listed = names if isinstance(names, str) else ",".join(map(str, names))
    for name in filter(None, (part.strip() for part in listed.split(","))):
        if name not in known and name not in ATTRIBUTIONS:
            raise InputError(unknown("attribution method", name, [*known, *ATTRIBUTIONS]))
        chosen |= set(known.get(name, (name,)))
    if not chosen:
        raise InputError(f"--methods names no method; known: {listing([*known, *ATTRIBUTIONS])}")
    return tuple(name for name in ATTRIBUTIONS if name in chosen)


def mean_source(model) -> str | None:
    """The method whose mean over the data set is the trivial map `mean_map` of this model."""
    return next((m for m in ("attention", "activation_energy") if not missing(m, model)), None)


def skipped(model, methods) -> dict[str, str]:
    """{method: why this model can't have it}."""
    reasons = {}
    for method in methods:
        lacking = missing(method, model)
        if lacking:
            reasons[method] = reason(model, lacking)
        elif method == "mean_map" and mean_source(model) is None:
            reasons[method] = "needs the mean of attention or of a layer's activation"
    return reasons


def can_lose_weights(model) -> bool:
    """Whether it has weights that a test of sanity can randomise."""
    return "weights" not in contract.lacks(model)


def takes(method: str, option: str) -> bool:
    return option in options_of(method)


def reads_layer(method: str) -> bool:
    """Whether it reads a layer with places, which can be named."""
    return takes(method, "layer") and "layers" in ATTRIBUTIONS.about(method).needs


def check_layer(layer: str | None, methods: Sequence[str]) -> None:
    """Raises InputError for a layer that is named where none of the methods reads one."""
    if layer is not None and not any(reads_layer(m) or m == "mean_map" for m in methods):
        raise InputError(f"--layer {layer} is for methods that read a layer: name one of them with "
                         f"--methods, such as {', '.join(filter(reads_layer, ATTRIBUTIONS))}")


def is_quick(method: str) -> bool:
    """Whether it is one pass that depends on the picture: its stability can be measured."""
    told = ATTRIBUTIONS.about(method)
    one_pass = told.cost == "cheap" and not told.trivial
    return one_pass and not any(takes(method, name) for name in ("regions", "ids"))
