"""What a model is built from, and its backbone of that."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from iram.attention import ATTENTION
from iram.backbones import BACKBONES
from iram.errors import InputError
from iram.registry import unknown
from iram.zoo import works  # noqa: F401 (its nets and their attention are registered)

FER2013_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
MATCHED = "none-matched"  # the no-attention net, widened to the parameters of the IRAM net


@dataclass(frozen=True)
class Architecture:
    """All that is needed to build a model again.

    Attributes:
        switches: keyword arguments of the attention module (IRAM's reuse, reduction, fusion, ...).
        width: of the backbone, relative to its standard; see `matched_width`.
        mean, std: the picture's normalisation, here FER2013's over its training split.
        place: of the attention in each block, "branch" or "block"; see `iram.backbones`.
    """

    backbone: str = "compact"
    attention: str = "iram"
    switches: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = FER2013_CLASSES
    width: float = 1.0
    dropout: float = 0.2
    input_size: int = 48
    mean: float = 0.508
    std: float = 0.255
    place: str = "branch"

    def to_dict(self) -> dict:
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values: Mapping) -> "Architecture":
        return cls(**{**values, "classes": tuple(values["classes"])})


def switched(architecture: Mapping) -> dict:
    """What of the attention is not as usual, by an architecture as a card has it: the module's
    switches, and its place."""
    place = architecture.get("place", "branch")
    return (architecture.get("switches") or {}) | ({} if place == "branch" else {"place": place})


def class_names(num_classes: int | None, classes) -> tuple[str, ...]:
    """The names given, or FER2013's for 7 classes, or class0, class1, ..."""
    if classes is None:
        count = len(FER2013_CLASSES) if num_classes is None else num_classes
        standard = count == len(FER2013_CLASSES)
        classes = FER2013_CLASSES if standard else tuple(f"class{i}" for i in range(count))
    if num_classes not in (None, len(classes)) or len(classes) < 2:
        raise InputError(f"{num_classes} classes asked for, {len(classes)} named; 2 or more needed")
    return tuple(classes)


def switches_of(attention: str) -> list[str]:
    """The names of the switches that an attention module takes; often none.

    Raises:
        InputError: no such module.
    """
    parameters = inspect.signature(_module(attention)).parameters
    return [name for name in parameters if name not in ("channels", "memory_channels")]


def built_backbone(architecture: Architecture) -> nn.Module:
    """The backbone with fresh weights, an attention module in each block.

    Raises:
        InputError: it takes no attention, or no such place; a switch that the module lacks.
    """
    build = BACKBONES[architecture.backbone]
    if not BACKBONES.about(architecture.backbone).gated and (
            architecture.attention not in ("none", MATCHED)):
        raise InputError(f"backbone {architecture.backbone} takes no attention module "
                         f"({architecture.attention}); its attention must be none")
    known = inspect.signature(build).parameters
    options = {"width": architecture.width}
    if architecture.place != "branch":
        if "place" not in known:  # one that was registered outside
            raise InputError(f"backbone {architecture.backbone} has no switch 'place'")
        options["place"] = architecture.place
    told = {"classes": len(architecture.classes), "dropout": architecture.dropout}
    options |= {name: value for name, value in told.items() if name in known}  # of ensembles
    return build(attention_factory(architecture), **options)


def attention_factory(architecture: Architecture) -> Callable:
    """Builds the module of one block from (channels, memory_channels)."""
    module, known = _module(architecture.attention), switches_of(architecture.attention)
    for name in architecture.switches:
        if name not in known:
            kind = f"switch of attention {architecture.attention}"
            raise InputError(unknown(kind, name, known or ["none at all"]))

    def build(channels: int, memory_channels: Any):
        try:
            return module(channels, memory_channels, **architecture.switches)
        except InputError as error:
            raise InputError(f"attention {architecture.attention}: {error}") from None

    return build


def _module(attention: str) -> Callable:
    name = "none" if attention == MATCHED else attention
    if name not in ATTENTION:
        raise InputError(unknown("attention module", name, [*ATTENTION, MATCHED]))
    return ATTENTION[name]
