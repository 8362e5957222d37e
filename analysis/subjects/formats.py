"""Files that hold models and are not opened: what each is, and how to come from it to one that is.
"""

import tarfile
import zipfile
from pathlib import Path

from iram.errors import listing

ONNX_OF_KERAS = ("convert it to ONNX, where it was made: pip install tf2onnx, then "
                 "`python -m tf2onnx.convert {option} --output net.onnx`, and name net.onnx")
EXPORT = "export the net where it was made (torch.onnx.export, torch.export.save)"
PICKLE = (
    "such a file is a pickle; opening one can run any code, so none is opened. Bring its weights, "
    "the tensors alone, to safetensors by `iram models --convert {file} net.safetensors`, or by "
    "safetensors.torch.save_file(net.state_dict(), 'net.safetensors'), and name FILE.py:factory, "
    "with weights = 'net.safetensors' in FILE.toml; or " + EXPORT
)
CHECKPOINTS = (".pt", ".pth", ".bin", ".ckpt", ".tar")  # of torch.save, as a rule
PICKLES = (".pkl", ".pickle", ".joblib", ".dill")
KINDS = {
    "Keras": ("a Keras (TensorFlow) model; " + ONNX_OF_KERAS.format(
        option="--keras {file}") + "; of a .keras file load and export it first: "
        "tf.keras.models.load_model(...).export('saved'), then --saved-model saved",
        (".h5", ".hdf5", ".keras")),
    "TF-Lite": ("a TensorFlow Lite model; " + ONNX_OF_KERAS.format(option="--tflite {file}"),
                (".tflite", ".lite")),
    "TensorFlow": ("a TensorFlow graph; " + ONNX_OF_KERAS.format(
        option="--graphdef {file} --inputs INPUT:0 --outputs OUTPUT:0"), (".pb", ".pbtxt")),
    "TensorFlow checkpoint": (
        "part of a TensorFlow checkpoint; " + ONNX_OF_KERAS.format(
            option="--checkpoint NAME.meta --inputs INPUT:0 --outputs OUTPUT:0"),
        (".meta", ".index", ".data-00000-of-00001")),
    "TorchScript": (
        "a TorchScript program, which could run code of its own; write FILE.py with `def build(): "
        "return torch.jit.load('{file}')` and name FILE.py:build; or " + EXPORT,
        (".torchscript", ".ptl", ".jit", ".ts")),
    "ExecuTorch": ("an ExecuTorch program for a device; " + EXPORT, (".pte",)),
    "Core ML": ("a Core ML model, which runs on Apple's systems alone; " + EXPORT,
                (".mlmodel", ".mlpackage", ".mlmodelc")),
    "TensorRT": ("a TensorRT engine, compiled for one GPU; name the ONNX file that it was built "
                 "from", (".engine", ".plan", ".trt")),
    "OpenVINO": ("an OpenVINO model; name the ONNX file that it was made from", (".xml",)),
    "Paddle": ("a Paddle model; convert it to ONNX by paddle2onnx",
               (".pdmodel", ".pdparams", ".pdiparams")),
    "Caffe": ("a Caffe model; convert it to ONNX (caffe2onnx, or by OpenVINO)",
              (".caffemodel", ".prototxt")),
    "NCNN, MNN or RKNN": ("a model for phones; name the ONNX file that it was made from",
                          (".param", ".mnn", ".rknn", ".dlc")),
    "arrays": ("arrays without a net; read them in FILE.py and name FILE.py:factory",
               (".npy", ".npz", ".mat", ".msgpack", ".weights", ".t7", ".gguf")),
    "a program's source": ("no model; name a Python file as FILE.py:factory", (".ipynb", ".txt")),
    "description": ("the description of a model; name the model itself, FILE.py:factory, .onnx or "
                    ".pt2", (".toml", ".json", ".yaml", ".yml")),
    "packed": ("an archive; unpack it and name the model in it",
               (".zip", ".tar.gz", ".tgz", ".rar", ".7z", ".gz")),
    "pickle": (PICKLE, (*CHECKPOINTS, *PICKLES)),
}
"""{kind: (what is told of it, its endings)}; a pickle is told of as it is."""
FOLDERS = {
    "saved_model.pb": "a TensorFlow SavedModel; " + ONNX_OF_KERAS.format(
        option="--saved-model {file}"),
    "Manifest.json": KINDS["Core ML"][0],
    "config.json": "a folder of transformers; write FILE.py with `def build(): return "
    "AutoModelForImageClassification.from_pretrained('{file}')` and name FILE.py:build",
}
"""{a file in the folder: what is told of the folder}."""


def told_of(path: Path) -> str | None:
    """What is said of a file or folder that holds a model of a kind that is not opened; None of
    one that is opened, or is not there."""
    if path.is_dir():
        told = next((text for name, text in FOLDERS.items() if (path / name).is_file()), None)
        return told and f"{path} is {told.format(file=path)}"
    name = path.name.lower()
    for kind, (told, endings) in KINDS.items():
        if name.endswith(endings):
            told = told.format(file=path)
            return f"{path}: {told}" if kind == "pickle" else f"{path} is {told}"
    return None


def by_torch_save(start: bytes) -> bool:
    """Whether a file's first 8 bytes are those of a file of torch.save, and not the length of a
    safetensors header."""
    return start[:4] == b"PK\3\4" or (start[:1] == b"\x80" and any(start[4:8]))


def told_by_content(path: Path) -> str:
    """What a file is that has the name of a file of torch.save and is none; "" of any other."""
    with path.open("rb") as file:
        start = file.read(9)
    inside = []
    if start.startswith(b"PK\3\4") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
        if any(name.endswith("/data.pkl") for name in inside):
            return ""
        if any(name.endswith("/archive_format") for name in inside):
            return "it is an exported program: give it the ending .pt2, and name it as the model"
    elif start.startswith(b"PK\3\4"):
        return "it breaks off before its end, as a download that was cut short"
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            inside = [archive.next().name]
    elif start.startswith((b"\x1f\x8b", b"\xfd7zXZ", b"BZh")):
        return "it is packed: unpack it first"
    if inside:
        return f"it is an archive of {listing(inside, 3)}: unpack it, and name the file in it"
    if start[8:] == b"{":  # after the length of the header
        return "it is a safetensors file: give it the ending .safetensors, and name it in `weights`"
    return ""


def told_of_another(path: Path) -> str:
    """What is said of any other file."""
    return (f"{path} is no kind of model that is known here: name FILE.py:factory, .onnx, .pt2, or "
            "our own .safetensors")
