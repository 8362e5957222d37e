"""What runs keep and what users write, of which a file is damaged: tables, boxes, messages."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import sources
import tiny

from analysis.engine.example import FACTS, Example, read_example, write_example
from analysis.engine.store import open_run, read_cell, read_table, write_cell
from analysis.explain.boxes import read_boxes
from analysis.explorer.request import read_state
from analysis.explorer.state import Crop
from analysis.explorer.upload import read_upload
from analysis.explorer.wire import pack, unpack
from analysis.stimuli.landmarks.reader import Landmarks, read_landmarks
from analysis.stimuli.landmarks.writer import write_landmarks
from analysis.subjects.verify import KEYS, KIND, read_reference
from faults.mutations import Target

REFERENCE = pd.DataFrame({name: ["a", "b"] for name in KEYS} | {"happy": [0.5, 0.25]})


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


def _example(folder: Path) -> Path:
    path = folder / "example.npz"
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (2, 16, 16), dtype=np.uint8)
    maps = {"attention": draws.normal(size=(2, 16, 16)).astype(np.float32)}
    write_example(path, Example(images, images[0] > 99, maps, dict.fromkeys(FACTS, "x")))
    np.savez(folder / "whole.npz", images=images, **maps)
    return path


def _same_example(folder: Path, path: Path) -> None:
    """NPZ has a checksum of each array."""
    found, whole = read_example(path), np.load(folder / "whole.npz")
    assert np.array_equal(found.images, whole["images"])
    assert all(np.array_equal(values, whole[name]) for name, values in found.maps.items())


def _reference(folder: Path) -> Path:
    write_cell(folder / "answers.parquet", REFERENCE, KIND)
    return folder / "answers.parquet"


def _same_reference(folder: Path, path: Path) -> None:
    """It has a checksum of all that it holds."""
    assert read_reference(path).equals(REFERENCE)


def _picture(kind: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        sources.write_pictures(folder, [f"face.{kind}"])
        return folder / f"face.{kind}"

    return write


def _uploaded(folder: Path, path: Path) -> None:
    """A picture in memory, as the explorer is sent it."""
    upload = read_upload(path.name, path.read_bytes())
    assert upload.gray.dtype == np.uint8
    assert upload.gray.ndim == 2
    assert upload.face(Crop(), 48).dataset.images(0).shape[-2:] == (48, 48)


def _message(folder: Path) -> Path:
    state = {"source": "heads", "face": 3, "model": "iram", "seed": 0, "moved": [1, -2],
             "condition": {"occluder": "eyes", "fraction": 0.3, "fill": "mean", "yaw_deg": 15},
             "methods": ["attention", "gradcam"], "against": "second", "compared": True}
    (folder / "message.bin").write_bytes(pack({"state": state}))
    return folder / "message.bin"


def _asked(folder: Path, path: Path) -> None:
    """What a message asks, all of it in range."""
    state = read_state(unpack(path.read_bytes())[0].get("state"))
    assert state.face >= 0
    assert 0 <= (state.condition.fraction or 0) <= 1


RECORDS = {
    "cell": Target(_cell, _same_cell),
    "table": Target(_table, lambda folder, path: read_table(path)),
    "run": Target(_run, _reopened, named=False),
    "example": Target(_example, _same_example),
    "reference": Target(_reference, _same_reference),
    "boxes": Target(_boxes, _boxed),
    "landmarks": Target(_landmarks(compact=False), _same_points),
    "landmarks-68": Target(_landmarks(compact=True), _same_points),
    "upload-png": Target(_picture("png"), _uploaded),
    "upload-jpg": Target(_picture("jpg"), _uploaded),
    "message": Target(_message, _asked, named=False),
}
