"""Faces whose file names tell class and person, as some data sets of the laboratory hand them out.

KDEF (Lundqvist, Flykt & Öhman 1998): `AF01ANS.JPG` is session A, woman 01, angry, straight.
JAFFE (Lyons et al. 1998): `KA.AN1.39.tiff` is person KA, angry.
RaFD (Langner et al. 2010): `Rafd090_01_Caucasian_female_angry_frontal.jpg`.
FACES (Ebner, Riediger & Lindenberger 2010): `004_o_m_a_a.jpg` is person 004, anger.
"""

import re
from pathlib import Path
from typing import NamedTuple

from iram.data.classes import canonical, is_expression
from iram.data.dataset import Problem
from iram.data.entries import entries
from iram.data.pictures import printable
from iram.data.tree import Tree

TWO_LETTERS = {"AF": "fear", "AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy",
               "NE": "neutral", "SA": "sad", "SU": "surprise"}
ONE_LETTER = {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
CLASSES = ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")
NAMINGS = {
    "KDEF": r"[AB](?P<person>[FM]\d\d)(?P<code>AF|AN|DI|HA|NE|SA|SU)(S|HL|HR|FL|FR)\.\w+",
    "JAFFE": r"(?P<person>[A-Z]{2})\.(?P<code>AN|DI|FE|HA|NE|SA|SU)\d\.\d+\.\w+",
    "RaFD": r"Rafd\d+_(?P<person>\d+)_\w+?_(fe)?male_(?P<code>[a-z]+)_\w+\.\w+",
    "FACES": r"(?P<person>\d{3})_[ymo]_[mf]_(?P<code>[adfhns])_[ab]\.\w+",
}


class Told(NamedTuple):
    """What file names tell: class and person by file, and what is said of the others."""

    class_of: dict[str, str]
    person_of: dict[str, str]
    classes: tuple[str, ...]
    problems: list[Problem]


def by_names(root: Path, tree: Tree) -> Told | None:
    """Classes and persons by file names; None unless most of the files have names that tell.

    Files lie in the folder itself, or in folders that are no splits and no classes by their names
    (KDEF has one a person). A file that doesn't tell its class is unusable.
    """
    if tree.splits or any(is_expression(name) or name.isdigit() for name in tree.folders):
        return None
    names = tree.names or entries(root).pictures
    for title, pattern in NAMINGS.items():
        known = re.compile(pattern, re.IGNORECASE)
        found = {name: known.fullmatch(name.rpartition("/")[2]) for name in names}
        told = {name: match for name, match in found.items() if match and _class(match["code"])}
        if 2 * len(told) > len(names):
            problems = [
                Problem(printable(name), None, f"its name tells no class, as {title}'s names do")
                for name in names if name not in told
            ]
            note = f"classes are read off the file names, which are {title}'s"
            return Told({name: _class(match["code"]) for name, match in told.items()},
                        {name: match["person"].upper() for name, match in told.items()},
                        CLASSES,
                        [*tree.problems, *problems, Problem("", None, note, unusable=False)])
    return None


def _class(code: str) -> str | None:
    name = TWO_LETTERS.get(code.upper()) or ONE_LETTER.get(code.upper()) or canonical(code)
    return name if name in CLASSES else None
