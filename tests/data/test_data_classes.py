"""Which classes and splits folders stand for, whatever they are called."""

import os
import unicodedata

import numpy as np
import pytest
from sources import write_pictures

from analysis.subjects.opening import open_study
from iram.data import open_dataset
from iram.data.class_folders import name_folders
from iram.data.classes import canonical
from iram.data.specs import load
from iram.data.splits import role_of
from iram.errors import InputError

AFFECTNET = "neutral+happy+sad+surprise+fear+disgust+angry"


def opened(tmp_path, names, options=""):
    return load(f"folder:{write_pictures(tmp_path / 'faces', names, size=8)},size=8{options}")


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        ("Anger ANGRY angry 0_angry angry_faces Angry-Images angry_0 emotion_angry", "angry"),
        ("Disgusted disgust DISGUST", "disgust"),
        ("Fearful afraid Fear scared", "fear"),
        ("Happiness happy HAPPY joy", "happy"),
        ("Sadness sad Sad", "sad"),
        ("Surprised surprise SURPRISE", "surprise"),
        ("Neutrality neutral Neutral", "neutral"),
        ("Contemptuous contempt", "contempt"),
    ],
)
def test_every_usual_name_of_an_expression_is_one_class(names, expression):
    assert {canonical(name) for name in names.split()} == {expression}


@pytest.mark.parametrize("kind", ["folder", "fer2013", "rafdb"])
def test_splits_must_share_classes_and_what_one_lacks_is_told(tmp_path, kind):
    names = [f"{split}/{name}/{name}{k}.png" for k, split in enumerate(("train", "test"))
             for name in ("happy", "sad", "fear") if (split, name) != ("test", "fear")]
    spec = f"{kind}:{write_pictures(tmp_path / 'one', names)}"
    told = [p for p in load(spec).problems if "another split has" in p.message]
    assert [(p.file, p.message) for p in told] == [
        (str(tmp_path / "one" / "test"), "no pictures of a class that another split has: fear")]
    numbers = [f"{s}/{name}/{k}{name}.png" for k, (s, names) in enumerate((
        ("train", ("3", "4")), ("test", ("anger", "fear")))) for name in names]
    other = write_pictures(tmp_path / "other", numbers)
    message = r"train/ \(3, 4\) and test/ \(anger, fear\)|test/ .* and train/ .*no class in common"
    with pytest.raises(InputError, match=message):
        load(f"{kind}:{other}")
    if kind == "folder":
        assert load(f"folder:{other},classes=3:anger+4:fear").classes == ("angry", "fear")


def test_other_names_keep_their_numbers_and_letters_written_in_two_ways_are_one():
    assert canonical("3_years") != canonical("4_years")
    assert canonical("fröhlich") == canonical(unicodedata.normalize("NFD", "fröhlich"))


def test_a_folder_named_Angry_beside_angry_is_one_class(tmp_path):
    dataset = opened(tmp_path, ["train/Angry/1.png", "train/Happiness/2.png", "val/anger/3.png",
                                "test/angry/4.png", "test/happy/5.png"])
    assert dataset.classes == ("angry", "happy")
    assert {split: len(dataset.split(split)) for split in ("train", "val", "test")} == {
        "train": 2, "val": 1, "test": 2}
    told, lacking = [p.message for p in dataset.problems]
    assert lacking == "no pictures of a class that another split has: Happiness"
    assert told.endswith("one class: angry (Angry, anger, angry), happy (Happiness, happy)")


def test_merging_folders_makes_other_faces_of_the_same_pictures(tmp_path):
    apart = opened(tmp_path, ["train/Grin/1.png", "test/Grin/2.png"])
    (tmp_path / "faces/test/Grin").rename(tmp_path / "faces/test/grin")
    together = load(apart.spec)
    assert apart.classes == together.classes == ("Grin",)
    assert apart.sha256 != together.sha256


