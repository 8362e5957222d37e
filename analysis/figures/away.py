"""Nets that were taught to look away: how far attention leaves, and what occlusion then takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from textwrap import fill
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, stripes
from analysis.figures.names import FILLS, LOST, model_titles, over, reference_title, title
from analysis.figures.occlusion import offsets
from analysis.figures.style import COLOURS, DOUBLE_COLUMN, MARKERS, MUTED

TRAINED = ("mean", "noise")  # what training painted: the study's flat fill, and noise
WHOLE = {"occluder": "all", "patch": "covers", "layer": "all"}
LOSSES = {"trained": ("trained fills", "full"), "held_out": ("held-out fills", "none")}
PAINTED = {"trained": TRAINED, "held_out": ("texture", "object")}  # by the benchmarks
WEIGHTS = {"iram-away-falls-0": 0, "iram-away-falls-1": 1, "iram-away": 4,
           "iram-away-falls-16": 16}  # of the term that makes attention fall (docs/protocol.md)


@dataclass
class AwayTables(Display):
    """What both figures are drawn from.

    Attributes:
        moved: the table `by_fill.csv` of the shift study.
        trained, held_out: the tables `modules.csv` of benchmarks under either fills.
    """

    moved: pd.DataFrame
    trained: pd.DataFrame
    held_out: pd.DataFrame
    COLUMNS: ClassVar = {
        "moved": ("model", "row", "occluder", "fill", "patch", "layer", "value", "low", "high",
                  "seeds"),
        **dict.fromkeys(("trained", "held_out"), (
            "label", "kind", "metric", "value", "low", "high", "difference", "difference_low",
            "difference_high", "reference")),
    }

    def _lost(self, name: str) -> pd.DataFrame:
        return chosen(getattr(self, name), f"nothing lost under {LOSSES[name][0]} in this table",
                      metric="lost", kind="all")

    def _moved(self, nets: Iterable[str]) -> pd.DataFrame:
        moved = self.moved[self.moved["model"].isin(nets) & (self.moved["row"] != "twin")]
        return chosen(moved, "no attention of these nets in the shift study's table", **WHOLE)


@dataclass
class AwayForest(AwayTables):
    """A row per net, with 95% intervals, in three panels: the change of attention's log share on
    what is covered, fill by fill (none of a net without attention); what occlusion takes of what
    the net and its reference recognise; and the same less the reference's, paired.

    Full markers are fills that training painted, open ones are held out.
    """

    def _nets(self) -> list[str]:
        return list(self._lost("held_out")["label"])

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 11 * len(self._nets()) + 34

    def draw(self, figure):
        nets = self._nets()
        panels = list(figure.subplots(1, 3, sharey=True))
        for ax in panels:
            stripes(ax, len(nets))
            ax.axvline(0, color=MUTED, linewidth=0.8)
        moved = self._moved(nets)
        self._leaves(panels[0], moved, nets)
        for (name, (told, filled)), shift in zip(LOSSES.items(), offsets(2, 0.4), strict=True):
            table = self._lost(name)
            for ax, start in zip(panels[1:], ("", "difference"), strict=True):
                part = table[table[start or "value"].notna()]
                _points(ax, places(part["label"], nets) - shift, part, 0, filled, start, told)
        panels[0].set_xlabel("change of attention’s log share\non the covered place\n"
                             "(below 0: it leaves)")
        panels[1].set_xlabel(LOST.replace("both ", "both\n"))
        against = fill(f"less that of {reference_title(table['reference'])} (points)", 28)
        panels[2].set_xlabel(against)
        titles = model_titles(nets)
        panels[0].set_yticks(range(len(nets)), [titles[net].replace(", ", ",\n") for net in nets])
        panels[0].set_ylim(len(nets) - 0.4, -0.6)
        legend(figure, panels[0], f"bars: {over(moved['seeds'])}; full: fills that training "
                                  "painted, open: held out")
        return panels

    def _leaves(self, ax, moved: pd.DataFrame, nets: list[str]) -> None:
        fills = list(dict.fromkeys(moved["fill"]))
        for number, shift in enumerate(offsets(len(fills), 0.8)):
            part = moved[moved["fill"] == fills[number]]
            filled = "full" if fills[number] in TRAINED else "none"
            _points(ax, places(part["model"], nets) - shift, part, number, filled, "value",
                    title(fills[number], FILLS))


@dataclass
class AwayCurve(AwayTables):
    """How far attention leaves what is covered, against what occlusion takes of the net beyond its
    reference: a point for every weight of the term that makes attention fall, joined fill by fill,
    with 95% intervals, in a panel each for fills that training painted and fills held out.
    """

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 80

    def draw(self, figure):
        moved = self._moved(WEIGHTS)
        panels = list(figure.subplots(1, 2, sharey=True))
        for ax, (name, (told, filled)) in zip(panels, LOSSES.items(), strict=True):
            lost = self._lost(name)
            columns = [f"difference{part}" for part in ("", "_low", "_high")]
            lost = 100 * lost[lost["label"].isin(WEIGHTS)].set_index("label")[columns]
            for one in PAINTED[name]:
                part = moved[(moved["fill"] == one) & moved["model"].isin(lost.index)]
                part = part.sort_values("model", key=lambda nets: nets.map(WEIGHTS))
                number = list(chain(*PAINTED.values())).index(one)
                y, low, high = lost.loc[part["model"]].to_numpy().T
                ax.hlines(y, part["low"], part["high"], color=COLOURS[number], linewidth=0.8)
                ax.vlines(part["value"], low, high, color=COLOURS[number], linewidth=0.8)
                look = {"color": COLOURS[number], "marker": MARKERS[number], "fillstyle": filled}
                ax.plot(part["value"], y, **look, linewidth=0.8)
                panels[0].plot([], [], **look, label=title(one, FILLS))
                for x, at, net in zip(part["value"], y, part["model"], strict=True):
                    ax.annotate(f"{WEIGHTS[net]}", (x, at), (3, 3), textcoords="offset points")
            ax.axvline(0, color=MUTED, linewidth=0.8)
            ax.axhline(0, color=MUTED, linewidth=0.8)
            ax.set_title(told)
        reference = reference_title(self._lost("trained")["reference"])
        panels[0].set_ylabel(fill(f"{LOST.replace(' (%)', '')}, less that of {reference} (points)",
                                  36))
        figure.supxlabel("change of attention’s log share on the covered place "
                         "(below 0: it leaves)")
        legend(figure, panels[0], f"bars: {over(moved['seeds'])}; numbers: weight of the term that "
                               "makes attention fall")
        return panels


def _points(ax, y, part: pd.DataFrame, number: int, filled: str, start: str, told: str) -> None:
    """One marker with its interval a row; shares of faces in points, log shares as they are."""
    value, low, high = (
        ("value", "low", "high") if start in ("", "value")
        else ("difference", "difference_low", "difference_high"))
    scale = 1 if start == "value" else 100
    ax.hlines(y, scale * part[low], scale * part[high], color=COLOURS[number])
    ax.plot(scale * part[value], y, color=COLOURS[number], marker=MARKERS[number],
            fillstyle=filled, linestyle="none", label=told if start == "value" else None)
