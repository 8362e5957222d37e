"""Landmarks as data: found, written, read, and known by the picture's pixels."""

import contextlib

import numpy as np
import pytest
import tiny
from landmark_finders import face_at, stand_in
from sources import faces, fer_rows, write_csv, write_pictures

from analysis.stimuli.landmarks import (
    USUAL_68,
    Landmarks,
    count_known,
    known_landmarks,
    mean_landmarks,
    read_landmarks,
    read_mesh,
)
from analysis.stimuli.landmarks import pictures as pictures_module
from analysis.stimuli.landmarks.finder import find_landmarks, known_by_picture
from analysis.stimuli.landmarks.pictures import picture_ids
from analysis.stimuli.landmarks.writer import write_landmarks
from iram import open_dataset
from iram.data.heads import render
from iram.errors import InputError


@pytest.fixture
def archive(tmp_path):
    """Writes an NPZ of landmarks with these arrays and returns its path."""

    def write(**arrays):
        np.savez(tmp_path / "landmarks.npz", **arrays)
        return tmp_path / "landmarks.npz"

    return write


@pytest.fixture
def written(tmp_path):
    """The landmarks that the stand-in finds in the small data set, and their file."""
    found = find_landmarks(tiny.dataset(10), stand_in, progress=False)
    write_landmarks(tmp_path / "found.npz", found)
    return found, tmp_path / "found.npz"


def test_a_picture_is_known_by_the_first_bytes_of_the_sha256_of_its_pixels():
    dataset = tiny.dataset(2, size=24)
    dataset._pixels = np.stack([np.zeros((24, 24), np.uint8), np.full((24, 24), 255, np.uint8)])
    # head -c 576 /dev/zero | sha256sum
    assert [f"{number:016x}" for number in picture_ids(dataset)] == [
        "1a0295f4bf5986c5",
        "a240facb7a0d5897",
    ]


def test_one_gray_level_makes_another_picture_and_the_place_does_not_matter():
    dataset = tiny.dataset(6)
    before = picture_ids(dataset)
    assert len(set(before.tolist())) == 6
    assert (picture_ids(dataset.subset([4, 2])) == before[[4, 2]]).all()
    dataset._pixels[3, 47, 47] ^= 1
    assert (picture_ids(dataset) == before).tolist() == [True] * 3 + [False] + [True] * 2


def test_pictures_are_read_in_blocks(monkeypatch):
    dataset, read = tiny.dataset(10), []
    whole = picture_ids(dataset)
    monkeypatch.setattr(pictures_module, "BLOCK", 4)
    monkeypatch.setattr(dataset, "read_pixels", lambda rows: read.append(len(rows))
                        or type(dataset).read_pixels(dataset, rows))
    assert (picture_ids(dataset) == whole).all()
    find_landmarks(dataset, stand_in, progress=False)
    assert read == [4, 4, 2] * 2


def test_equal_pictures_are_looked_at_once():
    dataset, seen = tiny.dataset(6).subset([0, 1, 0, 2, 1, 0]), []
    found = find_landmarks(dataset, lambda p: seen.append(p) or stand_in(p), progress=False)
    assert len(seen) == len(found.points) == 3
    one, two = found.of(dataset)[[0, 2]]
    np.testing.assert_array_equal(one, two)


def test_what_is_found_comes_back_from_the_file_to_a_64th_of_a_pixel(written):
    path = written[1]
    dataset = tiny.dataset(10)
    expected = np.stack([stand_in(picture) for picture in dataset.images_uint8(slice(None))])
    assert 0 < np.isnan(expected[:, 0, 0]).sum() < 10
    np.testing.assert_allclose(read_landmarks(path).of(dataset), expected, atol=1 / 64 + 1e-5)
    assert count_known(read_mesh(path).of(dataset)) == count_known(expected)


def test_a_file_fits_the_csv_and_a_folder_that_hold_the_same_pictures(tmp_path):
    table = open_dataset(f"fer2013:{write_csv(tmp_path / 'f.csv', fer_rows(12))}")
    names = [f"{'ab'[k % 2]}/{11 - k:02d}.png" for k in range(12)]
    folder = open_dataset(f"folder:{write_pictures(tmp_path / 'folder', names)}")
    write_landmarks(tmp_path / "l.npz", find_landmarks(table, stand_in, progress=False))
    landmarks = read_landmarks(tmp_path / "l.npz")
    of_table, of_folder = landmarks.of(table), landmarks.of(folder)
    places = [names.index(name) for name in folder.metadata["image_id"]]
    np.testing.assert_array_equal(of_folder, of_table[places])
    test = table.split("PrivateTest")
    np.testing.assert_array_equal(landmarks.of(test), of_table[test.metadata["row"]])
    assert (faces(12)[places] == folder.images_uint8(slice(None))).all()


