"""The models' attention, and what attribution methods say, over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure

from analysis.figures.style import COLOURS, MM, STYLE, plt
from analysis.maps import resize

if TYPE_CHECKING:  # drawing loads no model
    from analysis.explain import Explanation, MethodMap

MAP_COLOURS = "viridis"  # rises evenly in lightness, so it reads in grey too
SIGNED_COLOURS = "PuOr_r"  # purple to orange: told apart by the colour-blind
TILE = 30 * MM


@dataclass
class AttentionPanel:
    """A row per model: the face as the model saw it, its attention per layer, its probabilities.

    Every map has its own colour scale, from its lowest to its highest value, which stand above it:
    maps of different layers can't be compared by colour. Where the explanations hold maps of
    methods, these stand in place of the layers; signed ones are scaled symmetrically about 0, and
    are the more transparent the nearer to it.
    """

    explanations: Sequence[Explanation]
    figure_: Figure = field(default=None, repr=False)

    def plot(self) -> AttentionPanel:
        tiles = max(len(e.maps) or len(e.attention) for e in self.explanations)
        rows = len(self.explanations)
        widths = [1.0] * (1 + tiles) + [1.2]
        width, height = TILE * sum(widths) + 18 * MM, 1.3 * TILE
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                rows, len(widths), squeeze=False, layout="constrained", width_ratios=widths,
                figsize=(width, height * rows),
            )  # fmt: skip
            for row, explanation in zip(axes, self.explanations, strict=True):
                self._face(row[0], explanation)
                for place, axis in enumerate(row[1:-1]):
                    if explanation.maps:
                        self._method(axis, explanation, explanation.maps[place])
                    else:
                        self._layer(axis, explanation, place)
                self._probabilities(row[-1], explanation)
        return self

    def _face(self, axis, explanation: Explanation) -> None:
        axis.imshow(explanation.face, cmap="gray", vmin=0, vmax=255)
        told = f"\nexplained: {explanation.prediction}" if explanation.maps else ""
        axis.set_title(explanation.model + told)
        axis.set_axis_off()

    def _method(self, axis, explanation: Explanation, told: MethodMap) -> None:
        axis.set_axis_off()
        name = told.method.replace("_", " ")
        if told.values is None:
            axis.set_title(name)
            axis.text(0.5, 0.5, fill(told.reason, 18), transform=axis.transAxes, va="center",
                      ha="center", fontsize=6)  # fmt: skip
            return
        axis.imshow(explanation.face, cmap="gray", vmin=0, vmax=255)
        if not told.signed:
            axis.imshow(told.values, cmap=MAP_COLOURS, alpha=0.62)
            axis.set_title(f"{name}\n{told.values.min():.2g} to {told.values.max():.2g}")
            return
        limit = float(np.abs(told.values).max()) or 1.0
        strength = 0.1 + 0.75 * np.abs(told.values) / limit
        axis.imshow(told.values, cmap=SIGNED_COLOURS, vmin=-limit, vmax=limit, alpha=strength)
        axis.set_title(f"{name}\n−{limit:.2g} to +{limit:.2g}")

    def _layer(self, axis, explanation: Explanation, layer: int) -> None:
        axis.set_axis_off()
        if layer >= len(explanation.attention):
            if layer == 0:
                axis.text(0, 0.5, "no attention", transform=axis.transAxes, va="center")
            return
        values = explanation.attention[layer]
        side = len(explanation.face)
        full = resize(torch.from_numpy(values)[None], side, side)[0].numpy()
        axis.imshow(explanation.face, cmap="gray", vmin=0, vmax=255)
        axis.imshow(full, cmap=MAP_COLOURS, alpha=0.62)
        axis.set_title(f"layer {layer + 1}\n{values.min():.2f} to {values.max():.2f}")

    def _probabilities(self, axis, explanation: Explanation) -> None:
        order = np.arange(len(explanation.classes))
        axis.barh(order, 100 * explanation.probabilities, color=COLOURS[0], height=0.7)
        axis.set_yticks(order, explanation.classes)
        axis.invert_yaxis()
        axis.set_xlim(0, 100)
        axis.set_xlabel("probability (%)")
        axis.grid(axis="y", visible=False)
