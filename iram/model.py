"""The classifier: a backbone with an attention module in every block, that can be read
(`trace`) and acted upon (`intervene`)."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from iram.attention import ATTENTION
from iram.attention.base import check_word
from iram.backbones import BACKBONES, PLACES, Pass
from iram.errors import InputError
from iram.registry import unknown
from iram.zoo import works  # noqa: F401 (its nets and their attention are registered)

FER2013_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
MATCHED = "none-matched"  # the no-attention net, widened to the parameters of the IRAM net
MAX_WIDTH = 64.0  # more than fits a memory
Replacement = Tensor | Callable[[Tensor], Tensor]


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


@dataclass
class Trace:
    """A forward pass laid open.

    Attributes:
        logits: (N, num_classes).
        attention: one map (N, C, H, W) in (0, 1) per module, first to last; empty without any.
        features: one output (N, C, H, W) per block, first to last.
        effective: one (N, H, W) per module, `iram.backbones.effective_multiplier`: what attention's
            pattern makes of the features, fusion, shortcut and activation included. Empty where
            the model can't tell, as without attention.
    """

    logits: Tensor
    attention: list[Tensor]
    features: list[Tensor]
    effective: list[Tensor] = field(default_factory=list)


class FERClassifier(nn.Module):
    """Faces (N, 1, H, W) in [0, 1] -> logits (N, num_classes). It normalises them itself.

    Attributes:
        architecture: what it was built from.
        name, seed, weights_sha256: of the weights it was loaded with; see `iram.weights`.
        lacks: what it can't (see `iram.contract.Model`): what its backbone can't, often nothing.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        self.name, self.seed, self.weights_sha256 = architecture.attention, None, None
        self.backbone = _backbone(architecture)
        self.dropout = nn.Dropout(architecture.dropout)
        self.classifier = self.backbone.classifier(len(architecture.classes))
        self.lacks = dict(self.backbone.lacks)
        self._replacements: dict[int, Replacement] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.architecture.classes

    @property
    def input_size(self) -> int:
        return self.architecture.input_size

    @property
    def num_layers(self) -> int:
        """Number of blocks, each with a place for an attention module."""
        return self.backbone.num_layers

    @property
    def has_attention(self) -> bool:
        return self.architecture.attention not in ("none", MATCHED)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.run(x))

    def trace(self, x: Tensor) -> Trace:
        """The logits together with every attention map and every block's output."""
        seen = self.run(x, traced=True)
        attention = [layer.attention for layer in seen.layers if layer.attention is not None]
        features = [layer.features for layer in seen.layers]
        effective = [layer.effective for layer in seen.layers if layer.effective is not None]
        return Trace(self.classify(seen), attention, features, effective)

    def run(self, x: Tensor, traced: bool = False) -> Pass:
        """The backbone's pass; `classify` makes logits of it."""
        mean, std = self.architecture.mean, self.architecture.std
        return self.backbone.run((x - mean) / std, self._replacer, traced)

    def classify(self, seen: Pass) -> Tensor:
        return self.classifier(self.dropout(seen.embedding))

    @contextlib.contextmanager
    def intervene(self, replacements: Mapping[int, Replacement]) -> Iterator["FERClassifier"]:
        """Replaces the attention of chosen layers inside the block, and restores it after.

        Args:
            replacements: {layer: map or callable}; layers count from 0, or from -1 backwards. A
                map must broadcast to the layer's (N, C, H, W); a callable gets the layer's own
                map and returns the one to use. What later modules reuse of this layer follows
                the replacement.

        Raises:
            InputError: the model has no attention, no such layer, or a map of another shape.
        """
        before = self._replacements
        self._replacements = before | {self._layer(k): v for k, v in replacements.items()}
        try:
            yield self
        finally:
            self._replacements = before

    def _layer(self, index: int) -> int:
        if not self.has_attention:
            raise InputError(f"model '{self.name}' has no attention to intervene on")
        if not -self.num_layers <= index < self.num_layers:
            raise InputError(f"no attention layer {index}; there are 0 to {self.num_layers - 1}")
        return index % self.num_layers

    def _replacer(self, index: int) -> Callable[[Tensor], Tensor] | None:
        if index not in self._replacements:
            return None
        chosen = self._replacements[index]

        def replace(own: Tensor) -> Tensor:
            new = chosen(own) if callable(chosen) else chosen
            try:
                return new.to(own).expand_as(own)
            except RuntimeError as error:
                raise InputError(
                    f"the map for attention layer {index} has shape {tuple(new.shape)}; "
                    f"it must broadcast to {tuple(own.shape)}"
                ) from error

        return replace


