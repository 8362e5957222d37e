"""The one place that says how an extra is installed."""

import re
from importlib import metadata
from pathlib import Path

import pytest

from iram import extras
from iram.extras import install_hint

ROOT = Path(__file__).parents[2]
PLACES = ("iram/**/*.py", "analysis/**/*.py", "docs/**/*.md", "docs/**/*.j2", "*.md",
          "notebooks/*.ipynb", "results/**/*.md")
TARGETS = re.compile(r"pip install[^\n`]*?(?:-e \\*[\"']?\.|iram-study)\[?[^\n`]*")


@pytest.mark.parametrize("extra", ["faces", "explore", "onnx"])
def test_in_a_clone_it_is_an_editable_installation_of_what_was_tested(extra):
    assert install_hint(extra) == f'pip install -c constraints.txt -e ".[{extra}]"'


def test_the_landmarks_have_versions_of_their_own():
    assert install_hint("landmarks") == 'pip install -c constraints-landmarks.txt -e ".[landmarks]"'


def test_beside_an_installed_wheel_it_is_the_packages_themselves(tmp_path, monkeypatch):
    told = ["numpy>=1.26", 'opencv-python-headless<5,>=4.10; extra == "faces"',
            'tornado>=6.4; extra == "explore"']
    monkeypatch.setattr(extras, "requires", lambda _: told)
    assert install_hint("faces", tmp_path) == 'pip install "opencv-python-headless<5,>=4.10"'


def test_where_nothing_is_installed_it_is_the_clones_form(tmp_path, monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", requires)
    assert install_hint("faces", tmp_path) == install_hint("faces")


def test_every_extra_of_a_hint_exists():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    for path in ROOT.glob("[ai]*/**/*.py"):
        for extra in re.findall(r"install_hint\([\"'](\w+)[\"']\)", path.read_text("utf-8")):
            assert re.search(rf"^{extra} = \[", text, re.MULTILINE), (path, extra)


def test_code_and_documents_have_no_other_form():
    """No index has a package iram-study: `pip install 'iram-study[onnx]'` can't work."""
    found = [f"{path.relative_to(ROOT)}: {line}" for place in PLACES for path in ROOT.glob(place)
             if path.name != "extras.py"
             for line in TARGETS.findall(path.read_text("utf-8")) if not _is_whole(line)]
    assert not found


def _is_whole(line: str) -> bool:
    return re.fullmatch(r'pip install -c constraints(-landmarks)?\.txt -e "\.\[[a-z,]+\]"',
                        line.strip()) is not None
