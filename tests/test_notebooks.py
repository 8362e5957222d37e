"""The notebooks: thin, committed without outputs, and every cell runs on rendered heads."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELLS = 15
SECONDS = 600  # a cell, on a busy machine

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> Path:
    """Where rendered heads are kept from one notebook to the next."""
    return tmp_path_factory.mktemp("heads")


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
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)]  # fmt: skip
    assert "PRESET" in code(notebook)[0].source
    opened = [line for cell in code(notebook) for line in cell.source.splitlines()
              if "open_dataset(" in line]  # fmt: skip
    assert opened
    assert all('split="test")' in line for line in opened)  # models have seen the others


def test_every_cell_runs_and_figures_are_shown(path, heads, tmp_path, monkeypatch):
    monkeypatch.delenv("IRAM_DATA", raising=False)
    for name, value in (("PRESET", "smoke"), ("OUT", tmp_path), ("CACHE", heads)):
        monkeypatch.setenv(f"IRAM_{name}", str(value))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    here = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=here).execute()
    shown = [output for cell in code(notebook) for output in cell.outputs]
    assert [cell.execution_count for cell in code(notebook)] == [
        place for place, _ in enumerate(code(notebook), 1)
    ]
    figures = [
        output.data["image/png"] for output in shown if "image/png" in output.get("data", {})
    ]
    assert figures
    assert min(map(len, figures)) > 5000  # base64: not an empty one
