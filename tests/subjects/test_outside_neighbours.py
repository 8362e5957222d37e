"""A user's file in our process: its own modules win while it loads, and nothing of it stays."""

import json
import re
import sys

import outside
import pytest
import torch

import analysis
import iram
from analysis.commands.main import main
from analysis.subjects import open_subjects
from analysis.subjects.check import check
from analysis.subjects.loading import load_outside
from analysis.subjects.probe import pictures
from iram.errors import InputError

SCALED = "SCALE * (" + outside.RESULT + ")"


def logits(spec):
    return open_subjects(str(spec), outside.CLASSES)[0].logits(pictures(2))


def net_with(folder, code, name="net", result=SCALED, extra=""):
    """FILE.py:build whose logits are scaled by what `code` imports as SCALE."""
    folder.mkdir(parents=True, exist_ok=True)
    return outside.write_net(folder, name=name, result=result, extra=extra,
                             more=f"\n{code}\n")


@pytest.fixture
def unscaled(tmp_path):
    return logits(net_with(tmp_path / "plain", "SCALE = 1.0"))


@pytest.mark.parametrize("name", ["analysis", "iram", "tests", "outside", "pandas", "scipy"])
@pytest.mark.parametrize("kind", ["module", "package", "part of a package"])
def test_the_users_own_module_wins_whatever_it_is_called(tmp_path, unscaled, name, kind):
    own = {"module": f"{name}.py", "package": f"{name}/__init__.py",
           "part of a package": f"{name}/parts/scale.py"}[kind]
    (tmp_path / own).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / own).write_text("SCALE = 3.0\n")
    module = name
    if kind == "part of a package":
        (tmp_path / name / "__init__.py").write_text("")
        module = f"{name}.parts.scale"
    before = dict(sys.modules)
    spec = net_with(tmp_path, f"from {module} import SCALE")
    torch.testing.assert_close(logits(spec), unscaled * 3)
    assert {n: m for n, m in sys.modules.items() if n in before} == before
    assert sys.modules["analysis"] is analysis
    assert sys.modules["iram"] is iram


def test_a_folder_called_analysis_without_an_init_is_the_users_too(tmp_path, unscaled):
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "nets.py").write_text("SCALE = 3.0\n")
    spec = net_with(tmp_path, "from analysis.nets import SCALE")
    torch.testing.assert_close(logits(spec), unscaled * 3)


def test_without_such_a_module_the_users_file_may_build_on_this_package(tmp_path, unscaled):
    (tmp_path / "iram").mkdir()  # a folder of that name, such as a clone, is no module
    spec = net_with(tmp_path, "import iram, analysis.subjects\nSCALE = float(iram.open_dataset "
                    "is not None)")
    torch.testing.assert_close(logits(spec), unscaled)


def test_a_file_beside_that_is_called_like_the_standard_library_or_torch_is_not_taken(
        tmp_path, unscaled):
    for name in ("random", "torch", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    spec = net_with(tmp_path, "import random, json, numpy, torch\nSCALE = 1.0")
    torch.testing.assert_close(logits(spec), unscaled)


def test_imports_inside_forward_find_the_neighbours_after_loading_too(tmp_path):
    answers = []
    for name, scale in (("one", 1.0), ("two", 3.0)):
        (tmp_path / name / "part").mkdir(parents=True)
        (tmp_path / name / "part" / "__init__.py").write_text("")
        (tmp_path / name / "part" / "later.py").write_text("from part import inner\n"
                                                           "SCALE = inner.SCALE\n")
        (tmp_path / name / "part" / "inner.py").write_text(f"SCALE = {scale}\n")
        spec = net_with(tmp_path / name, "def scale():\n    import part.later, math\n"
                        "    from part.later import SCALE\n    return SCALE * math.cos(0)",
                        name, "scale() * (" + outside.RESULT + ")")
        subject = open_subjects(spec, outside.CLASSES)[0]
        assert "part" not in sys.modules
        answers += [subject.logits(pictures(2)), subject.logits(pictures(2))]
    torch.testing.assert_close(answers[2:], [3 * answers[0]] * 2)


@pytest.mark.parametrize(("code", "files"), [
    ("from .scale import SCALE", {"scale.py": "SCALE = 3.0"}),
    ("from . import scale\nSCALE = scale.SCALE", {"scale.py": "SCALE = 3.0"}),
    ("from .. import scale\nSCALE = scale.SCALE", {"../scale.py": "SCALE = 3.0"}),
    ("from ..parts.scale import SCALE", {"../parts/scale.py": "from ..base import SCALE",
                                         "../base.py": "SCALE = 3.0"}),
    ("from . import SCALE", {"__init__.py": "from .scale import SCALE", "scale.py": "SCALE = 3.0"}),
    ("from .scale import SCALE", {"__init__.py": "", "../__init__.py": "",
                                  "scale.py": "from ..base import SCALE",
                                  "../base.py": "SCALE = 3.0"}),
    ("def late():\n    from .scale import SCALE\n    return SCALE\nSCALE = late()",
     {"scale.py": "SCALE = 3.0"}),
])
def test_relative_imports_work_as_far_up_as_they_reach(tmp_path, unscaled, code, files):
    folder = tmp_path / "top" / "models"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).resolve().parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")
    spec = net_with(folder, code)
    torch.testing.assert_close(logits(spec), unscaled * 3)
    known = load_outside(spec)[1]
    name = list(files)[-1]
    (folder / name).write_text(files[name] + "\n# other\n")
    assert load_outside(spec)[1] != known


