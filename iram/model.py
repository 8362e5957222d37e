"""The classifier: a backbone with an attention module in every block, that can be read
(`trace`) and acted upon (`intervene`)."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor, nn

from iram.architecture import MATCHED, Architecture, built_backbone, class_names
from iram.attention.base import check_word
from iram.backbones import PLACES, Pass
from iram.errors import InputError

MAX_WIDTH = 64.0  # more than fits a memory
Replacement = Tensor | Callable[[Tensor], Tensor]


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
        self.backbone = built_backbone(architecture)
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


def _check_number(name: str, value, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}")


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
