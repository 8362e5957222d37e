"""Whether a method can be used on a model, tried on a few pictures: one judgement for all."""

import warnings
from typing import NamedTuple

from torch import Tensor, nn

from analysis.attributions.base import (
    ATTRIBUTIONS,
    NOT_NUMBERS,
    SAME_EVERYWHERE,
    attribute,
    is_constant,
    missing,
    options_of,
    reason,
)
from analysis.attributions.regions import grid
from iram.errors import InputError, one_line

SHORT = {
    "integrated_gradients": {"first": 8},
    "smoothgrad": {"samples": 2}, "gradient_shap": {"samples": 2}, "kernel_shap": {"samples": 4},
    "score_cam": {"most": 4}, "ablation_cam": {"most": 4},
}
"""Options under which a method is tried: fewer passes, the same path through the model."""


class Judgement(NamedTuple):
    """What is to be said of a method on a model.

    Attributes:
        refused: why it gives no maps; "" if it does.
        marked: the identity of its own that it fails here, by which it is never ranked; "" if none.
    """

    refused: str = ""
    marked: str = ""


def judged(model: nn.Module, x: Tensor, target: Tensor | int, method: str, **options) -> Judgement:
    """The judgement on a method by its maps of a few pictures.

    Refused is what the model lacks, what raises an error, maps that hold NaN or infinite values,
    and maps that are all the same at every place. Marked is what the method itself warns of: of
    contributions that do not sum to the logit's change, say.

    Args:
        model, x, target: as for `attribute`.
        options: the method's own, beside SHORT.
    """
    if lacking := missing(method, model):
        return Judgement(reason(model, lacking))
    if ATTRIBUTIONS.about(method).trivial:
        return Judgement()
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            short = _short(method, x) | options
            maps = attribute(model, x, target, method, **short)
            if "most" in short and is_constant(maps):  # these may move no logit
                maps = attribute(model, x, target, method, **short | {"most": None})
    except (InputError, RuntimeError) as error:
        return Judgement(f"{one_line(error, 200)}")
    if not maps.isfinite().all():
        return Judgement(NOT_NUMBERS)
    if is_constant(maps):
        return Judgement(SAME_EVERYWHERE)
    own = [str(one.message) for one in told if str(one.message).startswith(f"{method}: ")]
    return Judgement(marked=own[0].removeprefix(f"{method}: ") if own else "")


def _short(method: str, x: Tensor) -> dict:
    """What makes a trial short: see SHORT; few windows, and few regions."""
    short = dict(SHORT.get(method, {}))
    if method == "occlusion":
        short |= dict.fromkeys(("window", "stride"), max(1, min(x.shape[2:]) // 2))
    if "regions" in options_of(method):
        short |= {"regions": grid(*x.shape[2:], 1, 2)}
    return short
