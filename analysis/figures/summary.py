"""The study in one picture: the questions, the answers, and what they rest on."""

from dataclasses import dataclass
from textwrap import fill
from typing import ClassVar

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.engine.example import Example
from analysis.figures.answers import answers, rests_on, robustness_told
from analysis.figures.attention import show_face, show_map
from analysis.figures.display import Display, places
from analysis.figures.names import (
    ANSWERS,
    HYPOTHESES,
    QUESTIONS,
    condition_title,
    model_titles,
    title,
)
from analysis.figures.occlusion import OcclusionCurves, offsets
from analysis.figures.style import ANSWER_LOOKS, DOUBLE_COLUMN, MUTED, dots, look, points
from iram.errors import InputError
from iram.names import label_of

TITLE = "Does attention find the visible parts of a face?"
PLACES = ("eyes", "mouth", "box")
TOP, BOTTOM = 62, 56  # mm
MIDDLE = 0.15  # of a column, its labels included, in widths of its axes


@dataclass
class Summary(Display):
    """A column per question of the study: each model's answer in words, and below it every
    hypothesis's effect with its 95% interval, in multiples of the margin below which an effect is
    none (gray band), signed so that the claim is at the right. Then accuracy under occlusion, and
    one face with its attention before and after.

    All words of the answers are those of the verdicts.

    Attributes:
        verdicts, components: the tables `verdicts.csv` and `components.csv` of the shift study.
        summary, robustness: those of a benchmark, or None.
        example: of `iram example`, or None.
    """

    verdicts: pd.DataFrame
    components: pd.DataFrame
    summary: pd.DataFrame | None = None
    robustness: pd.DataFrame | None = None
    example: Example | None = None
    COLUMNS: ClassVar = {
        "verdicts": ("model", "hypothesis", "verdict", "n", "seeds", "interval_over"),
        "components": ("model", "hypothesis", "role", "effect", "low", "high", "direction",
                       "margin"),
        "summary": OcclusionCurves.COLUMNS["summary"],
        "robustness": ("model", "kind", "reference", "metric", "difference", "difference_low",
                       "difference_high"),
    }

    def _check(self) -> None:
        super()._check()
        if not answers(self.verdicts):
            raise InputError("no hypothesis of the study's questions in this table")

    def _below(self) -> bool:
        return self.summary is not None or self.example is not None

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, self._top() + BOTTOM * self._below()

    def _top(self) -> float:
        return TOP + 4 * self.verdicts["model"].nunique()

    def draw(self, figure):
        figure.suptitle(TITLE, fontsize=points(11), fontweight="bold")
        self._legend(figure)
        if not self._below():
            return self._questions(figure.subfigures(1, 1))
        top, bottom = figure.subfigures(2, 1, height_ratios=[self._top(), BOTTOM])
        panels = self._questions(top)
        if self.summary is None or self.example is None:
            left = right = bottom
        else:
            left, right = bottom.subfigures(1, 2, width_ratios=[1.6, 1])
        panels += self._curves(left) if self.summary is not None else []
        return panels + (self._faces(right) if self.example is not None else [])

    def _shown(self) -> pd.DataFrame:
        """The benchmark of the modules that have verdicts, and of the net without attention."""
        judged = {label_of(m).split("-")[0] for m in self.verdicts["model"]} | {"none"}
        kept = self.summary["model"].map(lambda name: label_of(name).split("-")[0] in judged)
        return self.summary[kept]

    def _legend(self, figure) -> None:
        tables = [self.verdicts] + ([] if self.summary is None else [self._shown()])
        models = [label_of(model) for table in tables for model in table["model"]]
        looks = {one["label"]: one for one in look(models).values()}
        figure.legend(handles=[Line2D([], [], **one) for one in looks.values()], ncols=6,
                      loc="outside lower center", title=rests_on(self.verdicts))

    def _questions(self, figure) -> list:
        found = answers(self.verdicts)
        titles = model_titles(self.verdicts["model"])
        panels = list(figure.subplots(1, len(found), sharex=True, squeeze=False).flat)
        for ax, (question, by_model) in zip(panels, found.items(), strict=True):
            self._effects(ax, QUESTIONS[question])
            ax.set_title(fill(question, 22), fontweight="bold", x=MIDDLE,
                         pad=points(10 + 11 * len(by_model)))
            for place, (model, verdict) in enumerate(reversed(by_model.items())):
                colour, sign = ANSWER_LOOKS[verdict]
                ax.annotate(f"{sign} {titles[model]}: {ANSWERS[verdict]}", (MIDDLE, 1),
                            (0, points(5 + 11 * place)), xycoords="axes fraction", ha="center",
                            textcoords="offset points", color=colour, fontsize=points(9),
                            fontweight="bold")
        figure.supxlabel("effect in the claimed direction, in multiples of its margin; "
                         "within the gray band it counts as none")
        return panels

    def _effects(self, ax, keys: tuple[str, ...]) -> None:
        ax.axvspan(-1, 1, color="0.92", linewidth=0, zorder=0)
        ax.axvline(0, color=MUTED, linewidth=0.8)
        effects = self.components[self.components["role"] == "effect"]
        rows = [key for key in keys if key in set(effects["hypothesis"])]
        styles = look(self.verdicts["model"])
        for (model, style), shift in zip(styles.items(), offsets(len(styles)), strict=True):
            own = effects[(effects["model"] == model) & effects["hypothesis"].isin(rows)]
            y = places(own["hypothesis"], rows) - shift
            unit = own["direction"] / own["margin"]
            ax.hlines(y, unit * own["low"], unit * own["high"], color=style["color"])
            ax.plot(unit * own["effect"], y, **dots(style))
        for place in untested(effects, rows):
            ax.text(0.5, place, "not tested", ha="center", va="center", fontsize=points(7),
                    color=MUTED, transform=ax.get_yaxis_transform())
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.set_yticks(range(len(rows)), [fill(title(key, HYPOTHESES), 21) for key in rows])
        ax.set_ylim(max(len(rows), 2) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)

    def _curves(self, figure) -> list:
        panels = list(OcclusionCurves(self._shown(), occluders=PLACES).draw(figure))
        figure.legends.clear()
        if self.robustness is not None:
            titles = model_titles(self.robustness["model"])
            figure.suptitle(robustness_told(self.robustness, titles))
        return panels

    def _faces(self, figure) -> list:
        facts, gate = self.example.facts, self.example.maps.get("attention")
        grid = figure.subplots(2, 1 + (gate is not None), squeeze=False)
        covered = condition_title(facts["occluder"], facts["fill"], facts["fraction"])
        for row, name in enumerate(("clean", covered)):
            show_face(grid[row, 0], self.example.images[row])
            grid[row, 0].set_title(f"{name}: {facts['predictions'][row]}")
            if gate is not None:
                show_face(grid[row, 1], self.example.images[row])
                show_map(grid[row, 1], gate[row], False, (float(gate.min()), float(gate.max())))
                grid[row, 1].set_title("its attention")
        return list(grid.flat)


def untested(effects: pd.DataFrame, keys: list[str]) -> list[int]:
    """The places of the hypotheses that were tested of no model."""
    tested = set(effects.loc[effects["effect"].notna(), "hypothesis"])
    return [place for place, key in enumerate(keys) if key not in tested]
