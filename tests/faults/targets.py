"""What is damaged: a good file of every kind that is read, and how a command reads it.

A reader raises AssertionError where what was read is wrong: where damage was taken for truth, or
where what is whole was lost or read in another way than before.
"""

import gzip
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import outside
import sources
import tiny
import torch
from safetensors.torch import load_file

from analysis.engine.store import open_run, read_cell, read_table, write_cell
from analysis.explain.boxes import read_boxes
from analysis.stimuli.landmarks.reader import Landmarks, read_landmarks
from analysis.stimuli.landmarks.writer import write_landmarks
from analysis.subjects import open_subjects
from analysis.subjects.convert import convert
from analysis.subjects.description import read_description
from faults.mutations import Target
from iram import load_model, open_dataset
from iram.data.dataset import FaceDataset

HEADER = 1  # lines


def _faces(spec: str) -> FaceDataset:
    """The data set, its parts fitting together."""
    dataset = open_dataset(spec)
    pictures = dataset.images_uint8(slice(None))
    assert pictures.dtype == np.uint8
    assert len(pictures) == len(dataset) == len(dataset.labels) == len(dataset.metadata)
    assert all(0 <= label < len(dataset.classes) for label in dataset.labels.tolist())
    return dataset


def _seen(dataset: FaceDataset, key: str = "row") -> dict:
    """Label and pixels of each face, by its row or its name."""
    pictures = dataset.images_uint8(slice(None))
    return {name: (label, picture.tobytes()) for name, label, picture in
            zip(dataset.metadata[key], dataset.labels.tolist(), pictures, strict=True)}


class _Lines:
    """A reader of a CSV of a face a line, to whom a line that is whole means what it did."""

    def __init__(self, spec: str, pixels: bool):
        self.spec, self.pixels = spec, pixels
        self.known: dict[bytes, tuple] = {}

    def __call__(self, folder: Path, path: Path) -> None:
        faces = _seen(_faces(self.spec.format(path=path, folder=folder)))
        lines = path.read_bytes().split(b"\n")
        rows = dict(enumerate(filter(None, lines[HEADER:])))
        if not self.known:
            self.header, self.known = lines[0], {rows[row]: faces[row] for row in faces}
        data = path.read_bytes()
        if lines[0] != self.header or b'"' in data or b"\r" in data:
            return  # a line may be a part of a field, or a field have another meaning
        for row, line in rows.items():
            if line in self.known:
                assert row in faces, f"row {row} is lost"
                parts = slice(None) if self.pixels else slice(1)
                assert faces[row][parts] == self.known[line][parts], f"row {row} is another"


def _csv(folder: Path) -> Path:
    return sources.write_csv(folder / "fer2013.csv", sources.fer_rows())


def _zip(folder: Path) -> Path:
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(_csv(folder), "fer2013.csv")
    return path


def _gzip(folder: Path) -> Path:
    path = folder / "packed.csv.gz"
    path.write_bytes(gzip.compress(_csv(folder).read_bytes(), 1))
    return path


def _tar(folder: Path) -> Path:
    path = folder / "packed.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(_csv(folder), "fer2013.csv")
    return path


def _packed(folder: Path, path: Path) -> None:
    """Checksums let nothing through."""
    plain = _seen(open_dataset(f"fer2013:{folder}/fer2013.csv"))
    assert _seen(_faces(f"fer2013:{path}")) == plain


def _votes(folder: Path) -> Path:
    _csv(folder)
    return sources.write_votes(folder / "fer2013new.csv", sources.fer_rows())