def build_model(
    backbone: str = "compact",
    attention: str = "iram",
    num_classes: int | None = None,
    **options,
) -> FERClassifier:
    """A classifier with fresh weights; the arguments are those of `plan`.

    Examples:
        >>> from iram import build_model
        >>> model = build_model(attention="cbam", num_classes=7)
        >>> model.num_layers, model.has_attention
        (6, True)
    """
    return FERClassifier(plan(backbone, attention, num_classes, **options))


def plan(
    backbone: str = "compact",
    attention: str = "iram",
    num_classes: int | None = None,
    *,
    classes: tuple[str, ...] | None = None,
    width: float | None = None,
    dropout: float = 0.2,
    input_size: int = 48,
    place: str = "branch",
    **switches,
) -> Architecture:
    """The architecture with everything that was left open filled in.

    Args:
        backbone: a name in BACKBONES.
        attention: a name in ATTENTION, or "none-matched".
        num_classes: may be left out when `classes` names them; 7 gives FER2013's.
        width: relative width of the backbone; 1, or for "none-matched" as wide as needed.
        place: of the attention in each block: "branch" or "block".
        switches: the attention module's own (IRAM: reuse, reduction, fusion, start, gain).

    Raises:
        InputError: a number of classes below 2, or one that is not the number of names; a width or
            a dropout out of its range; no such place.
    """
    classes = class_names(num_classes, classes)
    _check_number("width", 1.0 if width is None else width, 0.01, MAX_WIDTH)
    _check_number("dropout", dropout, 0, 1)
    check_word("place", place, PLACES)
    if width is None:
        width = matched_width(backbone, len(classes)) if attention == MATCHED else 1.0
    return Architecture(
        backbone, attention, switches, classes, width, dropout, input_size, place=place
    )


def class_names(num_classes: int | None, classes) -> tuple[str, ...]:
    """The names given, or FER2013's for 7 classes, or class0, class1, ..."""
    if classes is None:
        count = len(FER2013_CLASSES) if num_classes is None else num_classes
        standard = count == len(FER2013_CLASSES)
        classes = FER2013_CLASSES if standard else tuple(f"class{i}" for i in range(count))
    if num_classes not in (None, len(classes)) or len(classes) < 2:
        raise InputError(f"{num_classes} classes asked for, {len(classes)} named; 2 or more needed")
    return tuple(classes)


def _check_number(name: str, value, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}")


def switches_of(attention: str) -> list[str]:
    """The names of the switches that an attention module takes; often none.

    Raises:
        InputError: no such module.
    """
    parameters = inspect.signature(_module(attention)).parameters
    return [name for name in parameters if name not in ("channels", "memory_channels")]


def _backbone(architecture: Architecture) -> nn.Module:
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


@lru_cache
def matched_width(backbone: str, num_classes: int = 7) -> float:
    """The width at which the net without attention has the IRAM net's number of parameters.

    So that a gain of IRAM over the matched net is not just a gain of more parameters. Found by
    bisection, to within about 1% (channels are whole numbers).
    """

    def parameters(attention: str, width: float) -> int:
        with torch.device("meta"):
            model = build_model(backbone, attention, num_classes, width=width)
        return count_parameters(model)

    target = parameters("iram", 1.0)
    low, high = 1.0, 2.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if parameters("none", middle) < target else (low, middle)
    return min(low, high, key=lambda width: abs(parameters("none", width) - target))


def count_parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())