def test_a_compact_file_keeps_the_usual_68_to_a_sixteenth_of_a_pixel(written, tmp_path):
    found, _ = written
    off = write_landmarks(tmp_path / "compact.npz", found, compact=True)
    read = read_landmarks(tmp_path / "compact.npz").of(tiny.dataset(10))
    expected = found.of(tiny.dataset(10))[:, list(USUAL_68), :2]
    assert read.shape == (10, 68, 2)
    np.testing.assert_allclose(read, expected, atol=1 / 16 + 1e-5)
    assert off.max() == pytest.approx(np.nanmax(np.abs(read - expected)), abs=1e-5)
    assert 0.02 < off.mean() < off.max()
    with pytest.raises(InputError, match=r"has 68 points a face; .* all 468 with depth"):
        read_mesh(tmp_path / "compact.npz")


def test_landmarks_known_by_row_are_in_32nds_of_a_pixel(archive):
    points = np.full((3, 468, 3), 48, np.int16)
    points[1, 5] = -32768
    read = read_landmarks(archive(points=points, row=np.array([6, 2, 4])))
    chosen = read.of(tiny.dataset(8).subset([4, 3, 2, 6]))
    assert (chosen[[0, 3]] == 1.5).all()
    assert np.isnan(chosen[1:3]).all()  # one is not in the file, of the other a number is missing
    assert count_known(chosen) == (2, 2)


def test_without_rows_face_k_stands_in_row_k(archive):
    points = np.arange(5, dtype=np.int16)[:, None, None] * np.full((68, 2), 32, np.int16)
    read = read_landmarks(archive(points=points, index=np.array(USUAL_68, np.int16)))
    assert read.of(tiny.dataset(5).subset([3, 1]))[:, 0, 0].tolist() == [3, 1]


