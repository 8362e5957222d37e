"""FER2013 packed: archives hold the same faces, or one line says what is wrong."""

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources import faces, fer_rows

from iram.data import open_dataset
from iram.data.specs import load
from iram.errors import InputError


def pack(path, kind):
    """The file packed in a way that its first bytes tell."""
    data, packed = path.read_bytes(), path.with_suffix(f".{kind}")
    if kind == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("fer2013/fer2013.csv", data)
    elif kind.startswith("tar"):
        with tarfile.open(packed, f"w:{kind[4:]}") as archive:
            for name, content in (("README", b"x"), ("._fer2013.csv", b"x"), ("fer2013.csv", data)):
                member = tarfile.TarInfo(f"fer2013/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    else:
        packed.write_bytes({"gz": gzip, "xz": lzma, "bz2": bz2}[kind].compress(data))
    return packed


TARS = ["tar", "tar.gz", "tar.xz", "tar.bz2"]


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zip", *TARS])
def test_packed_and_plain_csv_hold_the_same(fer_csv, kind):
    packed = open_dataset(f"fer2013:{pack(fer_csv, kind)}")
    assert np.array_equal(packed.images_uint8(slice(None)), faces(12))


def test_a_tar_whose_checksum_is_wrong_is_damaged_though_its_table_reads_well(fer_csv):
    """The checksum stands after the archive's end, which readers of a tar never come to."""
    packed = pack(fer_csv, "tar.gz")
    data = bytearray(packed.read_bytes())
    data[-8] ^= 1  # of the CRC-32 of all that was packed
    packed.write_bytes(data)
    with pytest.raises(InputError, match="is damaged after line 13: CRC check failed"):
        open_dataset(f"fer2013:{packed}")


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zip", *TARS])
def test_a_truncated_archive_is_refused(fer_csv, kind):
    path = pack(fer_csv, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=f"{path} is damaged"):
        open_dataset(f"fer2013:{path}")


@pytest.mark.parametrize("inner", ["gz", "xz", "zip"])
def test_what_is_packed_twice_says_so(fer_csv, inner):
    path = pack(pack(fer_csv, inner), "gz")
    with pytest.raises(InputError, match=f"{path} is packed twice, .* unpack it once"):
        open_dataset(f"fer2013:{path}")


@pytest.mark.parametrize("name", ["../fer2013.csv", "/etc/fer2013.csv", "a\\..\\..\\fer2013.csv"])
def test_a_zip_that_points_outside_is_refused(tmp_path, name):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "emotion,pixels,Usage\n")
    with pytest.raises(InputError, match="points outside the archive"):
        open_dataset(f"fer2013:{path}")
    assert [file.name for file in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize(("start", "kind"), [(b"7z\xbc\xaf", "7z"), (b"Rar!\x1a\x07", "RAR"),
                                               (b"\x1f\x9d\x90", "compress")])
def test_archives_that_are_not_read_are_named(tmp_path, start, kind):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(start + bytes(99))
    with pytest.raises(InputError, match=f"{path} is a {kind}.* archive, which is not read"):
        open_dataset(f"fer2013:{path}")


@pytest.mark.parametrize(("names", "found"), [(["a.csv", "b.csv"], "several"),
    (["train/", "train/a.png"], "none: train/a.png; unpack it"), ([], "none: nothing")])
def test_a_zip_must_hold_one_csv(tmp_path, names, found):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    with pytest.raises(InputError, match=f"must hold one CSV and holds {found}"):
        open_dataset(f"fer2013:{path}")


def test_a_tar_of_before_posix_is_read_and_an_empty_one_is_told(fer_csv, tmp_path):
    before, content = load(f"fer2013:{fer_csv}").labels.tolist(), fer_csv.read_bytes()
    info = tarfile.TarInfo("fer2013/fer2013.csv")
    info.size = len(content)
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[257:] = bytes(255)  # such a header ends where "ustar" stands today
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "old.tar.gz"
    path.write_bytes(gzip.compress(header + content + bytes(-len(content) % 512 + 1024)))
    assert load(f"fer2013:{path}").labels.tolist() == before
    path.write_bytes(bytes(10240))
    with pytest.raises(InputError, match="must hold one CSV and holds none: nothing"):
        load(f"fer2013:{path}")


@pytest.mark.parametrize(("offset", "value"), [(6, 0x80), (8, 0x01), (10, 0x63)])
def test_a_zip_of_an_odd_kind_is_refused(fer_csv, offset, value):
    """Its central directory says: a version to come, encrypted, an unknown compression."""
    path = pack(fer_csv, "zip")
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + offset] = value
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{path} cannot be unpacked"):
        open_dataset(f"fer2013:{path}")


# Damage ---------------------------------------------------------------------------------------


SEED_CSV = "\n".join(["emotion,pixels,Usage", *map(",".join, fer_rows(3))]).encode()
SEEDS = {"csv": SEED_CSV, "gz": gzip.compress(SEED_CSV), "xz": lzma.compress(SEED_CSV)}
with tempfile.TemporaryDirectory() as _folder:
    _path = Path(_folder) / "fer2013.csv"
    _path.write_bytes(SEED_CSV)
    SEEDS["zip"] = pack(_path, "zip").read_bytes()

EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=4) | st.sampled_from(
        [b"\n", b",", b" ", b'"', b"\r", b"\0", b"300", b"99999999999999999999", b"-", "é".encode()]
    )),
    min_size=1, max_size=5,
)


KINDS = st.sampled_from(["csv", "csv", *SEEDS])


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind=KINDS, edits=EDITS, keep=st.just(1.0) | st.floats(0.5, 1))
def test_damaged_bytes_give_faces_or_an_input_error_and_nothing_else(tmp_path, kind, edits, keep):
    data = bytearray(SEEDS[kind])
    for place, removed, inserted in edits:
        start = int(place * len(data))
        data[start : start + removed] = inserted
    path = tmp_path / "mutated"
    path.write_bytes(data[: int(keep * len(data))])
    try:
        dataset = load(f"fer2013:{path}")
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017 both outcomes are right
        return
    assert len(dataset.images_uint8(slice(None))) == len(dataset) == len(dataset.labels)
    assert all(0 <= label <= 6 for label in dataset.labels.tolist())
    assert len(dataset) + sum(problem.unusable for problem in dataset.problems) > 0


# Real data ------------------------------------------------------------------------------------
