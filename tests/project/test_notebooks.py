"""The notebooks: thin, committed without outputs, and every cell runs on rendered heads."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELLS = 15
SECONDS = 600  # a cell, on a busy machine

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_committed_without_outputs_in_the_current_format(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    for cell in code(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_thin_package_calls_and_prose(path):
    notebook = nbformat.read(path, as_version=4)
    assert len(notebook.cells) <= CELLS
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    for cell in code(notebook):
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert not [node for node in nodes if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)]
    assert "setup = set_up(" in code(notebook)[0].source  # all that there is to set
    source = "\n".join(cell.source for cell in code(notebook))
    assert "setup.data" in source
    opened = [line for line in source.splitlines() if "open_dataset(" in line]
    assert all('split="test")' in line for line in opened)  # models have seen the others


FEWER = """
from dataclasses import replace
from analysis.studies import presets
from analysis.studies.attribution.questions import Sizes
presets.PRESETS["smoke"] = replace(
    presets.PRESETS["smoke"], data="heads:n=140", faces=14, conditions="eyes-0.3-mean,roll+15",
    heads_conditions="eyes-0.3-mean,mouth-0.3-mean,box-0.3-mean,eyes-0.1-mean,roll+15",
    explained=7, methods="attention,gradcam", sizes=Sizes(4, 4, 4, 1), moved=14,
    shift_conditions="lower_half-0.3-noise,sham-0.3-noise",
)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One for all notebooks, with small studies of a few faces."""
    folder = tmp_path_factory.mktemp("notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IRAM_DATA", raising=False)
        for name, value in (("PRESET", "smoke"), ("OUT", folder), ("CACHE", folder / "heads")):
            patch.setenv(f"IRAM_{name}", str(value))
        patch.setenv("PYTHONPATH", str(ROOT))
        here = {"metadata": {"path": str(ROOT / "notebooks")}}
        empty = nbformat.v4.new_notebook()
        client = NotebookClient(empty, timeout=SECONDS, kernel_name="python3", resources=here)
        with client.setup_kernel():
            run(client, of(FEWER))
            yield client


def of(source: str):
    """A notebook of one cell."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])


def run(client, notebook) -> None:
    client.nb = notebook
    client.reset_execution_trackers()
    for place, cell in enumerate(notebook.cells):
        client.execute_cell(cell, place)


@pytest.mark.exhaustive
def test_every_cell_runs_and_figures_are_shown(path, kernel):
    run(kernel, of("%reset -f"))  # each begins with nothing defined
    notebook = nbformat.read(path, as_version=4)
    run(kernel, notebook)
    shown = [output for cell in code(notebook) for output in cell.outputs]
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == [counts[0] + place for place, _ in enumerate(counts)]
    figures = [
        output.data["image/png"] for output in shown if "image/png" in output.get("data", {})
    ]
    assert figures
    assert min(map(len, figures)) > 5000  # base64: not an empty one
