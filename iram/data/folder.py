"""Any folder of faces with one sub-folder per class, or with the class in the file names.

Input: pictures of any size, gray or colour (which files: `iram.data.entries`); read as gray, and in
colour for nets that take RGB; the central square resized; with `faces=auto` the largest face.
Label: the class folders in alphabetical order. Expressions bear their usual names (Happiness and
happy are one class, happy), others the folder's own; numbers see `iram.data.class_folders`.
Splits: `train/happy/*`, `val/...`, `test/...` where there are such folders, by the usual names
(`iram.data.splits`). If train/ has no val/ beside it, a fixed tenth of it is held out as
validation. Where there are only classes, a fixed tenth is test, another validation and the rest
train, so that no net is tested on faces that it was trained on.
With `classes=none` the pictures that lie in the folder itself are faces without a label: all are of
one class, unknown, and all are test.
"Fixed" means by a hash of the path, so that a picture stays in its split when others are added;
pictures of one person can fall on both sides. Where file names tell the class they tell the person
too (`iram.data.named_files`), and persons are divided.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iram.data.cache import Decoded, cached, in_colour
from iram.data.class_folders import check_first_numbers, name_folders
from iram.data.dataset import DATASETS, FaceDataset, Problem
from iram.data.dividing import Divided, divided
from iram.data.entries import Entries, entries, lost_links, unread_note
from iram.data.named_files import by_names
from iram.data.other_layouts import deeper, other_layout
from iram.data.pictures import (
    as_it_is,
    check_size_option,
    decode_pictures,
    identity_sha256,
    pictures_sha256,
    printable,
)
from iram.data.tree import Tree, lacking, read_tree, tables, within
from iram.errors import InputError, listing

SIZE = 48
COLUMNS = ["image_id", "usage", "split", "row"]
NO_CLASSES, UNKNOWN = "none", "unknown"  # the option `classes`, and the one class that there is
TAKEN_WITHOUT = "; `iram explore` and `iram explain` take pictures that have no class"
LICENCE = "pictures from a folder: their own licence holds"


@DATASETS.register("folder", title="folder of faces")
def open_folder(
    location: str, *, size: int = SIZE, faces: str = "whole", classes: str = ""
) -> FaceDataset:
    """Opens a folder of pictures, `CLASS/*` or `SPLIT/CLASS/*`, or of files named by their class.

    What is not read is reported: links that lead nowhere and folders of pictures beside the splits
    as unusable, other files and folders and empty class folders as worth knowing.

    Args:
        location: the folder.
        size: height and width that the pictures are resized to.
        faces: "whole": each picture is a face. "auto": photographs of any size, of each the
            largest face that the detector finds, cropped as FER2013 is (`iram.photographs`);
            pictures of up to 100 pixels are taken whole, those without a face are reported.
        classes: which class each folder is, as `neutral+happy+...` by number, `FOLDER:NAME+...`,
            or a known order (fer2013, ferplus, rafdb, affectnet, ck+); see
            `iram.data.class_folders`. "none": pictures in the folder itself, without a label.

    Raises:
        InputError: no such folder, no class folder, no picture at all, another data set's own
            layout, classes that don't fit; or the detector is not installed.
    """
    check_size_option(size)
    face, settings = _taken(faces)
    root = Path(location)
    found = _labelled(root, classes)
    source = pictures_sha256(root, found.names)
    decoded = cached(
        "folder", source, lambda: _decode(root, found.names, size, face), size=size, **settings
    )
    frame = decoded.frame
    chosen = [found.names[row] for row in frame["row"]]
    split = divided(chosen, found.splits, found.person_of)
    if classes == NO_CLASSES:
        split = Divided(["test"] * len(chosen), ["test"] * len(chosen), [])
    places = {name: place for place, name in enumerate(found.classes)}
    read = [problem.message for problem in decoded.problems if problem.assumed]
    dataset = FaceDataset(
        name=printable(root.resolve().name) or "folder",
        classes=found.classes,
        labels=[places[found.class_of[name]] for name in chosen],
        metadata=frame.assign(usage=split.usages, split=split.roles)[COLUMNS],
        size=size,
        pixels=decoded.pixels,
        colours=partial(_colours, source, root, tuple(found.names), size, faces),
        licence=LICENCE,
        sha256=identity_sha256(source, size=size if size != SIZE else None, **settings,
                               classes=found.changed, read=read or None),
        problems=[*decoded.problems_in(root), *within(root, [*found.problems, *split.problems])],
    )
    dataset.undivided = 0 if found.splits or classes == NO_CLASSES else len(dataset)
    return dataset


def is_flat(location: str) -> bool:
    """Whether a folder holds pictures and nothing that tells their classes.

    Raises:
        InputError: no folder, or one that can't be read.
    """
    root = Path(location)
    if not entries(root).pictures:
        return False
    tree = read_tree(root)
    return not (tree.names or other_layout(root) or by_names(root, tree))


class Labelled(NamedTuple):
    """Pictures and their classes.

    Attributes:
        names: files, relative to the folder.
        class_of: the class of each.
        classes: in label order.
        splits: the role of each split folder, empty if there are none.
        person_of: who each picture shows; None if nothing says.
        problems: what is not read, and what was brought together or guessed.
        changed: the option `classes`, or which folders are one class; None if neither matters.
    """

    names: list[str]
    class_of: dict[str, str]
    classes: list[str]
    splits: dict[str, str]
    person_of: dict[str, str] | None
    problems: list[Problem]
    changed: list[str] | None


def _labelled(root: Path, classes: str) -> Labelled:
    if classes == NO_CLASSES:
        return _unlabelled(root)
    tree, elsewhere = read_tree(root), other_layout(root)
    if elsewhere:
        raise InputError(f"{root} {elsewhere}")
    told = None if classes else by_names(root, tree)
    if told is not None:
        used = [name for name in told.classes if name in set(told.class_of.values())]
        return Labelled(list(told.class_of), told.class_of, used, {}, told.person_of,
                        told.problems, None)
    if not tree.folders:
        where = f"{root / next(iter(tree.splits))}" if tree.splits else f"{root}"
        raise InputError(f"{where} has no class folders; one per class is needed, such as happy/, "
                         "or files that are named as KDEF's, JAFFE's, RaFD's or FACES' are"
                         + _instead(entries(root)))
    if not tree.names:
        parents = tree.folders if not tree.splits else [
            f"{split}/{name}" for split in tree.splits for name in tree.folders]
        lost = next((f"; {problem}" for problem in tree.problems if problem.unusable), "")
        raise InputError(f"{root} has no pictures in its class folders: {listing(parents)}"
                         f"{lost}{deeper(root)}")
    return _by_folders(root, tree, classes)


def _instead(inside: Entries) -> str:
    """What is said of a folder that has no class folders."""
    listed = tables(inside)
    unread = f"; not read: {listing(listed, 3)}" if listed else ""
    return unread + (TAKEN_WITHOUT if inside.pictures else "")


def _unlabelled(root: Path) -> Labelled:
    inside = entries(root)
    if not inside.pictures:
        raise InputError(f"{root} has no pictures in it; with classes={NO_CLASSES} those in the "
                         "folder itself are read, and none in its folders")
    unread = [printable(name) for name in (*inside.others, *(f"{f}/" for f in inside.folders))]
    return Labelled(inside.pictures, dict.fromkeys(inside.pictures, UNKNOWN), [UNKNOWN], {}, None,
                    [*lost_links("", inside.broken), *unread_note(unread)], [NO_CLASSES])


def _by_folders(root: Path, tree: Tree, classes: str) -> Labelled:
    if not classes:
        check_first_numbers(tree.folders_of)
    named = name_folders(tree.folders, classes)
    notes = []
    if named.merged:
        together = "class folders of one expression are one class: " + ", ".join(named.merged)
        notes.append(Problem("", None, together, unusable=False))
    notes += [Problem("", None, text, unusable=False, assumed=True) for text in named.assumed]
    class_of = {name: named.of_folder[name.split("/")[-2]] for name in tree.names}
    notes += lacking(root, tree, named.of_folder)
    shown = list(dict.fromkeys(named.of_folder.values()))
    changed = [classes] if classes else named.merged or None
    return Labelled(tree.names, class_of, shown, tree.splits, None, [*tree.problems, *notes],
                    changed)


def _taken(faces: str):
    """What is taken of each picture, and the settings that this depends on."""
    if faces == "whole":
        return as_it_is, {}
    if faces != "auto":
        raise InputError(f"faces={faces}: write whole or auto")
    from iram.photographs import detector_name, largest_face

    return largest_face, {"faces": detector_name()}


def _colours(
    source: str, root: Path, names: tuple[str, ...], size: int, faces: str
) -> np.ndarray | None:
    """(n, size, size, 3) of the same faces, None if all are gray."""
    face, settings = _taken(faces)
    found = cached("folder-colour", source,
                   lambda: in_colour(_decode(root, list(names), size, face, colour=True)),
                   size=size, **settings).pixels
    return found if len(found) else None


def _decode(root: Path, names: list[str], size: int, face, colour: bool = False) -> Decoded:
    images, good, problems = decode_pictures(root, names, size, face=face, colour=colour)
    rows = np.flatnonzero(good)
    ids = [printable(names[row]) for row in rows]
    frame = pd.DataFrame({"image_id": pd.Series(ids, dtype=str), "row": rows})
    return Decoded(images, frame, tuple(problems), len(names))
