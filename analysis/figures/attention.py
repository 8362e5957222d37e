"""The models' attention, and what attribution methods say, over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.display import Display
from analysis.figures.names import METHODS, model_titles, title
from analysis.figures.style import BLUE, RISING, SIGNED, points

if TYPE_CHECKING:  # drawing loads no model
    from analysis.attributions.explanation import Explanation, MethodMap

TILE = 30  # mm


@dataclass
class AttentionPanel(Display):
    """A row per model: the face as the model saw it, its attention per layer, its probabilities.

    Every map has its own colour scale, from its lowest to its highest value, which stand above it:
    maps of different layers can't be compared by colour. Where the explanations hold maps of
    methods, these stand in place of the layers; signed ones are scaled symmetrically about 0, and
    are the more transparent the nearer to it.
    """

    explanations: Sequence[Explanation]

    def _widths(self) -> list[float]:
        return [1.0] * (1 + max(len(e.maps) or len(e.attention) for e in self.explanations)) + [1.2]

    def size(self) -> tuple[float, float]:
        return TILE * sum(self._widths()) + 18, 1.3 * TILE * len(self.explanations)

    def draw(self, figure):
        widths = self._widths()
        grid = figure.subplots(len(self.explanations), len(widths), squeeze=False,
                               width_ratios=widths)
        for row, explanation in zip(grid, self.explanations, strict=True):
            self._face(row[0], explanation)
            for place, ax in enumerate(row[1:-1]):
                if explanation.maps:
                    self._method(ax, explanation, explanation.maps[place])
                else:
                    self._layer(ax, explanation, place)
            show_probabilities(row[-1], explanation)
        return list(grid.flat)

    def _face(self, ax, explanation: Explanation) -> None:
        show_face(ax, explanation.face)
        told = "\n" + fill(f"explained: {explanation.explained}", 24) if explanation.maps else ""
        ax.set_title(model_titles([explanation.model])[explanation.model] + told)

    def _method(self, ax, explanation: Explanation, told: MethodMap) -> None:
        name = title(told.method, METHODS)
        if told.values is None:
            ax.set_axis_off()
            ax.set_title(name)
            ax.text(0.5, 0.5, fill(told.reason, 18), transform=ax.transAxes, va="center",
                    ha="center", fontsize=points(7))
            return
        show_face(ax, explanation.face)
        low, high = show_map(ax, told.values, told.signed)
        ax.set_title(f"{name}\n{low} to {high}")

    def _layer(self, ax, explanation: Explanation, layer: int) -> None:
        if layer >= len(explanation.attention):
            ax.set_axis_off()
            if layer == 0:
                ax.text(0, 0.5, "no attention", transform=ax.transAxes, va="center")
            return
        show_face(ax, explanation.face)
        values = explanation.attention[layer]
        show_map(ax, values, False, side=len(explanation.face))
        ax.set_title(f"layer {layer + 1}\n{values.min():.2f} to {values.max():.2f}")


def show_probabilities(ax, explanation: Explanation) -> None:
    """A bar per class, in percent."""
    order = np.arange(len(explanation.classes))
    ax.barh(order, 100 * explanation.probabilities, color=BLUE, height=0.7)
    ax.set_yticks(order, explanation.classes)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("probability (%)")
    ax.grid(axis="y", visible=False)


def show_face(ax, face: np.ndarray) -> None:
    """A gray picture (S, S) of 0 to 255."""
    ax.imshow(face, cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()


def show_map(ax, values: np.ndarray, signed: bool, scale: tuple[float, float] | None = None,
             side: int | None = None) -> tuple[str, str]:
    """A map (h, w) over a face of `side` pixels; returns the ends of its colour scale in words.

    Args:
        signed: about 0, and the more transparent the nearer to it; else from low to high.
        scale: its ends, None for those of the values.
    """
    side = side or len(values)
    coarse = side != len(values)
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    how = {"extent": extent, "interpolation": "bilinear" if coarse else "nearest"}
    if not signed:
        low, high = scale or (float(values.min()), float(values.max()))
        ax.imshow(values, cmap=RISING, vmin=low, vmax=high, alpha=0.62, **how)
        return f"{low:.2g}", f"{high:.2g}"
    limit = max(map(abs, scale)) if scale else float(np.abs(values).max()) or 1.0
    strength = 0.1 + 0.75 * np.minimum(np.abs(values) / limit, 1)
    ax.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, alpha=strength, **how)
    return f"−{limit:.2g}", f"+{limit:.2g}"