def test_one_to_seven_are_read_as_rafdb_and_told_every_time(tmp_path):
    names = [f"train/{k}/1.png" for k in range(1, 8)]
    spec = opened(tmp_path, [*names, "test/happy/2.png"]).spec
    with pytest.warns(UserWarning, match=r"RAF-DB's order \(1 surprise, 2 fear, .*write classes="):
        dataset = open_dataset(spec)
    assert dataset.classes == ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    assert dataset.labels.tolist() == [3, 0, 1, 2, 3, 4, 5, 6]  # test/happy, train/1 to 7


def test_nought_to_seven_are_read_as_affectnet(tmp_path):
    dataset = opened(tmp_path, [f"{k}/1.png" for k in range(8)])
    assert dataset.classes == tuple(f"{AFFECTNET}+contempt".split("+"))


@pytest.mark.parametrize("name", ["class_{}", "Emotion {}", "label-0{}", "{}"])
def test_numbers_after_a_word_or_in_another_script_are_numbers(tmp_path, name):
    digits = "٠١٢٣٤٥٦٧" if name == "{}" else "01234567"
    dataset = opened(tmp_path, [f"{name.format(digit)}/{digit}.png" for digit in digits])
    assert dataset.classes == tuple(f"{AFFECTNET}+contempt".split("+"))
    seven = opened(tmp_path / "7", [f"{name.format(digit)}/1.png" for digit in digits[:7]],
                   ",classes=fer2013")
    assert seven.classes[0] == "angry"


def test_other_numbers_stay_numbers_and_what_to_write_is_told(tmp_path):
    dataset = opened(tmp_path, [f"{k}/1.png" for k in range(7)])
    assert dataset.classes == tuple("0123456")
    assert "classes=neutral+happy" in dataset.problems[0].message
    assert dataset.problems[0].assumed


@pytest.mark.parametrize("first", [{"train": 0, "test": 1}, {"train": 1, "test": 0}])
def test_splits_that_count_from_nought_and_from_one_are_refused(tmp_path, first):
    names = [f"{split}/{low + k}/{split}{k}.png" for split, low in first.items() for k in range(7)]
    with pytest.raises(InputError, match=r"has the class folders 0 to 6 and t\w+/ 1 to 7"):
        opened(tmp_path, names)
    named = opened(tmp_path, [], f",classes={AFFECTNET}+contempt")
    assert named.classes == tuple(f"{AFFECTNET}+contempt".split("+"))


def test_a_number_written_in_two_ways_is_one_class(tmp_path):
    dataset = opened(tmp_path, ["train/01/1.png", "train/2/2.png", "test/1/3.png", "test/02/4.png"])
    assert dataset.classes == ("01", "02")
    assert np.bincount(dataset.labels).tolist() == [2, 2]


@pytest.mark.skipif(os.name != "posix", reason="file names are text elsewhere")
def test_class_folders_whose_names_are_no_utf8_stay_apart_and_can_be_named(tmp_path):
    root = write_pictures(tmp_path / "faces", ["a/1.png", "b/2.png"], size=8)
    for old, new in (("a", "高兴"), ("b", "悲伤")):  # as unpacked from a Chinese archive
        (root / old).rename(os.fsdecode(os.fsencode(root) + b"/" + new.encode("gbk")))
    assert load(f"folder:{root},size=8").classes == (r"\xb1\xaf\xc9\xcb", r"\xb8\xdf\xd0\xcb")
    named = r"\xb1\xaf\xc9\xcb:sad+\xb8\xdf\xd0\xcb:happy"
    assert load(f"folder:{root},size=8,classes={named}").classes == ("sad", "happy")


def test_classes_names_every_spelling_of_a_folder(tmp_path):
    names = [f"train/{unicodedata.normalize('NFD', 'böse')}/1.png", "train/froh /2.png",
             "test/böse/3.png", "test/froh/4.png"]
    dataset = opened(tmp_path, names, ",classes=böse:angry+froh:happy")
    assert dataset.classes == ("angry", "happy")
    assert np.bincount(dataset.labels).tolist() == [2, 2]