def test_the_root_of_a_repository_is_on_the_path_if_asked(tmp_path, unscaled):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "layers.py").write_text("from config import SCALE\n")
    (tmp_path / "config.py").write_text("SCALE = 3.0\n")
    code = "from models.layers import SCALE"
    with pytest.raises(InputError, match=r"ModuleNotFoundError: No module named 'models'"):
        logits(net_with(tmp_path / "models", code))
    spec = net_with(tmp_path / "models", code, extra='root = ".."')
    torch.testing.assert_close(logits(spec), unscaled * 3)
    known = load_outside(spec)[1]
    (tmp_path / "config.py").write_text("SCALE = 2.0\n")  # of the same length and second
    torch.testing.assert_close(logits(spec), unscaled * 2)
    assert load_outside(spec)[1] != known


def test_a_root_that_is_not_there_is_told(tmp_path):
    spec = net_with(tmp_path, "SCALE = 1.0", extra='root = "repo"')
    with pytest.raises(InputError, match=r"net\.toml: root = 'repo': there is no folder .*repo"):
        logits(spec)


def test_folders_that_the_code_puts_on_the_path_are_its_own_and_do_not_stay(tmp_path):
    answers = []
    for name, scale in (("one", 1.0), ("two", 3.0)):
        (tmp_path / name / "library").mkdir(parents=True)
        (tmp_path / name / "library" / "zoo.py").write_text(f"SCALE = {scale}\n")
        code = ("import os, sys\nsys.path.append(os.path.join(os.path.dirname(os.path.abspath("
                "__file__)), '..', 'library'))\nfrom zoo import SCALE")
        before = list(sys.path)
        answers.append(logits(net_with(tmp_path / name / "nets", code)))
        assert sys.path == before
        assert "zoo" not in sys.modules
    torch.testing.assert_close(answers[1], answers[0] * 3)


@pytest.mark.parametrize("name", ["analysis", "iram"])
def test_a_package_of_our_name_in_a_repository_that_the_code_puts_on_the_path_wins(
        tmp_path, unscaled, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "nets.py").write_text("SCALE = 3.0\n")
    code = ("import os, sys\nsys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath("
            f"__file__))))\nfrom {name}.nets import SCALE")
    torch.testing.assert_close(logits(net_with(tmp_path / "scripts", code)), unscaled * 3)
    assert sys.modules["analysis"] is analysis
    assert sys.modules["iram"] is iram


@pytest.mark.parametrize("name", ["analysis", "nosuchnets"])
def test_a_module_that_lies_in_a_folder_above_is_told_with_the_root_to_write(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "nets.py").write_text("SCALE = 3.0\n")
    code = f"from {name}.nets import SCALE"
    with pytest.raises(InputError, match=rf"; {name} lies in .*: write root = '\.\.' in the"):
        load_outside(net_with(tmp_path / "scripts", code))
    assert load_outside(net_with(tmp_path / "scripts", code, extra='root = ".."'))


def test_argparse_at_import_sees_its_own_name_alone(tmp_path, monkeypatch, capsys):
    code = ("import argparse, sys\np = argparse.ArgumentParser()\n"
            "p.add_argument('--data', default='x')\nargs = p.parse_args()\nSCALE = 1.0\n"
            "assert sys.argv == [__file__]")
    spec = net_with(tmp_path, code)
    monkeypatch.setattr(sys, "argv", before := ["iram", "models", "--check", spec])
    assert main(["models", "--check", spec]) == 0
    assert sys.argv is before
    required = net_with(tmp_path, "import argparse\np = argparse.ArgumentParser()\n"
                        "p.add_argument('--lr', required=True)\np.parse_args()")
    with pytest.raises(InputError, match=r"net\.py, line \d+: SystemExit: 2"):
        load_outside(required)


def test_numbers_drawn_from_numpy_or_python_come_from_the_seed_too(tmp_path):
    code = "import random\nimport numpy as np\nSCALE = random.random() + np.random.rand()"
    spec = net_with(tmp_path, code)
    assert load_outside(spec)[1] == load_outside(spec)[1]


def test_a_file_that_asks_for_input_is_told_and_does_not_wait(tmp_path):
    with pytest.raises(InputError, match=r"net\.py, line \d+: EOFError"):
        load_outside(net_with(tmp_path, "SCALE = float(input('scale: '))"))


def test_no_compiled_copies_are_left_beside_the_users_files(tmp_path):
    (tmp_path / "helper.py").write_text("SCALE = 1.0\n")
    load_outside(net_with(tmp_path, "from helper import SCALE"))
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_file_that_can_be_run_once_alone_is_told_as_that(tmp_path):
    code = "import json\nassert not hasattr(json, 'once')\njson.once = 1\nSCALE = 1.0"
    try:
        [told] = [f.told for f in check(net_with(tmp_path, code)) if f.what == "factory"]
    finally:
        del json.once
    assert re.match(r"can't be made twice in one process: .*net\.py, line \d+: Assertion", told)
