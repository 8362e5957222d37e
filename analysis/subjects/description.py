"""What has to be said of a model from outside: a TOML file of the same name beside it.

    # net.toml, beside net.py, net.onnx or net.pt2
    input_size = 112                  # pixels a side; faces are resized to it
    colour = "rgb"                    # or "gray"; the faces are gray, and repeated for "rgb"
    mean = [0.485, 0.456, 0.406]      # of pictures in [0, 1]; default 0
    std = [0.229, 0.224, 0.225]       # default 1; 0.00392156862745098 for pictures in 0 to 255
    classes = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    output = "logits"                 # or "probabilities", "log_probabilities"; default "logits"
    weights = "net.safetensors"       # for FILE.py: put into what the factory returns
    name = "net"                      # in result tables; default: of the file and the factory
    seed = 0                          # that it was trained with; default: of the name, or 0
    layer = "stage4"                  # for class activation maps; default: found
    reshape = "tokens:1"              # where its places are; see analysis/attributions/places.py
    root = ".."                       # of FILE.py: a folder that its imports are found in as well

    [mapping]                         # its names for the data set's, beyond the usual synonyms
    grin = "happy"

    [attention]                       # see analysis/subjects/attention.py
    layers = ["stage2.gate", "stage3.gate"]
    read = "gate"                     # or "sigmoid", "tokens", "windows"
    prefix_tokens = 1                 # of "tokens": how many stand before the patches
    grid = [28, 14]                   # of "windows": patches a side, of each layer or of all
    shift = [0, 3]                    # of "windows": patches that it is rolled by; default 0

    [build]                           # only for `FILE.py:build`
    name = "net-plain"

`classes` is always needed; `input_size` and `colour` unless the file itself says them.
"""

import codecs
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from analysis.subjects.attention import AttentionLayers
from analysis.subjects.fields import CHANNELS, CHECKS, checked_value
from iram.data.classes import canonical
from iram.errors import InputError, listing, one_line
from iram.files import expanded, unfetched
from iram.names import seed_of
from iram.registry import unknown

NEEDED = {
    "input_size": "pixels a side, such as 112",
    "colour": '"rgb" or "gray"',
    "classes": "the names of its classes, in the order of its outputs",
}


@dataclass(frozen=True)
class Description:
    """A description that was checked; the fields are those of the TOML file."""

    classes: tuple[str, ...]
    input_size: int
    colour: str
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    output: str = "logits"
    weights: str | None = None
    name: str = ""
    seed: int | None = None
    layer: str | None = None
    reshape: str | None = None
    root: str | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    attention: AttentionLayers | None = None

    @property
    def channels(self) -> int:
        return CHANNELS[self.colour]

    @property
    def data_classes(self) -> tuple[str, ...]:
        """Its classes under the names that the mapping gives them."""
        return tuple(dict(self.mapping).get(name, name) for name in self.classes)

    def to_dict(self) -> dict:
        told = asdict(self)
        if self.attention and self.attention.read != "windows":  # so are older results known
            del told["attention"]["grid"], told["attention"]["shift"]
        return told


def read_description(
    model: Path, name: str, told: Mapping = {}, factory: str | None = None,
    factories: Sequence[str] = (),
) -> Description:
    """The description beside a model's file.

    Args:
        model: the model's own file.
        name: of the model, unless the description has another.
        told: fields that the file itself tells.
        factory: which of the file's `factories` is used; the table of its name is for it alone.

    Raises:
        InputError: no TOML, an unknown field (with the nearest match), a field that is missing, of
            another kind than it must be, or at odds with what the file tells.
    """
    path = model.with_suffix(".toml")
    values = {**_own(_read(path), factory, factories, path)}
    for field, value in told.items():
        if values.setdefault(field, value) != value:
            raise InputError(f"{path}: {field} is {values[field]!r}, but {model.name} itself takes "
                             f"{value!r}")
    missing = [f"{field} ({what})" for field, what in NEEDED.items() if field not in values]
    if missing:
        where = (
            f"{path} lacks" if path.exists() else f"{model} has no description; write {path} with"
        )
        raise InputError(f"{where} {'; '.join(missing)}{_misnamed(path)}")
    checked = {field: checked_value(path, field, value) for field, value in values.items()}
    return consistent(path, Description(**{"name": name, **checked}))