@pytest.mark.parametrize(
    "classes", [AFFECTNET, AFFECTNET.replace("+", ","), "affectnet", AFFECTNET.upper()]
)
def test_classes_names_the_numbers(tmp_path, classes):
    dataset = opened(tmp_path, [f"{k}/1.png" for k in range(7)], f",classes={classes}")
    assert dataset.classes == tuple(AFFECTNET.split("+"))
    assert not any(problem.assumed for problem in dataset.problems)


@pytest.mark.parametrize(
    ("names", "how"), [("012", "NAME+NAME+"), (["grin", "glum"], "FOLDER:NAME")]
)
def test_classes_that_no_model_knows_are_to_be_named_in_the_data(tmp_path, names, how):
    dataset = opened(tmp_path, [f"{name}/1.png" for name in names])
    with pytest.raises(InputError) as error:
        open_study("none", dataset)
    assert f"Name them in the data: {dataset.spec},classes={how}" in str(error.value)
    assert "mapping" not in str(error.value)


def test_classes_names_folders_of_any_name(tmp_path):
    dataset = opened(tmp_path, ["grin/1.png", "glum/2.png"], ",classes=grin:happy+glum:Sadness")
    assert dataset.classes == ("sad", "happy")
    assert dataset.labels.tolist() == [0, 1]
    assert opened(tmp_path, []).sha256 != dataset.sha256


@pytest.mark.parametrize("classes", [
    "a,b:happy+b:sad+c+:fear", "a,b:happy,b:sad,c+:fear", "b : sad + c+ : fear + a,b : happy"])
def test_a_folder_may_have_what_parts_names_in_its_own(classes):
    folders = ["a,b", "b", "c+"]
    assert name_folders(folders, classes).of_folder == dict(
        zip(folders, ["happy", "sad", "fear"], strict=True))


@pytest.mark.parametrize(
    ("folders", "classes", "message"),
    [
        ("01234", "a+b", "names the folders 0 to 1; there are: 0, 1, 2, 3, 4"),
        ("012", "rafdb", "names the folders 1 to 7; there are: 0, 1, 2"),
        ("123", "a+b+c+d", r"does 0 or 4 lack\? write classes=1:NAME"),
        ("01", "a+", "an empty name"),
        ("01", "happy+1:sad", r"which folder is happy\? write FOLDER:NAME for each"),
        ("01", "x:happy", "there is no class folder x; there are: 0, 1"),
        (["up", "down"], "a+b", "no class folder is a number; write classes=FOLDER:NAME"),
        (["all", "happy"], "", "a class is called all, which tables .* write classes=FOLDER:NAME"),
        (["up", "down"], "up:label", "a class is called label, which tables of results have for"),
    ],
)
def test_classes_that_do_not_fit_are_refused(folders, classes, message):
    with pytest.raises(InputError, match=message):
        name_folders(list(folders), classes)


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("train", "train Training TRAIN train_set FER2013Train training-data"),
        ("validation", "val valid Validation dev PublicTest val_set FER2013Valid"),
        ("test", "test Testing eval evaluation PrivateTest test_set FER2013Test test-images"),
        (None, "happy trains models set data latest"),
    ],
)
def test_splits_go_by_their_usual_names(role, names):
    assert {role_of(name) for name in names.split()} == {role}


@pytest.mark.parametrize("kind", ["folder", "fer2013", "rafdb"])
def test_every_reader_takes_the_same_names_of_splits(tmp_path, kind):
    names = [f"{split}/{label}/{k}.png" for k, (split, label) in enumerate(
        [("Training", "Anger"), ("valid", "angry"), ("testing", "ANGRY")])]
    dataset = load(f"{kind}:{write_pictures(tmp_path / 'faces', names)}")
    assert [dataset.classes[k] for k in dataset.labels.tolist()] == ["angry"] * 3
    assert set(dataset.metadata["split"]) == {"train", "validation", "test"}
    assert len(dataset.split("dev")) == len(dataset.split("eval")) == 1


