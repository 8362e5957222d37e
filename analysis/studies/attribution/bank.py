"""A run of the suite as a bank of maps: Parquet tables that others can load without this package.

Maps are brought to 24 x 24 (the mean of each cell) and kept in 8 bits, so that those of every
method on some hundred faces stay small: a map is `values / 127 * scale`. Points of curves are left
out; their areas are scores.
"""

import io
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image
from torch.nn import functional as F

from analysis.attributions import ATTRIBUTIONS, FACE_REGIONS
from analysis.engine.faces import of_all_faces
from analysis.engine.store import write_text
from analysis.studies.attribution.croissant import croissant
from analysis.studies.attribution.interacting import PLACES
from analysis.studies.attribution.plan import Suite
from iram.errors import InputError
from iram.files import atomic_path

SIDE = 24  # of a map's grid
LEVELS = 127
PICTURES = "heads"  # the data set whose pictures may be given on: they show nobody


class Column(NamedTuple):
    """What a column holds: its kind in Arrow's words, and a line on it."""

    kind: pa.DataType
    says: str


_TEXT = pa.dictionary(pa.int16(), pa.string())
_MODEL = Column(_TEXT, "name of the net's weights")
_METHOD = Column(_TEXT, "name of the attribution method")
_FACE = Column(_TEXT, "name of the face, as in faces.parquet")
_VALUE = Column(pa.float32(), "the value")
SCHEMA: dict[str, dict[str, Column]] = {
    "faces": {
        "image_id": _FACE, "expression": Column(_TEXT, "the true class"),
        "picture": Column(pa.binary(), "the face as a PNG, gray; empty where faces are people's"),
    },
    "answers": {
        "model": _MODEL, "image_id": _FACE,
        "explained": Column(_TEXT, "the predicted class, whose logit is explained"),
        "logits": Column(pa.list_(pa.float32()), "of all classes, in the order of the data card"),
    },
    "methods": {
        "method": _METHOD, "title": Column(pa.string(), "what figures call it"),
        "signed": Column(pa.bool_(), "whether 0 lies between for and against the class"),
    },
    "maps": {
        "model": _MODEL, "method": _METHOD, "image_id": _FACE,
        "scale": Column(pa.float32(), "the largest size in the map, in the method's own unit"),
        "values": Column(pa.list_(pa.int8(), SIDE**2),
                         f"the map, {SIDE} x {SIDE}, row by row, in {LEVELS}ths of the scale"),
    },
    "scores": {
        "model": _MODEL, "method": _METHOD, "image_id": _FACE,
        "family": Column(_TEXT, "what kind of metric"), "metric": Column(_TEXT, "its name"),
        "of": Column(_TEXT, "the region, fill or layer that it is of; empty for none"),
        "value": _VALUE,
        "chance": Column(pa.float32(), "the same with the map of another face"),
    },
    "agreement": {
        "model": _MODEL, "method": _METHOD,
        "other": Column(_TEXT, "the method it is compared with"),
        "metric": Column(_TEXT, "the measure of likeness"),
        "resolution": Column(_TEXT, "at which both maps are compared"),
        **{name: Column(pa.float32(), says) for name, says in {
            "value": "mean over the faces", "chance": "the same of maps of different faces",
            "beyond": "value less chance", "beyond_low": "lower end of its 95% interval",
            "beyond_high": "upper end of its 95% interval"}.items()},
        "n": Column(pa.int32(), "number of faces"),
    },
    "regions": {
        "model": _MODEL, "image_id": _FACE, "region": Column(_TEXT, "part of the face"),
        "other": Column(_TEXT, "another part, of interactions; empty of Shapley values"),
        "kind": Column(_TEXT, "shapley: the part's exact Shapley value; together: the Shapley-"
                       "Taylor index of both; covered: what the other's Shapley value gains as "
                       "the region is covered"),
        "value": Column(pa.float32(), "in logits of the explained class"),
    },
}
"""File of the bank -> its columns."""


def write_bank(suite: Suite, tables: Mapping[str, pd.DataFrame], out: Path) -> None:
    """Writes the bank of a finished run into a folder: a Parquet file each of SCHEMA, its data card
    (README.md), `schema.json`, and `croissant.json` (MLCommons Croissant 1.0).

    Args:
        tables: of the run; `agreement` is taken from them.

    Raises:
        InputError: the folder can't be written to.
    """
    for name, table in _tables(suite, tables).items():
        _write(out / f"{name}.parquet", table, SCHEMA[name])
    facts = _facts(suite, out)
    schema = {name: {column: {"type": str(kind), "description": says}
                     for column, (kind, says) in columns.items()}
              for name, columns in SCHEMA.items()}
    write_text(out / "schema.json", json.dumps(schema, indent=1) + "\n")
    write_text(out / "croissant.json", json.dumps(croissant(SCHEMA, facts), indent=1) + "\n")
    environment = Environment(loader=PackageLoader("analysis.studies.attribution", ""),
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True, autoescape=False)
    card = environment.get_template("bank.md.j2").render(facts, schema=schema)
    write_text(out / "README.md", card)


