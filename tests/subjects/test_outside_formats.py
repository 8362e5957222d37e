"""Nets, weights and descriptions in the forms that users have them: they work, or one line says
what to do."""

import outside
import pytest

from analysis.commands.main import main
from analysis.subjects import open_subjects
from iram.errors import InputError

SEVEN = outside.CLASSES


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


# Files of other kinds


@pytest.mark.parametrize(("name", "told"), [
    ("emotion.h5", r"is a Keras .*tf2onnx.* --keras .*emotion\.h5 .*name net\.onnx"),
    ("emotion.hdf5", "is a Keras"), ("emotion.KERAS", "is a Keras"),
    ("emotion.tflite", r"is a TensorFlow Lite .*--tflite"),
    ("graph.pb", r"is a TensorFlow graph.*--graphdef"),
    ("net.torchscript", r"is a TorchScript .*torch\.jit\.load"),
    ("net.ptl", "is a TorchScript"),
    ("net.mlmodel", r"is a Core ML .*torch\.onnx\.export"),
    ("net.engine", "is a TensorRT engine.*name the ONNX"),
    ("net.xml", "is an OpenVINO"), ("net.pdmodel", "is a Paddle"), ("net.caffemodel", "is a Caffe"),
    ("net.pkl", "is a pickle"), ("net.joblib", "is a pickle"),
    ("net.npz", r"is arrays without a net"), ("net.toml", "is the description of a model"),
    ("net.tar.gz", "is an archive; unpack"), ("net.unheardof", "is no kind of model that is known"),
    ("net.pth", r"is a pickle.*iram models --convert .*net\.pth net\.safetensors"),
])
def test_other_formats_are_told_for_what_they_are_and_how_to_come_from_them(tmp_path, name, told):
    path = tmp_path / name
    path.write_bytes(b"\x89HDF\r\n")
    for names in (str(path), f"iram,{path}"):
        with pytest.raises(InputError, match=told):
            open_subjects(names, SEVEN)
    assert main(["models", "--check", str(path)]) == 2
    path.unlink()
    if "unheardof" not in name:
        with pytest.raises(InputError, match=r"there is no file .*" + name):
            open_subjects(str(path), SEVEN)


@pytest.mark.parametrize(("inside", "told"), [
    ("saved_model.pb", "is a TensorFlow SavedModel.*--saved-model"),
    ("config.json", r"a folder of transformers.*from_pretrained"),
])
def test_folders_that_hold_models_are_told_too(tmp_path, inside, told):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / inside).write_text("{}")
    with pytest.raises(InputError, match=told):
        open_subjects(str(tmp_path / "model"), SEVEN)


# Descriptions as editors store them


@pytest.mark.parametrize("kind", ["utf-8-sig", "crlf"])
def test_descriptions_of_windows_are_read(tmp_path, kind):
    spec = outside.write_net(tmp_path)
    text = (tmp_path / "net.toml").read_text()
    data = text.encode("utf-8-sig") if kind == "utf-8-sig" else text.replace("\n", "\r\n").encode()
    (tmp_path / "net.toml").write_bytes(data)
    (tmp_path / "net.py").write_bytes((tmp_path / "net.py").read_text().encode("utf-8-sig"))
    opened(spec)


@pytest.mark.parametrize(("encoding", "told"), [
    ("utf-16", r"net\.toml is stored as UTF-16; store it as UTF-8"),
    ("utf-16-le", r"net\.toml"),
    ("latin-1", r"net\.toml is not UTF-8 \(line 1 is not\)"),
])
def test_descriptions_in_other_encodings_are_told(tmp_path, encoding, told):
    spec = outside.write_net(tmp_path)
    text = "# für Gesichter\n" + (tmp_path / "net.toml").read_text()
    (tmp_path / "net.toml").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=told):
        opened(spec)
