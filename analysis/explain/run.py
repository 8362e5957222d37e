"""Goes through photographs, explains every face, and writes panels, overviews and the table."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from analysis.engine.store import write_table
from analysis.explain.explained import ExplainedFace, explained, table_rows
from analysis.explain.faces import Finder
from analysis.explain.inputs import Photograph
from analysis.explain.panels import FacePanel, PhotographOverview
from analysis.explain.regions import SIZE, Placement
from analysis.figures import save
from iram.data.entries import shown_files
from iram.data.images import in_gray, resized
from iram.data.pictures import printable, storable
from iram.errors import InputError
from iram.files import atomic_path
from iram.photographs import DetectorMissing
from iram.progress import progress_bar

TABLE = "faces.csv"
CROPS = Path("crops", "face")


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        table: one row per face and model; see `explained.table_rows`.
        problems: one line for each photograph or face that gave nothing, and for each stray box.
        notes: one line for each thing that was assumed of a photograph.
        detector: which one found faces, in words; "" where none was asked.
    """

    table: pd.DataFrame
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    detector: str = ""


def explain_photographs(
    photographs: Sequence[Photograph], finder: Finder, models: Sequence, methods: Sequence[str],
    placement: Placement, out: Path, progress: bool = True, against: str | None = None,
) -> Outcome:
    """Explains every face of every photograph and writes into the folder `out`.

    `faces/NAME-K.png` is the panel of a face, `photographs/NAME.png` the photograph with its
    faces, `crops/face/NAME-K.png` what was cut out, at 48 px, so that `folder:OUT/crops` is a data
    set of them; `faces.csv` is the table. Each file is whole or not there. A photograph that can't
    be explained is passed over; the table is written after an interruption as well.

    Args:
        against: as of `explain`.

    Raises:
        InputError: `out` can't be written, or the detector is needed and missing.
    """
    check_folder(out)
    rows, problems = [], finder.unused([photograph.path for photograph in photographs])
    try:
        for photograph in progress_bar(shown=progress, iterable=photographs, unit="photograph"):
            try:
                picture, faces = finder(photograph.path)
            except DetectorMissing:
                raise
            except InputError as error:
                problems.append(_one_line(str(error)))
                continue
            try:
                found = _explained(faces, models, methods, placement, against)
            except InputError as error:  # of this picture alone
                problems.append(_one_line(f"{photograph.path}: {error}"))
                continue
            rows += _written(out, photograph, picture, found)
    finally:
        if rows:
            write_table(out / TABLE, pd.DataFrame(rows))
    problems += map(_one_line, finder.lost)
    notes = [*map(_one_line, finder.notes), *_of_earlier_runs(out, rows)]
    return Outcome(pd.DataFrame(rows), problems, notes, finder.detector)


def _of_earlier_runs(out: Path, rows: Sequence[dict]) -> list[str]:
    """What is said of crops in the folder that are not of this run."""
    own = {Path(row["panel"]).name for row in rows}
    other = sorted(path.name for path in (out / CROPS).glob("*.png") if path.name not in own)
    if not other:
        return []
    return [_one_line(f"{out / CROPS} holds {shown_files(other)}, of an earlier run: "
                      f"folder:{out / CROPS.parent} takes them too; remove them, or choose another "
                      "--out")]


def _one_line(text: str) -> str:
    return printable(" ".join(text.splitlines()))


def check_folder(out: Path) -> None:
    """Raises InputError if nothing can be written into the folder, before anything is computed."""
    folder = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {out}: {folder} is no folder that can be written to")


def _explained(faces, models, methods, placement, against) -> list[ExplainedFace]:
    crops = [in_gray(resized(face.picture, SIZE)) for face in faces]
    cameras, known = placement(np.stack(crops))
    return [
        explained(k + 1, face, cameras[k], known[k], models, methods, against)
        for k, face in enumerate(faces)
    ]


def _written(
    out: Path, photograph: Photograph, picture, faces: Sequence[ExplainedFace]
) -> list[dict]:
    """Writes what there is of a photograph; returns its lines of the table."""
    file, rows = storable(str(photograph.path)), []
    overview = f"photographs/{photograph.name}.png"
    for face in faces:
        name = f"{photograph.name}-{face.number}"
        _write_crop(out / CROPS / f"{name}.png", face)
        panel = FacePanel(face, f"{photograph.name}, face {face.number}").plot()
        save(panel.figure_, out / "faces" / f"{name}.png", file, ["png"])
        rows += table_rows(file, face, f"faces/{name}.png", overview)
    drawn = PhotographOverview(picture, faces, photograph.name).plot()
    save(drawn.figure_, out / overview, file, ["png"])
    return rows


def _write_crop(path: Path, face: ExplainedFace) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(resized(face.face.picture, SIZE)).save(temporary, format="PNG")
