"""Who may import whom, and what is not imported before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import iram

ROOT = Path(__file__).parents[2]
DOOR = ROOT / "iram" / "__main__.py"  # the command, which opens from here
MODULES = sorted({*(ROOT / "iram").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")} - {DOOR})
IRAM = [path for path in MODULES if path.is_relative_to(ROOT / "iram")]
ORDER = (  # each folder imports only itself and what stands above it in this list
    "iram", "iram.attention", "iram.zoo", "iram.data", "iram.photographs", "iram.training",
    "analysis.engine", "analysis.stimuli", "analysis.metrics", "analysis.attributions",
    "analysis.subjects", "analysis.figures", "analysis.studies.occlusion",
    "analysis.studies.attribution", "analysis.studies.shift", "analysis.studies.calibration",
    "analysis.studies.training", "analysis.studies.zoo",
    "analysis.studies", "analysis.explain", "analysis.report", "analysis.explorer",
    "analysis.commands",
)
LATER = "import_module", "Titles"  # what imports a module by its name, in text
TOGETHER = "iram", "iram.attention", "iram.zoo", "iram.data", "iram.photographs"  # models, faces


def imported_modules(source: str) -> set[str]:
    """The modules, or names in modules, that a source imports anywhere, by their whole names."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(LATER):
            names |= {a.value.partition(":")[0] for a in node.args if isinstance(a, ast.Constant)}
    return names


def imported(source: str) -> set[str]:
    """The packages that a module imports anywhere, by their first name."""
    return {name.split(".")[0] for name in imported_modules(source)}


def folder_of(name: str) -> str | None:
    """The folder in ORDER that a module stands in; None for what is not ours, or a package."""
    fitting = [folder for folder in ORDER if f"{name}.".startswith(f"{folder}.")]
    return max(fitting, key=len, default=None)


def arrows_back(name: str, source: str) -> list[str]:
    """What a module imports from folders above its own."""
    own = folder_of(name)
    if own is None:  # `analysis` itself opens doors to what stands below, when they are asked for
        return []
    place = {folder: 0 if folder in TOGETHER else at for at, folder in enumerate(ORDER)}
    found = {target: folder_of(target) for target in imported_modules(source)}
    return sorted(t for t, other in found.items() if other and place[other] > place[own])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_runs_against_the_order_of_the_folders(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    assert arrows_back(name, path.read_text(encoding="utf-8")) == []


def test_an_import_against_the_order_is_found():
    source = "def f():\n  from analysis.commands import main\nfrom analysis.engine import store"
    assert arrows_back("analysis.figures.make", source) == ["analysis.commands.main"]
    assert arrows_back("iram.model", source) == ["analysis.commands.main", "analysis.engine.store"]
    assert arrows_back("analysis.studies.occlusion.run", "import analysis.studies.shift.run")
    assert arrows_back("analysis.figures.names", "Titles('analysis.studies.shift.run:NAMES')")


def test_every_folder_of_code_stands_in_the_order_and_no_file_stands_loose():
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in MODULES}
    assert {folder_of(folder) for folder in folders} == {*ORDER, None}
    assert [path.name for path in (ROOT / "analysis").glob("*.py")] == ["__init__.py"]


def test_what_opens_the_command_imports_it_and_nothing_else_of_the_study():
    assert imported_modules(DOOR.read_text("utf-8")) == {"sys", "analysis.commands.main.main"}


def test_the_search_finds_imports_of_every_kind():
    source = "import a.b\ndef f():\n  from c.d import e\n  import_module('g.h')\nfrom . import x"
    assert imported(source) == {"a", "c", "g"}


@pytest.mark.parametrize("path", IRAM, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_models_do_not_know_the_study_and_nothing_unpickles(path):
    names = imported(path.read_text(encoding="utf-8"))
    assert "analysis" not in names
    assert names.isdisjoint({"pickle", "dill", "joblib", "shelve", "marshal"})
    assert "torch.load(" not in path.read_text(encoding="utf-8")


def test_files_of_torch_save_are_read_in_one_place_by_the_loader_of_weights_alone():
    """Messages may name `torch.load`, so calls are looked for in the code's tree."""
    calls = {path.name: ast.unparse(node) for path in MODULES
             for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"}
    assert set(calls) == {"convert.py"}
    assert "weights_only=True" in calls["convert.py"]


def modules_after(code: str) -> set[str]:
    """The modules that are loaded after this code has run in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code", ["import iram", "from analysis.commands import main", "from iram import InputError"]
)
def test_torch_is_not_imported_before_it_is_needed(code):
    assert modules_after(code).isdisjoint({"torch", "pandas", "scipy", "matplotlib"})


@pytest.mark.parametrize("path", sorted((ROOT / "analysis" / "figures").glob("*.py")),
                         ids=lambda path: path.name)
def test_no_figure_computes(path):
    assert imported(path.read_text(encoding="utf-8")).isdisjoint({"torch", "sklearn", "captum"})


def test_no_figure_imports_torch_by_way_of_another_module():
    loaded = modules_after(
        "import analysis.figures\nfrom analysis.commands.main import main\n"
        "main(['figures', '--list'])"
    )
    assert "analysis.figures.registry" in loaded
    assert loaded.isdisjoint({"torch", "captum", "scipy.stats"})


def test_the_public_names_are_there_and_no_others():
    assert set(iram.__all__) >= {"open_dataset", "load_model", "build_model", "InputError"}
    for name in iram.__all__:
        assert getattr(iram, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        iram.nosuch  # noqa: B018
