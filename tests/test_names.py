"""Lists of names on the command line."""

import pytest

from iram.names import split_names


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
