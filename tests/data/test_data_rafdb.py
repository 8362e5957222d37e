import hashlib

import numpy as np
import pytest
from PIL import Image
from sources import faces, write_pictures

from iram.data import open_dataset
from iram.errors import InputError

NAMES = [f"train_{i:05d}" for i in range(1, 41)] + [f"test_{i:04d}" for i in range(1, 9)]


@pytest.fixture
def rafdb(tmp_path):
    """A folder of the official layout: 40 train and 8 test faces, labels 1 to 7 in turn."""
    root = tmp_path / "RAF-DB"
    (root / "basic/Image/aligned").mkdir(parents=True)
    (root / "basic/EmoLabel").mkdir()
    for name, face in zip(NAMES, faces(48, 100), strict=True):
        colour = Image.fromarray(face).convert("RGB")
        colour.save(root / f"basic/Image/aligned/{name}_aligned.jpg", quality=95)
    lines = [f"{name}.jpg {i % 7 + 1}\n" for i, name in enumerate(NAMES)]
    (root / "basic/EmoLabel/list_patition_label.txt").write_text("".join(lines))
    return root


def labels_file(root):
    return root / "basic/EmoLabel/list_patition_label.txt"


def test_the_official_layout_is_read(rafdb):
    dataset = open_dataset(f"rafdb:{rafdb}")
    assert (len(dataset), dataset.size) == (48, 100)
    assert dataset.labels.tolist() == [i % 7 for i in range(48)]
    assert dataset.classes == ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    assert dataset.metadata["image_id"].tolist() == NAMES
    error = dataset.images_uint8([3]).astype(float)[0] - faces(48, 100)[3]
    assert np.abs(error).mean() < 8  # noise through a JPEG
    assert dataset.problems == []


def test_a_tenth_of_train_by_hash_is_validation_and_not_in_train(rafdb):
    dataset = open_dataset(f"rafdb:{rafdb}")
    held_out = dataset.split("validation").metadata["image_id"].tolist()
    digests = [hashlib.sha256(name.encode()).hexdigest()[:12] for name in NAMES[:40]]
    expected = [n for n, digest in zip(NAMES, digests, strict=False) if int(digest, 16) % 10 == 0]
    assert held_out == expected
    assert 0 < len(held_out) < 12
    assert set(dataset.split("train").metadata["image_id"]) == set(NAMES[:40]) - set(held_out)
    assert dataset.split("test").metadata["image_id"].tolist() == NAMES[40:]


def test_basic_itself_may_be_named_and_the_size_chosen(rafdb):
    dataset = open_dataset(f"rafdb:{rafdb}/basic,size=48")
    assert dataset.images([0]).shape == (1, 1, 48, 48)
    assert open_dataset(f"rafdb:{rafdb}").images([0]).shape == (1, 1, 100, 100)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_00002.jpg 9", "label '9' where 1 to 7"),
        ("train_00002.jpg 0", "label '0' where 1 to 7"),
        ("train_00002.jpg", "'train_00002.jpg' where a line such as 'train_00001.jpg 5'"),
        ("other.jpg 3", "'other.jpg 3' where a line"),
        ("train_09999.jpg 3", "there is no picture Image/aligned/train_09999_aligned.jpg"),
        ("train_00001.jpg 3", "train_00001 stands in the file twice"),
    ],
)
def test_a_bad_line_is_named(rafdb, line, message):
    file = labels_file(rafdb)
    file.write_text(file.read_text().replace("train_00002.jpg 2", line))
    with pytest.raises(InputError, match=f"{file} line 2: {message}"):
        open_dataset(f"rafdb:{rafdb}")


def test_labels_that_run_from_nought_are_refused(rafdb):
    file = labels_file(rafdb)
    lines = (line.rsplit(" ", 1) for line in file.read_text().splitlines())
    file.write_text("".join(f"{name} {int(label) - 1}\n" for name, label in lines))
    with pytest.raises(InputError, match="labels run from 0, RAF-DB's from 1"):
        open_dataset(f"rafdb:{rafdb},skip_bad=1")


def test_a_damaged_picture_is_named_and_can_be_left_out(rafdb):
    picture = rafdb / "basic/Image/aligned/train_00003_aligned.jpg"
    picture.write_bytes(picture.read_bytes()[:700])
    with pytest.raises(InputError, match=f"{picture}: is damaged"):
        open_dataset(f"rafdb:{rafdb}")
    with pytest.warns(UserWarning, match="train_00003"):
        dataset = open_dataset(f"rafdb:{rafdb},skip_bad=1")
    assert dataset.labels[:4].tolist() == [0, 1, 3, 4]