def _tables(suite: Suite, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {
        "faces": _faces(suite), "answers": _joined(suite, _answers),
        "methods": pd.DataFrame([{"method": m, "title": ATTRIBUTIONS.titles[m],
                                  "signed": ATTRIBUTIONS.about(m).signed}
                                 for m in suite.methods]),
        "maps": _joined(suite, _maps), "scores": _joined(suite, _scores),
        "agreement": of_all_faces(tables["agreement"]), "regions": _joined(suite, _regions),
    }


def _joined(suite: Suite, of) -> pd.DataFrame:
    return pd.concat([table.assign(model=subject.name) for subject in suite.subjects
                      for table in of(suite, subject)], ignore_index=True)


def _faces(suite: Suite) -> pd.DataFrame:
    dataset = suite.dataset
    shown = dataset.name == PICTURES
    pictures = [_png(one) if shown else b"" for one in dataset.images_uint8(slice(None))]
    names = np.array(dataset.classes)[dataset.labels.numpy()]
    return pd.DataFrame({"image_id": suite.ids, "expression": names, "picture": pictures})


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _answers(suite: Suite, subject):
    logits = suite.clean_logits(subject).numpy()
    explained = np.array(suite.dataset.classes)[logits.argmax(1)]
    yield pd.DataFrame({"image_id": suite.ids, "explained": explained, "logits": list(logits)})


def _maps(suite: Suite, subject):
    for method in suite.methods_of(subject):
        maps = suite.scaled_maps(subject, method, np.arange(len(suite.dataset)))
        small = F.adaptive_avg_pool2d(maps[:, None], SIDE)[:, 0].flatten(1)
        scale = small.abs().amax(1)
        levels = (LEVELS * small / scale.where(scale > 0, 1)[:, None]).round()
        yield pd.DataFrame({"method": method, "image_id": suite.ids, "scale": scale.numpy(),
                            "values": list(levels.to(torch.int8).numpy())})


def _scores(suite: Suite, subject):
    for method in suite.methods_of(subject):
        rows = suite.scores(subject, method)
        rows = rows[rows["order"].isna() & rows["share"].isna()]
        yield _named(rows, method, rows["family"], rows["region"].astype(str)
                     .where(rows["region"] != "none", rows["fill"].astype(str)).replace("none", ""))
        weights = suite.read("sanity", subject, method)
        if weights is not None:
            yield _named(weights, method, "randomised " + weights["test"].astype(str),
                         weights["layer"].astype(str))
        trials = suite.trials(subject, method)
        if len(trials):
            yield _named(trials, method, "trial", trials["fill"].astype(str).replace("none", ""))


def _named(rows: pd.DataFrame, method: str, family, of) -> pd.DataFrame:
    return pd.DataFrame({"method": method, "image_id": rows["image_id"], "family": family,
                         "metric": rows["metric"], "of": of, "value": rows["value"],
                         "chance": rows["chance"]})


def _regions(suite: Suite, subject):
    cell = suite.read("reference", subject)
    own = cell.melt(["image_id"], list(FACE_REGIONS), "region", "value")
    yield own.assign(other="", kind="shapley")
    pairs = cell.melt(["image_id"], list(PLACES), "place", "value")
    for column, part in zip(("kind", "region", "other"), zip(*pairs["place"].map(PLACES),
                                                             strict=True), strict=True):
        pairs[column] = part
    yield pairs.drop(columns="place")


def _write(path: Path, table: pd.DataFrame, columns: Mapping[str, Column]) -> None:
    schema = pa.schema([(name, column.kind) for name, column in columns.items()])
    arrays = [pa.array(table[name].astype(object) if pa.types.is_dictionary(kind) else table[name],
                       pa.string() if pa.types.is_dictionary(kind) else kind).cast(kind)
              for name, (kind, _) in columns.items()]
    floats = [name for name, (kind, _) in columns.items() if kind == pa.float32()]
    try:
        with atomic_path(path) as temporary:
            pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary,
                           compression="zstd", compression_level=19, use_dictionary=[
                               name for name in columns if name not in floats],
                           use_byte_stream_split=floats)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _facts(suite: Suite, out: Path) -> dict:
    files = {}
    for name in SCHEMA:
        data = (out / f"{name}.parquet").read_bytes()
        files[name] = {"sha256": sha256(data).hexdigest(), "bytes": len(data),
                       "rows": pq.read_metadata(out / f"{name}.parquet").num_rows}
    return {
        "files": files, "classes": suite.dataset.classes, "dataset": suite.dataset.name,
        "faces": len(suite.dataset), "seed": suite.seed, "side": SIDE, "levels": LEVELS,
        "models": {s.name: s.weights_sha256 for s in suite.subjects},
        "methods": {s.name: suite.methods_of(s) for s in suite.subjects},
        "skipped": {s.name: suite.skipped(s) for s in suite.subjects},
        "marked": {s.name: suite.marked(s) for s in suite.subjects},
        "sizes": vars(suite.sizes), "rendered": suite.dataset.name == PICTURES,
    }
