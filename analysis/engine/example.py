"""One face before and after an occluder, and what is said of both: arrays in one small file.

Only reading and writing; `analysis.explain.explain.explain_covered` makes it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iram.errors import InputError, one_line
from iram.files import atomic_path

FACTS = ("model", "dataset", "image_id", "label", "condition", "occluder", "fill", "fraction",
         "explained", "predictions", "probabilities", "signed")


@dataclass(frozen=True)
class Example:
    """The clean face (0) and the covered one (1).

    Attributes:
        images: (2, S, S) uint8.
        mask: (S, S) bool, True = occluded.
        maps: method -> (2, S, S) float32, raw, of the class that is predicted on the clean face.
        facts: FACTS: model, dataset, image_id, label; condition, and its occluder, fill and
            fraction (None: natural size); the explained class; the two predictions, and the two
            probabilities of the explained class; the methods whose maps are signed.
    """

    images: np.ndarray
    mask: np.ndarray
    maps: dict[str, np.ndarray]
    facts: dict


def write_example(path: Path, example: Example) -> None:
    """As .npz, the same bytes for the same example."""
    arrays = {f"map {name}": values for name, values in example.maps.items()}
    facts = np.array(json.dumps(example.facts))
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, images=example.images, mask=example.mask, facts=facts, **arrays)


def read_example(path: Path) -> Example:
    """What `write_example` wrote.

    Raises:
        InputError: missing, damaged, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            maps = {name.removeprefix("map "): file[name] for name in file.files
                    if name.startswith("map ")}
            example = Example(file["images"], file["mask"], maps, facts)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `iram example --out DIR` makes it") from None
    except Exception as error:  # numpy, zipfile and zlib have a dozen kinds for damaged files
        raise InputError(f"{path} is no example of `iram example`: {one_line(error)}") from None
    lacking = [name for name in FACTS if name not in example.facts]
    if lacking or example.images.ndim != 3:
        raise InputError(f"{path} is no example of `iram example`: it lacks {', '.join(lacking)}")
    return example
