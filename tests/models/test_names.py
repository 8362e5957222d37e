"""Lists of names on the command line."""

from pathlib import Path

import outside
import pytest

from analysis.subjects.loading import load_outside
from iram.errors import InputError
from iram.names import split_names
from iram.weights import find_weights


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("iram,none", ["iram", "none"]),
        (" iram , , none,", ["iram", "none"]),
        ("a, b/net.py:make,iram", ["a, b/net.py:make", "iram"]),
        ("iram,a, b/net.py:make", ["iram", "a, b/net.py:make"]),
        ("a, b/net.onnx,a, b/net.onnx", ["a, b/net.onnx", "a, b/net.onnx"]),
        ("a, b/gone.py:make", ["a", "b/gone.py:make"]),
        ("", []),
    ],
)
def test_a_path_that_exists_may_hold_commas(tmp_path, monkeypatch, text, names):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a, b").mkdir()
    for name in ("net.py", "net.onnx"):
        (tmp_path / "a, b" / name).write_text("")
    assert split_names(text) == names


def test_a_path_that_begins_as_a_home_folder_of_nobody_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~nobody here").mkdir()
    spec = outside.write_net(Path("~nobody here"))
    assert load_outside(spec)[0].where == "~nobody here/net.py"
    with pytest.raises(InputError, match=r"~nobody here/gone.safetensors: no such weights file"):
        find_weights("~nobody here/gone.safetensors")
