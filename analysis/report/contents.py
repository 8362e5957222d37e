"""What stands in the report: the registry's figures and printed tables, drawn from the results."""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.engine.faces import of_all_faces
from analysis.figures import style
from analysis.figures.display import Display
from analysis.figures.latex import PrintedTable
from analysis.figures.make import Results
from analysis.figures.names import FILLS, model_titles
from analysis.figures.registry import FIGURES, TABLES, Figure, Printed
from analysis.figures.save import COLOURS, save
from analysis.figures.sections import SECTIONS, section_of
from analysis.report.reference import check_reference, compared_otherwise
from analysis.studies.occlusion.report import unequal
from iram.errors import InputError

VERDICTS = "shift/verdicts.csv"
ROBUSTNESS = "occlusion/robustness.csv"
NOT_THERE = "not there yet"
ONE_SEED = ("One training seed a model: these intervals tell faces apart, not modules. Read the "
            "answers as a first look.")
DPI = 150  # the paper style's own: 1,051 pixels a double column, some 60 kB a figure


@dataclass(frozen=True)
class Picture:
    """A figure, drawn.

    Attributes:
        title: in words, with the model or fill it is of.
        alt: what is drawn on which axes, for who can't see it.
        png: the file.
    """

    title: str
    alt: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class Item:
    """A figure or printed table of the registry, as far as the results allow.

    Attributes:
        name: in the registry, after "figure-" or "table-": one of each can bear the same.
        title: in words.
        pictures: of a figure.
        table: of a printed table.
        sources: (table's name, command that makes it) of each that it is made of.
        missing: why there is nothing to show, "" if there is.
        beside: whether it is made by another command than the rest of its section.
    """

    name: str
    title: str
    pictures: Sequence[Picture] = ()
    table: PrintedTable | None = None
    sources: Sequence[tuple[str, str]] = ()
    missing: str = ""
    beside: bool = False

    @property
    def absent(self) -> bool:
        """Whether its tables are not there."""
        return self.missing == NOT_THERE


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: the folder of its tables, or "verdicts".
        title, intro: in words.
        items: figures, then printed tables; among the verdicts the table first.
        caution: what has to be known before it is read, or "".
    """

    name: str
    title: str
    intro: str
    items: Sequence[Item]
    caution: str = ""


def collect(
    folder: Path, dpi: int = DPI, advance: Callable[[], object] = lambda: None,
    reference: str = "",
) -> list[Section]:
    """The report on a folder of results; what can't be made says why. Sections of which the folder
    has no table, and what nobody asked for in the others, are left out, unless there is no table at
    all.

    Args:
        dpi: of the pictures.
        advance: is called after each figure and table.
        reference: the net that others are to be compared with, by its name or label; what compares
            with another is left out, with the command that makes its table again. "": whichever
            each table was made with.

    Raises:
        InputError: no table of comparisons holds such a net.
    """
    results, parts = Results(folder), {name: [] for name in SECTIONS}
    if reference:
        check_reference(results, (n for one in (*TABLES, *FIGURES) for n in one.tables), reference)
    for one in (*TABLES, *FIGURES):
        item = _item(results, one, dpi, reference)
        parts.setdefault(one.part, []).append(item)
        advance()
    for name, items in parts.items():
        if name != "verdicts":
            items.sort(key=lambda item: item.name.startswith("table-"))  # figures first
    shared = results.parts if len(results.parts) > 1 else ()  # one run's tables stand for each
    shown = {name: [item for item in items if not (item.absent and item.beside)]
             for name, items in parts.items()
             if not all(item.missing if name in shared else item.absent for item in items)}
    return [Section(name, section_of(name).title, section_of(name).about, items,
                    _caution(results, name)) for name, items in (shown or parts).items() if items]


def command_for(results: Results, table: str) -> str:
    """The command that made a table, by its run.json, or else one that makes it.

    A folder can hold tables of several commands, of which one alone writes run.json.
    """
    usual = results.command(table)
    try:
        text = results.path(table).with_name("run.json").read_text("utf-8")
        words = [str(word) for word in json.loads(text)["command"]]
    except (OSError, ValueError, KeyError, TypeError):
        return usual
    made = words[1:2] in (["study"], usual.split()[1:2])
    return shlex.join(words) if made else usual


def _caution(results: Results, section: str) -> str:
    """Whether the verdicts rest on one training seed, or nets of unequal clean accuracy are
    compared, in words."""
    table = {"verdicts": VERDICTS, "occlusion": ROBUSTNESS}.get(section)
    if table is None or not results.holds(table):
        return ""
    try:
        read = results.read(table)
        if table == ROBUSTNESS:
            return "; ".join(line.strip() for line in unequal(of_all_faces(read)))
        return ONE_SEED if (read["seeds"].dropna() < 2).all() else ""
    except (InputError, KeyError, TypeError):
        return ""  # what is wrong with the table is told where it would stand


def _item(results: Results, one: Figure | Printed, dpi: int, reference: str) -> Item:
    key = f"{'table' if isinstance(one, Printed) else 'figure'}-{one.name}"
    title = one.title
    lacking = [name for name in one.tables if not results.holds(name)]
    if lacking:
        sources = [(name, results.command(name)) for name in lacking]
        return Item(key, title, sources=sources, missing=NOT_THERE, beside=bool(one.command))
    names = [n for n in (*one.tables, *one.optional) if results.holds(n)]
    sources = [(results.run(name), command_for(results, name)) for name in names]
    try:
        tables = {name: results.read(name) for name in names}
        others = {name: told for name in names if reference and (
            told := compared_otherwise(tables[name], reference))}
        if others:
            commands = [(name, f"{command_for(results, name)} --reference {shlex.quote(reference)}")
                        for name in others]
            return Item(key, title, sources=commands, missing="compared with "
                        f"{', '.join(others.values())}, not with {reference}; made again by")
        if isinstance(one, Printed):
            table = one.table(*(tables[name] for name in one.tables))
            return Item(key, title, table=table, sources=sources)
        with style.using("paper"):
            pictures = list(_pictures(one, tables, "; ".join(map(results.run, names)), dpi))
        return Item(key, title, pictures, sources=sources)
    except InputError as error:
        return Item(key, title, sources=sources, missing=str(error))
    except (KeyError, TypeError, ValueError) as error:
        told = f"{', '.join(one.tables)} is not as its command writes it ({error!r})"
        return Item(key, title, sources=sources, missing=told)


def _pictures(figure: Figure, tables: dict, run: str, dpi: int) -> Iterator[Picture]:
    for name, display in figure.displays(tables):
        with style.context():
            paper = style.new_figure(*display.size(), dpi)
        drawn = display.plot(paper)
        with TemporaryDirectory() as folder:
            [path] = save(drawn.figure_, Path(folder) / name, run, ["png"],
                          colours=COLOURS)
            png = path.read_bytes()
        value = name.removeprefix(figure.name).removeprefix("_")
        told = value and f": {FILLS.get(value) or model_titles([value])[value]}"
        title = figure.title + told
        yield Picture(title, alternative(title, drawn), png)


def alternative(title: str, display: Display) -> str:
    """What a figure shows in words: its panels, axes and legend, as they are lettered."""
    axes = [ax for ax in display.axes_ if ax.get_visible()]
    figure = display.figure_
    legends = [
        legend
        for owner in (figure, *axes)
        for legend in ([owner.get_legend()] if owner in axes else owner.legends)
        if legend
    ]
    told = {
        "Panels": [ax.get_title(loc) for ax in axes for loc in ("left", "center")],
        "Across": [figure.get_supxlabel(), *(ax.get_xlabel() for ax in axes)],
        "Up": [figure.get_supylabel(), *(ax.get_ylabel() for ax in axes)],
        "Shown": [text.get_text() for legend in legends for text in legend.get_texts()],
    }
    parts = [title]
    for kind, texts in told.items():
        found = dict.fromkeys(" ".join(text.split()) for text in texts)
        named = [text for text in found if text]
        if named:
            parts.append(f"{kind}: {'; '.join(named)}")
    return ". ".join(parts) + "."
