import numpy as np
import pytest
from sources import faces, write_pictures

from iram.data import open_dataset
from iram.errors import InputError


def test_kaggle_folders_read_the_usage_off_the_file_names(tmp_path):
    names = ["test/happy/PrivateTest_2.png", "test/happy/PublicTest_1.png",
             "train/angry/Training_3.png", "train/happy/Training_4.png"]
    root = write_pictures(tmp_path / "kaggle", names)
    (root / "train" / "angry" / ".DS_Store").write_bytes(b"x")
    dataset = open_dataset(f"fer2013:{root}")
    assert dataset.metadata["image_id"].tolist() == names
    assert dataset.metadata["split"].tolist() == ["test", "validation", "train", "train"]
    assert [dataset.classes[i] for i in dataset.labels] == ["happy", "happy", "angry", "happy"]
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(4))
    assert [p.message for p in dataset.problems] == [
        "no pictures of a class that another split has: angry"]


def test_kaggle_folders_without_usage_in_the_names_say_what_is_assumed(tmp_path):
    root = write_pictures(tmp_path / "kaggle", ["train/angry/1.png", "test/anger/2.png"])
    dataset = open_dataset(f"fer2013:{root}")
    assert sorted(dataset.metadata["usage"]) == ["PrivateTest", "Training"]
    assert len(dataset.problems) == 1
    assert not dataset.problems[0].unusable
    assert "2 of 2 file names do not say" in dataset.problems[0].message


def test_a_class_that_fer2013_lacks_is_refused(tmp_path):
    root = write_pictures(tmp_path / "kaggle", ["train/bored/Training_1.png"])
    with pytest.raises(InputError, match="bored is no class of FER2013"):
        open_dataset(f"fer2013:{root}")


def test_a_picture_of_another_size_is_unusable(tmp_path):
    root = write_pictures(tmp_path / "kaggle", ["train/sad/Training_1.png"], size=50)
    with pytest.raises(InputError, match=r"Training_1.png: 50 x 50 pixels where 48 x 48"):
        open_dataset(f"fer2013:{root}")


def test_a_folder_without_splits_is_refused(tmp_path):
    root = write_pictures(tmp_path / "kaggle", ["angry/1.png"])
    with pytest.raises(InputError, match="no train/ or test/ folder"):
        open_dataset(f"fer2013:{root}")