GOOD = np.zeros((2, 468, 3), np.int16)
ROWS = np.arange(2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "no array 'points'; there are none"),
        ({"points": GOOD}, "no array 'row'; there are points"),
        ({"row": ROWS}, "no array 'points'"),
        ({"points": GOOD[:, :60], "row": ROWS}, r"points is int16 \(2, 60, 3\)"),
        ({"points": GOOD[0], "row": ROWS}, r"points is int16 \(468, 3\)"),
        ({"points": GOOD.astype(np.float32), "row": ROWS}, "float32"),
        ({"steps": GOOD, "row": ROWS}, r"steps is int16 \(2, 468, 3\), .*\(68, 2, N\)"),
        ({"points": GOOD, "row": np.arange(3)}, "expected 2 integers"),
        ({"points": GOOD, "row": ROWS.astype(float)}, "row is float64"),
        ({"points": GOOD, "row": np.array([7, 7])}, "row 7 stands more than once"),
        ({"points": GOOD, "picture": ROWS}, r"picture is int64 \(2,\)"),
        ({"points": GOOD, "picture": np.array([9, 9], np.uint64)}, "picture 9 stands more"),
        ({"points": GOOD[:, :68], "index": np.arange(68)}, "other points than the usual 68"),
        ({"points": GOOD, "row": ROWS, "unit": np.nan}, "unit is nan, expected one number above 0"),
        ({"points": GOOD, "row": ROWS, "size": 0}, "size is 0"),
        ({"points": GOOD, "row": ROWS, "size": "48"}, "size is 48, expected one number"),
        ({"points": np.array(None), "row": ROWS}, "not an NPZ file of landmarks"),
    ],
)
def test_malformed_landmarks_are_refused(arrays, message, archive):
    with pytest.raises(InputError, match=message):
        read_landmarks(archive(**arrays))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_what_is_no_npz_is_refused(content, tmp_path):
    (tmp_path / "broken.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"not an NPZ file of landmarks \(which is a ZIP"):
        read_landmarks(tmp_path / "broken.npz")


def test_an_npz_with_any_flipped_bit_is_refused_or_read_as_it_was(archive):
    path = archive(points=GOOD, row=ROWS)
    whole, wanted = path.read_bytes(), read_landmarks(path).points
    for place in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            np.testing.assert_array_equal(read_landmarks(path).points, wanted)


def test_a_missing_file_a_folder_and_a_single_array_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_landmarks(tmp_path / "none.npz")
    with pytest.raises(InputError, match="not an NPZ file"):
        read_landmarks(tmp_path)
    np.save(tmp_path / "single.npy", GOOD)
    with pytest.raises(InputError, match="not an NPZ file"):
        read_landmarks(tmp_path / "single.npy")


def test_landmarks_of_other_pictures_are_told_and_of_another_size(written):
    landmarks = read_landmarks(written[1])
    noise = tiny.dataset(3)
    noise._pixels = faces(3)
    with pytest.raises(InputError, match=r"none of the 3 faces of tiny stands in it; is it of"):
        landmarks.of(noise)
    with pytest.raises(InputError, match="of pictures of 48 px, these have 24"):
        landmarks.of(tiny.dataset(10, size=24))
    assert np.isnan(landmarks.of(noise, needed=False)).all()
    assert landmarks.of(noise.subset([])).shape == (0, 468, 3)


def test_landmarks_far_outside_count_as_unknown_with_a_warning():
    points = np.stack([face_at(), face_at(shift=70), face_at(shift=-150), face_at(shift=30)])
    landmarks = Landmarks(points, 48, row=np.arange(4))
    with pytest.warns(UserWarning, match="2 faces have landmarks far outside .*: face001, face002"):
        found = landmarks.of(tiny.dataset(4))
    assert count_known(found) == (2, 2)
    np.testing.assert_array_equal(found[3], points[3])


def test_landmarks_known_by_row_become_known_by_picture(tmp_path):
    dataset = tiny.dataset(4).subset([0, 1, 1, 3])
    by_row = Landmarks(np.stack([face_at(shift=k) for k in range(4)]), 48, row=np.arange(4))
    by_picture = known_by_picture(dataset, by_row)
    assert len(by_picture.points) == 3
    np.testing.assert_array_equal(by_picture.of(tiny.dataset(4))[[0, 1, 3]],
                                  by_row.points[[0, 1, 3]])
    assert np.isnan(by_picture.of(tiny.dataset(4))[2]).all()


def test_the_known_landmarks_of_photographs_are_those_of_the_file_that_is_given(written):
    found, path = written
    known = known_landmarks(tiny.dataset(10), path)
    expected = found.of(tiny.dataset(10))[:, list(USUAL_68), :2]
    np.testing.assert_allclose(known, expected, atol=1 / 64 + 1e-5)


@pytest.mark.parametrize("mistaken", [
    lambda points: points[..., [1, 0, 2]], lambda points: points * [1, -1, 1] + [0, 48, 0],
    lambda points: points * [-1, 1, 1] + [48, 0, 0],
])
def test_points_by_which_most_faces_do_not_stand_upright_are_told(mistaken, tmp_path):
    upright = np.stack([face_at(shift=k) for k in range(5)])
    points = np.where(np.arange(5)[:, None, None] < 3, mistaken(upright), upright)

    def write(name):
        found = Landmarks(points, 48, row=np.arange(5))
        write_landmarks(tmp_path / name, known_by_picture(tiny.dataset(5), found))

    write("most.npz")
    with pytest.raises(InputError, match=r"most\.npz: 3 of 5 faces do not stand upright .* x "):
        known_landmarks(tiny.dataset(5), tmp_path / "most.npz")
    points[0] = upright[0]
    write("few.npz")
    assert count_known(known_landmarks(tiny.dataset(5), tmp_path / "few.npz")) == (5, 0)


def test_points_in_another_unit_are_told_and_faces_of_zeros_are_not_found(tmp_path):
    points = np.stack([face_at(shift=k) for k in range(5)]).round().astype(np.int16)
    arrays = {"points": points, "row": np.arange(5)}
    np.savez(tmp_path / "pixels.npz", **arrays)
    with pytest.raises(InputError, match=r"5 of 5 faces span less than 10% .*`unit`.*1 for pixels"):
        known_landmarks(tiny.dataset(5), tmp_path / "pixels.npz")
    points[1] = 0
    np.savez(tmp_path / "zeros.npz", unit=1, **arrays)
    assert count_known(known_landmarks(tiny.dataset(5), tmp_path / "zeros.npz")) == (4, 1)


def test_of_photographs_that_nobody_knows_none_is_known():
    for size in (48, 24):
        assert count_known(known_landmarks(tiny.dataset(5, size=size))) == (0, 5)


def test_the_shipped_landmarks_are_near_the_mean_face_and_small():
    from importlib.resources import files

    shipped = files("analysis.stimuli.landmarks") / "fer2013_test.npz"
    landmarks = read_landmarks(shipped)
    assert len(shipped.read_bytes()) < 1e6
    known, unknown = count_known(landmarks.points)
    assert known + unknown == len(landmarks.picture)
    assert unknown / (known + unknown) == pytest.approx(0.027, abs=0.001)
    median = np.nanmedian(landmarks.points, 0) / 48
    np.testing.assert_allclose(median, mean_landmarks()[list(USUAL_68), :2], atol=0.02)


def test_the_shipped_landmarks_are_those_of_every_test_face_of_fer2013(iram_data):
    dataset = open_dataset(f"fer2013:{iram_data / 'fer2013' / 'fer2013.csv.xz'}")
    full = read_landmarks(iram_data / "fer2013" / "landmarks_68.npz")
    for split in ("PublicTest", "PrivateTest"):
        part = dataset.split(split)
        known, expected = known_landmarks(part), full.of(part)
        np.testing.assert_allclose(known, expected, atol=1 / 16 + 1e-5)
        assert count_known(known) == count_known(expected)


def test_the_landmarks_of_heads_are_those_that_render_gives():
    heads = open_dataset("heads:n=30,occluded=0.5,size=64")
    rows = [7, 2, 29]
    np.testing.assert_array_equal(heads.landmarks_68(rows), render(rows, size=64).landmarks)
    test = heads.split("test")
    own = render(test.metadata["row"].tolist(), size=64).landmarks
    for _ in range(2):  # the second time from memory
        np.testing.assert_array_equal(known_landmarks(test), own)
    turned = render(rows, size=64, yaw_deg=30.0, pitch_deg=0.0, roll_deg=0.0).landmarks
    np.testing.assert_array_equal(heads.landmarks_68(rows, yaw_deg=30.0), turned)
