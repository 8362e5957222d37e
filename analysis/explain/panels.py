"""A photograph with its faces, and each face with what the models make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Rectangle
from PIL import Image

from analysis.figures.attention import show_map, show_probabilities
from analysis.figures.display import Display, Panel
from analysis.figures.style import COLOURS, DOUBLE_COLUMN, SIGNED, inches
from analysis.figures.style import points as on_paper

if TYPE_CHECKING:  # drawing loads no model
    from analysis.explain.explained import ExplainedFace, Told

TALLEST, SMALLEST = 200, 25  # mm
SHOWN = 1600  # pixels of a photograph's longer side, as many as print shows
LABEL_SIZES = (3.5, 8.0)  # points; a label is about as wide as its box
TILE = 29  # mm
BESIDE = 16  # mm: titles above a row of tiles, labels below


@dataclass
class PhotographOverview(Panel):
    """A photograph with a box round each face: its number, the first model's prediction and its
    probability, and the detector's score where it was asked. The boxes are what the models see.

    Attributes:
        picture: (H, W) uint8, or (H, W, 3) in colour.
        faces: in any order.
        name: of the photograph.
    """

    picture: np.ndarray
    faces: Sequence[ExplainedFace]
    name: str

    def size(self) -> tuple[float, float]:
        wide, high = self._extent()
        return wide, high + 8

    def _extent(self) -> tuple[float, float]:
        """Of the photograph on paper, in mm."""
        height, width = self.picture.shape[:2]
        wide = max(SMALLEST, min(DOUBLE_COLUMN, TALLEST * width / height))
        return wide, max(SMALLEST, min(TALLEST, wide * height / width))

    def draw_on(self, axis) -> None:
        (height, width), (wide, high) = self.picture.shape[:2], self._extent()
        points = 72 * min(inches(wide) / width, inches(high) / height)  # of type, a pixel
        axis.imshow(shrunk(self.picture), cmap="gray", vmin=0, vmax=255, aspect="equal",
                    extent=(0, width, height, 0), interpolation="antialiased")
        for face in self.faces:
            self._box(axis, face, COLOURS[(face.number - 1) % 6], points)
        axis.set(xlim=(0, width), ylim=(height, 0))
        axis.set_axis_off()
        model = self.faces[0].told[0].explanation.model
        axis.set_title(drawable(f"{self.name}: {model}"), parse_math=False)

    def _box(self, axis, face: ExplainedFace, colour: str, points: float) -> None:
        crop, found = face.face.crop, face.told[0].explanation
        label = f"{face.number} {found.prediction} {100 * found.probabilities.max():.0f}%"
        if face.face.score is not None:
            label += f" (score {face.face.score:.2g})"
        size = float(np.clip(1.5 * points * crop.width / len(label), *LABEL_SIZES))
        axis.add_patch(Rectangle((crop.left, crop.top), crop.width, crop.height, fill=False,
                                 edgecolor=colour, linewidth=1.3))
        above = crop.top * points > 1.6 * size
        beyond = crop.left + 0.65 * size * len(label) / points > self.picture.shape[1]
        axis.text(
            min(crop.right, self.picture.shape[1]) if beyond else max(crop.left, 0),
            max(crop.top, 0), label, fontsize=size, color="white", clip_on=True,
            ha="right" if beyond else "left", va="bottom" if above else "top",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.15 * size},
        )


@dataclass
class FacePanel(Display):
    """A row per model: the crop; maps of methods; the parts of the face in the colour of what they
    carry, with their exact Shapley values; the probabilities.

    Orange speaks for the predicted class (rather than another one, where that was asked), purple
    against it; each row has its own scale.
    """

    face: ExplainedFace
    title: str

    def size(self) -> tuple[float, float]:
        return TILE * sum(self._widths()) + 28, (TILE + BESIDE) * len(self.face.told) + 5

    def _widths(self) -> list[float]:
        maps = max(len(told.explanation.maps) for told in self.face.told)
        return [1.0] * (2 + maps) + [1.15, 1.15]

    def draw(self, figure):
        told, widths = self.face.told, self._widths()
        axes = figure.subplots(len(told), len(widths), squeeze=False, width_ratios=widths)
        for row, one in zip(axes, told, strict=True):
            self._crop(row[0], one)
            for place, axis in enumerate(row[1:-3]):
                self._method(axis, one, place)
            self._regions(row[-3], one)
            self._values(row[-2], one)
            show_probabilities(row[-1], one.explanation)
        figure.suptitle(drawable(self.title), fontsize=on_paper(8), parse_math=False)
        return axes.flat

    def _crop(self, axis, told: Told) -> None:
        picture = shrunk(self.face.face.picture, 400)
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axis.set_title(drawable(told.explanation.model), parse_math=False)
        axis.set_axis_off()

    def _method(self, axis, told: Told, place: int) -> None:
        axis.set_axis_off()
        found = told.explanation.maps[place]
        name = fill(found.method.replace("_", " "), 15)
        if found.values is None:
            axis.set_title(name)
            axis.text(0.5, 0.5, fill(found.reason, 18), transform=axis.transAxes, va="center",
                      ha="center", fontsize=on_paper(6))
            return
        axis.imshow(told.explanation.face, cmap="gray", vmin=0, vmax=255)
        low, high = show_map(axis, found.values, found.signed, side=len(told.explanation.face))
        axis.set_title(f"{name}\n{low} to {high}")

    def _regions(self, axis, told: Told) -> None:
        axis.imshow(told.explanation.face, cmap="gray", vmin=0, vmax=255)
        show_map(axis, told.asked[told.labels], True)
        _outline(axis, told.labels)
        placed = "its landmarks" if self.face.landmarks_known else "the mean face"
        axis.set_title(f"regions by\n{placed}")
        axis.set_axis_off()

    def _values(self, axis, told: Told) -> None:
        signed = colormaps[SIGNED]
        order = np.arange(len(self.face.regions))
        axis.barh(order, told.asked, height=0.7,
                  color=[signed(0.85 if value > 0 else 0.15) for value in told.asked])
        axis.axvline(0, color="0.3", linewidth=0.6)
        axis.set_yticks(order, self.face.regions)
        axis.invert_yaxis()
        axis.set_title(fill(f"for {told.explanation.explained}", 18))
        axis.set_xlabel("Shapley value (logits)")
        axis.grid(axis="y", visible=False)


def _outline(axis, labels: np.ndarray) -> None:
    """Lines along the pixels' edges where one region ends and the next begins."""
    rows, columns = np.nonzero(labels[:, 1:] != labels[:, :-1])
    axis.vlines(columns + 0.5, rows - 0.5, rows + 0.5, color="white", linewidth=0.5)
    rows, columns = np.nonzero(labels[1:] != labels[:-1])
    axis.hlines(rows + 0.5, columns - 0.5, columns + 0.5, color="white", linewidth=0.5)


def shrunk(picture: np.ndarray, longest: int = SHOWN) -> np.ndarray:
    """A picture of no more pixels than can be seen."""
    factor = max(picture.shape[:2]) / longest
    if factor <= 1:
        return picture
    size = [max(1, round(side / factor)) for side in picture.shape[1::-1]]
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def drawable(text: str) -> str:
    """The text with a box for each character that the font lacks."""
    return "".join(c if ord(c) in _characters() else "□" for c in text)


@lru_cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
