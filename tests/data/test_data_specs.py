import numpy as np
import pytest
from sources import fer_rows, write_csv

from iram.data import DATASETS, match_classes, open_dataset
from iram.data.specs import read_spec
from iram.errors import InputError


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("fer2013:a.csv", {"location": "a.csv"}),
        ("fer2013:C:\\faces\\a.csv", {"location": "C:\\faces\\a.csv"}),
        ("ferplus:a.csv,b.csv,rule=majority", {"location": "a.csv,b.csv", "rule": "majority"}),
        ("folder:dir,size=100", {"location": "dir", "size": "100"}),
        ("folder:a,b,size=8,skip_bad=1", {"location": "a,b", "size": "8", "skip_bad": "1"}),
    ],
)
def test_a_specification_is_kind_location_and_options(spec, expected):
    kind, options = read_spec(spec)
    assert kind == spec.split(":")[0]
    assert options == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("fer2014:a.csv", r"unknown data set 'fer2014' \(did you mean 'fer2013'"),
        ("a.csv", "is no data set: write KIND:PATH"),
        ("fer2013", "write KIND:PATH, such as fer2013:PATH"),
        ("fer2013:", "names no file or folder"),
        ("folder:dir,size=9,size=8", "the option size stands in it more than once"),
        ("folder:dir,sise=9", r"unknown option 'sise' \(did you mean 'size'"),
        ("folder:dir,skip_bad=perhaps", "skip_bad=perhaps: write 1 or 0"),
    ],
)
def test_a_wrong_specification_says_what_would_be_right(spec, message):
    with pytest.raises(InputError, match=message):
        open_dataset(spec)


def test_an_unknown_option_by_name_is_refused_too():
    with pytest.raises(InputError, match="unknown option 'sise'"):
        open_dataset("folder:dir", sise=9)


def test_options_by_name_win_over_those_in_the_text(fer_csv):
    fer_csv.write_text(fer_csv.read_text().replace("3,", "9,", 1))
    with pytest.raises(InputError):
        open_dataset(f"fer2013:{fer_csv},skip_bad=1", skip_bad=False)


def test_every_registered_set_is_named_in_its_docstring():
    assert {"fer2013", "ferplus", "rafdb", "folder"} <= set(DATASETS)
    assert all(loader.__doc__ for loader in DATASETS.values())


def test_an_unknown_split_lists_those_that_exist(fer_csv):
    with pytest.raises(InputError, match="no split 'tset'; it has: train, validation, test, Train"):
        open_dataset(f"fer2013:{fer_csv}", split="tset")


def test_long_lists_of_problems_are_cut_and_counted(tmp_path):
    rows = [["9", *row[1:]] for row in fer_rows(9)]
    path = write_csv(tmp_path / "x.csv", rows)
    with pytest.raises(InputError, match=r"line 6: .*; and 4 more \(9 in all\)") as error:
        open_dataset(f"fer2013:{path}")
    assert "line 7" not in str(error.value)


@pytest.mark.parametrize("indices", [3, [3], np.array([3]), -9, slice(3, 4), np.arange(12) == 3])
def test_indices_of_any_usual_kind_read_the_same_image(fer_csv, indices):
    dataset = open_dataset(f"fer2013:{fer_csv}")
    assert np.array_equal(dataset.images_uint8(indices), dataset.images_uint8(range(12))[3:4])


@pytest.mark.parametrize("index", [12, -13])
def test_an_index_outside_is_an_index_error(fer_csv, index):
    with pytest.raises(IndexError, match=f"index {index} is outside fer2013: 0 to 11"):
        open_dataset(f"fer2013:{fer_csv}").images(index)


def test_a_subset_of_a_subset_keeps_images_labels_and_metadata_together(fer_csv):
    whole = open_dataset(f"fer2013:{fer_csv}")
    part = whole.subset([9, 7, 5, 3]).subset([2, 0])
    assert part.metadata["row"].tolist() == [5, 9]
    assert part.labels.tolist() == [5, 2]
    assert np.array_equal(part.images_uint8([0, 1]), whole.images_uint8([5, 9]))


def test_counts_add_up_to_the_faces_of_each_split_and_class(fer_csv):
    counts = open_dataset(f"fer2013:{fer_csv}").counts()
    assert counts.columns.tolist() == ["Training", "PublicTest", "PrivateTest"]
    assert counts.loc["angry"].tolist() == [1, 1, 0]  # rows 0 and 7
    assert counts.to_numpy().sum() == 12


def test_classes_are_matched_by_expression_whatever_they_are_called():
    ferplus = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
    fer = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert match_classes(ferplus, fer).tolist() == [6, 3, 5, 4, 0, 1, 2]
    with pytest.raises(InputError, match="no counterpart for the class contempt"):
        match_classes(("contempt",), fer)
    with pytest.raises(InputError, match="two classes mean the same"):
        match_classes(("angry", "Anger"), fer)
