import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sources import faces, write_pictures

from iram.data import open_dataset
from iram.errors import InputError


def many(prefix, count=40):
    return [f"{prefix}/{i:03d}.png" for i in range(count)]


def test_class_folders_become_sorted_classes(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png", "happy/2.png", "happy/1.bmp"])
    dataset = open_dataset(f"folder:{root}")
    assert dataset.classes == ("happy", "sad")
    assert dataset.labels.tolist() == [0, 0, 1]
    assert dataset.metadata["image_id"].tolist() == ["happy/1.bmp", "happy/2.png", "sad/1.png"]
    assert np.array_equal(dataset.images_uint8([2, 1, 0]), faces(3))
    assert dataset.name == "faces"


def test_pictures_of_any_size_and_kind_are_brought_to_one(tmp_path):
    root = tmp_path / "faces"
    (root / "happy").mkdir(parents=True)
    for suffix in ("jpg", "png", "webp", "bmp", "gif"):
        Image.new("RGB", (90, 60), (128, 128, 128)).save(root / "happy" / f"x.{suffix}")
    dataset = open_dataset(f"folder:{root},size=32")
    images = dataset.images_uint8(slice(None)).astype(int)
    assert images.shape == (5, 32, 32)
    assert np.abs(images - 128).max() <= 1
    assert open_dataset(f"folder:{root}").size == 48


def test_split_folders_become_splits(tmp_path):
    names = ["train/sad/1.png", "val/sad/1.png", "test/happy/1.png"]
    dataset = open_dataset(f"folder:{write_pictures(tmp_path / 'faces', names)}")
    assert dataset.classes == ("happy", "sad")
    by_role = {role: dataset.split(role) for role in ("train", "validation", "test")}
    assert {role: part.metadata["image_id"].tolist() for role, part in by_role.items()} == {
        "train": ["train/sad/1.png"],
        "validation": ["val/sad/1.png"],
        "test": ["test/happy/1.png"],
    }
    assert len(dataset.split("val")) == 1


def test_without_a_validation_folder_a_tenth_of_train_is_held_out(tmp_path):
    root = write_pictures(tmp_path / "faces", many("train/sad", 60) + many("test/sad", 20), size=8)
    dataset = open_dataset(f"folder:{root},size=8")
    sizes = {role: len(dataset.split(role)) for role in ("train", "validation", "test")}
    assert sizes["train"] + sizes["validation"] == 60
    assert sizes["test"] == 20
    assert 1 <= sizes["validation"] <= 15
    assert f"({sizes['validation']}) is held out" in dataset.problems[0].message


def test_class_folders_alone_are_split_by_hash_the_same_when_pictures_are_added(tmp_path):
    root = write_pictures(tmp_path / "faces", many("happy") + many("sad"), size=8)
    dataset = open_dataset(f"folder:{root},size=8")
    before = dict(zip(dataset.metadata["image_id"], dataset.metadata["split"], strict=True))
    assert set(before.values()) == {"train", "validation", "test"}
    assert len(dataset.split("all")) == 80
    roles = list(before.values())
    assert (
        f"of 80 faces a fixed tenth is for the test ({roles.count('test')}), another for "
        f"validation ({roles.count('validation')}), the rest for training ({roles.count('train')})"
    ) in dataset.problems[0].message
    write_pictures(root, ["angry/new.png"], size=8)
    later = open_dataset(f"folder:{root},size=8").metadata
    after = dict(zip(later["image_id"], later["split"], strict=True))
    assert {name: after[name] for name in before} == before


def test_the_same_pictures_of_another_size_are_other_faces(tmp_path):
    """Results are known by the hash: rows of one size must not be taken for those of another."""
    root = write_pictures(tmp_path / "faces", many("happy"), size=8)
    hashes = [open_dataset(f"folder:{root}{size}").sha256 for size in (",size=8", ",size=9", "")]
    assert len(set(hashes)) == 3
    assert open_dataset(f"folder:{root},size=48").sha256 == hashes[2]


def test_a_tenth_without_a_face_says_how_to_take_all(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    with pytest.raises(InputError, match="None of its 1 faces is in the tenth that training leaves "
                       "for the test; --split all takes all of them"):
        open_dataset(f"folder:{root}", split="test")
    with pytest.raises(InputError, match=r"has no split 'tset'; it has: [a-z, ]+$"):
        open_dataset(f"folder:{root}", split="tset")


def test_changed_pictures_are_decoded_anew(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    first = open_dataset(f"folder:{root}")
    Image.new("L", (48, 48), 9).save(root / "sad/1.png")
    second = open_dataset(f"folder:{root}")
    assert np.array_equal(first.images_uint8([0]), faces(1))
    assert set(second.images_uint8([0]).ravel()) == {9}
    assert first.sha256 != second.sha256


def test_the_hash_of_pictures_that_may_still_change_is_not_kept(tmp_path, cache):
    open_dataset(f"folder:{write_pictures(tmp_path / 'faces', ['sad/1.png'])}")
    assert not list((cache / "data").glob("*.sha256"))


def test_settled_pictures_are_not_read_again(tmp_path, monkeypatch):
    from iram.data import pictures

    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    monkeypatch.setattr(pictures, "SETTLED", -60.0)  # as if a minute had gone by
    first = open_dataset(f"folder:{root}")
    monkeypatch.setattr(pictures, "sha256", None)
    monkeypatch.setattr(pictures, "read_picture", None)
    assert open_dataset(f"folder:{root}").sha256 == first.sha256


def test_hidden_files_are_passed_over_in_silence(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png", ".hidden/2.png", "__MACOSX/sad/1.png"])
    (root / "sad" / ".DS_Store").write_bytes(b"x")
    (root / "sad" / "._1.png").write_bytes(b"x")
    (root / "README.txt").write_text("beside the classes")
    dataset = open_dataset(f"folder:{root}")
    assert (len(dataset), dataset.classes, len(dataset.problems)) == (1, ("sad",), 1)
    assert "class folders alone" in dataset.problems[0].message


def test_what_is_not_read_is_reported_once(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    (root / "sad" / "Thumbs.db").write_bytes(b"x")
    (root / "sad" / "deeper").mkdir()
    (root / "bored").mkdir()
    messages = [str(problem) for problem in open_dataset(f"folder:{root}").problems]
    unread = f"{root}: 2 files or folders are not read, such as sad/Thumbs.db"
    assert messages[:-1] == [f"{root}/bored: no pictures", unread]


def test_pictures_in_folders_of_class_folders_are_told_each_time(tmp_path):
    root = write_pictures(tmp_path / "faces",
                          ["sad/1.png", "sad/p1/2.png", "sad/p2/a/3.png", "fear/p1/4.png"])
    with pytest.warns(UserWarning, match="3 pictures in folders of class folders, such as fear/p1/,"
                                         " are not read: they must lie in the class folder"):
        assert len(open_dataset(f"folder:{root}")) == 1


@pytest.mark.parametrize(("train", "test", "told"), [
    (["happy", "smug"], ["happy", "smugg"],
     "test/ has smugg, which train/ lacks, and that has smug,"),
    (["wütend", "happy", "fear"], ["angry", "happy"], "and that has fear, wütend, which"),
    (["happy", "sad"], ["happy", "fear"], None),  # both are expressions
    (["happy", "sad", "smug"], ["happy", "sad"], None),  # one lacks what the other has
    (["happy", "Suprise"], ["happy", "surprise"], None),  # one class
])
def test_a_class_of_one_split_that_may_be_one_of_the_others_is_told(tmp_path, train, test, told):
    names = [f"train/{name}/1.png" for name in train] + [f"test/{name}/1.png" for name in test]
    root = write_pictures(tmp_path / "faces", names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_dataset(f"folder:{root}", split="all")
    found = [str(one.message) for one in caught if "different classes" in str(one.message)]
    assert [told in one for one in found] == [True] * bool(told)


def test_damaged_pictures_are_named_and_can_be_left_out(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png", "sad/2.png", "sad/3.png"])
    (root / "sad/2.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=f"{root}/sad/2.png: is not a picture that can be read"):
        open_dataset(f"folder:{root}")
    with pytest.warns(UserWarning, match=r"sad/2\.png"):
        dataset = open_dataset(f"folder:{root},skip_bad=1")
    assert dataset.metadata["row"].tolist() == [0, 2]
    assert np.array_equal(dataset.images_uint8([0, 1]), faces(3)[[0, 2]])


def test_nothing_but_damaged_pictures_is_an_error_even_when_skipping(tmp_path):
    (tmp_path / "faces" / "sad").mkdir(parents=True)
    (tmp_path / "faces" / "sad" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"sad/1\.png: is not a picture.*; no face is left$"):
        open_dataset(f"folder:{tmp_path}/faces,skip_bad=1")


@pytest.mark.skipif(os.name != "posix", reason="file names are text elsewhere")
def test_names_that_are_no_text_do_no_harm(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png", "hap\npy/2\t.png"])
    (root / "sad/1.png").rename(os.fsdecode(os.fsencode(root / "sad") + b"/\xff.png"))
    (root / "hap\npy/no\r.png").write_bytes(b"")
    dataset = open_dataset(f"folder:{root},skip_bad=1", split="all")
    assert dataset.metadata["image_id"].tolist() == [r"hap\npy/2\t.png", r"sad/\xff.png"]
    assert dataset.classes == (r"hap\npy", "sad")
    assert str(dataset.problems[0]).splitlines() == [
        rf"{root}/hap\npy/no\r.png: is not a picture that can be read (PNG, JPEG, WEBP, BMP, GIF, "
        "TIFF, PPM): it is empty"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has no class folders; one per class"),
        (["1.png"], "has no class folders"),
        (["train/1.png"], "faces/train has no class folders"),
        (["train/sad/1.png", "happy/1.png"], r"split folders \(train\) beside others \(happy\)"),
        (["sad/deeper/1.png"], "has no pictures in its class folders: sad; pictures must lie in "
                               "the class folder itself"),
        (["böse/p1/1.png", "froh/p1/1.png"], "pictures must lie in the class folder itself"),
    ],
)
def test_folders_without_classes_are_refused(tmp_path, names, message):
    (tmp_path / "faces").mkdir()
    write_pictures(tmp_path / "faces", names)
    with pytest.raises(InputError, match=message):
        open_dataset(f"folder:{tmp_path}/faces")


def test_pictures_without_classes_are_read_where_that_is_said(tmp_path):
    names = ["b.png", "a.jpg", "more/c.png"]
    root = write_pictures(tmp_path / "faces", names)
    (root / "notes.txt").write_text("")
    dataset = open_dataset(f"folder:{root},classes=none", split="test")
    assert dataset.metadata["image_id"].tolist() == ["a.jpg", "b.png"]
    assert (dataset.classes, dataset.undivided) == (("unknown",), 0)
    [told] = dataset.problems
    assert "2 files or folders are not read, such as notes.txt" in told.message
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty has no pictures in it; with classes=none"):
        open_dataset(f"folder:{tmp_path / 'empty'},classes=none")


def test_a_folder_of_pictures_alone_says_what_takes_it(tmp_path):
    root = write_pictures(tmp_path / "faces", ["a.png"])
    with pytest.raises(InputError, match=r"no class folders.*; `iram explore` and `iram ex"):
        open_dataset(f"folder:{root}")


def test_tables_of_labels_beside_pictures_are_told(tmp_path):
    root = write_pictures(tmp_path / "flat", ["a.png"])
    (root / "labels.csv").write_text("a.png,happy")
    with pytest.raises(InputError, match=r"needed, such as .*; not read: labels\.csv"):
        open_dataset(f"folder:{root}")
    root = write_pictures(tmp_path / "faces", ["train/sad/1.png", "test/sad/2.png"])
    for place in ("all.json", "test/Labels.CSV", "train/sad/one.csv"):
        (root / place).write_text("")
    told = {Path(problem.file).name: problem for problem in open_dataset(f"folder:{root}").problems}
    for name in ("all.json", "Labels.CSV"):
        assert told[name].message == (
            "not read: the class of a picture is the folder that it lies in")
        assert not told[name].unusable


def test_class_folders_of_links_to_nothing_alone_are_told_so(tmp_path):
    (tmp_path / "faces/sad").mkdir(parents=True)
    (tmp_path / "faces/sad/1.png").symlink_to("/nowhere/1.png")
    with pytest.raises(InputError, match=r"folders: sad; sad/1\.png: is a link to /nowhere"):
        open_dataset(f"folder:{tmp_path}/faces")


def test_missing_folders_and_files_in_their_place_are_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*gone"):
        open_dataset(f"folder:{tmp_path}/gone")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; a folder is needed"):
        open_dataset(f"folder:{tmp_path}/file")


@pytest.mark.parametrize(
    ("size", "message"), [(4, "8 to 1024"), (5000, "8 to 1024"), ("big", "whole number")]
)
def test_an_impossible_size_is_refused(tmp_path, size, message):
    with pytest.raises(InputError, match=f"size={size}: .*{message}"):
        open_dataset(f"folder:{write_pictures(tmp_path / 'faces', ['sad/1.png'])},size={size}")
