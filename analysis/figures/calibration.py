"""How often each verdict comes out where the truth is known."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, shared_panels, stripes
from analysis.figures.style import ANSWER_LOOKS, DOUBLE_COLUMN, MARKERS, MUTED

SHOWN = ("supported", "refuted", "undecided")
LINES = (5, 80)  # percent: false alarms at most, what is true at least


@dataclass
class VerdictRates(Display):
    """Share of small studies with each verdict: a row per planted net, a panel per hypothesis, with
    exact 95% intervals; of the whole, over all classes of fill, at most training seeds.

    What should come out is filled. Hypotheses that no study could test are left out.

    Attributes:
        rates: the table `rates.csv` of `iram calibrate`.
    """

    rates: pd.DataFrame
    COLUMNS: ClassVar = {"rates": (
        "net", "title", "hypothesis", "fill_class", "seeds", "should", "verdict", "share", "low",
        "high",
    )}

    def _own(self) -> pd.DataFrame:
        table = chosen(self.rates, "no study in this table", fill_class="all",
                       seeds=self.rates["seeds"].max())
        tested = table[table["verdict"].isin(SHOWN) & (table["share"] > 0)]
        asked = [key for key in tested["hypothesis"].unique() if key.startswith("H")]
        return table[table["hypothesis"].isin(asked)]

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 6 * self._own()["net"].nunique() + 28

    def draw(self, figure):
        own = self._own()
        nets, asked = list(own["net"].unique()), list(own["hypothesis"].unique())
        panels = shared_panels(figure, len(asked), len(asked))
        for ax, key in zip(panels, asked, strict=True):
            stripes(ax, len(nets))
            for at in LINES:
                ax.axvline(at, color=MUTED, linewidth=0.6, linestyle=":")
            ax.set_title(key)
            ax.set_xlim(-5, 105)
            ax.set_xticks([0, 50, 100])
            for number, verdict in enumerate(SHOWN):
                part = own[(own["hypothesis"] == key) & (own["verdict"] == verdict)]
                self._points(ax, part, places(part["net"], nets) + 0.25 * (number - 1), number)
        panels[0].set_yticks(range(len(nets)), list(own["title"].unique()))
        panels[0].set_ylim(len(nets) - 0.4, -0.6)
        figure.supxlabel("studies with this verdict (%)")
        legend(figure, panels[0], f"{own['seeds'].iloc[0]} training seeds a study; filled: what "
               "should come out; bars: exact 95%")
        return panels

    def _points(self, ax, part: pd.DataFrame, y, number: int) -> None:
        verdict, (colour, _) = SHOWN[number], ANSWER_LOOKS[SHOWN[number]]
        ax.hlines(y, 100 * part["low"], 100 * part["high"], color=colour)
        look = {"color": colour, "marker": MARKERS[number], "linestyle": "none"}
        ax.plot(100 * part["share"], y, fillstyle="none", label=verdict, **look)
        right = (part["should"] == verdict).to_numpy()
        ax.plot(100 * part["share"][right], y[right], **look)
