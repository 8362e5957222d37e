"""Layouts of well-known data sets that a reader can't read, each with the line that says how to go
on."""

import os
from pathlib import Path

from iram.data.classes import is_expression
from iram.data.entries import count_pictures, entries, is_picture
from iram.data.splits import role_of

FER2013_FILES = ("fer2013.csv", "icml_face_data.csv", "fer2013.csv.xz", "fer2013.csv.gz",
                 "fer2013.tar.gz", "fer2013.zip", "train.csv")
CLASS_FOLDERS = "sort the pictures into one folder per class, and write folder:DIR"


def other_layout(root: Path) -> str | None:
    """What is said of a folder that is laid out as a data set which `folder:` can't read or another
    reader reads; None if it is none of them."""
    inside = entries(root)
    folders = {name.lower(): name for name in inside.folders}
    splits = [name for name in inside.folders if role_of(name)]
    if any((root / split / "label.csv").is_file() for split in splits):
        return f"is FERPlus as its authors' program writes it: write ferplus:{root}"
    if {"image", "emolabel"} <= folders.keys() or (root / "basic" / "EmoLabel").is_dir():
        return f"is RAF-DB's own layout: write rafdb:{root}"
    if any("cohn-kanade-images" in name for name in folders):
        return ("is CK+ as it is handed out, which is not read: by Emotion/*/*/*_emotion.txt "
                "(1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness, 7 surprise) "
                f"{CLASS_FOLDERS}")
    if any((root / part / "images").is_dir() and (root / part / "annotations").is_dir()
           for part in ("", *splits)):
        return ("is AffectNet as it is handed out, which is not read: by annotations/*_exp.npy "
                f"{CLASS_FOLDERS},classes=affectnet for folders 0 to 7")
    tables = [name for name in FER2013_FILES if (root / name).is_file()]
    if tables and not inside.folders:
        return f"holds {tables[0]}: write fer2013:{root / tables[0]}"
    return None


def deeper(root: Path) -> str:
    """What is said where pictures lie deeper in a folder than classes do: the folder to write."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        if any(is_picture(name) for name in files):
            above = Path(folder).parent
            if role_of(Path(folder).name):
                return "; splits lie in the classes there: use SPLIT/CLASS/*"
            above = above.parent if role_of(above.name) else above
            if above == root or root not in above.parents:
                break
            if is_expression(above.name) or count_pictures(above) < count_pictures(root):
                return "; pictures must lie in the class folder itself, not in folders in it"
            return f"; pictures lie deeper: write {above} instead"
            break
    return ""