def root_of(model: Path, factory: str) -> list[Path]:
    """The folder, if any, that the description of a Python file names as `root`: what has to be
    known before the file is run.

    Raises:
        InputError: it is not there.
    """
    path = model.with_suffix(".toml")
    values = _read(path)
    table = values.get(factory)
    root = (table if isinstance(table, dict) else {}).get("root", values.get("root"))
    if root is None:
        return []
    folder = path.parent / expanded(checked_value(path, "root", root))
    if not folder.is_dir():
        raise InputError(f"{path}: root = {root!r}: there is no folder {folder}")
    return [folder.resolve()]


def _read(path: Path) -> dict:
    try:
        data = path.read_bytes()
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data:
            raise InputError(f"{path} is stored as UTF-16; store it as UTF-8 (in Notepad: Save as, "
                             "Encoding; in PowerShell: -Encoding utf8)")
        return tomllib.loads(data.decode("utf-8-sig"))
    except InputError:
        raise
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path} is not UTF-8 (line {line} is not); store it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # of numbers too: Python reads 4300 digits
        raise InputError(f"{path} is no TOML file: {one_line(error)}"
                         + unfetched(path)) from error


def _misnamed(path: Path) -> str:
    """What is added where a description that is missing seems to lie beside its place, as
    net.toml.txt, as Windows hides endings, net.py.toml or net.TOML."""
    near = [one.name for one in sorted(path.parent.glob("*")) if not path.exists()
            and re.fullmatch(rf"{re.escape(path.stem)}(\.py|\.onnx|\.pt2)?\.toml(\.\w+)?",
                             one.name, re.IGNORECASE)]
    return f"; or rename {listing(near)} beside it to {path.name}" if near else ""


def _own(values: dict, factory: str | None, factories: Sequence[str], path: Path) -> dict:
    """The fields for this factory: those of all, and those of the table of its name."""
    tables = {key: value for key, value in values.items()
              if key not in CHECKS and key in factories and isinstance(value, dict)}
    own = {k: v for k, v in values.items() if k not in tables} | tables.get(factory, {})
    for key, value in own.items():
        if key not in CHECKS and isinstance(value, dict):
            known = [*factories, "mapping", "attention"]
            raise InputError(f"{path}: {unknown('table', key, known)}; what is of the model stands "
                             "above all tables")
        if key not in CHECKS:
            raise InputError(f"{path}: {unknown('field', key, CHECKS)}")
    for table in ("mapping", "attention"):
        inside = own[table] if isinstance(own.get(table), dict) else {}
        fallen = [key for key in inside if key in CHECKS and key not in str(own.get("classes"))]
        if fallen:
            raise InputError(f"{path}: {listing(fallen)} stands below [{table}], and so within it; "
                             "what is of the model stands above all tables")
    return own


def consistent(where: Path | str, made: Description) -> Description:
    """The description, with the seed that its name tells where it tells none itself, if its fields
    fit each other; else raises InputError."""
    named = seed_of(made.name)
    if made.seed is not None and named not in (None, made.seed):
        raise InputError(f"{where}: seed = {made.seed}, but the name {made.name} tells {named}; "
                         "results are grouped by both")
    made = replace(made, seed=(named or 0) if made.seed is None else made.seed)
    for field in ("mean", "std"):
        count = len(getattr(made, field))
        if count not in (1, made.channels):
            raise InputError(f"{where}: {field} has {count} numbers; a {made.colour} model takes 1"
                             + (" or 3" if made.channels == 3 else ""))
    for name, _ in made.mapping:
        if name not in made.classes:
            raise InputError(f"{where}: [mapping]: {unknown('class', name, made.classes)}")
    meant: dict[str, str] = {}
    for name in made.data_classes:
        if (meaning := canonical(name)) in meant:
            raise InputError(f"{where}: the classes {meant[meaning]} and {name} mean the same "
                             "expression; one of them needs another name, perhaps by [mapping]")
        meant[meaning] = name
    return made
