"""Real occlusion beside painted occluders: what it costs, and what attention does."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import pandas as pd
from matplotlib.lines import Line2D

from analysis.figures.display import Display, chosen, shared_panels
from analysis.figures.names import (
    DROP,
    LABELS,
    OCCLUDERS,
    OVER_FACES,
    SHARE_CHANGE,
    TYPES,
    model_titles,
    title,
)
from analysis.figures.nearest import nearest
from analysis.figures.style import BLACK, DOUBLE_COLUMN, MUTED, VERMILLION

REAL = {"color": BLACK, "marker": "o", "label": "real"}
PAINTED = {"color": VERMILLION, "marker": "s", "label": "painted (with the share of the face)"}
COLUMNS = 3


class Line(NamedTuple):
    """One point with its interval, and how it looks."""

    label: str
    value: float
    low: float
    high: float
    look: dict


class TypeForest(Display):
    """A panel per model; a block of lines per type of real occlusion, the real one first.

    A subclass gives the `lines(model)`: None stands between two types.
    """

    xlabel: ClassVar[str]
    note: str

    @abstractmethod
    def models(self) -> list[str]:
        """In the order of their panels."""

    @abstractmethod
    def lines(self, model: str) -> list[Line | None]:
        """Of one panel, from the top; None is an empty one."""

    def size(self) -> tuple[float, float]:
        models = self.models()
        rows = -(-len(models) // COLUMNS)
        return DOUBLE_COLUMN, (4.2 * len(self.lines(models[0])) + 10) * rows + 20

    def draw(self, figure):
        models = self.models()
        panels, titles = shared_panels(figure, len(models), COLUMNS), model_titles(models)
        for ax, model in zip(panels, models, strict=True):
            self._panel(ax, self.lines(model))
            ax.set_title(titles[model])
        lines = self.lines(models[0])
        named = [(place, line.label) for place, line in enumerate(lines) if line]
        panels[0].set_yticks(*zip(*named, strict=True))
        panels[0].set_ylim(len(lines) - 0.4, -0.6)
        figure.supxlabel(self.xlabel)
        handles = [Line2D([], [], linestyle="none", **look) for look in (REAL, PAINTED)]
        figure.legend(handles=handles, loc="outside upper center", ncols=2, title=self.note)
        return panels

    def _panel(self, ax, lines: list[Line | None]) -> None:
        ax.axvline(0, color=MUTED, linewidth=0.8)
        for place, line in enumerate(lines):
            if line:
                ax.hlines(place, line.low, line.high, color=line.look["color"])
                ax.plot(line.value, place, linestyle="none", **line.look)
        ax.grid(axis="y", visible=False)


@dataclass
class RealForest(TypeForest):
    """Drop of accuracy by type of occlusion: real black, painted coloured.

    Both are against the faces in no list, class by class; bars are 95% bootstrap intervals over
    faces. Of each occluder the fraction nearest to `fraction` is shown, with what it reached.

    Attributes:
        table: of `analysis.studies.occlusion.real.painted.synthetic_against_real`.
        labels: which of its sets of labels is drawn.
    """

    table: pd.DataFrame
    labels: str = "own"
    fraction: float = 0.3
    xlabel: ClassVar = f"{DROP} from faces in no list, same expressions"
    COLUMNS: ClassVar = {"table": (
        "model", "labels", "type", "occluder", "fraction", "occlusion_fraction", "synthetic_drop",
        "synthetic_low", "synthetic_high", "real_drop", "real_low", "real_high", "n",
    )}

    @property
    def note(self) -> str:
        return f"{LABELS[self.labels]}; bars: {OVER_FACES}"

    def _own(self) -> pd.DataFrame:
        return chosen(self.table, "no painted occluder beside a real one by the labels "
                      f"'{self.labels}'", labels=self.labels)

    def models(self) -> list[str]:
        return list(dict.fromkeys(self._own()["model"]))

    def lines(self, model: str) -> list[Line | None]:
        lines, table = [], self._own()
        for kind, rows in table[table["model"] == model].groupby("type", sort=False):
            first = rows.iloc[0]
            real = Line(f"{title(kind, TYPES)}, real ({first.n} faces)", 100 * first.real_drop,
                        100 * first.real_low, 100 * first.real_high, REAL)
            lines += [real] if not lines else [None, real]
            for row in nearest(rows, self.fraction).itertuples():
                lines.append(Line(
                    f"{title(row.occluder, OCCLUDERS)}, {row.occlusion_fraction:.0%}",
                    100 * row.synthetic_drop, 100 * row.synthetic_low, 100 * row.synthetic_high,
                    PAINTED,
                ))
        return lines


@dataclass
class RealShiftForest(TypeForest):
    """Attention's log share on the type's region, over that of class-matched faces in no list: on
    really occluded faces, and under the painted occluder that stands for the type.

    Attributes:
        table: the table `real.csv` of the shift study.
        faces: which of the real ones: "not turned", or "all".
    """

    table: pd.DataFrame
    faces: str = "not turned"
    xlabel: ClassVar = SHARE_CHANGE
    COLUMNS: ClassVar = {"table": (
        "model", "faces", "type", "region", "real", "real_low", "real_high", "synthetic",
        "synthetic_low", "synthetic_high", "n",
    )}

    @property
    def note(self) -> str:
        return f"faces that are {self.faces}; bars: {OVER_FACES} within training seeds"

    def _own(self) -> pd.DataFrame:
        return chosen(self.table, f"no faces '{self.faces}' in this table", faces=self.faces)

    def models(self) -> list[str]:
        return list(dict.fromkeys(self._own()["model"]))

    def lines(self, model: str) -> list[Line | None]:
        lines, table = [], self._own()
        for row in table[table["model"] == model].itertuples():
            occluder, _, share = row.region.partition("-")
            painted = title(occluder, OCCLUDERS) + (f", {float(share):.0%}" if share else "")
            lines += [None] if lines else []
            lines += [
                Line(f"{title(row.type, TYPES)}, real ({row.n} faces)", row.real, row.real_low,
                     row.real_high, REAL),
                Line(painted, row.synthetic, row.synthetic_low, row.synthetic_high, PAINTED),
            ]
        return lines
