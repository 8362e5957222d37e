"""How much better nets know the faces of the test split that they were trained on."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, stripes
from analysis.figures.names import ACCURACY, OVER_FACES, model_titles
from analysis.figures.occlusion import offsets
from analysis.figures.style import BLUE, DOUBLE_COLUMN, MUTED, ORANGE, VERMILLION

LOOKS = {  # kind of faces -> colour and marker
    "exact copies": (VERMILLION, "s"), "near copies": (ORANGE, "D"), "others": (BLUE, "o"),
}


@dataclass
class CopyForest(Display):
    """Each net's accuracy on the test faces that are exact copies of training faces, on near ones,
    and on the others; at the right what it has more on copies than on others of the same
    expressions, in points. With 95% intervals.

    Attributes:
        table: the table `copies.csv` of training; nets with a switch off its default are left out.
    """

    table: pd.DataFrame
    COLUMNS: ClassVar = {"table": (
        "label", "switches", "faces", "images", "accuracy", "low", "high", "difference",
        "difference_low", "difference_high",
    )}

    def _shown(self) -> pd.DataFrame:
        switched = self.table["switches"].notna() & (self.table["switches"] != "")
        return chosen(self.table[~switched], "no net without switches")

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 6 * self._shown()["label"].nunique() + 30

    def draw(self, figure):
        table = self._shown()
        labels = list(dict.fromkeys(table["label"]))
        panels = list(figure.subplots(1, 2, sharey=True, width_ratios=[1.3, 1]))
        kinds = [kind for kind in LOOKS if kind in set(table["faces"])]
        for ax, start in zip(panels, ("accuracy", "difference"), strict=True):
            stripes(ax, len(labels))
            for kind, shift in zip(kinds, offsets(len(kinds)), strict=True):
                own = table[(table["faces"] == kind) & table[start].notna()]
                _points(ax, own, places(own["label"], labels) + shift, kind, start)
        titles = model_titles(labels)
        panels[0].set_yticks(range(len(labels)), [titles[label] for label in labels])
        panels[0].set_ylim(len(labels) - 0.4, -0.6)
        panels[0].set_xlabel(ACCURACY)
        panels[1].axvline(0, color=MUTED, linewidth=0.8)
        panels[1].set_xlabel("more than on others of the\nsame expressions (points)")
        legend(figure, panels[0], f"bars: {OVER_FACES}; with several training seeds over these too")
        return panels


def _points(ax, rows: pd.DataFrame, y: np.ndarray, kind: str, start: str) -> None:
    if rows.empty:
        return
    low, high = ("low", "high") if start == "accuracy" else (f"{start}_low", f"{start}_high")
    colour, marker = LOOKS[kind]
    ax.hlines(y, 100 * rows[low], 100 * rows[high], color=colour)
    ax.plot(100 * rows[start], y, marker, color=colour,
            label=f"{kind} ({rows['images'].iloc[0]:,} faces)")
