"""What a folder holds, and that nothing in it is passed over in silence."""

import os

import numpy as np
import pytest
from sources import faces, write_pictures
from test_data_rafdb import rafdb  # noqa: F401 a fixture

from iram.data import open_dataset
from iram.data.entries import entries
from iram.data.specs import load
from iram.errors import InputError


def messages(dataset, unusable):
    return [str(p) for p in dataset.problems if p.unusable == unusable]


def test_pictures_go_by_their_names_or_without_a_suffix_by_their_first_bytes(tmp_path):
    names = ["a.jpg", "b.png", "c.webp", "d.bmp", "e.tif", "f.gif"]
    write_pictures(tmp_path, names)
    kinds = {"a.jpg": "x.JFIF", "b.png": "png", "c.webp": "webp", "e.tif": "tif", "f.gif": "gif"}
    for old, new in kinds.items():
        (tmp_path / old).rename(tmp_path / new)
    (tmp_path / "phone.heic").write_bytes(b"x")
    (tmp_path / "Makefile").write_text("all:")
    (tmp_path / "Thumbs.db").write_bytes(b"\xff\xd8\xff")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "deeper").mkdir()
    found = entries(tmp_path)
    assert set(found.pictures) == {*kinds.values(), "d.bmp", "phone.heic"}
    assert (found.folders, found.others) == (["deeper"], ["Makefile", "Thumbs.db"])


def test_a_link_that_leads_nowhere_is_a_lost_face(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png", "sad/2.png"])
    (root / "sad/3.png").symlink_to("/nowhere/3.png")
    (root / "sad/loop.jpg").symlink_to(root / "sad/loop.jpg")
    (root / "sad/notes.txt").symlink_to("/nowhere/notes.txt")
    (root / "unmounted").symlink_to("/nowhere/classes")
    dataset = load(f"folder:{root}")
    told = messages(dataset, unusable=True)
    assert told[0] == f"{root}/unmounted: is a link to /nowhere/classes, which does not exist"
    assert told[1].startswith(f"{root}/sad/3.png: is a link to /nowhere/3.png")
    assert "sad/loop.jpg" in told[2]
    assert len(told) == 3
    assert any("sad/notes.txt: is a link" in note for note in messages(dataset, unusable=False))
    with pytest.raises(InputError, match="skip_bad=1` leaves them out"):
        open_dataset(f"folder:{root}")
    with pytest.warns(UserWarning, match="left out"):
        assert len(open_dataset(f"folder:{root},skip_bad=1")) == 2


def test_links_that_lead_nowhere_do_not_change_what_the_others_are_known_by(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    before = load(f"folder:{root}").sha256
    (root / "sad/2.png").symlink_to("/nowhere")
    assert load(f"folder:{root}").sha256 == before


def test_every_reader_tells_links_and_files_that_it_passes_over(tmp_path, rafdb):  # noqa: F811
    root = write_pictures(tmp_path / "fer", ["train/sad/Training_1.png", "test/sad/Private_2.png"])
    link = rafdb / "basic/Image/aligned/train_00003_aligned.jpg"
    link.unlink()
    for place, kind, folder in [(root / "train/sad", "fer2013", root),
                                (root / "train/sad", "folder", root),
                                (rafdb / "basic/Image/aligned", "rafdb", rafdb)]:
        target = place / "train_00003_aligned.jpg"
        if not os.path.lexists(target):
            target.symlink_to("/nowhere/3.jpg")
        told = messages(load(f"{kind}:{folder}"), unusable=True)
        assert any(f"{target}: is a link to /nowhere/3.jpg" in line for line in told)


@pytest.mark.parametrize("kind", ["folder", "fer2013"])
def test_pictures_beside_the_classes_are_counted(tmp_path, kind):
    names = ["train/sad/1.png", "test/sad/2.png", "train/3.png", "train/4.png", "cover.png"]
    told = messages(load(f"{kind}:{write_pictures(tmp_path / 'faces', names)}"), unusable=False)
    assert any("2 files, such as 3.png, in train/ beside the class folders, have no class" in line
               for line in told)
    assert any("1 file, such as cover.png, beside the class" in line for line in told)


def test_empty_and_foreign_files_with_a_pictures_name_are_named(tmp_path):
    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    (root / "sad/2.png").write_bytes(b"")
    (root / "sad/3.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    told = messages(load(f"folder:{root}"), unusable=True)
    assert "2.png: is not a picture" in told[0]
    assert told[0].endswith("it is empty")
    assert "it is HEIC; convert it" in told[1]


@pytest.mark.parametrize("suffix", ["exr", "hdr", "cr3", "RAF", "tga", "heif"])
def test_a_picture_of_a_kind_that_is_not_read_is_a_lost_face(tmp_path, suffix):
    root = write_pictures(tmp_path / "faces", ["sad/1.png"])
    (root / f"sad/2.{suffix}").write_bytes(b"\0\0\0\x18ftypcrx \0\0\0\0")
    [told] = messages(load(f"folder:{root}"), unusable=True)
    assert f"2.{suffix}: is not a picture" in told
    assert told.endswith("it is a camera's raw file; convert it to JPEG or PNG")


def test_a_file_that_may_not_be_read_costs_its_face_alone(tmp_path, monkeypatch):
    from iram.data import images, pictures

    root = write_pictures(tmp_path / "faces", ["sad/1.png", "sad/2.png"])

    def closed(function):
        def refuse(path, *args, **options):
            if str(path).endswith("2.png"):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *args, **options)
        return refuse

    monkeypatch.setattr(pictures, "sha256", closed(pictures.sha256))
    monkeypatch.setattr(images, "open", closed(open), raising=False)
    dataset = load(f"folder:{root}")
    assert messages(dataset, unusable=True) == [
        f"{root}/sad/2.png: may not be read (permission denied)"]
    assert np.array_equal(dataset.images_uint8([0]), faces(1))


@pytest.mark.parametrize(("count", "value"), [(2, 0), (1, 255)])
def test_constant_pictures_are_named_and_kept(tmp_path, count, value):
    from PIL import Image

    root = write_pictures(tmp_path / "faces", ["sad/1.png", "sad/2.png", "sad/3.png"])
    for k in range(count):
        gray = np.full((48, 48), value, np.uint8)
        gray[0, :3] = 128 + k  # a few pixels make no face
        Image.fromarray(gray).save(root / f"sad/flat{k}.png")
    for _ in range(2):  # decoded, and from the cache
        dataset = load(f"folder:{root}")
        assert len(dataset) == 3 + count
        told = messages(dataset, unusable=False)[0]
        assert f"{count} of {3 + count} pictures are constant or nearly so" in told
        assert told.endswith(", ".join(f"sad/flat{k}.png" for k in range(count)))


def test_a_constant_row_of_the_csv_is_named(tmp_path):
    from sources import fer_rows, write_csv

    rows = fer_rows(4)
    rows[2][1] = " ".join(["7"] * 2304)
    [told] = messages(load(f"fer2013:{write_csv(tmp_path / 'x.csv', rows)}"), unusable=False)
    assert told.endswith("and show no face: row00002")
