"""The only place that writes result tables: one Parquet file per cell, known by its key.

A cell is one model under one condition. Its file carries the key (a hash of all that its rows
depend on) and its own SHA-256 in its metadata, so a run that was killed finds what is finished, and
what is damaged or was made by something else is made again.
"""

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iram import __version__
from iram.errors import InputError, one_line
from iram.files import atomic_path, sha256, sweep, write_text

KEY, SUM = b"iram_cell_key", b"iram_cell_sha256"
WHOLE = "tables.sha256"  # what the tables in a folder were made of, and the hash of each
BLANK = b"0" * 64  # where the SHA-256 stands, as long as it is computed
NAMES = ("model", "label", "name", "reference", "other", "method", "layer", "condition", "dataset",
         "data", "split", "expression", "occluder", "region", "group", "attention", "backbone",
         "commit", "note", "caveat", "mark")
NUMBERS = re.compile("value|n|p|p_holm|difference|beyond|margin|accuracy|chance|fraction|drop|lost|"
                     "(.*_)?(low|high)")  # columns that hold nothing else


def cell_key(**parts) -> str:
    """A hash of everything that a cell's rows depend on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_cell(path: Path, rows: pd.DataFrame, key: str) -> None:
    """Writes the rows of one cell, atomically, with a checksum."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    own = {**(table.schema.metadata or {}), KEY: key.encode(), SUM: BLANK}
    buffer = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(own), buffer, compression="zstd",
                   write_page_checksum=True)
    data = buffer.getvalue().to_pybytes()
    place = data.rindex(BLANK)  # in the footer, whose strings stand there as they are
    with atomic_path(path) as temporary:
        temporary.write_bytes(_with(data, place, hashlib.sha256(data).hexdigest().encode()))


def read_cell(path: Path, key: str, columns: list[str] | None = None) -> pd.DataFrame | None:
    """The rows of a finished cell, or None if it is absent, damaged or made by something else."""
    return _read(path, key, lambda file: file.read(columns).to_pandas())


def is_cell(path: Path, key: str) -> bool:
    """Whether the cell is finished: there, whole, and of this key."""
    return _read(path, key, lambda file: SUM in file.metadata.metadata or file.read()) is not None


def _read(path: Path, key: str, what):
    """What is asked of a cell's file; None if it is absent, damaged or of another key."""
    try:
        data = path.read_bytes()
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            metadata = file.metadata.metadata or {}
            if metadata.get(KEY) != key.encode() or not _is_whole(data, metadata.get(SUM)):
                return None
            return what(file)
    except Exception:  # damaged: in a hundred ways, each with an error of its own
        return None


def _is_whole(data: bytes, told: bytes | None) -> bool:
    """Whether the SHA-256 is that of the file; of files of earlier versions, without one, only
    reading them all tells."""
    if told is None:
        return True
    return hashlib.sha256(_with(data, data.rindex(told), BLANK)).hexdigest().encode() == told


def _with(data: bytes, place: int, text: bytes) -> bytes:
    return data[:place] + text + data[place + len(text) :]


def write_table(path: Path, table: pd.DataFrame, decimals: int = 6) -> None:
    """Writes a tidy table as CSV; floats with `decimals` places, so that equal runs give equal
    bytes."""
    write_text(path, table.to_csv(index=False, float_format=f"%.{decimals}f", lineterminator="\n"))


def read_table(path: Path) -> pd.DataFrame:
    """A table written by `write_table`; a name that looks like a number, as a model's "007" or a
    class "1", stays the text it was.

    Raises:
        InputError: missing, no CSV, or text among numbers.
    """
    try:
        with path.open("rb") as file:
            table = pd.read_csv(file, keep_default_na=False, na_values=[""],
                                dtype=dict.fromkeys(NAMES, str))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `iram bench --out DIR` makes it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no result table: {one_line(error)}") from None
    _check_columns(path, table)
    return table


def _check_columns(path: Path, table: pd.DataFrame) -> None:
    """Raises InputError for what a spreadsheet does to a table that is edited in it."""
    first = str(table.columns[0])
    if len(table.columns) == 1 and (found := [one for one in ";\t|" if one in first]):
        raise InputError(f"{path} is no result table: its columns are separated by {found[0]!r}; "
                         "save it with commas")
    for name in filter(NUMBERS.fullmatch, table.columns):
        wrong = pd.to_numeric(table[name], errors="coerce").isna() & table[name].notna()
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(f"{path}, line {row + 2}: {name} is {table[name].iloc[row]!r}; it "
                             "must be a number such as 0.5")