@pytest.mark.parametrize("kind", ["folder", "fer2013", "rafdb"])
def test_a_folder_that_is_no_split_is_told_and_not_dropped(tmp_path, kind):
    names = ["train/angry/Training_1.png", "test/sad/PrivateTest_2.png", "fold3/sad/3.png"]
    root = write_pictures(tmp_path / "faces", names)
    (root / "logs").mkdir()
    with pytest.raises(InputError, match=r"\(train, test|test, train\) beside others \(fold3\) "
                       "with 1 pictures, which are not read"):
        open_dataset(f"{kind}:{root}")
    told = " ".join(str(problem) for problem in load(f"{kind}:{root}").problems)
    assert "without pictures, are not read: logs" in told
    with pytest.warns(UserWarning, match="fold3"):
        assert len(open_dataset(f"{kind}:{root},skip_bad=1")) == 2


def test_fer2013s_own_numbers_are_its_classes(tmp_path):
    root = write_pictures(tmp_path / "faces", ["train/3/1.png", "test/6/2.png"])
    dataset = load(f"fer2013:{root}")
    assert sorted(dataset.classes[k] for k in dataset.labels.tolist()) == ["happy", "neutral"]


def test_kdef_and_jaffe_are_read_by_their_file_names_and_divided_by_person(tmp_path):
    people = [f"{sex}{k:02d}" for sex in "FM" for k in range(1, 11)]
    names = [f"A{p}/A{p}{code}S.JPG" for p in people for code in ("AF", "AN", "NE")]
    dataset = opened(tmp_path, names)
    assert dataset.classes == ("angry", "fear", "neutral")
    assert dataset.metadata["image_id"][0] == "AF01/AF01AFS.JPG"
    assert dataset.classes[dataset.labels[0]] == "fear"
    people = dataset.metadata.groupby("split")["image_id"].agg(lambda x: {n[:4] for n in x})
    assert {split: len(found) for split, found in people.items()} == {
        "test": 2, "train": 16, "validation": 2}
    assert not people["test"] & people["train"]

    flat = ["KA.AN1.39.tiff", "KA.HA2.30.tiff", "YM.SU3.61.tiff"]
    jaffe = load(f"folder:{write_pictures(tmp_path / 'jaffe', flat)}")
    assert [jaffe.classes[k] for k in jaffe.labels.tolist()] == ["angry", "happy", "surprise"]


def test_a_file_whose_name_tells_no_class_is_named(tmp_path):
    names = ["KA.AN1.39.tiff", "KA.HA2.30.tiff", "KA.39.tiff"]
    with pytest.raises(InputError, match=r"KA\.39\.tiff: its name tells no class, as JAFFE's"):
        open_dataset(f"folder:{write_pictures(tmp_path / 'jaffe', names)}")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cohn-kanade-images/S005/1.png", "Emotion/S005/1.png"], "is CK.*_emotion.txt"),
        (["train_set/images/1.jpg", "train_set/annotations/1.jpg"], "is AffectNet.*_exp.npy"),
        (["Image/aligned/train_00001_aligned.jpg", "EmoLabel/x.png"], "write rafdb:"),
        (["FER2013Train/1.png", "FER2013Train/label.csv.png"], "has no class folders"),
        (["sad/train/1.png", "sad/test/2.png"], "splits lie in the classes there"),
        (["archive/train/sad/1.png"], "pictures lie deeper: write .*archive instead"),
    ],
)
def test_other_layouts_are_refused_with_what_to_do(tmp_path, names, message):
    with pytest.raises(InputError, match=message):
        opened(tmp_path, names)


def test_a_csv_in_a_folder_is_named(tmp_path):
    (tmp_path / "icml_face_data.csv").write_text("x")
    for kind in ("folder", "fer2013"):
        with pytest.raises(InputError, match=f"write fer2013:{tmp_path}/icml_face_data.csv"):
            open_dataset(f"{kind}:{tmp_path}")


def test_ck_plus_has_contempt_and_no_neutral(tmp_path):
    names = ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
    dataset = opened(tmp_path, [f"{name}/S010_004_00000017.png" for name in names])
    assert dataset.classes == ("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
