"""Which methods tell what the model looks at: a forest of methods and models, and the curves; and
which pass the tests of sanity and robustness."""

import textwrap
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.engine.faces import of_all_faces
from analysis.figures.display import Display, chosen, legend, places, shared_panels, stripes
from analysis.figures.names import (
    FILLS,
    METHODS,
    ORDERS,
    OVER_FACES,
    OVER_SEEDS,
    REFERENCE,
    TRIALS,
    model_titles,
    title,
)
from analysis.figures.occlusion import offsets
from analysis.figures.style import (
    BAND,
    BLUE,
    DOUBLE_COLUMN,
    MUTED,
    VERMILLION,
    dots,
    look,
)
from iram.errors import InputError

PANELS = (  # metric, fill, title
    ("shapley_rank", "mean", "rank correlation with\nexact region Shapley values"),
    ("order_gap_logit", "imputed", "ROAD: least minus most\nrelevant first (logits)"),
    ("order_gap_logit", "mean", "the same, removed pixels\nin mean gray (logits)"),
)
IN_DOMAIN = "in_domain_deletion"  # of nets that were trained on covered faces, which few are
COLUMNS = 5
LETTERS = 15  # of a line below a panel of which there are six


def forest_panel(ax, table: pd.DataFrame, methods: list[str], styles: dict) -> None:
    """A row per method, a point per model with its interval, and a small bar for chance."""
    stripes(ax, len(methods))
    ax.axvline(0, color=MUTED, linewidth=0.8)
    shifts = offsets(len(styles), 0.7)
    for (model, style), shift in zip(styles.items(), shifts, strict=True):
        own = table[table["model"] == model]
        y = places(own["method"], methods) + shift
        ax.hlines(y, own["low"], own["high"], color=style["color"], linewidth=1)
        ax.plot(own["value"], y, **dots(style))
        half = 0.35 / len(shifts)
        ax.vlines(own["chance"], y - half, y + half, color=style["color"], linewidth=0.8, alpha=0.6)
    ax.set_ylim(-0.6, len(methods) - 0.4)


class Together(Display):
    """A forest of models, or, where the table of modules has several training seeds of one, of
    modules.

    Attributes:
        table: the rows that are drawn; `model` is a module where seeds are taken together.
        over: what the bars are intervals over.
    """

    def __post_init__(self):
        super().__post_init__()
        (name,) = self.COLUMNS
        self.table, self.over = getattr(self, name), OVER_FACES
        if self.modules is None:
            return
        own = of_all_faces(self.modules)
        own = own[own["family"] == name].rename(columns={"label": "model"})
        if own["seeds"].astype(str).str.contains(" ").any():
            self.table, self.over = own, OVER_SEEDS


@dataclass
class FaithfulnessForest(Together):
    """A row per method, a panel per measure, a point per model with its 95% interval over faces,
    or per module over its training seeds too.

    Higher is more faithful. The small bar beside each point is chance: the same measure with the
    map of another face, explained for the same class. Methods stand in the order of their mean in
    the first panel.

    Attributes:
        faithfulness: the table `faithfulness.csv` of the attribution suite.
        modules: its table `modules.csv`.
    """

    faithfulness: pd.DataFrame
    modules: pd.DataFrame | None = None
    COLUMNS: ClassVar = {"faithfulness": ("model", "method", "metric", "fill", "value", "low",
                                          "high", "chance")}

    def _methods(self) -> list[str]:
        table = self.table[self.table["method"] != REFERENCE]
        first = chosen(table, "this table holds no rank correlation with Shapley values",
                       metric=PANELS[0][0], fill=PANELS[0][1])
        means = first.groupby("method", sort=False)["value"].mean()
        return list(means.sort_values(kind="stable").index)

    def _panels(self) -> list[tuple[str, pd.DataFrame]]:
        table = self.table
        found = [(label, table[(table["metric"] == metric) & (table["fill"] == fill)])
                 for metric, fill, label in PANELS]
        own = table[table["metric"] == IN_DOMAIN]
        return found + ([("in-domain single\ndeletion (IDSDS)", own)] if len(own) else [])

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 26 + 6.2 * len(self._methods())

    def draw(self, figure):
        methods, styles = self._methods(), look(self.table["model"])
        told = self._panels()
        panels = list(figure.subplots(1, len(told), sharey=True))
        for ax, (label, own) in zip(panels, told, strict=True):
            forest_panel(ax, own[own["method"] != REFERENCE], methods, styles)
            ax.set_xlabel(label)
        panels[0].set_yticks(range(len(methods)), [title(m, METHODS) for m in methods])
        legend(figure, panels[0], f"bars: {self.over}; ticks: chance, maps of other faces")
        return panels


