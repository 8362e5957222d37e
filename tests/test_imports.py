"""Who may import whom, and what is not imported before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import iram

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "iram").rglob("*.py"))


def imported(source: str) -> set[str]:
    """The packages that a module imports anywhere, by their first name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names |= {a.value.split(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    return names


def test_the_search_finds_imports_of_every_kind():
    source = "import a.b\ndef f():\n  from c.d import e\n  import_module('g.h')\nfrom . import x"
    assert imported(source) == {"a", "c", "g"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_models_do_not_know_the_study_and_nothing_unpickles(path):
    names = imported(path.read_text(encoding="utf-8"))
    assert "analysis" not in names
    assert names.isdisjoint({"pickle", "dill", "joblib", "shelve", "marshal"})
    assert "torch.load(" not in path.read_text(encoding="utf-8")


def modules_after(code: str) -> set[str]:
    """The modules that are loaded after this code has run in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code", ["import iram", "import analysis.commands.main", "from iram import InputError"]
)
def test_torch_is_not_imported_before_it_is_needed(code):
    assert modules_after(code).isdisjoint({"torch", "pandas", "scipy", "matplotlib"})


@pytest.mark.parametrize("path", sorted((ROOT / "analysis" / "figures").glob("*.py")),
                         ids=lambda path: path.name)
def test_no_figure_computes(path):
    assert imported(path.read_text(encoding="utf-8")).isdisjoint({"torch", "sklearn", "captum"})


def test_no_figure_imports_torch_by_way_of_another_module():
    loaded = modules_after(
        "import analysis.figures, analysis.commands.main\nanalysis.cli.main(['figures', '--list'])"
    )
    assert "analysis.figures.registry" in loaded
    assert loaded.isdisjoint({"torch", "captum", "scipy.stats"})


def test_the_public_names_are_there_and_no_others():
    assert set(iram.__all__) >= {"open_dataset", "load_model", "build_model", "InputError"}
    for name in iram.__all__:
        assert getattr(iram, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        iram.nosuch  # noqa: B018
