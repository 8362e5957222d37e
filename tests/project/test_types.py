"""What is public has types that a checker follows, and `py.typed` says so."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[2]
PUBLIC = ("iram/__init__.py", "iram/contract.py", "iram/data/arrays.py", "iram/errors.py",
          "analysis/__init__.py", "analysis/engine/run.py", "analysis/studies/calls.py",
          "analysis/studies/inputs.py", "analysis/subjects/given.py",
          "analysis/subjects/opening.py", "analysis/subjects/subject.py")
USE = ROOT / "tests" / "helpers" / "typed_use.py"
MISTAKES = {
    'size=112': ('size="112"', 'incompatible type "str"'),
    'limit=10': ('limt=10', 'Unexpected keyword argument "limt"'),
    'result.tables["summary"]': ("result.tables.summary", 'has no attribute "summary"'),
    'FaceDataset.of(images, ["happy", "sad"] * 2, classes=["happy", "sad"], name="mine")':
        ("images", "Incompatible return value type"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def checked(cache, *files) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(cache), *map(str, files)],
        cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_is_public_and_a_users_calls_are_typed(cache):
    found = checked(cache, *PUBLIC, USE)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_users_mistakes_are_found(cache, tmp_path):
    source = USE.read_text(encoding="utf-8")
    for right, (wrong, _) in MISTAKES.items():
        assert right in source
        source = source.replace(right, wrong, 1)
    (tmp_path / "wrong_use.py").write_text(source, encoding="utf-8")
    told = checked(cache, tmp_path / "wrong_use.py").stdout
    for _, message in MISTAKES.values():
        assert message in told


@pytest.mark.parametrize("package", ["iram", "analysis"])
def test_the_packages_say_that_they_are_typed(package):
    assert (ROOT / package / "py.typed").is_file()
    assert f'{package} = ["py.typed"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
