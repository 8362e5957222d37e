import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from sources import changed, faces, fer_rows, write_csv

from iram.data import open_dataset
from iram.data.fer2013_csv import CLASSES as FER2013
from iram.data.specs import load
from iram.errors import InputError


def test_the_csv_gives_every_face_with_label_usage_and_role(fer_csv):
    dataset = open_dataset(f"fer2013:{fer_csv}")
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(12))
    assert dataset.labels.tolist() == [i % 7 for i in range(12)]
    assert dataset.metadata["usage"].tolist() == ["Training", "PublicTest", "PrivateTest"] * 4
    assert dataset.metadata["split"].tolist() == ["train", "validation", "test"] * 4
    assert dataset.classes[dataset.labels[3]] == "happy"


def test_images_are_gray_floats_from_0_to_1(fer_csv):
    images = open_dataset(f"fer2013:{fer_csv}").images([0, 5])
    assert images.shape == (2, 1, 48, 48)
    assert images.dtype == torch.float32
    assert np.allclose(images[1, 0].numpy() * 255, faces(12)[5])


@pytest.mark.parametrize("split", ["test", "PrivateTest", "privatetest"])
def test_a_split_is_asked_for_by_role_or_by_the_sets_own_name(fer_csv, split):
    part = open_dataset(f"fer2013:{fer_csv}", split=split)
    assert part.metadata["row"].tolist() == [2, 5, 8, 11]
    assert np.array_equal(part.images_uint8([1]), faces(12)[[5]])


def test_the_header_with_spaces_and_another_order_is_read(tmp_path):
    rows = [[emotion, usage, pixels] for emotion, pixels, usage in fer_rows()]
    path = write_csv(tmp_path / "icml_face_data.csv", rows, header="emotion, Usage, pixels")
    dataset = open_dataset(f"fer2013:{path}")
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(12))
    assert dataset.metadata["usage"].tolist() == ["Training", "PublicTest", "PrivateTest"] * 4


PIXELS = fer_rows(1)[0][1].split()
BAD_ROWS = [
    (1, " ".join(PIXELS[:-1]), "2303 pixels where 2304"),
    (1, " ".join([*PIXELS, "0"]), "2305 pixels where 2304"),
    (1, " ".join([*PIXELS[:9], "300", *PIXELS[10:]]), "pixel 10 is '300'"),
    (1, " ".join([*PIXELS[:9], "-1", *PIXELS[10:]]), "pixel 10 is '-1'"),
    (1, " ".join([*PIXELS[:9], "1.5", *PIXELS[10:]]), "pixel 10 is '1.5'"),
    (0, "9", "emotion '9' where 0 to 6"),
    (0, "", "emotion '' where 0 to 6"),
    (2, "Tess", "Usage 'Tess' where one of Training, PublicTest, PrivateTest"),
    (2, "Training,", "4 fields where the header has 3"),
]


@pytest.mark.parametrize(("column", "value", "message"), BAD_ROWS)
def test_a_bad_row_is_named_by_file_line_and_value(fer_csv, column, value, message):
    path = changed(fer_csv, 5, column, value)
    with pytest.raises(InputError) as error:
        open_dataset(f"fer2013:{path}")
    assert f"{path} line 5: {message}" in str(error.value)
    assert str(error.value).endswith(f"; `fer2013:{path},skip_bad=1` leaves them out")


def test_skip_bad_leaves_out_the_bad_row_alone_and_warns(fer_csv):
    path = changed(fer_csv, 5, 0, "9")
    with pytest.warns(UserWarning, match="line 5: emotion '9'"):
        dataset = open_dataset(f"fer2013:{path},skip_bad=1")
    assert dataset.metadata["row"].tolist() == [0, 1, 2, *range(4, 12)]
    assert np.array_equal(dataset.images_uint8([3]), faces(12)[[4]])
    assert [problem.row for problem in dataset.problems] == [5]


