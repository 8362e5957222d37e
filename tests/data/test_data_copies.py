"""Copies within and between splits, on small sets in which they were made."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sources import fer_rows, write_csv, write_votes

from iram.data import alike, copies, open_dataset
from iram.data.dataset import FaceDataset


@pytest.fixture(scope="module")
def heads():
    """(24, 48, 48) uint8 rendered heads, all different."""
    return open_dataset("heads:n=24").images_uint8(slice(None))


def dataset(pixels, splits=None, labels=None, usages=None) -> FaceDataset:
    count = len(pixels)
    splits = list(splits) if splits is not None else ["train"] * count
    metadata = pd.DataFrame({
        "image_id": [f"face{i}" for i in range(count)], "usage": usages or splits, "split": splits,
    })
    return FaceDataset(name="made", classes=("happy", "sad"), metadata=metadata,
                       labels=[0] * count if labels is None else labels,
                       size=pixels.shape[1], pixels=np.asarray(pixels))


def jpeg(face, quality=40):
    file = io.BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def noisy(face):
    noise = np.random.default_rng(0).normal(0, 8, face.shape)
    return np.clip(face + noise, 0, 255).astype(np.uint8)


CHANGES = {
    "exact": lambda face: face.copy(),
    "jpeg": jpeg,
    "noise": noisy,
    "brighter, of half the contrast": lambda face: (90 + face / 2).astype(np.uint8),
    "half the resolution": lambda face: np.asarray(
        Image.fromarray(face).resize((24, 24), 2).resize((48, 48), 2)),
    "mirrored": lambda face: face[:, ::-1],
    "mirrored and compressed": lambda face: jpeg(np.ascontiguousarray(face[:, ::-1])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_found_and_nothing_else(heads, change):
    made = np.stack([*heads, CHANGES[change](heads[3])])
    splits = ["train"] * 24 + ["test"]
    kinds = dataset(made, splits).split("test").copies_of("train")
    wanted = change if change == "exact" else "mirrored" if "mirror" in change else "near"
    assert kinds.tolist() == [wanted]
    assert set(dataset(heads, ["train"] * 23 + ["test"]).copies_of("train")) == {""}


def test_a_face_is_no_copy_of_itself_and_training_faces_know_their_test_copies(heads):
    data = dataset(np.stack([heads[0], heads[1], heads[1], heads[0]]),
                   ["train", "train", "train", "test"])
    assert data.copies_of("train").tolist() == ["", "exact", "exact", "exact"]
    assert data.copies_of("validation", "test").tolist() == ["exact", "", "", ""]
    assert data.split("train").copies_of("test").tolist() == ["exact", "", ""]


def test_exact_wins_over_near_and_near_over_mirrored(heads):
    face = heads[5]
    train = [face[:, ::-1], jpeg(face), face]
    for count, kind in ((1, "mirrored"), (2, "near"), (3, "exact")):
        made = np.stack([*train[:count], face])
        assert dataset(made, ["train"] * count + ["test"]).copies_of("train")[-1] == kind


def test_counts_by_pair_of_splits_with_other_labels(heads):
    made = np.stack([heads[0], heads[1], heads[0], heads[0], heads[1], jpeg(heads[1]), heads[2]])
    data = dataset(made, ["train"] * 3 + ["validation"] + ["test"] * 3, [0, 0, 1, 0, 0, 0, 0])
    found = copies.find_copies(data)
    assert found.counts().to_dict("split")["data"] == [
        ["train", "train", "exact", 1, 1],
        ["validation", "train", "exact", 1, 1],
        ["test", "train", "exact", 1, 0],
        ["test", "train", "near", 1, 0],
        ["test", "test", "near", 1, 0],
    ]
    assert found.groups() == (2, 1)


def test_the_list_says_of_which_face_and_as_what(heads):
    made = np.stack([heads[0], jpeg(heads[0], 20), jpeg(heads[0], 90), heads[4]])
    data = dataset(made, ["train", "train", "test", "test"], [0, 0, 1, 0])
    listed = copies.find_copies(data).listed()
    last = listed[listed["split"] == "test"].iloc[0]
    assert (last.image_id, last.kind, last.of_image_id) == ("face2", "near", "face0")
    assert (last.label, last.of_label, last.other_label) == ("sad", "happy", True)
    assert 0.99 < last.correlation < 1
    assert listed["image_id"].tolist() == ["face1", "face2"]


def test_plain_pictures_are_exact_copies_or_none_never_near_ones(heads):
    noise = np.random.default_rng(1)
    plain = [np.full((48, 48), 0), np.full((48, 48), 0), np.full((48, 48), 200),
             *(120 + noise.integers(-1, 2, (48, 48)) for _ in range(4))]
    data = dataset(np.stack(plain).astype(np.uint8))
    assert data.copies_of("train").tolist() == ["exact", "exact", *[""] * 5]


def test_faces_without_a_label_are_nobodys_copies(heads):
    made = np.stack([heads[0], heads[0]])
    data = dataset(made, ["train", "test"], [-1, 0]).subset([1])
    assert data.copies_of("train").tolist() == [""]


def test_photographs_are_numbered_alike_through_other_copies(heads):
    face = heads[7]
    made = np.stack([face, heads[1], jpeg(face), face[:, ::-1], face, heads[2]])
    a, b, *rest, c = dataset(made).photographs()
    assert rest == [a, a, a]
    assert len({a, b, c}) == 3


@pytest.mark.parametrize("size", [8, 20, 48, 100])
def test_pictures_of_any_size_are_compared_by_area_means(heads, size):
    means = alike._area_means(size)
    assert means.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert means.sum(axis=0) == pytest.approx(16 / size, abs=1e-5)


def test_of_thousands_alike_the_most_alike_stay_and_all_are_found(monkeypatch, heads):
    monkeypatch.setattr(alike, "MOST", 500)
    monkeypatch.setattr(alike, "KEPT", 3)
    film = np.stack([noisy(heads[k % 2] // 2 + k) for k in range(80)])
    data = dataset(film, ["train", "train", "test", "test"] * 20)
    found = copies.find_copies(data)
    assert len(found.pairs) <= 80 * 2 * 2 * 3 < 2 * 40 * 39 / 2
    assert set(data.copies_of("train")) == {"near"}
    assert len(set(data.photographs())) == 2


def test_the_search_is_kept_and_made_again_for_other_pictures(heads, monkeypatch):
    searched = []
    original = alike.near_pairs
    monkeypatch.setattr(copies, "near_pairs", lambda *a: searched.append(1) or original(*a))
    made = np.stack([*heads[:5], jpeg(heads[0])])
    for _ in range(2):
        assert set(dataset(made).copies_of("train")) == {"", "near"}
    assert len(searched) == 1
    made[0, 0, 0] ^= 1
    dataset(made).copies_of("train")
    assert len(searched) == 2


def test_the_command_tells_and_lists_copies(tmp_path, capsys):
    from analysis.commands.main import main

    rows = fer_rows(12)
    rows[5][1] = rows[8][1] = rows[0][1]  # PrivateTest of Training; one with another label
    rows[7][0], rows[7][1] = rows[4][0], rows[4][1]  # within PublicTest
    spec = f"fer2013:{write_csv(tmp_path / 'x.csv', rows)}"
    files = ["--copies", str(tmp_path / "copies.csv"), "--counts", str(tmp_path / "counts.csv")]
    assert main(["data", spec, *files]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "copies: 2 pictures stand more than once pixel for pixel, 1 of them with different " \
           "labels" in lines
    assert "of PrivateTest in Training 2 (2) 0 0" in lines
    assert "of PrivateTest in PrivateTest 1 (1) 0 0" in lines
    assert "of PublicTest in PublicTest 1 (0) 0 0" in lines
    listed = pd.read_csv(tmp_path / "copies.csv")
    assert listed.columns.tolist() == copies.LISTED
    assert len(listed) == 4
    counts = pd.read_csv(tmp_path / "counts.csv")
    assert counts["faces"].tolist() == [1, 2, 1]
    assert main(["data", spec, "--split", "PublicTest", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["copies"]
    assert told["counts"] == [{"split": "PublicTest", "of_split": "PublicTest", "kind": "exact",
                               "faces": 1, "other_label": 0}]


def test_without_copies_the_command_says_so(fer_csv, capsys):
    from analysis.commands.main import main

    assert main(["data", f"fer2013:{fer_csv}"]) == 0
    assert "copies: none found" in capsys.readouterr().out.splitlines()


def test_ferplus_counts_with_its_own_labels(tmp_path):
    rows = fer_rows(6)
    rows[2][1] = rows[0][1]
    counts = [[0] * 10 for _ in rows]
    for row in counts:
        row[3] = 10
    votes = write_votes(tmp_path / "votes.csv", rows, counts)
    csv = write_csv(tmp_path / "x.csv", rows)
    found = copies.find_copies(open_dataset(f"ferplus:{csv},{votes}")).counts()
    assert found[["kind", "faces", "other_label"]].values.tolist() == [["exact", 1, 0]]
    counts[0] = [0] * 8 + [10, 0]  # unknown: left out of training, so nothing is copied
    write_votes(tmp_path / "votes.csv", rows, counts)
    assert copies.find_copies(open_dataset(f"ferplus:{csv},{votes}")).counts().empty


def test_the_counts_of_fer2013(iram_data):
    data = open_dataset(f"fer2013:{iram_data / 'fer2013/fer2013.csv.xz'}")
    found = copies.find_copies(data)
    counts = found.counts().set_index(["split", "of_split", "kind"])["faces"]
    exact = {pair[:2]: n for pair, n in counts.items() if pair[2] == "exact"}
    assert exact[("PrivateTest", "Training")] == 288
    assert exact[("PublicTest", "Training")] == 279
    assert exact[("PrivateTest", "PublicTest")] == 44
    assert exact[("Training", "Training")] == 1224
    assert (data.split("test").copies_of("train") != "exact").sum() == 3301
    assert found.groups() == (1513, 54)


def test_the_copies_that_ship_are_those_that_are_found(iram_data):
    data = open_dataset(f"fer2013:{iram_data / 'fer2013/fer2013.csv.xz'}")
    made = pd.read_csv(io.StringIO(copies.to_ship(data)), comment="#")
    ships = copies.shipped()
    pd.testing.assert_frame_equal(made, ships, check_dtype=False, atol=0.002)
    with open(copies.SHIPPED) as file:
        assert file.readline().split()[-1] == copies._known_by(data, alike.pictures(data)[1])
