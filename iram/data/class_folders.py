"""Which class each folder of a class stands for: by its name, its number, or the option `classes`.

`classes` is `NAME+NAME+...`, the names of the numbered folders in the order of their numbers;
`FOLDER:NAME+FOLDER:NAME+...` for folders of any name; or the name of a known order (`ORDERS`).
A comma does as well as a plus.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from iram.data.classes import canonical, check_free, is_expression
from iram.data.pictures import printable
from iram.errors import InputError, listing

SEVEN = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")
ORDERS = {  # first number, names
    "fer2013": (0, ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")),
    "ferplus": (0, ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear",
                    "contempt")),
    "rafdb": (1, ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")),
    "affectnet": (0, (*SEVEN, "contempt")),
    "ck+": (0, ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")),
}
USUAL = {tuple(range(1, 8)): ("rafdb", "RAF-DB"), tuple(range(8)): ("affectnet", "AffectNet")}
NUMBER = re.compile(r"(?:(?:class|label|emotion|expression)[\s_.-]*)?(\d{1,5})", re.IGNORECASE)
HOW = "classes=neutral+happy+..., the names in the order of the numbers"


class Named(NamedTuple):
    """Class folders with their classes.

    Attributes:
        of_folder: the class of each folder.
        merged: classes that have several folders, such as "angry (Anger, angry)".
        assumed: what was guessed of numbers, or that they have no names.
    """

    of_folder: dict[str, str]
    merged: list[str]
    assumed: list[str]


def name_folders(folders: Sequence[str], classes: str = "") -> Named:
    """The class of each class folder, in the order of the folders.

    Folders that mean the same expression (Angry, anger, 0_angry), are the same number (1, 01) or
    differ only in case are one class. Numbers 1 to 7 are read as RAF-DB's and 0 to 7 as
    AffectNet's, and told; other numbers stay numbers, and are told.

    Raises:
        InputError: `classes` doesn't fit the folders.
    """
    given, assumed = (_given(folders, classes), []) if classes else _guessed(folders)
    names: dict[str, str] = {}
    for folder in folders:
        wanted = given.get(folder, folder)
        key = _key(wanted)
        names.setdefault(key, key if is_expression(wanted) else printable(wanted.strip()))
    check_free([*names.values()], "rename the folder, or write classes=FOLDER:NAME")
    of_folder = {folder: names[_key(given.get(folder, folder))] for folder in folders}
    same = {name: [printable(folder) for folder in folders if of_folder[folder] == name]
            for name in dict.fromkeys(of_folder.values())}
    merged = [f"{name} ({listing(own)})" for name, own in same.items() if len(own) > 1]
    return Named(of_folder, merged, assumed)


def check_first_numbers(folders_of: Mapping[str, Iterable[str]]) -> None:
    """Raises InputError if one split counts its class folders from 0 and another from 1.

    Args:
        folders_of: the class folders of each split.
    """
    numbers = {split: sorted({*_numbers(list(own)).values()}) for split, own in folders_of.items()}
    for one, other in permutations(numbers, 2):
        low, high = numbers[one], numbers[other]
        if len(low) > 2 and low == [*range(len(low))] and high == [k + 1 for k in low]:
            raise InputError(
                f"{printable(one)}/ has the class folders 0 to {low[-1]} and {printable(other)}/ "
                f"1 to {high[-1]}: one seems to count from 0 and the other from 1; give the same "
                "class the same number or name in both, or, if these are the same numbers, write "
                f"{HOW}"
            )


def _key(name: str) -> str:
    """What the names of one class have in common."""
    number = _numbers([name.strip()])
    return str(*number.values()) if number else canonical(name)


def _same(folder: str) -> str:
    """A folder's name as `classes` may have it: spaces about it, and letters that can be written in
    two ways, don't matter."""
    return unicodedata.normalize("NFC", printable(folder)).strip()


def _numbers(folders: Sequence[str]) -> dict[str, int]:
    """The folders whose names are numbers, in any script, also as class_3."""
    found = {folder: NUMBER.fullmatch(folder.strip()) for folder in folders}
    return {folder: int(match[1]) for folder, match in found.items() if match}


def _guessed(folders: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    numbers = _numbers(folders)
    if not numbers:
        return {}, []
    shown = listing(sorted(numbers, key=numbers.get))
    known = USUAL.get(tuple(sorted(set(numbers.values()))))
    if known is None:
        orders = [name for name, (first, names) in ORDERS.items()
                  if {*numbers.values()} <= {*range(first, first + len(names))}]
        known_as = f", or a known order (classes={' or classes='.join(orders)})" if orders else ""
        return {}, [f"the class folders are numbers ({shown}), and nothing here says what they "
                    f"mean: write {HOW}{known_as}"]
    order, title = known
    first, names = ORDERS[order]
    told = ", ".join(f"{first + k} {name}" for k, name in enumerate(names))
    return ({folder: names[number - first] for folder, number in numbers.items()},
            [f"the class folders are numbers and are read in {title}'s order ({told}); write "
             f"{HOW}, if they mean others"])


def _given(folders: Sequence[str], classes: str) -> dict[str, str]:
    """The name of each folder that the option names."""
    order = ORDERS.get(classes.strip().lower().replace("ckplus", "ck+"))
    if order:
        return _counted(folders, order[1], order[0], classes)
    parts = _parts(folders, classes)
    pairs = [part.rpartition(":") for part in parts]
    if not all(name.strip() for _, _, name in pairs):
        raise InputError(f"classes={classes}: an empty name; write {HOW}")
    if not any(colon for _, colon, _ in pairs):
        return _counted(folders, parts, None, classes)
    if bare := [name for _, colon, name in pairs if not colon]:
        raise InputError(f"classes={classes}: which folder is {listing(bare)}? write FOLDER:NAME "
                         "for each")
    name_of = {_same(folder): name.strip() for folder, _, name in pairs}
    given = {folder: name_of[_same(folder)] for folder in folders if _same(folder) in name_of}
    absent = name_of.keys() - {_same(folder) for folder in given}
    if absent:
        raise InputError(f"classes={classes}: there is no class folder {listing(sorted(absent))}; "
                         f"there are: {listing(map(printable, folders))}")
    return given


def _parts(folders: Sequence[str], classes: str) -> list[str]:
    """What stands between plus signs and commas; those in a folder's name part nothing."""
    odd = [_same(name) for name in folders if re.search("[+,]", name)]
    whole = "".join(rf"{re.escape(name)}\s*:|" for name in sorted(odd, key=len, reverse=True))
    part = re.compile(rf"(?:^|[+,])\s*((?:{whole})[^+,]*)")
    return [found[1].strip() for found in part.finditer(unicodedata.normalize("NFC", classes))]


def _counted(
    folders: Sequence[str], names: Sequence[str], first: int | None, classes: str
) -> dict[str, str]:
    numbers = _numbers(folders)
    if not numbers:
        raise InputError(f"classes={classes}: no class folder is a number; write "
                         f"classes=FOLDER:NAME+FOLDER:NAME for: {listing(folders)}")
    low, high = min(numbers.values()), max(numbers.values())
    if first is None:
        if low == 1 and high < len(names):
            raise InputError(f"classes={classes}: {len(names)} names for the folders {low} to "
                             f"{high}: does 0 or {len(names)} lack? write classes=1:NAME+2:NAME")
        first = int(high == len(names))
    if low < first or high >= first + len(names):
        raise InputError(
            f"classes={classes} names the folders {first} to {first + len(names) - 1}; there are: "
            f"{listing(sorted(numbers, key=numbers.get))}"
        )
    return {folder: names[number - first] for folder, number in numbers.items()}