@dataclass
class SanityForest(Together):
    """What becomes of each method's maps as weights are random or the picture hardly changes: a row
    per method, a panel per test, a point per model with its 95% interval over faces, or per module
    over its training seeds too.

    First the end of the cascade of random weights, then every trial of sanity that the table holds.
    An arrow says which way is good. The small bar beside each point is chance: the same with the
    map of another face, explained for the same class.

    Attributes:
        sanity: the table `sanity.csv` of the attribution suite.
        modules: its table `modules.csv`.
    """

    sanity: pd.DataFrame
    modules: pd.DataFrame | None = None
    COLUMNS: ClassVar = {"sanity": ("model", "method", "test", "layer", "metric", "value", "low",
                                    "high", "chance", "better")}

    def _panels(self) -> list[tuple[str, pd.DataFrame]]:
        table = self.table
        cascade = table[(table["test"] == "weights") & (table["metric"] == "spearman")]
        found = [("likeness of maps at the cascade's end",
                  cascade.groupby(["model", "method"], sort=False).tail(1))]
        found += [(TRIALS[name], table[table["metric"] == name]) for name in TRIALS]
        return [(text, rows) for text, rows in found if len(rows)]

    def _methods(self) -> list[str]:
        return list(dict.fromkeys(self.table["method"]))[::-1]

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 34 + 6.2 * len(self._methods())

    def draw(self, figure):
        methods, styles, told = self._methods(), look(self.table["model"]), self._panels()
        if not told:
            raise InputError("this table holds no test of sanity")
        panels = list(figure.subplots(1, len(told), sharey=True, squeeze=False)[0])
        for ax, (text, rows) in zip(panels, told, strict=True):
            forest_panel(ax, rows, methods, styles)
            arrow = {"lower": "← ", "higher": "→ "}.get(rows["better"].iloc[0], "")
            ax.set_xlabel(textwrap.fill(arrow + text, LETTERS))
        panels[0].set_yticks(range(len(methods)), [title(m, METHODS) for m in methods])
        legend(figure, panels[0], f"bars: {self.over}; ticks: maps of other faces; arrows: better")
        return panels


@dataclass
class FaithfulnessCurves(Display):
    """The probability of the explained class as pixels are removed: a panel per method, a line per
    order with its 95% interval over faces; the thin lines are chance, the maps of other faces.

    The wider the two lines are apart, the more faithful the method; it is ordered by the area
    between them.

    Attributes:
        curves: the table `curves.csv` of the attribution suite.
        model: which of its models.
        fill: what removed pixels show.
    """

    curves: pd.DataFrame
    model: str
    fill: str = "imputed"
    COLUMNS: ClassVar = {"curves": ("model", "method", "fill", "order", "share", "value", "low",
                                    "high", "chance")}
    LOOKS: ClassVar = {"morf": {"color": VERMILLION, "marker": "o", "linestyle": "-"},
                       "lerf": {"color": BLUE, "marker": "s", "linestyle": "--"}}

    def _own(self) -> pd.DataFrame:
        own = chosen(self.curves, f"no curves of model '{self.model}' with the fill '{self.fill}' "
                     "in this table", model=self.model, fill=self.fill)
        return own.astype({"share": float})

    def _methods(self, own: pd.DataFrame) -> list[str]:
        """The widest apart first."""
        heights = own.pivot_table("value", "method", "order", sort=False)
        return list((heights["lerf"] - heights["morf"]).sort_values(ascending=False).index)

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 34 * -(-self._own()["method"].nunique() // COLUMNS) + 18

    def draw(self, figure):
        own = self._own()
        methods = self._methods(own)
        panels = shared_panels(figure, len(methods), COLUMNS)
        for ax, method in zip(panels, methods, strict=True):
            self._panel(ax, own[own["method"] == method])
            ax.set_title(title(method, METHODS))
        panels[0].set_ylim(bottom=0)
        figure.supxlabel(f"removed share of the pixels (%), shown as {title(self.fill, FILLS)}")
        figure.supylabel("probability of the\nexplained class (%)")
        named = model_titles(self.curves["model"])[self.model]
        legend(figure, panels[0], f"{named}; bands: {OVER_FACES}; thin: maps of other faces")
        return panels

    def _panel(self, ax, own: pd.DataFrame) -> None:
        for order, style in self.LOOKS.items():
            line = own[own["order"] == order].sort_values("share")
            x = 100 * line["share"]
            ax.fill_between(x, 100 * line["low"], 100 * line["high"], color=style["color"], **BAND)
            ax.plot(x, 100 * line["chance"], color=style["color"], linewidth=0.6,
                    linestyle=style["linestyle"])
            ax.plot(x, 100 * line["value"], label=ORDERS[order], **style)
