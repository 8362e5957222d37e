"""Data sets of which a file is damaged: what is whole is read as before."""

import contextlib
import gzip
import json
import lzma
import os
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import sources

from faults.mutations import Target
from iram import open_dataset
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


def _xz(folder: Path) -> Path:
    path = folder / "packed.csv.xz"
    path.write_bytes(lzma.compress(_csv(folder).read_bytes(), preset=0))
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


def _cached(suffix: str) -> Callable[[Path], Path]:
    """One of the three files of what the cache keeps of a data set."""

    def write(folder: Path) -> Path:
        (folder / "cache").mkdir()
        with _cache(folder):
            _faces(f"fer2013:{_csv(folder)}")
        return next((folder / "cache").rglob(f"*{suffix}"))

    return write


@contextlib.contextmanager
def _cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("IRAM_CACHE")
    os.environ["IRAM_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        os.environ.pop("IRAM_CACHE")
        if before is not None:
            os.environ["IRAM_CACHE"] = before


def _from_cache(folder: Path, path: Path) -> None:
    """What the cache has lost is decoded anew."""
    with _cache(folder):
        found = _seen(_faces(f"fer2013:{folder}/fer2013.csv"))
    assert [pixels for _, pixels in found.values()] == [
        face.tobytes() for face in sources.faces(len(found))]


DATA_SETS = {
    "fer2013": Target(_csv, _Lines("fer2013:{path},skip_bad=1", pixels=True)),
    "fer2013-zip": Target(_zip, _packed),
    "fer2013-gzip": Target(_gzip, _packed),
    "fer2013-xz": Target(_xz, _packed),
    "fer2013-tar": Target(_tar, _packed),
    "ferplus": Target(_votes, _Lines("ferplus:{folder}/fer2013.csv,{path}", pixels=False)),
    **{f"folder-{kind}": Target(_pictures(kind), _others_whole)
       for kind in ("png", "jpg", "webp", "bmp", "gif", "tif", "pgm")},
    "lists": Target(_lists, _flagged),
    "rafdb": Target(_rafdb, _labelled),
    **{f"cache-{suffix}": Target(_cached(f".{suffix}"), _from_cache)
       for suffix in ("json", "npy", "parquet")},
}
