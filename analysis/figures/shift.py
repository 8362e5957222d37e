"""Whether attention leaves what is covered: what the verdicts rest on, and each fill by itself."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.display import (
    Display,
    Panel,
    chosen,
    legend,
    places,
    shared_panels,
    stripes,
)
from analysis.figures.names import (
    CLASSES,
    FILLS,
    HYPOTHESES,
    SHARE_CHANGE,
    model_titles,
    over,
    title,
)
from analysis.figures.occlusion import offsets
from analysis.figures.style import DOUBLE_COLUMN, MUTED, dots, look, points

FAR = 12  # multiples of a margin, beyond which the axis goes on by powers
LAYERS_A_ROW = 4
COMBINED = "all"  # layers, or occluders, together


@dataclass
class VerdictForest(Panel):
    """What every verdict rests on: a row per hypothesis, and below it one per class of fill, a
    point per model with its 95% interval.

    All are signed so that the claim is at the right, and in multiples of the margin that was
    written down before: within the gray band an effect is none worth the name. Filled: supported
    (the effect with all of its controls, in some stage of the net); hollow: not.

    Attributes:
        strata: the table `strata.csv` of the shift study.
        hypotheses: which of them; () is all.
    """

    strata: pd.DataFrame
    hypotheses: tuple[str, ...] = ()
    COLUMNS: ClassVar = {"strata": (
        "model", "hypothesis", "fill_class", "stage", "effect", "low", "high", "unit", "direction",
        "margin", "seeds", "verdict",
    )}

    def _table(self) -> pd.DataFrame:
        table = self.strata[self.strata["stage"] == COMBINED]
        keys = self.hypotheses or tuple(dict.fromkeys(table["hypothesis"]))
        return chosen(table[table["hypothesis"].isin(keys)], "no hypothesis in this table")

    def _rows(self) -> list[tuple[str, str]]:
        """(hypothesis, class of fill), the whole first; classes only where there are several."""
        rows = []
        for key, own in self._table().groupby("hypothesis", sort=False):
            classes = [name for name in dict.fromkeys(own["fill_class"]) if name != COMBINED]
            rows += [(key, name) for name in (COMBINED, *classes * (len(classes) > 1))]
        return rows

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 3.7 * len(self._rows()) + 26

    def draw_on(self, ax) -> None:
        table, rows = self._table(), self._rows()
        styles = look(table["model"])
        ax.axvspan(-1, 1, color="0.92", linewidth=0, zorder=0)
        ax.axvline(0, color=MUTED, linewidth=0.8)
        for (model, style), shift in zip(styles.items(), offsets(len(styles)), strict=True):
            own = table[(table["model"] == model) & table["effect"].notna()]
            self._points(ax, own, rows, style, -shift)
        tested = table.groupby(["hypothesis", "fill_class"])["effect"].count()
        for place, row in enumerate(rows):
            if not tested[row]:
                ax.text(0.5, place, "not tested", ha="center", va="center", color=MUTED,
                        fontsize=points(7), transform=ax.get_yaxis_transform())
        self._dress(ax, table, rows)

    def _points(self, ax, own: pd.DataFrame, rows, style: dict, shift: float) -> None:
        pairs = list(own[["hypothesis", "fill_class"]].itertuples(index=False, name=None))
        own = own[[pair in rows for pair in pairs]]
        y = places([pair for pair in pairs if pair in rows], rows) + shift
        unit = own["direction"] / own["margin"]
        value, low, high = (own[name] * unit for name in ("effect", "low", "high"))
        shown = (own["verdict"] == "supported").to_numpy()
        ax.hlines(y, low, high, color=style["color"])
        ax.plot([], [], **dots(style))  # for the legend
        for filled, face in ((shown, style["color"]), (~shown, "white")):
            ax.plot(value[filled], y[filled],
                    **dots(style) | {"markerfacecolor": face, "label": "_"})

    def _dress(self, ax, table: pd.DataFrame, rows) -> None:
        margins = table.drop_duplicates("hypothesis").set_index("hypothesis")
        labels = [title(name, CLASSES) if name != COMBINED else
                  f"{key}  {title(key, HYPOTHESES)} ({margins.loc[key, 'margin']:g} "
                  f"{margins.loc[key, 'unit']})" for key, name in rows]
        ax.set_yticks(range(len(rows)), labels)
        for label, (_, name) in zip(ax.get_yticklabels(), rows, strict=True):
            label.set_fontweight("bold" if name == COMBINED else "normal")
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", visible=False)
        if np.abs(ax.get_xlim()).max() > FAR:
            powers_beyond(ax, 2, (1, 2, 5, 10, 20, 50, 100, 200))
        for place, (key, _) in enumerate(rows):
            if place and key != rows[place - 1][0]:
                ax.axhline(place - 0.5, color="0.8", linewidth=0.5, zorder=0)
        ax.set_xlabel("effect in the claimed direction, in multiples of its\n"
                      "margin (in brackets); gray: it counts as none")
        note = f"bars: {over(table['seeds'])}; filled: the claim is supported"
        handles = ax.get_legend_handles_labels()
        ax.figure.legend(*handles, loc="outside upper center", ncols=4, title=note)


@dataclass
class StageForest(Display):
    """The effect of one hypothesis by class of fill and stage of the net: a row per class, a panel
    per stage, a point per model with its 95% interval; in the unit of its margin (gray band).

    Attributes:
        strata: the table `strata.csv` of the shift study.
        hypothesis: which one.
    """

    strata: pd.DataFrame
    hypothesis: str = "H1"
    COLUMNS: ClassVar = VerdictForest.COLUMNS

    def _own(self) -> pd.DataFrame:
        table = self.strata[(self.strata["stage"] != COMBINED) & self.strata["effect"].notna()]
        return chosen(table, f"no stage of {self.hypothesis} was tested in this table",
                      hypothesis=self.hypothesis)

    def size(self) -> tuple[float, float]:
        own = self._own()
        rows = own["fill_class"].nunique() * max(2, own["model"].nunique())
        return DOUBLE_COLUMN, 3.7 * rows + 26

    def draw(self, figure):
        own = self._own()
        rows, stages = (list(dict.fromkeys(own[name])) for name in ("fill_class", "stage"))
        panels, margin = shared_panels(figure, len(stages), len(stages)), own["margin"].iloc[0]
        for ax, stage in zip(panels, stages, strict=True):
            stripes(ax, len(rows))
            ax.axvspan(-margin, margin, color="0.88", linewidth=0, zorder=0)
            ax.axvline(0, color=MUTED, linewidth=0.8)
            ax.set_title(f"{stage} layers")
            styles = look(own["model"])
            for (model, style), shift in zip(styles.items(), offsets(len(styles)), strict=True):
                part = own[(own["model"] == model) & (own["stage"] == stage)]
                y = places(part["fill_class"], rows) - shift
                ax.hlines(y, part["low"], part["high"], color=style["color"])
                ax.plot(part["effect"], y, **dots(style))
        panels[0].set_yticks(range(len(rows)), [title(name, CLASSES) for name in rows])
        panels[0].set_ylim(len(rows) - 0.4, -0.6)
        figure.supxlabel(SHARE_CHANGE if own["direction"].iloc[0] < 0 else own["unit"].iloc[0])
        legend(figure, panels[0], f"bars: {over(own['seeds'])}; gray: it counts as none")
        return panels


def models(by_fill: pd.DataFrame) -> list[str]:
    """The models under study: those with attention that are no control of another."""
    return list(dict.fromkeys(by_fill.loc[by_fill["row"] == "attention", "model"]))


@dataclass
class FillForest(Display):
    """Change of attention's log share on what is covered, each fill by itself: a row per fill, a
    panel per layer, a point per model with its 95% interval; below 0 attention leaves.

    Beside the model under study stand its nulls: its permuted weights, the activation of the net
    without attention, the net of shuffled labels, and the nets that saw erasing.

    Attributes:
        by_fill: the table `by_fill.csv` of the shift study.
        model: the one under study.
    """

    by_fill: pd.DataFrame
    model: str
    COLUMNS: ClassVar = {"by_fill": (
        "model", "row", "exposure", "occluder", "fill", "patch", "layer", "value", "low", "high",
        "seeds",
    )}

    def _own(self) -> pd.DataFrame:
        table = self.by_fill[self.by_fill["occluder"] == COMBINED]
        chosen(table, f"no model '{self.model}' in this table", model=self.model)
        own = (table["model"] == self.model) | table["model"].str.startswith(f"{self.model}-")
        twin = (table["row"] == "twin") & (table["exposure"] == "none")
        return table[own | twin]

    def _rows(self) -> list[tuple[str, str]]:
        found = self._own()[["fill", "patch"]].drop_duplicates()
        return sorted(found.itertuples(index=False, name=None), key=lambda row: row[1] == "beside")

    def _layers(self) -> list[str]:
        names = set(self._own()["layer"].astype(str))
        return sorted(names, key=lambda name: (name == COMBINED, name.zfill(3)))

    def size(self) -> tuple[float, float]:
        height = max(6.6, 1.6 * self._own()["model"].nunique()) * len(self._rows())
        return DOUBLE_COLUMN, (height + 8) * -(-len(self._layers()) // LAYERS_A_ROW) + 22

    def draw(self, figure):
        own, rows, layers = self._own(), self._rows(), self._layers()
        panels = shared_panels(figure, len(layers), LAYERS_A_ROW)
        for ax, layer in zip(panels, layers, strict=True):
            self._layer(ax, own[own["layer"].astype(str) == layer], rows, look(own["model"]))
            ax.set_title("all layers" if layer == COMBINED else f"layer {int(layer) + 1}")
        powers_beyond(panels[0], 0.1, (0.1, 0.5, 2, 10))
        labels = [title(fill, FILLS) + "\n(beside the face)" * (patch == "beside")
                  for fill, patch in rows]
        panels[0].set_yticks(range(len(rows)), labels)
        panels[0].set_ylim(len(rows) - 0.4, -0.6)
        powers = "; logarithmic beyond ±0.1" * (panels[0].get_xscale() == "symlog")
        figure.supxlabel(SHARE_CHANGE + powers)
        named = model_titles([self.model])[self.model]
        legend(figure, panels[0], f"{named} and its nulls; bars: {over(own['seeds'])}")
        return panels

    def _layer(self, ax, own: pd.DataFrame, rows, styles: dict) -> None:
        stripes(ax, len(rows))
        ax.axvline(0, color=MUTED, linewidth=0.8)
        for (model, style), shift in zip(styles.items(), offsets(len(styles)), strict=True):
            part = own[own["model"] == model]
            pairs = part[["fill", "patch"]].itertuples(index=False, name=None)
            y = places(pairs, rows) - shift
            ax.hlines(y, part["low"], part["high"], color=style["color"])
            ax.plot(part["value"], y, **dots(style))


def powers_beyond(ax, linear: float, ticks: tuple[float, ...]) -> None:
    """An x axis that is even to +-`linear` and goes by powers of ten beyond, if much is there."""
    low, high = ax.get_xlim()
    if max(-low, high) < 3 * linear:
        return
    ax.set_xscale("symlog", linthresh=linear, linscale=0.5)
    both = [-tick for tick in reversed(ticks)] + [0, *ticks]
    ax.set_xticks([tick for tick in both if low <= tick <= high])
    ax.set_xlim(1.2 * low, 1.2 * high)  # room for a whole marker
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
