"""What the study asks of a model beyond its logits, and what holds where a model doesn't say.

`iram.model.FERClassifier` and `analysis.subjects.outside.OutsideModel` say all of it. Functions
that take any callable, such as `analysis.attribute`, ask through the functions below.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from torch import Tensor

_copies: ContextVar[int] = ContextVar("copies of a picture", default=1)

LACKS = ("gradients", "layers", "attention", "interventions", "weights", "copies")


class Model(Protocol):
    """Faces (N, 1, H, W) in [0, 1] -> logits (N, K), open to be read and acted upon.

    Attributes:
        classes: K names, in the order of the logits.
        input_size: pixels a side that faces must have; None where it takes them of any size.
        has_attention: whether `trace` gives attention maps.
        num_layers: places of attention, or the blocks whose outputs stand for them.
        lacks: {what it can't: why}, of LACKS.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def input_size(self) -> int | None: ...

    @property
    def has_attention(self) -> bool: ...

    @property
    def num_layers(self) -> int: ...

    @property
    def lacks(self) -> Mapping[str, str]: ...

    def __call__(self, images: Tensor, /) -> Tensor: ...

    def trace(self, images: Tensor, /) -> Any:
        """A `iram.model.Trace`: logits, attention maps and features (N, C, h, w) of each layer."""

    def intervene(
        self, replacements: Mapping[int, Tensor | Callable[[Tensor], Tensor]], /
    ) -> AbstractContextManager:
        """Replaces the attention of chosen layers, and leaves the model as it was."""


def lacks(model) -> Mapping[str, str]:
    """{what the model can't: why}; nothing where it doesn't say."""
    return getattr(model, "lacks", {})


def has_attention(model) -> bool:
    """Whether it gives attention maps; one that doesn't say does if it has `trace`."""
    traced = hasattr(model, "trace") and "attention" not in lacks(model)
    return traced and bool(getattr(model, "has_attention", True))


def input_size(model) -> int | None:
    """Pixels a side that faces must have; None where it doesn't say, or takes any."""
    return getattr(model, "input_size", None)


def channels(model) -> int:
    """3 of a net that takes RGB, else 1: what colour of pictures it can see."""
    return getattr(model, "channels", 1)


def gates(model) -> tuple[str, ...]:
    """Names of the modules whose outputs are attention and no features, as far as they are told."""
    return getattr(model, "gates", ())


def called(model) -> str:
    """What messages call it: its name, else the class that it is of."""
    name = getattr(model, "name", None)
    return f"model '{name}'" if isinstance(name, str) else f"this {type(model).__name__}"


@contextmanager
def copied(count: int) -> Iterator[None]:
    """Inside, a hook makes `count` of each picture on its way, so that a model may give so many
    answers to each."""
    token = _copies.set(count)
    try:
        yield
    finally:
        _copies.reset(token)


def copies() -> int:
    """How many answers to each picture a model is to give; see `copied`."""
    return _copies.get()
