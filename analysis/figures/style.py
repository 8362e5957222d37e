"""The look of all figures: sizes, colours, markers and line styles are named once, here.

The colours are Okabe and Ito's, told apart by the colour-blind; markers and line styles carry the
same in grey.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files

from matplotlib import style as matplotlib_style
from matplotlib.figure import Figure

from analysis.figures.names import MODULES, model_titles
from iram.names import label_of
from iram.registry import Registry

SINGLE_COLUMN, DOUBLE_COLUMN = 85, 178  # mm, as journals print
STYLES = Registry("style")
STYLES |= {"paper": 1.0, "screen": 1.4}  # and how much larger than on paper all is
_chosen = ContextVar("style", default="paper")

BLUE, BLACK, GREEN, PINK, ORANGE, SKY, VERMILLION = COLOURS = (
    "#0072B2", "#000000", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#D55E00",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
OUTSIDE = ("p", "<", "*", ">", "h", "8", "d")  # of nets from outside
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
VARIANTS = ({"fillstyle": "full"}, {"fillstyle": "none"}, {"marker": "x"}, {"marker": "+"})
MUTED = "0.35"  # what is not the finding: notes, chance, zero lines
BAND = {"alpha": 0.18, "linewidth": 0}  # of intervals about a line
ANSWER_LOOKS = {  # colour and sign of a verdict
    "supported": (GREEN, "✔"), "refuted": (VERMILLION, "✘"), "undecided": (MUTED, "?"),
    "not tested": (MUTED, "–"),
}
SIGNED = "PuOr_r"  # purple to orange about 0: told apart by the colour-blind; print signs for grey
RISING = "viridis"  # rises evenly in lightness, so it reads in grey too


@contextmanager
def using(name: str) -> Iterator[None]:
    """Within the block, displays are plotted in this style: "paper" or "screen".

    Raises:
        InputError: no such style.
    """
    STYLES[name]
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen() -> str:
    """The style that displays are plotted in here."""
    return _chosen.get()


def context():
    """matplotlib's settings of the chosen style, whatever the user's own are."""
    sheets = dict.fromkeys(("paper", _chosen.get()))
    paths = [str(files("analysis.figures") / f"{name}.mplstyle") for name in sheets]
    return matplotlib_style.context(paths, after_reset=True)


def page_style() -> str:
    """The style sheet of pages in HTML."""
    return files("analysis.figures").joinpath("page.css").read_text("utf-8")


def inches(mm: float) -> float:
    """Of a length on paper."""
    return mm / 25.4 * STYLES[_chosen.get()]


def points(size: float) -> float:
    """The font size that is `size` points on paper."""
    return size * STYLES[_chosen.get()]


def new_figure(width: float, height: float, dpi: float | None = None) -> Figure:
    """An empty figure of this size on paper in mm; None is the style's resolution."""
    return Figure(figsize=(inches(width), inches(height)), dpi=dpi, layout="constrained")


def look(models: Iterable[str]) -> dict[str, dict]:
    """Colour, marker, line and label of each model.

    A module looks the same in every figure; its variants differ in line and marker. Nets from
    outside have markers of their own, and the colours of modules that are not there. Training seeds
    of one model look alike, and the first one bears their label. Where a module has more variants
    than there are markers for, all models count as modules of their own.
    """
    models = list(dict.fromkeys(models))
    seeds = {name: [m for m in models if label_of(m) == name] for name in map(label_of, models)}
    titles, looks = model_titles([own[0] for own in seeds.values()]), _looks(list(seeds))
    styles = {}
    for name, own in seeds.items():
        count = f" ({len(own)} seeds)" if len(own) > 1 else ""
        for number, model in enumerate(own):
            label = "_" * bool(number) + titles[own[0]] + count
            styles[model] = {**looks[name], "label": label}
    return {model: styles[model] for model in models}


def _looks(families: list[str]) -> dict[str, dict]:
    """Colour, line and marker of each family, no two alike."""
    bases = {name: _base(name, families) for name in families}
    if max(Counter(bases.values()).values(), default=0) > len(VARIANTS):
        bases = {name: name for name in families}
    order, known = list(MODULES), set(bases.values()) & set(MODULES)
    outside = [base for base in dict.fromkeys(bases.values()) if base not in known]
    taken = {order.index(base) % 7 for base in known}
    free = [place for place in range(7) if place not in taken]
    free = free if len(free) >= len(outside) else range(7)
    found, seen = {}, Counter()
    for name, base in bases.items():
        found[name] = (_numbered(order.index(base), seen[base], MARKERS, range(7)) if base in known
                       else _numbered(outside.index(base), seen[base], OUTSIDE, free))
        seen[base] += 1
    return found


def _base(family: str, families: list[str]) -> str:
    """What it is a variant of: a module, or the FILE that it shares with another FILE-FACTORY."""
    module, file = family.partition("-")[0], family.rpartition("-")[0]
    if module in MODULES:
        return module
    alike = [name for name in families if name.rpartition("-")[0] == file]
    return file if file and len(alike) > 1 else family


def _numbered(place: int, variant: int, markers: Sequence[str], colours: Sequence[int]) -> dict:
    """The look of what stands at a place; no two of 49 places of seven colours are alike."""
    step = place + place // len(colours)
    return {"color": COLOURS[colours[place % len(colours)]], "marker": markers[step % 7],
            "linestyle": LINES[(step + variant) % 7], "fillstyle": "full",
            **VARIANTS[variant % 4]}


def dots(style: dict) -> dict:
    """A model's look without its line."""
    return style | {"linestyle": "none"}


def line(style: dict) -> dict:
    """A model's look without its markers."""
    return {name: style[name] for name in ("color", "linestyle", "label")}