def test_a_short_row_is_refused_where_the_header_has_more_columns(tmp_path):
    rows = [[*row, "note"] for row in fer_rows(3)]
    rows[1].pop()
    path = write_csv(tmp_path / "more.csv", rows, header="emotion,pixels,Usage,note")
    with pytest.raises(InputError, match="line 3: 3 fields where the header has 4"):
        open_dataset(f"fer2013:{path}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"emotion,pixels,Usage\n", "has a header and no rows"),
        (b"label,pixels\n1,2\n", "lacks the column emotion, usage; it has: label, pixels"),
        (b"emotion,Emotion,pixels,Usage\n", "has the column emotion more than once"),
        (b"\xfd\xfe\x00\x01" * 100, "it is not text"),
        (b"\xff\xfe" + b"\x00\xd8" * 101, "it is not text"),
        (b"x" * (1 << 21), "line 1 is too long"),
        ("emotion,pixels,Usage\n".encode("utf-16-le"), "line 1 is no text .it has zero bytes"),
    ],
)
def test_what_is_no_fer2013_csv_is_refused(tmp_path, content, message):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}.*{message}"):
        open_dataset(f"fer2013:{path}")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*/gone\.csv"):
        open_dataset(f"fer2013:{tmp_path}/gone.csv")
    (tmp_path / "link.csv").symlink_to("/nowhere/fer2013.csv")
    for spec in ("fer2013:{}", "ferplus:{},votes.csv"):
        path = tmp_path / "link.csv"
        with pytest.raises(InputError, match=r"link\.csv is a link to /nowhere|no file votes"):
            open_dataset(spec.format(path))


def test_a_csv_without_usage_is_training_and_this_is_told(tmp_path):
    rows = [[pixels, emotion] for emotion, pixels, _ in fer_rows(5)]
    path = write_csv(tmp_path / "train.csv", rows, header="pixels,emotion")
    with pytest.warns(UserWarning, match="train.csv line 1: there is no column Usage: every row"):
        dataset = open_dataset(f"fer2013:{path}")
    assert set(dataset.metadata["usage"]) == {"Training"}
    assert np.array_equal(dataset.images_uint8(slice(None)), faces(5))


def test_the_competitions_test_csv_is_refused_as_without_labels(tmp_path):
    path = write_csv(tmp_path / "test.csv", [[row[1]] for row in fer_rows(2)], header="pixels")
    with pytest.raises(InputError, match="it has no labels: the file with them is fer2013"):
        open_dataset(f"fer2013:{path}")


def test_a_csv_that_pandas_saved_again_is_read(tmp_path):
    path = tmp_path / "again.csv"
    table = pd.DataFrame(fer_rows(), columns=["emotion", "pixels", "Usage"])
    commas = table["pixels"].str.replace(" ", ",")
    pixels = [[int(one) for one in text.split()] for text in table["pixels"]]
    names = [FER2013[int(emotion)].title() for emotion in table["emotion"]]
    floats = table.assign(emotion=table["emotion"].astype(float), note=None)
    for saved, options in [(table, {}), (table, {"encoding": "utf-8-sig", "sep": ";"}),
                           (table, {"sep": "\t", "index": False}), (floats, {}),
                           (table.assign(pixels=pixels), {}),
                           (table.assign(pixels=commas), {}), (table.assign(emotion=names), {})]:
        saved.to_csv(path, **options)
        dataset = open_dataset(f"fer2013:{path}")
        assert np.array_equal(dataset.images_uint8(slice(None)), faces(12))
        assert dataset.labels.tolist() == [i % 7 for i in range(12)]
        assert dataset.problems == []


def test_usual_names_of_splits_in_usage_are_taken_and_told(tmp_path):
    words = {"Training": "train", "PublicTest": "Validation", "PrivateTest": "test"}
    rows = [[*row[:2], words[row[2]]] for row in fer_rows()]
    dataset = load(f"fer2013:{write_csv(tmp_path / 'fer.csv', rows)}")
    assert dataset.metadata["usage"].tolist() == [row[2] for row in fer_rows()]
    assert [p.message for p in dataset.problems] == [
        "Usage: test is taken as PrivateTest, train is taken as Training, "
        "validation is taken as PublicTest"]


