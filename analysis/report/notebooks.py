"""The notebooks in the report: their prose, and what their cells gave where they were executed."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.figures.registry import FIGURES, TABLES
from iram.errors import InputError
from iram.extras import install_hint

FOLDER = Path(__file__).parents[2] / "notebooks"  # of a clone
TOLD = f"`{install_hint('notebooks')}` installs it"
TABLE = re.compile(r"<table.*?</table>", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A piece of a notebook.

    Attributes:
        kind: "prose" (Markdown), "code", "text" (what was printed), "table" (HTML) or "png".
        content: of which PNG is in base64, as notebooks hold it.
        heading: the last one above it.
        seen: (name, title) of the report's figures and tables of which a cell of code draws the
            like.
    """

    kind: str
    content: str = field(repr=False)
    heading: str
    seen: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Notebook:
    """A notebook, its title apart from its blocks."""

    name: str
    title: str
    blocks: Sequence[Block]


def collect_notebooks(
    mode: str, folder: Path = FOLDER, advance: Callable[[], object] = lambda: None
) -> list[Notebook]:
    """Every notebook of the folder, in order.

    Args:
        mode: "none" gives none, "prose" what is written in them, "run" executes them first, as
            `make notebooks` would: the environment says on what (IRAM_PRESET, IRAM_DATA, IRAM_OUT).
        advance: is called after each notebook.

    Raises:
        InputError: "run" lacks nbclient, or a cell fails.
    """
    notebooks = []
    for path in find_notebooks(mode, folder):
        cells = executed(path) if mode == "run" else read_cells(path)
        notebooks.append(Notebook(f"notebook-{path.stem}", *_content(cells)))
        advance()
    return notebooks


def find_notebooks(mode: str, folder: Path = FOLDER) -> list[Path]:
    """The files that `collect_notebooks` reads."""
    return [] if mode == "none" else sorted(folder.glob("*.ipynb"))


def read_cells(path: Path) -> list[dict]:
    """The cells as nbformat 4 has them."""
    return json.loads(path.read_text("utf-8"))["cells"]


def executed(path: Path) -> list[dict]:
    """The cells with their outputs; nothing is written beside the notebook's own OUT."""
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ModuleNotFoundError as error:
        raise InputError(f"--notebooks run takes {error.name}: {TOLD}") from None
    notebook = nbformat.read(path, as_version=4)
    here = {"metadata": {"path": str(path.parent)}}
    try:
        NotebookClient(notebook, timeout=None, kernel_name="python3", resources=here).execute()
    except CellExecutionError as error:
        raise InputError(f"{path}: a cell fails with {error.ename}: {error.evalue}") from None
    return notebook.cells


def _content(cells: Sequence[dict]) -> tuple[str, list[Block]]:
    """The notebook's title, which is its first line, and its blocks."""
    first = "".join(cells[0]["source"])
    title, _, rest = first.partition("\n")
    blocks, heading = [], title.lstrip("# ")
    for cell in ({**cells[0], "source": rest}, *cells[1:]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            blocks.append(Block("prose", source, heading))
            heading = [heading, *re.findall(r"^#+ +(.*)$", source, re.MULTILINE)][-1]
            continue
        blocks.append(Block("code", source, heading, shown_by(source)))
        blocks += [Block(*one, heading) for out in cell["outputs"] for one in _output(out)]
    return title.lstrip("# "), blocks


def _output(output: dict) -> Iterator[tuple[str, str]]:
    """(kind, content) of a cell's output; what goes to stderr is for who runs it."""
    data = {kind: "".join(text) for kind, text in output.get("data", {}).items()
            if isinstance(text, str | list)}
    if output["output_type"] == "stream" and output["name"] == "stdout":
        yield "text", "".join(output["text"])
    elif "image/png" in data:
        yield "png", "".join(data["image/png"].split())
    elif table := TABLE.search(data.get("text/html", "")):
        yield "table", table[0]
    elif "text/plain" in data:
        yield "text", data["text/plain"]


def shown_by(source: str) -> list[tuple[str, str]]:
    """(name, title) of the report's figures and printed tables of which this code shows the like:
    it names the figure's display, or the table."""
    words = set(re.findall(r"\b(\w+)\(", source))
    tables = {name for pair in re.findall(r"tables(?:\.|\[\")(\w+)|(\w+)\.csv", source)
              for name in pair}
    found = [(f"figure-{one.name}", one.title) for one in FIGURES if one.display.__name__ in words]
    return found + [(f"table-{one.name}", one.title) for one in TABLES if one.name in tables]
