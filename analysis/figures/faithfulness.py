"""Which methods tell what the model looks at: a forest of methods and models."""

from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import DOUBLE_COLUMN, MM, STYLE, look, plt
from iram.errors import InputError

PANELS = (  # metric, fill, title
    ("shapley_rank", "mean", "rank correlation with\nexact region Shapley values"),
    ("order_gap_logit", "imputed", "ROAD: least minus most\nrelevant first (logit)"),
    ("order_gap_logit", "mean", "the same, removed pixels\nin mean gray (logit)"),
)
REFERENCE = "region_shapley"


@dataclass
class FaithfulnessForest:
    """A row per method, a panel per measure, a point per model with its 95% interval over faces.

    Higher is more faithful. The small bar beside each point is chance: the same measure with the
    map of another face, explained for the same class. Methods stand in the order of their mean in
    the first panel.

    Attributes:
        faithfulness: the table `faithfulness.csv` of the attribution suite.
        figure_, axes_: after `plot`.
    """

    faithfulness: pd.DataFrame
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "FaithfulnessForest":
        table = self.faithfulness[self.faithfulness["method"] != REFERENCE]
        first = table[(table["metric"] == PANELS[0][0]) & (table["fill"] == PANELS[0][1])]
        if first.empty:
            raise InputError("this table holds no rank correlation with Shapley values")
        order = first.groupby("method", sort=False)["value"].mean().sort_values(kind="stable")
        places = {method: place for place, method in enumerate(order.index)}
        styles = look(dict.fromkeys(table["model"]))
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                1, len(PANELS), sharey=True, layout="constrained",
                figsize=(DOUBLE_COLUMN, (26 + 6.2 * len(places)) * MM),
            )  # fmt: skip
            self.axes_ = list(axes)
            for axis, (metric, fill, title) in zip(self.axes_, PANELS, strict=True):
                own = table[(table["metric"] == metric) & (table["fill"] == fill)]
                self._panel(axis, own, places, styles)
                axis.set_title(title)
            self.axes_[0].set_yticks(range(len(places)), [m.replace("_", " ") for m in places])
            handles, names = self.axes_[0].get_legend_handles_labels()
            self.figure_.legend(handles, names, loc="outside lower center", ncols=len(names),
                                title="bars: 95% over faces; ticks: chance")  # fmt: skip
        return self

    def _panel(self, axis, table: pd.DataFrame, places: dict, styles: dict) -> None:
        axis.axvline(0, color="0.5", linewidth=0.8)
        step = 0.7 / max(len(styles), 1)
        for number, (model, style) in enumerate(styles.items()):
            own = table[table["model"] == model]
            y = own["method"].map(places) + 0.35 - step * (number + 0.5)
            axis.hlines(y, own["low"], own["high"], color=style["color"], linewidth=1)
            axis.plot(own["value"], y, label=model, **(style | {"linestyle": "none"}))
            axis.vlines(own["chance"], y - step / 2, y + step / 2, color=style["color"],
                        linewidth=0.8, alpha=0.6)  # fmt: skip
        axis.set_ylim(-0.6, len(places) - 0.4)
        axis.grid(axis="y", visible=False)