def test_a_picture_without_a_label_is_worth_knowing(rafdb):
    file = labels_file(rafdb)
    file.write_text(file.read_text().replace("train_00002.jpg 2\n", ""))
    (problem,) = open_dataset(f"rafdb:{rafdb}").problems
    assert "1 pictures without a usable label, such as train_00002_aligned.jpg" in problem.message


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not RAF-DB's layout: basic/Image/aligned/"):
        open_dataset(f"rafdb:{tmp_path}")
    write_pictures(tmp_path / "a/b", ["train/1/train_00001_aligned.png"])
    with pytest.raises(InputError, match=f"pictures lie deeper: write {tmp_path}/a/b instead"):
        open_dataset(f"rafdb:{tmp_path}")


def test_an_empty_label_file_is_refused(rafdb):
    labels_file(rafdb).write_text("")
    with pytest.raises(InputError, match="is empty; lines such as"):
        open_dataset(f"rafdb:{rafdb}")


def test_the_lists_flag_test_faces(rafdb, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    occluded = "test_0001_aligned 5 4\r\ntest_0003_aligned 0 1\r\n\r\n"
    (lists / "rafdb_occlusion_list.txt").write_text(occluded)
    (lists / "val_raf_db_list.txt").write_text("5/test_0001_aligned.jpg\n6/test_0002_aligned.jpg\n")
    (lists / "val_raf_db_list_45.txt").write_text("6/test_0002_aligned.jpg\n")
    dataset = open_dataset(f"rafdb:{rafdb},ran_lists={lists}", split="test")
    assert dataset.metadata["real_occlusion"][:4].tolist() == ["glasses", "none", "upper", "none"]
    assert dataset.metadata["pose_30"].tolist() == [True, True] + [False] * 6
    assert dataset.metadata["pose_45"].tolist() == [False, True] + [False] * 6
    assert dataset.problems == []


def test_the_real_lists_are_read_whole(rafdb, iram_data):
    problems = open_dataset(f"rafdb:{rafdb}", ran_lists=iram_data / "ran_lists").problems
    twice, absent = (problem.message for problem in problems[:2])
    assert "1 of 734 listed faces stands more than once, such as test_2464 in lines 316" in twice
    assert "of 1,689 listed faces are not among the faces here" in absent


# In folders by split and class ----------------------------------------------------------------


@pytest.fixture
def folders(rafdb):
    """The same faces as DATASET/train/1/train_00001_aligned.jpg and so on."""
    root = rafdb.parent / "kaggle"
    for i, name in enumerate(NAMES):
        target = root / "DATASET" / name.split("_")[0] / str(i % 7 + 1) / f"{name}_aligned.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((rafdb / f"basic/Image/aligned/{name}_aligned.jpg").read_bytes())
    (root / "train_labels.csv").write_text("image,label\n")
    return root


def test_folders_by_split_and_class_hold_the_same_as_the_official_layout(rafdb, folders):
    official = open_dataset(f"rafdb:{rafdb}")
    expected = official.metadata.assign(label=official.labels.tolist()).set_index("image_id")
    for root in (folders, folders / "DATASET"):
        dataset = open_dataset(f"rafdb:{root}")
        found = dataset.metadata.assign(label=dataset.labels.tolist()).set_index("image_id")
        for column in ("label", "split", "usage"):
            assert found[column].to_dict() == expected[column].to_dict()
        place = list(found.index).index("test_0003")
        assert np.array_equal(dataset.images_uint8([place]), official.images_uint8([42]))
        assert dataset.problems == []


def test_folders_may_be_named_by_expression_and_no_others(folders):
    names = ["Surprise", "fear", "Disgust", "happiness", "SAD", "anger", "neutral"]
    for split in ("train", "test"):
        for k, name in enumerate(names):
            (folders / "DATASET" / split / str(k + 1)).rename(folders / "DATASET" / split / name)
    assert open_dataset(f"rafdb:{folders}").labels.bincount().tolist() == [7, 7, 7, 7, 7, 7, 6]
    (folders / "DATASET/test/SAD").rename(folders / "DATASET/test/8")
    with pytest.raises(InputError, match="test/8 is no class of RAF-DB: 1 to 7, or surprise"):
        open_dataset(f"rafdb:{folders}")


def test_a_face_that_stands_in_two_classes_is_taken_once_and_named(folders):
    source = folders / "DATASET/test/6/test_0001_aligned.jpg"
    (folders / "DATASET/test/7/test_0001_aligned.jpg").write_bytes(source.read_bytes())
    with pytest.raises(InputError, match="test_0001 is also test/6/test_0001_aligned"):
        open_dataset(f"rafdb:{folders}")
