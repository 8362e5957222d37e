"""What a shell is told when it asks how a line of `iram` goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iram.weights import PRETRAINED

ROOT = Path(__file__).parents[2]
NOT_LOADED = "import sys, os\nend = os._exit\ndef exit(code):\n    " \
             "assert not {'torch', 'pandas', 'numpy'} & set(sys.modules)\n    end(code)\n" \
             "os._exit = exit\n"


def asked(line: str, tmp_path, before: str = NOT_LOADED) -> subprocess.CompletedProcess:
    """The command as bash calls it when Tab is pressed at the end of the line."""
    told = tmp_path / "told"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_TYPE": "9",
        "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": str(told)}
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\nfrom analysis.commands.main import main\nmain()"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    done.told = [word.strip() for word in told.read_text().split("\n")] if told.exists() else []
    return done


@pytest.mark.parametrize(("line", "expected"), [
    ("iram be", ["bench"]),
    ("iram bench --place", ["--placement"]),
    ("iram bench --executor pro", ["processes"]),
    ("iram bench --models iram,cbam-h", ["iram,cbam-heads-seed0"]),
    ("iram explain --models x,no", None),
    ("iram explain ph", ["photo.png"]),
    ("iram bench --models ne", ["net.py"]),
])
def test_a_line_goes_on(line, expected, tmp_path):
    pytest.importorskip("argcomplete", reason="completion is an extra: iram-study[completion]")
    (tmp_path / "photo.png").touch()
    (tmp_path / "net.py").touch()
    done = asked(line, tmp_path)
    assert done.returncode == 0, done.stderr
    names = sorted(path.stem for path in PRETRAINED.glob("none*.safetensors"))
    assert done.told == (expected or [f"x,{name}" for name in names])


def test_without_argcomplete_nothing_is_run_and_the_shell_goes_on_by_itself(tmp_path):
    missing = "import sys\nsys.modules['argcomplete'] = None\n"
    done = asked("iram models", tmp_path, missing)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_argcomplete_is_not_imported_by_a_command():
    script = "import sys\nfrom analysis.commands.main import command_parser\n" \
             "command_parser(['bench'])\nassert 'argcomplete' not in sys.modules"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