def _pictures(kind: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        names = [f"{split}/{label}/{i}.{kind}" for split in ("train", "test")
                 for label in ("happy", "sad") for i in range(2)]
        sources.write_pictures(folder / "faces", names, 16)
        return folder / "faces" / names[0]

    return write


def _others_whole(folder: Path, path: Path) -> None:
    """The pictures that are not damaged are as they were."""
    found = _seen(_faces(f"folder:{folder}/faces,size=16,skip_bad=1"), "image_id")
    whole = folder / "whole.json"
    others = {name: [label, picture.hex()] for name, (label, picture) in found.items()
              if not path.match(f"{name}*")}
    if not whole.exists():
        whole.write_text(json.dumps(others))
    assert others == json.loads(whole.read_text())


def _lists(folder: Path) -> Path:
    _votes(folder)
    sources.write_lists(
        folder / "lists", b"2_fer0000002.png 8 0\r\n5_fer0000005.png 8 3\r\n",
        b"5/fer0000005.jpg\n0/fer0000008.jpg\n", b"0/fer0000008.jpg\n",
    )
    return folder / "lists" / "jianfei_occlusion_list.txt"


def _flagged(folder: Path, path: Path) -> None:
    """Of a line that is whole its face is listed, and no face of no line."""
    spec = f"fer2013:{folder}/fer2013.csv,votes={folder}/fer2013new.csv,ran_lists={path.parent}"
    table = _faces(spec).metadata
    text = path.read_text(encoding="utf-8-sig")
    listed = set(table["ferplus_name"][table["real_occlusion"] != "none"])
    for name in ("fer0000002.png", "fer0000005.png"):
        if re.search(rf"^\d_{name} 8 \d\r?$", text, re.MULTILINE):
            assert name in listed
    assert all(name.split(".")[0] in text for name in listed)


def _rafdb(folder: Path) -> Path:
    names = [f"train_{i:05d}" for i in range(1, 5)] + [f"test_{i:04d}" for i in range(1, 5)]
    sources.write_pictures(folder, [f"Image/aligned/{name}_aligned.jpg" for name in names], 16)
    (folder / "EmoLabel").mkdir()
    path = folder / "EmoLabel" / "list_patition_label.txt"
    path.write_text("".join(f"{name}.jpg {i % 7 + 1}\n" for i, name in enumerate(names)))
    return path


def _labelled(folder: Path, path: Path) -> None:
    """Each label is what the first line of its face says."""
    found = _seen(_faces(f"rafdb:{folder},size=16,skip_bad=1"), "image_id")
    said: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8-sig").split("\n"):
        name, _, label = line.strip().partition(".jpg ")
        if label.strip() in [*"1234567"]:
            said.setdefault(name.removesuffix("_aligned"), label.strip())
    assert all(said[name] == str(label + 1) for name, (label, _) in found.items())


def _weights(folder: Path) -> Path:
    path = tiny.weights(folder, "iram")
    np.save(folder / "whole.npy", _state(path))
    return path


def _state(path: Path) -> np.ndarray:
    return np.concatenate([v.numpy().ravel() for v in load_model(path).state_dict().values()])


def _same_weights(folder: Path, path: Path) -> None:
    assert np.array_equal(_state(folder / "iram-seed0.safetensors"), np.load(folder / "whole.npy"))


def _card(folder: Path) -> Path:
    return _weights(folder).with_suffix(".json")


def _pth(folder: Path) -> Path:
    path = folder / "net.pth"
    torch.save(torch.nn.Linear(3, 2).state_dict(), path)
    convert(path, folder / "whole.safetensors")
    return path


def _converted(folder: Path, path: Path) -> None:
    """Tensors of the same names and shapes; their numbers have no checksum."""
    convert(path, folder / "again.safetensors")
    found, whole = (load_file(folder / f"{name}.safetensors") for name in ("again", "whole"))
    assert {name: one.shape for name, one in found.items()} == {
        name: one.shape for name, one in whole.items()}


def _onnx(folder: Path) -> Path:
    path = folder / "net.onnx"
    outside.write_onnx(path)
    outside.describe(path, 48, "gray")
    return path


def _answering(folder: Path, path: Path) -> None:
    """What opens also answers, a number a class."""
    (subject,) = open_subjects(str(path), outside.CLASSES)
    assert subject.logits(torch.rand(2, 1, 48, 48)).shape == (2, len(subject.classes))


def _described(folder: Path) -> Path:
    (folder / "net.py").write_text("")
    return outside.describe(folder / "net.py", extra="mean = [0.5]\nstd = [0.25]")


def _cell(folder: Path) -> Path:
    write_cell(folder / "cell.parquet", tiny.dataset().metadata, "key")
    return folder / "cell.parquet"


def _same_cell(folder: Path, path: Path) -> None:
    """The rows that were written, or None: it is made again."""
    found = read_cell(path, "key")
    assert found is None or found.equals(tiny.dataset().metadata.astype(found.dtypes))


def _table(folder: Path) -> Path:
    (folder / "table.csv").write_text("model,value,low\nnone,0.5,0.25\niram,,1\n")
    return folder / "table.csv"


def _run(folder: Path) -> Path:
    (folder / "run.json").write_text(json.dumps({"identity": {"seed": 0, "faces": 3}}))
    return folder / "run.json"


def _reopened(folder: Path, path: Path) -> None:
    assert open_run(folder, {"seed": 0, "faces": 3}, {})["identity"] == {"seed": 0, "faces": 3}


def _boxes(folder: Path) -> Path:
    path = folder / "boxes.csv"
    path.write_text("path,left,top,right,bottom\na.png,1,2,30,40\nb.png,5,6,70,80\n")
    return path


def _boxed(folder: Path, path: Path) -> None:
    boxes = [line.box for line in read_boxes(path) if line.box]  # without one: it is told
    assert all(box.width > 0 and box.height > 0 for box in boxes)


def _landmarks(compact: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        points = np.random.default_rng(0).uniform(0, 48, (6, 468, 3)).astype(np.float32)
        known = Landmarks(points, 48, picture=np.arange(6, dtype=np.uint64))
        write_landmarks(folder / "points.npz", known, compact)
        np.save(folder / "whole.npy", read_landmarks(folder / "points.npz").points)
        return folder / "points.npz"

    return write


def _same_points(folder: Path, path: Path) -> None:
    found = read_landmarks(path)
    whole = np.load(folder / "whole.npy")
    assert np.array_equal(found.points, whole[: len(found.points)]) or found.size != 48


TARGETS = {
    "fer2013": Target(_csv, _Lines("fer2013:{path},skip_bad=1", pixels=True)),
    "fer2013-zip": Target(_zip, _packed),
    "fer2013-gzip": Target(_gzip, _packed),
    "fer2013-tar": Target(_tar, _packed),
    "ferplus": Target(_votes, _Lines("ferplus:{folder}/fer2013.csv,{path}", pixels=False)),
    "folder-png": Target(_pictures("png"), _others_whole),
    "folder-jpg": Target(_pictures("jpg"), _others_whole),
    "lists": Target(_lists, _flagged),
    "rafdb": Target(_rafdb, _labelled),
    "weights": Target(_weights, _same_weights),
    "card": Target(_card, _same_weights),
    "description": Target(
        _described, lambda folder, path: read_description(folder / "net.py", "net")
    ),
    "pth": Target(_pth, _converted),
    "onnx": Target(_onnx, _answering),
    "cell": Target(_cell, _same_cell),
    "table": Target(_table, lambda folder, path: read_table(path)),
    "run": Target(_run, _reopened, named=False),
    "boxes": Target(_boxes, _boxed),
    "landmarks": Target(_landmarks(compact=False), _same_points),
    "landmarks-68": Target(_landmarks(compact=True), _same_points),
}
