"""The built wheel, outside the repository: one package, whose command works in an empty folder."""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from PIL import Image

from analysis.studies.attribution.held import FAMILIES, code_of
from iram import open_dataset

pytestmark = pytest.mark.exhaustive

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
ROOT = Path(__file__).parents[2]
LIBRARIES = sysconfig.get_path("purelib")
BUILT_OF = ("iram", "analysis", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE",
            "CHANGELOG.md", "CITATION.cff")
NAMED = re.compile(r"(?<![\w./])analysis\.[A-Za-z]\w*|from analysis import")
NET = """import analysis
from iram import build_model


def build():
    assert analysis.MINE == "the user's"
    return build_model("compact", "se", width=0.25)
"""
USE = """import json, pickle, sys
import analysis
from iram.analysis import Condition, benchmark
from iram.analysis.commands.main import main
from iram.analysis.explorer.handlers import read_page
from iram.analysis.studies.attribution.held import FAMILIES, code_of

assert main(["explain", "face.png", "--models", "iram-heads", "--out", "panel.png"]) == 0
plan = benchmark("heads:n=14", ["none-heads", "net.py:build"], ["box-0.3-noise"], limit=2,
                 workers=1, out="runs/occlusion").plan
sent = pickle.dumps(plan)  # as to workers in other processes
assert pickle.loads(sent).key(plan.subjects[0], plan.conditions[0])
told = {"mine": analysis.MINE, "condition": Condition.__module__, "page": sorted(read_page()),
        "code": {f"{family}/{name}": code_of(f"{family}/{name}")
                 for family, names in FAMILIES.items() for name in names},
        "sent": b"iram.analysis.studies.occlusion.plan" in sent,
        "loaded": [name for name in sys.modules if name.split(".")[0] == "analysis"]}
open("told.json", "w").write(json.dumps(told))
"""


def copied(source: str, target: str) -> None:
    """By a hard link where the disk allows it: the weights are large."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def python(*arguments, folder: Path, path: Path | None = None) -> subprocess.CompletedProcess:
    """Python in a folder, with `path` and the libraries alone: no editable installation (-S)."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), LIBRARIES])
    environment |= {"PYTHONPYCACHEPREFIX": os.path.join(folder.parent, "pycache"),
                    "IRAM_CACHE": os.path.join(folder, "cache")}
    done = subprocess.run([sys.executable, *(["-S"] if path else []), *arguments], cwd=folder,
                          env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist, made of a copy of the tree."""
    pytest.importorskip("setuptools", "77", "setuptools>=77 builds the wheel: iram-study[test]")
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    tree.mkdir()
    for name in BUILT_OF:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, copy_function=copied,
                            ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copied(str(ROOT / name), str(tree / name))
    python("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
           "--no-index", "--wheel-dir", str(folder), str(tree), folder=folder)
    return folder


@pytest.fixture(scope="module")
def site(built) -> Path:
    """A folder in which the wheel alone is installed."""
    site = built / "site"
    python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile",
           "--target", str(site), *map(str, built.glob("*.whl")), folder=built)
    return site


@pytest.fixture(scope="module")
def used(site, tmp_path_factory) -> Path:
    """A user's folder, with an `analysis.py` of their own, after commands ran there."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "analysis.py").write_text("MINE = \"the user's\"\n")
    (folder / "net.py").write_text(NET)
    (folder / "net.toml").write_text(f'input_size = 48\ncolour = "gray"\nclasses = {CLASSES}\n')
    (folder / "use.py").write_text(USE)
    face = open_dataset("heads:n=14").images(slice(0, 1))[0, 0]
    Image.fromarray((face * 255).byte().numpy()).save(folder / "face.png")
    before = files(site)
    python("use.py", folder=folder, path=site)
    assert files(site) == before, "something was written beside the package"
    return folder


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_search_finds_what_has_to_be_renamed():
    source = "import analysis\nfrom analysis.a import b\nf'analysis.{x}', 'analysis.c', 'analysis'"
    assert own_names(source) == ["analysis", "analysis.a", "analysis.c"]


def test_one_package_is_installed_and_no_module_of_it_asks_for_another_analysis(site):
    assert {path.name for path in site.iterdir() if path.suffix != ".dist-info"} == {"iram", "bin"}
    assert [path.read_text() for path in site.glob("*.dist-info/top_level.txt")] == ["iram\n"]
    modules = sorted((site / "iram").rglob("*.py"))
    assert len(modules) == len([*(ROOT / "iram").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])
    for path in modules:
        assert own_names(path.read_text("utf-8")) == [], path


def own_names(source: str) -> list[str]:
    """Imports of `analysis`, and strings that name its modules, docstrings included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] == "analysis"]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "analysis":
            found.append(node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += NAMED.findall(node.value)
    return found


def test_the_users_analysis_is_the_users(used):
    told = json.loads((used / "told.json").read_text())
    assert told["mine"] == "the user's"
    assert told["loaded"] == ["analysis"]
    assert told["sent"]
    assert told["condition"] == "iram.analysis.stimuli.conditions"


def test_commands_give_what_they_give_in_the_repository(used):
    told = json.loads((used / "told.json").read_text())
    assert Image.open(used / "panel.png").size > (300, 300)
    assert (used / "runs" / "occlusion" / "summary.csv").is_file()
    assert told["page"] == sorted(p.name for p in (ROOT / "analysis/explorer/page").iterdir())
    assert told["code"] == {f"{family}/{name}": code_of(f"{family}/{name}")  # of keys of cells
                            for family, names in FAMILIES.items() for name in names}


def test_the_command_lists_the_shipped_weights_and_is_a_module_too(site, tmp_path):
    shown = python(str(site / "bin" / "iram"), "models", folder=tmp_path, path=site).stdout
    assert all(path.stem in shown for path in (ROOT / "iram" / "pretrained").glob("*.safetensors"))
    asked = python("-m", "iram", "data", "--help", folder=tmp_path, path=site).stdout
    assert asked.startswith("usage: iram data")


@pytest.mark.parametrize(("source", "expected"), [
    ("from analysis.engine import run\n", "from iram.analysis.engine import run\n"),
    ("def f():\n    from analysis import shift; analysis = 1\n",
     "def f():\n    from iram.analysis import shift; analysis = 1\n"),
    ("x = f'analysis.commands.{name}', 'analysis.csv', 'an analysis. The', 'analysis'\n",
     "x = f'iram.analysis.commands.{name}', 'iram.analysis.csv', 'an analysis. The', 'analysis'\n"),
    ("x = '\f\u2028'\nfrom analysis import x\n", "x = '\f\u2028'\nfrom iram.analysis import x\n"),
    ('"""See `analysis.Subject`,\n`from analysis import x`."""\n# analysis.engine\n',
     '"""See `iram.analysis.Subject`,\n`from iram.analysis import x`."""\n# analysis.engine\n'),
])
def test_modules_are_named_by_the_package_that_they_are_in(source, expected):
    assert runpy.run_path(str(ROOT / "setup.py"))["renamed"](source) == expected


def test_a_name_that_code_would_have_to_follow_is_refused():
    with pytest.raises(ValueError, match="line 1: write `from analysis"):
        runpy.run_path(str(ROOT / "setup.py"))["renamed"]("import analysis.engine\n")