@pytest.mark.parametrize("column", ["split", " Set"])
def test_another_column_that_tells_the_split_is_taken_and_told(fer_csv, column):
    before = load(f"fer2013:{fer_csv}")
    fer_csv.write_text(fer_csv.read_text().replace("Usage", column, 1))
    dataset = load(f"fer2013:{fer_csv}")
    assert dataset.metadata["usage"].equals(before.metadata["usage"])
    assert f"the column {column.strip()} is taken as Usage" in dataset.problems[0].message


@pytest.mark.parametrize(("kind", "told"), [
    ("parquet", r"another kind \(parquet\).*pandas\.read_parquet\(\.\.\.\)\.to_csv"),
    ("pickle", r"pandas\.read_pickle"), ("excel", "is an Excel workbook, which is not read"),
])
def test_tables_of_other_kinds_say_how_to_come_to_a_csv(fer_csv, tmp_path, kind, told):
    path = tmp_path / f"fer2013.{kind}"
    if kind == "excel":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/workbook.xml", "")
    else:
        getattr(pd.read_csv(fer_csv), f"to_{kind}")(path)
    with pytest.raises(InputError, match=told):
        load(f"fer2013:{path}")


@pytest.mark.parametrize("letters", ["ORC", "PAR1", "ARROW1"])
def test_a_csv_may_begin_with_the_letters_of_another_kind_of_table(tmp_path, letters):
    path = write_csv(tmp_path / "fer2013.csv", fer_rows())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{letters}ID,{lines[0]}", *(f"1,{line}" for line in lines[1:])]))
    assert len(load(f"fer2013:{path}")) == 12


@pytest.mark.parametrize(("shift", "told"), [(1, "1 to 7"), (-1, "-1 to 5")])
def test_emotions_from_1_or_below_0_are_refused_and_not_read_one_off(tmp_path, shift, told):
    rows = [[str(int(row[0]) + shift), *row[1:]] for row in fer_rows(14)]
    with pytest.raises(InputError, match=f"its emotions run from {told}, FER2013's from 0"):
        load(f"fer2013:{write_csv(tmp_path / 'fer.csv', rows)}")


def test_eight_classes_are_refused_and_a_lone_mistake_is_a_row(tmp_path):
    rows = fer_rows(120)
    rows[5][0] = "7"
    dataset = load(f"fer2013:{write_csv(tmp_path / 'one.csv', rows)}")
    assert [str(p.message) for p in dataset.problems] == ["emotion '7' where 0 to 6 is needed"]
    rows = [[str(place % 8), *row[1:]] for place, row in enumerate(fer_rows(16))]
    with pytest.raises(InputError, match="its emotions run from 0 to 7, FER2013's from 0"):
        load(f"fer2013:{write_csv(tmp_path / 'eight.csv', rows)}")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_first_line_that_names_the_separator_is_no_header(fer_csv, first):
    before = load(f"fer2013:{fer_csv}").images(slice(None))
    text = fer_csv.read_text().replace(",", ";")
    fer_csv.write_text(f"{first}\n{text}")
    dataset = load(f"fer2013:{fer_csv}")
    assert torch.equal(dataset.images(slice(None)), before)
    fer_csv.write_text(f"{first}\n{text}9;1 2;Training\n")
    assert load(f"fer2013:{fer_csv}").problems[-1].row == len(before) + 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_csv_in_another_encoding_is_read(fer_csv, encoding):
    before = load(f"fer2013:{fer_csv}").images(slice(None))
    fer_csv.write_text(fer_csv.read_text(), encoding=encoding)
    assert torch.equal(load(f"fer2013:{fer_csv}").images(slice(None)), before)


@pytest.mark.exhaustive
def test_the_real_file_has_its_rows(iram_data):
    dataset = open_dataset(f"fer2013:{iram_data}/fer2013/fer2013.csv.xz")
    counts = dataset.counts().sum()
    assert counts.to_dict() == {"Training": 28558, "PublicTest": 3589, "PrivateTest": 3589}
    private = dataset.counts()["PrivateTest"]
    assert private.tolist() == [491, 55, 528, 879, 594, 416, 626]
    [flat] = dataset.problems
    assert flat.message.startswith("2 of 35,736 pictures are constant or nearly so")
    assert not flat.unusable