def is_edited(path: Path) -> bool:
    """Whether a table is another than its run wrote, by the hash that stands beside it; False where
    none does."""
    try:
        lines = (path.parent / WHOLE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    told = [line.split()[0] for line in lines if line.endswith(f"  {path.name}")]
    return bool(told) and told[0] != sha256(path)


def altered(out: Path, names: Sequence[str], made_of: str) -> list[str] | None:
    """Of the tables NAME.csv in the folder, those that are not as `finishing` wrote them of this;
    None if it did not.

    Args:
        made_of: a hash of all that they depend on.
    """
    try:
        first, *tables = (out / WHOLE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    told = dict(line.split(maxsplit=1)[::-1] for line in tables if " " in line)
    if first != made_of or not told.keys() >= {f"{name}.csv" for name in names}:
        return None
    tables = {name: out / f"{name}.csv" for name in names}
    return [name for name, table in tables.items()
            if not table.exists() or told[table.name] != sha256(table)]


@contextmanager
def finishing(out: Path, names: Sequence[str], made_of: str) -> Iterator[None]:
    """Marks the folder's tables as whole once all that is inside is done. Until then nothing does:
    of a process that is killed half-way an earlier run's mark must not stand."""
    (out / WHOLE).unlink(missing_ok=True)
    yield
    tables = [f"{sha256(out / f'{name}.csv')}  {name}.csv" for name in names]
    write_text(out / WHOLE, "\n".join([made_of, *tables, ""]))


def open_run(out: Path, identity: dict, description: dict) -> dict:
    """Starts or resumes a run in the folder `out`; returns what its `run.json` now holds.

    Args:
        identity: what all rows of a folder must share. Values of None are taken from an earlier
            `run.json` (such as the batch size that was measured then).
        description: what is only told: versions, hashes, the command; and `kind`, the command's
            name, which a folder's runs share too.

    Raises:
        InputError: the folder holds a run of another kind or identity, or something else's
            `run.json`.
    """
    path = out / "run.json"
    before = _read_run(path)
    if before is not None:
        kind = description.get("kind")
        if kind != (other := before.get("kind", kind)):
            raise InputError(f"{out} holds a run of `iram {other}`; choose another --out")
        known = before["identity"]
        identity = {k: known.get(k) if v is None else v for k, v in identity.items()}
        changed = [k for k in identity if known.get(k) != identity[k]]
        if changed:
            told = "; ".join(f"{k} is {known.get(k)} there, {identity[k]} now" for k in changed)
            data = before.get("data")
            if "faces_sha256" in changed and isinstance(data, dict):
                told += f"; its faces are of --data {data.get('spec')}"
            raise InputError(f"{out} holds another run ({told}); choose another --out")
    return {"identity": identity, **description}


def begun_with(out: Path, name: str):
    """This part of the identity of the run that the folder holds; None without a run, or where it
    does not tell.

    Raises:
        InputError: the folder holds something else's `run.json`.
    """
    return ((_read_run(out / "run.json") or {}).get("identity") or {}).get(name)


def backend_begun_with(out: Path) -> str | None:
    """The backend of the run that the folder holds; None without a run."""
    known = begun_with(out, "dataset") is not None
    return begun_with(out, "backend") or "eager" if known else None


def models_of(out: Path, subjects: Sequence) -> dict:
    """What `run.json` tells of the models: `models`, the keys of their results by their names, and
    `answers`, what outside models are known by. One that the folder knows keeps its key."""
    before = _read_run(out / "run.json") or {}
    outside = [subject for subject in subjects if getattr(subject, "known", None)]
    for subject in outside:
        subject.settle(before.get("answers", {}))
    return {"models": {s.name: s.weights_sha256 for s in subjects},
            "answers": {s.weights_sha256: s.known.to_dict() for s in outside}}


def write_run(out: Path, run: dict, name: str = "run.json") -> None:
    """Begins a run, or goes on with it: what a killed process left half-written is removed."""
    sweep(out)
    write_text(out / name, json.dumps(run, indent=1) + "\n")


def versions(*packages: str) -> dict[str, str]:
    """Of this code, Python and these packages."""
    return {"iram": __version__, "python": platform.python_version(),
            **{name: version(name) for name in packages}}


def _read_run(path: Path) -> dict | None:
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(run.get("identity"), dict):
            raise ValueError("it has no identity")
        return run
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:  # nothing that could be removed, such as a link to itself
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} is no description of a run ({error}); remove it, or choose "
                         "another --out") from None
