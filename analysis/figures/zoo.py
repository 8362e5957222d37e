"""Nets side by side: how robust each is, against how good."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Panel, chosen, legend
from analysis.figures.names import ACCURACY, LOST, over, reference_title
from analysis.figures.style import DOUBLE_COLUMN, MUTED, dots, look, points


@dataclass
class ZooScatter(Panel):
    """A point a net: clean accuracy, and what occlusion takes of the faces that it and its
    reference both recognise clean, less what it takes of the reference; below 0 the net is the more
    robust. Bars are 95% intervals, upright ones paired by face. The reference stands at 0. Nets
    that were trained elsewhere are not filled.

    Attributes:
        zoo: the table `zoo.csv` of `iram zoo`.
    """

    zoo: pd.DataFrame
    COLUMNS: ClassVar = {"zoo": (
        "label", "seeds", "trained", "reference", "accuracy", "accuracy_low", "accuracy_high",
        "lost_difference", "lost_difference_low", "lost_difference_high",
    )}

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 105

    def _nets(self) -> pd.DataFrame:
        is_reference = self.zoo["label"].isin(self.zoo["reference"].dropna())
        nets = self.zoo.assign(lost_difference=self.zoo["lost_difference"].mask(is_reference, 0.0))
        nets = nets[nets["accuracy"].notna() & nets["lost_difference"].notna()]
        return chosen(nets, "no net with a reference to compare it with")

    def draw_on(self, ax) -> None:
        nets = self._nets()
        styles = look(nets["label"])
        ax.axhline(0, color=MUTED, linewidth=0.8)
        for row in nets.itertuples():
            style, x, y = styles[row.label], 100 * row.accuracy, 100 * row.lost_difference
            ax.hlines(y, 100 * row.accuracy_low, 100 * row.accuracy_high, color=style["color"],
                      linewidth=0.8)
            ax.vlines(x, 100 * row.lost_difference_low, 100 * row.lost_difference_high,
                      color=style["color"], linewidth=0.8)
            face = {"markerfacecolor": "white"} if row.trained == "elsewhere" else {}
            ax.plot(x, y, **dots(style) | face, markersize=points(6))
        ax.set_xlabel(ACCURACY)
        ax.set_ylabel(f"{LOST.replace(' (%)', '')},\nless that of "
                      f"{reference_title(nets['reference'])} (points; below 0: more robust)")
        seeds = (len(str(one).split()) for one in nets["seeds"])
        outside = "elsewhere" in set(nets["trained"])
        legend(ax.figure, ax, f"bars: {over(seeds)}" + "; not filled: trained elsewhere" * outside)
